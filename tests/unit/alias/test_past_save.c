// History and rotation over a restart.
#include "bed.h"

#include "primary/alias/lookup.h"
#include "primary/alias/past.h"

static void
restart(struct bed *from, struct bed *to)
{
    struct octets_buffer sets, past;
    octets_buffer_init(&sets);
    octets_buffer_init(&past);
    book_save(from->book, &sets);
    book_past_save(from->book, &past);
    bed_open(to);
    to->now = from->now;
    to->rules = from->rules;
    assert_true(book_restore(to->book, sets.data, sets.length));
    assert_true(book_past_restore(to->book, past.data, past.length, to->now));
    octets_buffer_close(&sets);
    octets_buffer_close(&past);
}

struct told {
    unsigned count;
    char text[PAST_MAX + 1][200];
};

static void
told_add(void *context, const struct event *event)
{
    struct told *told = context;
    char target[NAME_TEXT_MAX] = "-", one[ADDRESS_TEXT_MAX];
    if (event->target)
        name_to_text(event->target, target);
    assert_true(told->count <= PAST_MAX);
    snprintf(told->text[told->count++], sizeof told->text[0], "%lld %s %u %.60s %.60s %s %s",
             (long long)event->at_seconds, event_word(event->what), event->type, target,
             event->text ? event->text : "-",
             event->added && event->added->count ? address_set_text(event->added, 0, one) : "-",
             event->removed && event->removed->count ? "removed" : "-");
}

static struct told
history(const struct bed *bed, const char *owner)
{
    struct told told = {0};
    assert_true(view_history(bed->book, wire(owner), told_add, &told));
    return told;
}

static void
a_history_is_the_same_after_a_restart(void **state)
{
    (void)state;
    struct bed before, bed;
    bed_open(&before);
    bed_begin(&before, "192.0.2.1", "2001:db8::1");
    bed_says(&before, "lb.out", RRTYPE_A, "servfail");
    bed_pass(&before, 60);
    bed_says(&before, "lb.out", RRTYPE_A, "192.0.2.2");
    bed_pass(&before, 60);
    bed_zone(&before, "example.gov", "@ IN ALIAS lb.out.\n@ IN ALIAS two.out.", true);
    struct told expected = history(&before, "example.gov");
    assert_in_range(expected.count, 5, PAST_MAX); // changed twice, held, recovered, changed, ...
    restart(&before, &bed);
    bed_zone(&bed, "example.gov", "@ IN ALIAS lb.out.\n@ IN ALIAS two.out.", true);
    struct told found = history(&bed, "example.gov");
    assert_int_equal(found.count, expected.count);
    for (unsigned i = 0; i < found.count; i++)
        assert_string_equal(found.text[i], expected.text[i]);
    bed_close(&bed);
    bed_close(&before);
}

static void
a_history_keeps_its_newest_events_where_room_is_short(void **state)
{
    (void)state;
    struct bed before, bed;
    char many[4000] = "";
    bed_open(&before);
    before.rules.max_addresses = 200;
    bed_begin(&before, "192.0.2.1", "nodata");
    for (unsigned round = 0; round < PAST_MAX; round++) { // 800 octets for each event
        many[0] = '\0';
        for (unsigned i = 0; i < 100; i++)
            snprintf(many + strlen(many), sizeof many - strlen(many), "%s198.51.%u.%u",
                     i ? " " : "", round, i);
        bed_says(&before, "lb.out", RRTYPE_A, many);
        bed_pass(&before, 40);
    }
    struct told expected = history(&before, "example.gov");
    assert_int_equal(expected.count, PAST_MAX);
    restart(&before, &bed);
    bed_says_both(&bed, "lb.out", many, "nodata");
    bed_zone(&bed, "example.gov", "@ IN ALIAS lb.out.", true);
    struct told found = history(&bed, "example.gov");
    assert_in_range(found.count, 4, 6);
    for (unsigned i = 0; i < found.count; i++)
        assert_string_equal(found.text[i], expected.text[i]);
    bed_close(&bed);
    bed_close(&before);
}

static void
a_history_waits_for_a_zone_that_is_broken_and_for_one_that_comes_back(void **state)
{
    (void)state;
    struct bed first, second, third;
    bed_open(&first);
    bed_begin(&first, "192.0.2.1", "nodata");
    struct told expected = history(&first, "example.gov");
    restart(&first, &second);
    book_zone_declare(second.book, wire("example.gov"), second.now); // its file is broken
    bed_pass(&second, 10);
    restart(&second, &third);
    bed_zone(&third, "example.gov", "@ IN ALIAS lb.out.", true);
    struct told found = history(&third, "example.gov");
    assert_int_equal(found.count, expected.count);
    book_zone_forget(third.book, wire("example.gov"), third.now);
    bed_zone(&third, "example.gov", "@ IN ALIAS lb.out.", true);
    found = history(&third, "example.gov");
    assert_int_equal(found.count, expected.count);
    assert_string_equal(found.text[0], expected.text[0]);
    bed_close(&third);
    bed_close(&second);
    bed_close(&first);
}

