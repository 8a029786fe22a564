#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/answer/query.h"
#include "common/dns/rcode.h"
#include "common/dns/rrtype.h"

#define QUESTION "\3wWw\7example\0\0\1\0\1"
#define TSIG     "\1k\0\0\xfa\0\xff\0\0\0\0\0\0"
#define OPT      "\0\0\x29\4\xd0\0\0\0\0\0\0"

static struct query query;
static uint8_t *copy;

// Reads a query whose header has these counts and whose body follows; the copy has no spare octet.
static enum query_kind
read(uint16_t flags, const uint16_t counts[4], const void *body, size_t length)
{
    free(copy);
    copy = malloc(MESSAGE_HEADER_SIZE + length);
    memset(copy, 0, MESSAGE_HEADER_SIZE);
    octets_put_u16(copy + 2, flags);
    for (int i = 0; i < 4; i++)
        octets_put_u16(copy + 4 + 2 * i, counts[i]);
    memcpy(copy + MESSAGE_HEADER_SIZE, body, length);
    query_read(copy, MESSAGE_HEADER_SIZE + length, &query);
    return query.kind;
}
#define READ(flags, qd, an, ns, ar, body)                                                          \
    read(flags, (const uint16_t[]){qd, an, ns, ar}, body, sizeof(body) - 1)

static int
copy_free(void **state)
{
    (void)state;
    free(copy);
    copy = NULL;
    return 0;
}

static void
short_packets_and_answers_are_dropped(void **state)
{
    (void)state;
    query_read((const uint8_t *)"12345678901", 11, &query);
    assert_int_equal(query.kind, QUERY_DROP);
    query_read((const uint8_t *)"", 0, &query);
    assert_int_equal(query.kind, QUERY_DROP);
    assert_int_equal(READ(MESSAGE_QR, 1, 0, 0, 0, QUESTION), QUERY_DROP);
}

static void
question_is_read_and_lower_cased(void **state)
{
    (void)state;
    assert_int_equal(READ(0, 1, 0, 0, 0, QUESTION), QUERY_QUESTION);
    assert_string_equal((const char *)query.lower, "\3www\7example");
    assert_int_equal(query.type, RRTYPE_A);
    assert_int_equal(query.labels, 2);
    assert_int_equal(query.question_end, query.length);
}

static void
qdcount_other_than_one_is_formerr(void **state)
{
    (void)state;
    assert_int_equal(READ(0, 2, 0, 0, 0, QUESTION QUESTION), QUERY_ERROR);
    assert_int_equal(query.rcode, RCODE_FORMERR);
    assert_int_equal(READ(0, 0, 0, 0, 0, ""), QUERY_ERROR);
    assert_int_equal(query.rcode, RCODE_FORMERR);
    assert_int_equal(READ(0, 0, 0, 0, 1, OPT), QUERY_ERROR);
}

static void
unknown_opcodes_are_notimp(void **state)
{
    (void)state;
    for (uint16_t opcode = 1; opcode < 16; opcode++) {
        if (opcode == OPCODE_NOTIFY)
            continue;
        assert_int_equal(READ((uint16_t)(opcode << 11), 1, 0, 0, 0, QUESTION), QUERY_ERROR);
        assert_int_equal(query.rcode, RCODE_NOTIMP);
        assert_int_equal(READ((uint16_t)(opcode << 11), 0, 0, 0, 0, "\0\1\2"), QUERY_ERROR);
        assert_int_equal(query.rcode, RCODE_NOTIMP);
    }
}

static void
rfc6891_6_1_1_unknown_opcode_is_answered_with_question_and_opt_where_they_can_be_read(void **state)
{
    (void)state;
    assert_int_equal(READ(5 << 11, 1, 0, 0, 1, QUESTION OPT), QUERY_ERROR);
    assert_int_equal(query.rcode, RCODE_NOTIMP);
    assert_true(query.has_question && query.edns.present);
    assert_int_equal(READ(5 << 11, 1, 0, 0, 1, QUESTION "\0\0\x29\4\xd0\0\1\0\0\0\0"), QUERY_ERROR);
    assert_int_equal(query.rcode, RCODE_BADVERS);
    assert_int_equal(READ(6 << 11, 0, 0, 0, 0, "\0\1\0\4\0\0\0\0"), QUERY_ERROR); // RFC 8490
    assert_int_equal(query.rcode, RCODE_NOTIMP);
    assert_false(query.has_question || query.edns.present);
}

