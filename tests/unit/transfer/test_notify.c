#include "common/transfer/notify.h"

#include "common/dns/message_read.h"
#include "common/dns/message_write.h"
#include "common/dns/rcode.h"
#include "common/dns/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define NOW 1795263187
#define ID  0x0102

static uint8_t apex[NAME_SIZE_MAX];
static struct tsig_key key = {.algorithm = TSIG_HMAC_SHA256, .secret_length = 32};
static const uint8_t soa[22] = {0, 0, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1};
static struct notify_out notify;
static uint8_t query[NOTIFY_SIZE_MAX];
static size_t query_length;
static struct fault fault;

static int
names_make(void **state)
{
    (void)state;
    assert_true(name_from_text("example.gov.", NULL, apex, NULL));
    assert_true(name_from_text("xfr.", NULL, key.name, NULL));
    return 0;
}

static void
begin(const struct tsig_key *with)
{
    memset(&fault, 0, sizeof(fault));
    notify_out_init(&notify, apex, "nsd1 192.0.2.9@53", with);
    assert_int_equal(notify_out_due(&notify), INT64_MAX);
    notify_out_start(&notify, soa, sizeof(soa), 3600, 1000);
    assert_int_equal(notify_out_due(&notify), 1000);
    query_length = notify_out_write(&notify, ID, query, sizeof(query), 1000, NOW);
    assert_true(query_length > 0);
}

// Our own answer to our own NOTIFY, signed where a key is given.
static size_t
answer_with(unsigned rcode, const struct tsig_key *with, uint8_t ret_answer[static NOTIFY_SIZE_MAX])
{
    struct tsig_exchange exchange;
    const struct tsig_key *found;
    size_t length = notify_answer(query, query_length, rcode, ret_answer, NOTIFY_SIZE_MAX);
    assert_true(length > 0);
    assert_int_equal(
        tsig_check_query(query, query_length, with, with ? 1 : 0, NOW, &exchange, &found), 0);
    if (with)
        length = tsig_sign(&exchange, ret_answer, length, NOTIFY_SIZE_MAX, NOW, 0, NULL);
    tsig_exchange_close(&exchange);
    return length;
}

static void
a_notify_has_the_octets_of_rfc_1996(void **state)
{
    (void)state;
    begin(NULL);
    const char expected[] = "\1\2\44\0\0\1\0\1\0\0\0\0\7example\3gov\0\0\6\0\1"
                            "\300\014\0\6\0\1\0\0\16\20\0\26\0\0\0\0\0\7";
    assert_memory_equal(query, expected, sizeof(expected) - 1);
    assert_int_equal(query_length, 29 + 12 + 22);
    notify_out_close(&notify);
}

static void
tries_back_off_from_one_second_to_a_minute_and_end(void **state)
{
    (void)state;
    static const int64_t waits[NOTIFY_TRIES_MAX] = {1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60};
    begin(NULL);
    int64_t now = 1000;
    for (unsigned i = 0; i < NOTIFY_TRIES_MAX; i++) {
        assert_int_equal(notify_out_due(&notify), now + waits[i] * 1000);
        assert_int_equal(notify_out_write(&notify, ID, query, sizeof(query), now, NOW), 0);
        now = notify_out_due(&notify);
        size_t length = notify_out_write(&notify, ID, query, sizeof(query), now, NOW);
        assert_int_equal(length > 0, i + 1 < NOTIFY_TRIES_MAX);
    }
    assert_int_equal(notify.state, NOTIFY_GAVE_UP);
    assert_int_equal(notify_out_due(&notify), INT64_MAX);
    notify_out_start(&notify, NULL, 0, 0, now);
    assert_int_equal(notify_out_due(&notify), now);
    assert_int_equal(notify_out_write(&notify, ID, query, sizeof(query), now, NOW), 29);
    notify_out_close(&notify);
}

