// Each kind of body: written with every field distinct, read back field by field, refused when it
// is cut anywhere or goes on behind its end.
#include "message_bodies.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/octets.h"

// Reads from memory of exactly this length, so that a read behind it is seen.
static bool
read_exactly(const struct body_kind *kind, const uint8_t *data, size_t length,
             union any_body *ret_body)
{
    uint8_t *exact = memory_alloc(length > 0 ? length : 1);
    if (length > 0)
        memcpy(exact, data, length);
    bool good = kind->read((struct octets){exact, length}, ret_body);
    if (good)
        kind->check(ret_body);
    if (good && kind->close != NULL)
        kind->close(ret_body);
    free(exact);
    return good;
}

static void
every_body_comes_back_with_all_its_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        struct octets_buffer body;
        union any_body read;
        octets_buffer_init(&body);
        KINDS[i].write(&body);
        if (!read_exactly(&KINDS[i], body.data, body.length, &read))
            fail_msg("%s does not read what it wrote", KINDS[i].name);
        octets_buffer_close(&body);
    }
}

static void
a_body_that_is_cut_anywhere_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        struct octets_buffer body;
        union any_body read;
        octets_buffer_init(&body);
        KINDS[i].write(&body);
        for (size_t length = 0; length < body.length; length++)
            if (read_exactly(&KINDS[i], body.data, length, &read))
                fail_msg("%s was read from %zu of %zu octets", KINDS[i].name, length, body.length);
        octets_buffer_close(&body);
    }
}

static void
octets_behind_a_body_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        struct octets_buffer body;
        union any_body read;
        octets_buffer_init(&body);
        KINDS[i].write(&body);
        octets_buffer_add_u8(&body, 0);
        if (read_exactly(&KINDS[i], body.data, body.length, &read))
            fail_msg("%s was read with an octet behind it", KINDS[i].name);
        octets_buffer_close(&body);
    }
}

// Every octet of every body turned into another: the readers give a body or false, keep within
// their memory (AddressSanitizer) and free what they took (LeakSanitizer).
static void
a_body_with_any_octet_changed_does_no_harm(void **state)
{
    static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    (void)state;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        struct octets_buffer body;
        union any_body read;
        octets_buffer_init(&body);
        KINDS[i].write(&body);
        for (size_t at = 0; at < body.length; at++) {
            uint8_t was = body.data[at];
            for (size_t v = 0; v < sizeof values; v++) {
                body.data[at] = values[v];
                bool good = KINDS[i].read((struct octets){body.data, body.length}, &read);
                if (good && KINDS[i].close != NULL)
                    KINDS[i].close(&read);
            }
            body.data[at] = was;
        }
        octets_buffer_close(&body);
    }
}

static void
a_failed_read_leaves_what_it_was_to_fill(void **state)
{
    (void)state;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        union any_body read, before;
        memset(&read, 0x5a, sizeof read);
        memset(&before, 0x5a, sizeof before);
        assert_false(KINDS[i].read((struct octets){(const uint8_t *)"", 0}, &read));
        assert_memory_equal(&read, &before, sizeof read);
    }
}

static void
values_outside_an_enumeration_are_refused(void **state)
{
    struct octets_buffer body;
    union any_body read;
    (void)state;
    octets_buffer_init(&body);
    message_zone_state_write(&ZONE_STATE, &body);
    body.data[0] = ZONE_GONE + 1;
    assert_false(
        message_zone_state_read((struct octets){body.data, body.length}, &read.zone_state));
    body.length = 0;
    message_role_facts_write(&ROLE_FACTS, &body);
    body.data[0] = ROLE_COUNT;
    assert_false(
        message_role_facts_read((struct octets){body.data, body.length}, &read.role_facts));
    body.length = 0;
    message_event_write(&EVENT, &body);
    body.data[0] = EVENT_KIND_COUNT;
    assert_false(message_event_read((struct octets){body.data, body.length}, &read.event));
    body.length = 0;
    message_verdict_write(&VERDICT, &body);
    body.data[0] = OUTCOME_COUNT;
    assert_false(message_verdict_read((struct octets){body.data, body.length}, &read.verdict));
    body.length = 0;
    message_review_done_write(&REVIEW_DONE, &body);
    body.data[0] = 2; // neither yes nor no
    assert_false(
        message_review_done_read((struct octets){body.data, body.length}, &read.review_done));
    octets_buffer_close(&body);
}