static void
rfc6891_6_1_1_and_rfc8945_5_1_opt_and_tsig_belong_into_the_additional_section(void **state)
{
    (void)state;
    assert_int_equal(READ(0, 1, 1, 0, 0, QUESTION OPT), QUERY_ERROR);
    assert_int_equal(query.rcode, RCODE_FORMERR);
    assert_int_equal(READ(0, 1, 0, 1, 0, QUESTION OPT), QUERY_ERROR);
    assert_int_equal(READ(0, 1, 1, 0, 1, QUESTION OPT OPT), QUERY_ERROR);
    assert_int_equal(READ(0, 1, 0, 1, 0, QUESTION TSIG), QUERY_ERROR);
    assert_int_equal(query.rcode, RCODE_FORMERR);
    assert_true(query.has_question);
}

static void
rfc6891_6_1_1_two_opts_or_an_opt_with_an_owner_are_formerr(void **state)
{
    (void)state;
    assert_int_equal(READ(0, 1, 0, 0, 1, QUESTION OPT), QUERY_QUESTION);
    assert_true(query.edns.present);
    assert_int_equal(READ(0, 1, 0, 0, 2, QUESTION OPT OPT), QUERY_ERROR);
    assert_int_equal(query.rcode, RCODE_FORMERR);
    assert_int_equal(READ(0, 1, 0, 0, 1, QUESTION "\1a" OPT), QUERY_ERROR);
    assert_int_equal(query.rcode, RCODE_FORMERR);
}

static void
rfc6891_6_1_3_higher_edns_version_is_badvers(void **state)
{
    (void)state;
    assert_int_equal(READ(0, 1, 0, 0, 1, QUESTION "\0\0\x29\4\xd0\0\1\0\0\0\0"), QUERY_ERROR);
    assert_int_equal(query.rcode, RCODE_BADVERS);
}

