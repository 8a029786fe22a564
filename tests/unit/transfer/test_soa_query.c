#include "common/transfer/soa_query.h"

#include "common/dns/edns.h"
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
static struct tsig_key key = {.algorithm = TSIG_HMAC_SHA512, .secret_length = 32};
static struct soa_query query;
static uint8_t sent[SOA_QUERY_SIZE_MAX];
static size_t sent_length;
static uint8_t answer[1024];
static size_t answer_length;
static uint32_t serial;
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
ask(const struct tsig_key *with)
{
    memset(&fault, 0, sizeof(fault));
    serial = 0;
    soa_query_init(&query, apex, "hidden 10.0.0.5@53", with);
    sent_length = soa_query_write(&query, ID, sent, sizeof(sent), NOW);
}

static void
answer_make(uint16_t flags, bool with_soa, const struct tsig_key *with)
{
    static const uint8_t soa[22] = {0, 0, 0, 0, 0, 7};
    struct message_writer writer;
    message_writer_init(&writer, answer, sizeof(answer), ID, flags);
    assert_true(message_write_question(&writer, apex, RRTYPE_SOA, RRCLASS_IN));
    if (with_soa)
        assert_true(message_write_rr(&writer, MESSAGE_ANSWER, apex, RRTYPE_SOA, RRCLASS_IN, 60, soa,
                                     sizeof(soa)));
    answer_length = message_length(&writer);
    if (!with)
        return;
    struct tsig_exchange exchange;
    const struct tsig_key *found;
    assert_int_equal(tsig_check_query(sent, sent_length, with, 1, NOW, &exchange, &found), 0);
    answer_length = tsig_sign(&exchange, answer, answer_length, sizeof(answer), NOW, 0, NULL);
    tsig_exchange_close(&exchange);
}

static enum soa_query_result
result(void)
{
    return soa_query_read(&query, answer, answer_length, NOW, &serial, &fault);
}

static void
the_serial_comes_from_an_authoritative_answer(void **state)
{
    (void)state;
    ask(NULL);
    assert_int_equal(sent_length, 29);
    assert_memory_equal(sent, "\1\2\0\0\0\1\0\0\0\0\0\0\7example\3gov\0\0\6\0\1", 29);
    answer_make(MESSAGE_QR | MESSAGE_AA, true, NULL);
    assert_int_equal(result(), SOA_QUERY_SERIAL);
    assert_int_equal(serial, 7);
    answer_make(MESSAGE_QR, true, NULL);
    assert_int_equal(result(), SOA_QUERY_FAILED);
    assert_non_null(strstr(fault.text, "zone example.gov: SOA query to hidden 10.0.0.5@53: "));
    answer_make(MESSAGE_QR | MESSAGE_AA, false, NULL);
    assert_int_equal(result(), SOA_QUERY_FAILED);
    answer_make(MESSAGE_QR | RCODE_REFUSED, false, NULL);
    assert_int_equal(result(), SOA_QUERY_FAILED);
    assert_non_null(strstr(fault.text, "REFUSED"));
    soa_query_close(&query);
}

// The option's octets; size 0xffff: no OPT at all.
static void
follows_answer_make(const uint8_t *value, uint16_t size, const struct tsig_key *with)
{
    static const uint8_t soa[22] = {0, 0, 0, 0, 0, 7}, root[1] = {0};
    struct message_writer writer;
    struct tsig_exchange exchange;
    const struct tsig_key *found;
    uint8_t option[8] = {EDNS_OPTION_SERIAL_FOLLOWS >> 8, EDNS_OPTION_SERIAL_FOLLOWS & 0xff, 0,
                         (uint8_t)size};
    message_writer_init(&writer, answer, sizeof(answer), ID, MESSAGE_QR | MESSAGE_AA);
    assert_true(message_write_question(&writer, apex, RRTYPE_SOA, RRCLASS_IN));
    assert_true(message_write_rr(&writer, MESSAGE_ANSWER, apex, RRTYPE_SOA, RRCLASS_IN, 60, soa,
                                 sizeof(soa)));
    if (size != UINT16_MAX) {
        memcpy(option + 4, value, size);
        assert_true(message_write_rr(&writer, MESSAGE_ADDITIONAL, root, RRTYPE_OPT, 1232, 0, option,
                                     (uint16_t)(4 + size)));
    }
    answer_length = message_length(&writer);
    if (!with)
        return;
    assert_int_equal(tsig_check_query(sent, sent_length, with, 1, NOW, &exchange, &found), 0);
    answer_length = tsig_sign(&exchange, answer, answer_length, sizeof(answer), NOW, 0, NULL);
    tsig_exchange_close(&exchange);
}