static void
an_answer_ends_the_tries(void **state)
{
    (void)state;
    uint8_t answer[NOTIFY_SIZE_MAX];
    begin(NULL);
    size_t length = answer_with(RCODE_NOERROR, NULL, answer);
    assert_true(notify_out_read(&notify, answer, length, NOW, &fault));
    assert_int_equal(notify.state, NOTIFY_ACKNOWLEDGED);
    assert_int_equal(notify_out_due(&notify), INT64_MAX);
    assert_int_equal(fault.kind, FAULT_NONE);
    assert_false(notify_out_read(&notify, answer, length, NOW, &fault));
    notify_out_close(&notify);
}

static void
a_refusal_ends_them_too_and_says_why(void **state)
{
    (void)state;
    uint8_t answer[NOTIFY_SIZE_MAX];
    begin(NULL);
    size_t length = answer_with(RCODE_REFUSED, NULL, answer);
    assert_true(notify_out_read(&notify, answer, length, NOW, &fault));
    assert_int_equal(notify.state, NOTIFY_REFUSED);
    assert_non_null(strstr(fault.text, "NOTIFY to nsd1 192.0.2.9@53: it answers REFUSED"));
    notify_out_close(&notify);
}

static void
other_datagrams_are_passed_over(void **state)
{
    (void)state;
    uint8_t answer[NOTIFY_SIZE_MAX];
    begin(NULL);
    size_t length = answer_with(RCODE_NOERROR, NULL, answer);
    static const size_t spoiled[] = {0, 1, 2, 14}; // ID, ID, QR and opcode, the zone's name
    for (unsigned i = 0; i < 4; i++) {
        answer[spoiled[i]] ^= i == 2 ? 0x80 : 1;
        assert_false(notify_out_read(&notify, answer, length, NOW, &fault));
        answer[spoiled[i]] ^= i == 2 ? 0x80 : 1;
    }
    for (size_t cut = 0; cut < length; cut++)
        assert_false(notify_out_read(&notify, answer, cut, NOW, &fault));
    assert_int_equal(notify.state, NOTIFY_WAITING);
    assert_true(notify_out_read(&notify, answer, length, NOW, &fault));
    notify_out_close(&notify);
}

static void
with_a_key_only_a_signed_answer_counts(void **state)
{
    (void)state;
    uint8_t answer[NOTIFY_SIZE_MAX];
    begin(&key);
    size_t length = notify_answer(query, query_length, 0, answer, sizeof(answer));
    assert_false(notify_out_read(&notify, answer, length, NOW, &fault));
    length = answer_with(RCODE_NOERROR, &key, answer);
    answer[length - 8] ^= 1;
    assert_false(notify_out_read(&notify, answer, length, NOW, &fault));
    answer[length - 8] ^= 1;
    assert_true(notify_out_read(&notify, answer, length, NOW, &fault));
    assert_int_equal(notify.state, NOTIFY_ACKNOWLEDGED);
    notify_out_close(&notify);
}

static void
a_target_that_lacks_the_key_is_told_without_it_and_the_next_version_with_it(void **state)
{
    (void)state;
    uint8_t answer[NOTIFY_SIZE_MAX];
    struct tsig_exchange exchange;
    const struct tsig_key *found;
    struct tsig_rr asked;
    begin(&key);
    assert_true(tsig_find(query, query_length, &asked));
    size_t length = notify_answer(query, query_length, RCODE_NOTAUTH, answer, sizeof(answer));
    assert_int_equal(tsig_check_query(query, query_length, NULL, 0, NOW, &exchange, &found),
                     RCODE_BADKEY);
    size_t owner = length; // of the TSIG
    length = tsig_sign(&exchange, answer, length, sizeof(answer), NOW, RCODE_BADKEY, &asked);
    tsig_exchange_close(&exchange);
    answer[owner + 1] ^= 1; // that it lacks another key is nothing to us
    assert_false(notify_out_read(&notify, answer, length, NOW, &fault));
    assert_false(notify.plain);
    answer[owner + 1] ^= 1;
    fault = (struct fault){0};
    assert_false(notify_out_read(&notify, answer, length, NOW, &fault));
    assert_true(notify.plain);
    assert_int_equal(notify.state, NOTIFY_WAITING);
    assert_int_equal(fault.kind, FAULT_NONE);

    query_length = notify_out_write(&notify, ID, query, sizeof(query), 2000, NOW);
    assert_true(tsig_find(query, query_length, &asked));
    assert_false(asked.present);
    length = answer_with(RCODE_NOERROR, NULL, answer);
    assert_true(notify_out_read(&notify, answer, length, NOW, &fault));
    assert_int_equal(notify.state, NOTIFY_ACKNOWLEDGED);

    notify_out_start(&notify, soa, sizeof(soa), 3600, 3000);
    query_length = notify_out_write(&notify, ID, query, sizeof(query), 3000, NOW);
    assert_true(tsig_find(query, query_length, &asked));
    assert_true(asked.present);
    notify_out_close(&notify);
}