static void
rfc6895_3_1_meta_types_are_no_questions(void **state)
{
    (void)state;
    static const struct {
        uint16_t type;
        enum query_kind kind;
        unsigned rcode;
    } rows[] = {
        {RRTYPE_AXFR, QUERY_TRANSFER, 0},
        {RRTYPE_IXFR, QUERY_TRANSFER, 0},
        {RRTYPE_ANY, QUERY_QUESTION, 0},
        {RRTYPE_MAILA, QUERY_ERROR, RCODE_NOTIMP},
        {RRTYPE_MAILB, QUERY_ERROR, RCODE_NOTIMP},
        {RRTYPE_OPT, QUERY_ERROR, RCODE_FORMERR},
        {RRTYPE_TSIG, QUERY_ERROR, RCODE_FORMERR},
        {0, QUERY_ERROR, RCODE_FORMERR},
        {65000, QUERY_QUESTION, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char question[] = QUESTION;
        octets_put_u16((uint8_t *)question + sizeof question - 1 - 4, rows[i].type);
        assert_int_equal(READ(0, 1, 0, 0, 0, question), rows[i].kind);
        assert_int_equal(query.rcode, rows[i].rcode);
    }
}

static void
octets_behind_the_last_record_are_formerr(void **state)
{
    (void)state;
    assert_int_equal(READ(0, 1, 0, 0, 0, QUESTION "x"), QUERY_ERROR);
    assert_int_equal(READ(0, 1, 0, 0, 0xffff, QUESTION OPT), QUERY_ERROR);
    assert_int_equal(query.rcode, RCODE_FORMERR);
    assert_true(query.has_question);
}

static void
compressed_or_cut_question_is_formerr_without_a_question(void **state)
{
    (void)state;
    assert_int_equal(READ(0, 1, 0, 0, 0, "\xc0\0\0\1\0\1"), QUERY_ERROR);
    assert_false(query.has_question);
    assert_int_equal(READ(0, 1, 0, 0, 0, "\3www"), QUERY_ERROR);
    assert_false(query.has_question);
    assert_int_equal(READ(0, 1, 0, 0, 0, "\3www\0\0\1\0"), QUERY_ERROR);
    assert_false(query.has_question);
}

static void
rfc8945_5_1_tsig_must_be_last_and_alone(void **state)
{
    (void)state;
    assert_int_equal(READ(0, 1, 0, 0, 2, QUESTION OPT TSIG), QUERY_QUESTION);
    assert_true(query.has_tsig);
    assert_int_equal(READ(0, 1, 0, 0, 2, QUESTION TSIG OPT), QUERY_ERROR);
    assert_int_equal(READ(0, 1, 0, 0, 2, QUESTION TSIG TSIG), QUERY_ERROR);
    assert_int_equal(query.rcode, RCODE_FORMERR);
}

static void
rfc1996_3_7_serial_of_a_notify_and_rfc1995_3_of_an_ixfr_are_read(void **state)
{
    (void)state;
#define SOA "\xc0\x0c\0\6\0\1\0\0\0\0\0\x18\xc0\x0c\xc0\x0c\0\0\0\7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
    assert_int_equal(READ(OPCODE_NOTIFY << 11, 1, 1, 0, 0, "\3www\7example\0\0\6\0\1" SOA),
                     QUERY_NOTIFY);
    assert_true(query.has_soa);
    assert_int_equal(query.soa_serial, 7);
    assert_int_equal(READ(0, 1, 0, 1, 0, "\3www\7example\0\0\xfb\0\1" SOA), QUERY_TRANSFER);
    assert_true(query.has_soa);
    assert_int_equal(READ(0, 1, 0, 1, 0, QUESTION SOA), QUERY_QUESTION);
    assert_false(query.has_soa);
}

static void
every_beginning_of_a_good_query_is_read_without_harm(void **state)
{
    (void)state;
    static const char whole[] = QUESTION OPT;
    for (size_t length = 0; length < sizeof whole - 1; length++)
        assert_int_equal(read(0, (const uint16_t[]){1, 0, 0, 1}, whole, length), QUERY_ERROR);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(short_packets_and_answers_are_dropped, copy_free),
        cmocka_unit_test_teardown(question_is_read_and_lower_cased, copy_free),
        cmocka_unit_test_teardown(qdcount_other_than_one_is_formerr, copy_free),
        cmocka_unit_test_teardown(unknown_opcodes_are_notimp, copy_free),
        cmocka_unit_test_teardown(
            rfc6891_6_1_1_unknown_opcode_is_answered_with_question_and_opt_where_they_can_be_read,
            copy_free),
        cmocka_unit_test_teardown(
            rfc6891_6_1_1_and_rfc8945_5_1_opt_and_tsig_belong_into_the_additional_section,
            copy_free),
        cmocka_unit_test_teardown(rfc6891_6_1_1_two_opts_or_an_opt_with_an_owner_are_formerr,
                                  copy_free),
        cmocka_unit_test_teardown(rfc6891_6_1_3_higher_edns_version_is_badvers, copy_free),
        cmocka_unit_test_teardown(rfc6895_3_1_meta_types_are_no_questions, copy_free),
        cmocka_unit_test_teardown(octets_behind_the_last_record_are_formerr, copy_free),
        cmocka_unit_test_teardown(compressed_or_cut_question_is_formerr_without_a_question,
                                  copy_free),
        cmocka_unit_test_teardown(rfc8945_5_1_tsig_must_be_last_and_alone, copy_free),
        cmocka_unit_test_teardown(rfc1996_3_7_serial_of_a_notify_and_rfc1995_3_of_an_ixfr_are_read,
                                  copy_free),
        cmocka_unit_test_teardown(every_beginning_of_a_good_query_is_read_without_harm, copy_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