// Without its memory the engine would serve what the first answer brings, and settle anew.
static void
a_target_that_rotates_is_still_settled_after_a_restart(void **state)
{
    (void)state;
    struct bed before, bed;
    bed_open(&before);
    before.rules.settle_seconds = RULES_SETTLE_AUTO;
    bed_begin(&before, "192.0.2.1", "nodata");
    for (int i = 0; i < 6; i++) {
        bed_says(&before, "lb.out", RRTYPE_A, i % 2 ? "192.0.2.1" : "192.0.2.2");
        bed_pass(&before, 40);
    }
    assert_string_equal(A_OF(&before, "example.gov"), "192.0.2.1 192.0.2.2");
    uint32_t flaps = bed_view(&before, "example.gov").flaps;
    assert_true(flaps > 0);
    uint64_t changes = book_past_changes(before.book); // from now on without an event
    bed_says(&before, "lb.out", RRTYPE_A, "192.0.2.2");
    bed_pass(&before, 40);
    assert_string_equal(A_OF(&before, "example.gov"), "192.0.2.1 192.0.2.2");
    assert_true(book_past_changes(before.book) > changes);
    restart(&before, &bed);
    bed_begin(&bed, "192.0.2.1", "nodata");
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.1 192.0.2.2");
    assert_true(bed_view(&bed, "example.gov").flaps >= flaps);
    assert_int_equal(bed_view(&bed, "example.gov").settle_seconds, LOOKUP_SETTLE_AUTO);
    bed_pass(&bed, 800); // it does not rotate any more
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.1");
    bed_close(&bed);
    bed_close(&before);
}

static void
an_address_stays_for_settle_over_a_restart(void **state)
{
    (void)state;
    struct bed before, bed;
    bed_open(&before);
    before.rules.settle_seconds = 100;
    bed_begin(&before, "192.0.2.1 192.0.2.2", "nodata");
    restart(&before, &bed);
    bed_begin(&bed, "192.0.2.1", "nodata");
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.1 192.0.2.2");
    bed_pass(&bed, 200);
    assert_string_equal(A_OF(&bed, "example.gov"), "192.0.2.1");
    bed_close(&bed);
    bed_close(&before);
}

static void
what_waits_for_a_target_in_vain_goes_after_an_hour(void **state)
{
    (void)state;
    struct bed before, bed;
    struct octets_buffer empty, left;
    bed_open(&before);
    before.rules.settle_seconds = 100;
    bed_says(&before, "lb.out", RRTYPE_A, "192.0.2.1");
    bed_zone(&before, "example.gov", "@ IN ALIAS lb.out.", true);
    bed_ask(&before);
    restart(&before, &bed);
    octets_buffer_init(&empty);
    octets_buffer_init(&left);
    bed_leap(&bed, 3600);
    book_past_save(bed.book, &left);
    bed_close(&before);
    bed_open(&before);
    book_past_save(before.book, &empty);
    assert_int_equal(left.length, empty.length);
    octets_buffer_close(&empty);
    octets_buffer_close(&left);
    bed_close(&bed);
    bed_close(&before);
}

static void
a_file_damaged_anywhere_is_not_believed(void **state)
{
    (void)state;
    struct bed bed, other;
    struct octets_buffer buffer;
    bed_open(&bed);
    bed.rules.settle_seconds = 100;
    bed_says(&bed, "lb.out", RRTYPE_A, "192.0.2.1");
    bed_zone(&bed, "example.gov", "@ IN ALIAS lb.out.", true);
    bed_ask(&bed);
    octets_buffer_init(&buffer);
    book_past_save(bed.book, &buffer);
    bed_open(&other);
    for (size_t i = 0; i < buffer.length; i++) {
        buffer.data[i] ^= 0x10;
        assert_false(book_past_restore(other.book, buffer.data, buffer.length, other.now));
        buffer.data[i] ^= 0x10;
        assert_false(book_past_restore(other.book, buffer.data, i, other.now));
    }
    assert_true(book_past_restore(other.book, buffer.data, buffer.length, other.now));
    bed_close(&other);
    octets_buffer_close(&buffer);
    bed_close(&bed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_history_is_the_same_after_a_restart),
        cmocka_unit_test(a_history_keeps_its_newest_events_where_room_is_short),
        cmocka_unit_test(a_history_waits_for_a_zone_that_is_broken_and_for_one_that_comes_back),
        cmocka_unit_test(a_target_that_rotates_is_still_settled_after_a_restart),
        cmocka_unit_test(an_address_stays_for_settle_over_a_restart),
        cmocka_unit_test(what_waits_for_a_target_in_vain_goes_after_an_hour),
        cmocka_unit_test(a_file_damaged_anywhere_is_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