static void
ask_follows(const struct tsig_key *with)
{
    soa_query_init(&query, apex, "p", with);
    query.asks_follows = true;
    sent_length = soa_query_write(&query, ID, sent, sizeof(sent), NOW);
}

static void
a_serial_follows_content_where_a_signed_answer_says_so(void **state)
{
    (void)state;
    static const uint8_t values[2] = {EDNS_SERIAL_FOLLOWS_YES, EDNS_SERIAL_FOLLOWS_YES};
    static const uint8_t no = 0;
    ask_follows(&key);
    follows_answer_make(values, 1, &key);
    assert_int_equal(result(), SOA_QUERY_SERIAL);
    assert_true(query.follows);
    assert_int_equal(serial, 7);
    const uint16_t sizes[3] = {0, 2, UINT16_MAX}; // sent back as it came, of another form, no OPT
    for (unsigned i = 0; i < 3; i++) {
        follows_answer_make(values, sizes[i], &key);
        assert_int_equal(result(), SOA_QUERY_SERIAL);
        assert_false(query.follows);
    }
    follows_answer_make(&no, 1, &key);
    assert_int_equal(result(), SOA_QUERY_SERIAL);
    assert_false(query.follows);
    follows_answer_make(values, 1, NULL);
    assert_int_equal(result(), SOA_QUERY_FAILED);
    soa_query_close(&query);
    ask_follows(NULL);
    follows_answer_make(values, 1, NULL);
    assert_int_equal(result(), SOA_QUERY_SERIAL);
    assert_false(query.follows);
    soa_query_close(&query);
}

static void
the_question_for_it_is_an_option_without_octets(void **state)
{
    (void)state;
    ask_follows(NULL);
    const char expected[] = "\1\2\0\0\0\1\0\0\0\0\0\1\7example\3gov\0\0\6\0\1"
                            "\0\0\51\4\320\0\0\0\0\0\4\377\111\0\0";
    assert_int_equal(sent_length, sizeof(expected) - 1);
    assert_memory_equal(sent, expected, sent_length);
    soa_query_close(&query);
}

static void
others_answers_are_passed_over_and_truncation_is_told(void **state)
{
    (void)state;
    ask(NULL);
    answer_make(MESSAGE_AA, true, NULL);
    assert_int_equal(result(), SOA_QUERY_OTHER);
    answer_make(MESSAGE_QR | MESSAGE_AA, true, NULL);
    answer[0] ^= 1;
    assert_int_equal(result(), SOA_QUERY_OTHER);
    answer[0] ^= 1;
    answer[14] ^= 1;
    assert_int_equal(result(), SOA_QUERY_OTHER);
    answer_make(MESSAGE_QR | MESSAGE_AA | MESSAGE_TC, false, NULL);
    assert_int_equal(result(), SOA_QUERY_TRUNCATED);
    soa_query_close(&query);
}

static void
with_a_key_the_answer_must_be_signed(void **state)
{
    (void)state;
    ask(&key);
    answer_make(MESSAGE_QR | MESSAGE_AA, true, NULL);
    assert_int_equal(result(), SOA_QUERY_FAILED);
    answer_make(MESSAGE_QR | MESSAGE_AA, true, &key);
    assert_int_equal(result(), SOA_QUERY_SERIAL);
    answer[answer_length - 8] ^= 1;
    assert_int_equal(result(), SOA_QUERY_FAILED);
    soa_query_close(&query);
}

static void
cut_and_flipped_answers_do_no_harm(void **state)
{
    (void)state;
    ask(NULL);
    answer_make(MESSAGE_QR | MESSAGE_AA, true, NULL);
    size_t whole = answer_length;
    for (answer_length = 0; answer_length < whole; answer_length++)
        assert_int_not_equal(result(), SOA_QUERY_SERIAL);
    for (size_t bit = 0; bit < whole * 8; bit++) {
        answer[bit / 8] ^= (uint8_t)(1U << bit % 8);
        result(); // AddressSanitizer is the judge
        answer[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    soa_query_close(&query);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_serial_comes_from_an_authoritative_answer),
        cmocka_unit_test(others_answers_are_passed_over_and_truncation_is_told),
        cmocka_unit_test(with_a_key_the_answer_must_be_signed),
        cmocka_unit_test(a_serial_follows_content_where_a_signed_answer_says_so),
        cmocka_unit_test(the_question_for_it_is_an_option_without_octets),
        cmocka_unit_test(cut_and_flipped_answers_do_no_harm),
    };
    return cmocka_run_group_tests(tests, names_make, NULL);
}