static void
what_we_send_is_read_as_a_hint(void **state)
{
    (void)state;
    struct notify_query read;
    begin(&key);
    query[13] = 'E';
    assert_int_equal(notify_read(query, query_length, &read), RCODE_NOERROR);
    assert_int_equal(read.id, ID);
    assert_true(name_equal(read.apex, apex));
    assert_true(read.has_serial);
    assert_int_equal(read.serial, 7);
    notify_out_close(&notify);
}

static void
bad_notifies_get_an_rcode_and_never_harm(void **state)
{
    (void)state;
    struct notify_query read;
    begin(NULL);
    for (size_t cut = 0; cut < query_length; cut++)
        assert_int_equal(notify_read(query, cut, &read), RCODE_FORMERR);
    query[26] = RRTYPE_A;
    assert_int_equal(notify_read(query, query_length, &read), RCODE_NOTIMP);
    query[26] = RRTYPE_SOA;
    query[2] |= 0x80;
    assert_int_equal(notify_read(query, query_length, &read), RCODE_FORMERR);
    query[2] &= 0x7f;
    for (size_t bit = 0; bit < query_length * 8; bit++) {
        query[bit / 8] ^= (uint8_t)(1U << bit % 8);
        notify_read(query, query_length, &read); // AddressSanitizer is the judge
        query[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    notify_out_close(&notify);
}

static void
an_answer_echoes_id_and_question_as_they_came(void **state)
{
    (void)state;
    uint8_t answer[64];
    begin(NULL);
    query[13] = 'E';
    assert_int_equal(notify_answer(query, query_length, RCODE_NOTAUTH, answer, sizeof(answer)), 29);
    assert_memory_equal(answer, "\1\2\244\011\0\1\0\0\0\0\0\0\7Example\3gov\0\0\6\0\1", 29);
    assert_int_equal(notify_answer(query, query_length, 0, answer, 28), 0);
    assert_int_equal(notify_answer(query, 20, 0, answer, sizeof(answer)), 0);
    notify_out_close(&notify);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_notify_has_the_octets_of_rfc_1996),
        cmocka_unit_test(tries_back_off_from_one_second_to_a_minute_and_end),
        cmocka_unit_test(an_answer_ends_the_tries),
        cmocka_unit_test(a_refusal_ends_them_too_and_says_why),
        cmocka_unit_test(other_datagrams_are_passed_over),
        cmocka_unit_test(with_a_key_only_a_signed_answer_counts),
        cmocka_unit_test(
            a_target_that_lacks_the_key_is_told_without_it_and_the_next_version_with_it),
        cmocka_unit_test(what_we_send_is_read_as_a_hint),
        cmocka_unit_test(bad_notifies_get_an_rcode_and_never_harm),
        cmocka_unit_test(an_answer_echoes_id_and_question_as_they_came),
    };
    return cmocka_run_group_tests(tests, names_make, NULL);
}