// A count or length of four thousand million in a body of a few octets: refused before anything of
// that size is asked for (an allocation of 4 GiB would end the test).
static void
a_count_that_cannot_be_true_allocates_nothing(void **state)
{
    static const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff};
    (void)state;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        struct octets_buffer body;
        union any_body read;
        octets_buffer_init(&body);
        KINDS[i].write(&body);
        for (size_t at = 0; at + sizeof huge <= body.length; at++) {
            uint8_t was[sizeof huge];
            memcpy(was, body.data + at, sizeof huge);
            memcpy(body.data + at, huge, sizeof huge);
            bool good = KINDS[i].read((struct octets){body.data, body.length}, &read);
            if (good && KINDS[i].close != NULL)
                KINDS[i].close(&read);
            memcpy(body.data + at, was, sizeof huge);
        }
        octets_buffer_close(&body);
    }
    union any_body read;
    struct octets_buffer body;
    octets_buffer_init(&body);
    octets_buffer_add_u8(&body, 1);
    octets_buffer_add_text(&body, "");
    octets_buffer_add(&body, huge, sizeof huge); // DS RRs, none of which follows
    assert_false(message_ds_seen_read((struct octets){body.data, body.length}, &read.ds_seen));
    octets_buffer_close(&body);
}

static void
a_text_over_the_limit_is_cut_and_the_body_still_read(void **state)
{
    struct octets_buffer body;
    (void)state;
    char *text = memory_alloc(MESSAGES_TEXT_MAX + 100);
    memset(text, 'x', MESSAGES_TEXT_MAX + 99);
    text[MESSAGES_TEXT_MAX + 99] = '\0';
    struct message_event event = EVENT, read;
    event.diff = text;
    octets_buffer_init(&body);
    message_event_write(&event, &body);
    assert_true(message_event_read((struct octets){body.data, body.length}, &read));
    assert_int_equal(strlen(read.diff), MESSAGES_TEXT_MAX);
    assert_string_equal(read.hint, event.hint);
    message_event_close(&read);
    octets_buffer_close(&body);
    free(text);
}

static void
an_address_that_does_not_fit_is_refused(void **state)
{
    char address[65];
    struct octets_buffer body;
    struct message_listen read;
    (void)state;
    memset(address, '1', 64);
    address[64] = '\0';
    octets_buffer_init(&body);
    octets_buffer_add_u32(&body, 0);
    octets_buffer_add_u32(&body, 1);
    octets_buffer_add_u8(&body, 1);
    octets_buffer_add_u32(&body, 1);
    octets_buffer_add_text(&body, address);
    octets_buffer_add_u8(&body, 0);
    assert_false(message_listen_read((struct octets){body.data, body.length}, &read));
    octets_buffer_close(&body);
}

static void
more_arguments_than_a_control_message_holds_are_refused(void **state)
{
    struct octets_buffer body;
    struct message_control read;
    (void)state;
    octets_buffer_init(&body);
    octets_buffer_add_u32(&body, 0);
    octets_buffer_add_text(&body, "key");
    octets_buffer_add_text(&body, "import");
    octets_buffer_add_u32(&body, MESSAGE_CONTROL_ARGUMENTS_MAX + 1);
    for (unsigned i = 0; i <= MESSAGE_CONTROL_ARGUMENTS_MAX; i++)
        octets_buffer_add_text(&body, "a");
    octets_buffer_add_u32(&body, 0);
    assert_false(message_control_read((struct octets){body.data, body.length}, &read));
    octets_buffer_close(&body);
}

static void
every_role_type_and_event_has_a_word_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < ROLE_COUNT; i++)
        for (int k = 0; k < i; k++)
            assert_string_not_equal(message_role_word((enum message_role)i),
                                    message_role_word((enum message_role)k));
    for (int i = 1; i < MESSAGE_TYPE_COUNT; i++) {
        assert_string_not_equal(message_type_word((enum message_type)i), "unknown");
        for (int k = 1; k < i; k++)
            assert_string_not_equal(message_type_word((enum message_type)i),
                                    message_type_word((enum message_type)k));
    }
    for (int i = 0; i < EVENT_KIND_COUNT; i++)
        for (int k = 0; k < i; k++)
            assert_string_not_equal(message_event_word((enum message_event_kind)i),
                                    message_event_word((enum message_event_kind)k));
    assert_string_equal(message_role_word((enum message_role)200), "unknown");
    assert_string_equal(message_type_word((enum message_type)200), "unknown");
    assert_string_equal(message_event_word((enum message_event_kind)200), "unknown");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_body_comes_back_with_all_its_fields),
        cmocka_unit_test(a_body_that_is_cut_anywhere_is_refused),
        cmocka_unit_test(octets_behind_a_body_are_refused),
        cmocka_unit_test(a_body_with_any_octet_changed_does_no_harm),
        cmocka_unit_test(a_failed_read_leaves_what_it_was_to_fill),
        cmocka_unit_test(values_outside_an_enumeration_are_refused),
        cmocka_unit_test(a_count_that_cannot_be_true_allocates_nothing),
        cmocka_unit_test(a_text_over_the_limit_is_cut_and_the_body_still_read),
        cmocka_unit_test(an_address_that_does_not_fit_is_refused),
        cmocka_unit_test(more_arguments_than_a_control_message_holds_are_refused),
        cmocka_unit_test(every_role_type_and_event_has_a_word_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
