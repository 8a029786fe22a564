// Answers, octet by octet: what is believed, what is held against the resolver.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/dns/message_write.h"
#include "common/dns/name.h"
#include "common/dns/rrtype.h"
#include "primary/alias/reply.h"

#define ID 0x1234

static const uint8_t question_name[] = "\3wWw\7eXample"; // and the root
static uint8_t message[65535];
static struct message_writer writer;
static struct reply reply;

static const uint8_t *
wire(const char *text)
{
    static uint8_t names[8][NAME_SIZE_MAX];
    static unsigned turn;
    static const uint8_t root[] = {0};
    uint8_t *name = names[turn++ % 8];
    assert_true(name_from_text(text, root, name, NULL));
    return name;
}

static void
begin(uint16_t flags)
{
    message_writer_init(&writer, message, sizeof message, ID, (uint16_t)(MESSAGE_QR | flags));
    assert_true(message_write_question(&writer, question_name, RRTYPE_A, RRCLASS_IN));
}

static void
rr(enum message_section section, const char *owner, uint16_t type, uint16_t class,
   const void *rdata, size_t length)
{
    assert_true(
        message_write_rr(&writer, section, wire(owner), type, class, 60, rdata, (uint16_t)length));
}

static void
a(const char *owner, unsigned last)
{
    rr(MESSAGE_ANSWER, owner, RRTYPE_A, RRCLASS_IN, (uint8_t[]){192, 0, 2, (uint8_t)last}, 4);
}

static void
cname(const char *owner, const char *target)
{
    const uint8_t *name = wire(target);
    rr(MESSAGE_ANSWER, owner, RRTYPE_CNAME, RRCLASS_IN, name, name_length(name));
}

static void
soa(void)
{
    static const uint8_t rdata[22] = {0, 0, 0, 0, 0, 1};
    rr(MESSAGE_AUTHORITY, "example", RRTYPE_SOA, RRCLASS_IN, rdata, sizeof rdata);
}

static enum reply_kind
judge(void)
{
    struct reply_question question = {
        .id = ID, .type = RRTYPE_A, .name = question_name, .exact_case = true};
    reply_close(&reply);
    reply_init(&reply, RRTYPE_A);
    reply_read(message, message_length(&writer), &question, &reply);
    return reply.kind;
}

static void
expect_failure(enum reply_cure cure, const char *word)
{
    assert_int_equal(judge(), REPLY_FAILURE);
    assert_int_equal(reply.cure, cure);
    assert_non_null(strstr(reply.text, word));
    assert_int_equal(reply.addresses.count, 0);
}

static void
golden_octets_of_a_plain_answer_are_believed(void **state)
{
    (void)state;
    static const uint8_t golden[] = {
        0x12, 0x34, 0x81, 0x80, 0,    1,   0,   2,   0,   0,   0,   1, // header
        3,    'w',  'W',  'w',  7,    'e', 'X', 'a', 'm', 'p', 'l', 'e',
        0,    0,    1,    0,    1, // question
        0xc0, 12,   0,    1,    0,    1,   0,   0,   0,   60,  0,   4,
        192,  0,    2,    2, // two addresses
        0xc0, 12,   0,    1,    0,    1,   0,   0,   0,   60,  0,   4,
        192,  0,    2,    1,                                       //
        0,    0,    41,   4,    0xd0, 0,   0,   0,   0,   0,   0}; // OPT
    struct reply_question question = {
        .id = ID, .type = RRTYPE_A, .name = question_name, .exact_case = true};
    reply_close(&reply);
    reply_init(&reply, RRTYPE_A);
    reply_read(golden, sizeof golden, &question, &reply);
    assert_int_equal(reply.kind, REPLY_ADDRESSES);
    assert_int_equal(reply.rcode, 0);
    assert_true(reply.has_edns);
    assert_int_equal(reply.addresses.count, 2);
    assert_memory_equal(reply.addresses.octets, ((uint8_t[]){192, 0, 2, 1, 192, 0, 2, 2}), 8);
    // Cut anywhere it says nothing.
    for (size_t length = 0; length < sizeof golden; length++) {
        reply_read(golden, length, &question, &reply);
        assert_int_equal(reply.kind, REPLY_FAILURE);
    }
}

static void
error_rcodes_are_failures_and_never_no_data(void **state)
{
    (void)state;
    static const struct {
        uint16_t rcode;
        enum reply_cure cure;
        const char *word, *metric;
    } cases[] = {{1, CURE_WITHOUT_EDNS, "FORMERR", "error"},
                 {2, CURE_OTHER_SERVER, "SERVFAIL", "servfail"},
                 {4, CURE_WITHOUT_EDNS, "NOTIMP", "error"},
                 {5, CURE_OTHER_SERVER, "REFUSED", "refused"},
                 {9, CURE_OTHER_SERVER, "NOTAUTH", "error"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin((uint16_t)(MESSAGE_RA | cases[i].rcode));
        soa();
        expect_failure(cases[i].cure, cases[i].word);
        assert_int_equal(reply.rcode, cases[i].rcode);
        assert_string_equal(reply_word(&reply), cases[i].metric);
    }
}

static void
the_upper_bits_of_the_rcode_count(void **state)
{
    (void)state;
    static const uint8_t root[] = {0};
    begin(MESSAGE_RA);
    assert_true(
        message_write_rr(&writer, MESSAGE_ADDITIONAL, root, RRTYPE_OPT, 1232, 0x01000000, NULL, 0));
    expect_failure(CURE_WITHOUT_EDNS, "BADVERS");
}

static void
nxdomain_and_nodata_are_told_apart(void **state)
{
    (void)state;
    begin(MESSAGE_RA | 3);
    soa();
    assert_int_equal(judge(), REPLY_NXDOMAIN);
    assert_string_equal(reply_word(&reply), "nxdomain");
    begin(MESSAGE_RA);
    soa();
    assert_int_equal(judge(), REPLY_NODATA);
    assert_string_equal(reply_word(&reply), "nodata");
    begin(MESSAGE_RA); // RFC 2308 type 3: nothing at all
    assert_int_equal(judge(), REPLY_NODATA);
    begin(MESSAGE_RA);
    cname("www.example", "lb.example");
    soa();
    assert_int_equal(judge(), REPLY_NODATA);
}

static void
a_referral_is_not_no_data(void **state)
{
    (void)state;
    begin(0);
    rr(MESSAGE_AUTHORITY, "example", RRTYPE_NS, RRCLASS_IN, "\1a\0", 3);
    expect_failure(CURE_OTHER_SERVER, "referral");
    begin(MESSAGE_RA);
    rr(MESSAGE_AUTHORITY, "example", RRTYPE_NS, RRCLASS_IN, "\1a\0", 3);
    expect_failure(CURE_OTHER_SERVER, "referral");
    begin(0);
    expect_failure(CURE_OTHER_SERVER, "referral");
}

static void
a_truncated_answer_is_asked_again_over_tcp(void **state)
{
    (void)state;
    begin(MESSAGE_RA | MESSAGE_TC);
    a("www.example", 1);
    expect_failure(CURE_TCP, "truncated");
}

static void
what_does_not_fit_the_question_is_not_believed(void **state)
{
    (void)state;
    begin(MESSAGE_RA);
    a("www.example", 1);
    message[1] ^= 1;
    expect_failure(CURE_TCP, "ID");
    begin(MESSAGE_RA);
    a("www.example", 1);
    message[2] &= 0x7f;
    expect_failure(CURE_TCP, "question itself");
    begin(MESSAGE_RA);
    a("www.example", 1);
    message[2] |= 0x20; // NOTIFY
    expect_failure(CURE_TCP, "opcode");
    begin(MESSAGE_RA);
    a("www.example", 1);
    message[13] ^= 0x20; // "W" for "w"
    expect_failure(CURE_TCP, "letter case");
    begin(MESSAGE_RA);
    a("www.example", 1);
    message[13] = 'x';
    expect_failure(CURE_TCP, "another question");
    begin(MESSAGE_RA);
    a("www.example", 1);
    message[26] = 28; // type AAAA
    expect_failure(CURE_TCP, "another question");
    begin(MESSAGE_RA);
    a("www.example", 1);
    message[5] = 0; // no question
    expect_failure(CURE_TCP, "not one question");
}

static void
addresses_of_other_names_spoil_the_answer(void **state)
{
    (void)state;
    begin(MESSAGE_RA);
    a("foreign.example", 66);
    expect_failure(CURE_TCP, "nobody asked for");
    begin(MESSAGE_RA);
    a("www.example", 1);
    a("foreign.example", 66);
    expect_failure(CURE_TCP, "nobody asked for");
    begin(MESSAGE_RA);
    cname("www.example", "lb.example");
    a("www.example", 66); // beside its own CNAME
    expect_failure(CURE_TCP, "nobody asked for");
    begin(MESSAGE_RA);
    a("www.example", 1);
    cname("foreign.example", "lb.example");
    expect_failure(CURE_TCP, "nobody asked for");
}

static void
another_class_is_not_ours(void **state)
{
    (void)state;
    begin(MESSAGE_RA);
    rr(MESSAGE_ANSWER, "www.example", RRTYPE_A, RRCLASS_CH, "\300\0\2\1", 4);
    expect_failure(CURE_TCP, "class");
}

static void
an_address_of_the_wrong_length_spoils_the_answer(void **state)
{
    (void)state;
    begin(MESSAGE_RA);
    rr(MESSAGE_ANSWER, "www.example", RRTYPE_A, RRCLASS_IN, "\300\0\2\1\1", 5);
    expect_failure(CURE_TCP, "length");
}

static void
counts_that_promise_more_than_there_is_spoil_the_answer(void **state)
{
    (void)state;
    begin(MESSAGE_RA);
    a("www.example", 1);
    message[7] = 2;
    expect_failure(CURE_TCP, "middle of a record");
    begin(MESSAGE_RA);
    a("www.example", 1);
    message[11] = 1;
    expect_failure(CURE_TCP, "middle of a record");
}

// The CNAMEs come in the order of the chain, or the other way round.
static void
chain(unsigned count, bool backwards)
{
    char names[32][64];
    snprintf(names[0], sizeof names[0], "www.example");
    for (unsigned i = 1; i <= count; i++)
        snprintf(names[i], sizeof names[i], "h%u.example", i);
    begin(MESSAGE_RA);
    if (backwards)
        a(names[count], 9);
    for (unsigned i = 0; i < count; i++) {
        unsigned at = backwards ? count - 1 - i : i;
        cname(names[at], names[at + 1]);
    }
    if (!backwards)
        a(names[count], 9);
}

static void
chains_of_1_8_and_16_are_followed_in_any_order(void **state)
{
    (void)state;
    static const unsigned lengths[] = {1, 8, 16};
    for (size_t i = 0; i < 3; i++)
        for (int backwards = 0; backwards < 2; backwards++) {
            chain(lengths[i], backwards);
            assert_int_equal(judge(), REPLY_ADDRESSES);
            assert_int_equal(reply.chain_count, lengths[i]);
            assert_true(name_equal(reply.chain.data, wire("h1.example")));
        }
}

static void
a_chain_of_17_is_too_long(void **state)
{
    (void)state;
    chain(17, false);
    expect_failure(CURE_NONE, "16 CNAMEs");
}

static void
cnames_in_a_circle_are_told(void **state)
{
    (void)state;
    begin(MESSAGE_RA);
    cname("www.example", "www.example");
    expect_failure(CURE_NONE, "circle");
    begin(MESSAGE_RA);
    cname("www.example", "b.example");
    cname("b.example", "c.example");
    cname("c.example", "b.example");
    expect_failure(CURE_NONE, "circle");
}

static void
two_cnames_at_one_name_make_no_sense(void **state)
{
    (void)state;
    begin(MESSAGE_RA);
    cname("www.example", "b.example");
    cname("www.example", "c.example");
    a("b.example", 1);
    expect_failure(CURE_TCP, "no sense");
}

static void
a_dname_is_followed_with_and_without_its_cname(void **state)
{
    (void)state;
    for (int with = 0; with < 2; with++) {
        begin(MESSAGE_RA);
        const uint8_t *target = wire("new.test");
        rr(MESSAGE_ANSWER, "example", RRTYPE_DNAME, RRCLASS_IN, target, name_length(target));
        if (with)
            cname("www.example", "www.new.test");
        a("www.new.test", 1);
        assert_int_equal(judge(), REPLY_ADDRESSES);
        assert_int_equal(reply.chain_count, 1);
        assert_true(name_equal(reply.chain.data, wire("www.new.test")));
    }
}

static void
a_dname_that_contradicts_its_cname_makes_no_sense(void **state)
{
    (void)state;
    begin(MESSAGE_RA);
    const uint8_t *target = wire("new.test");
    rr(MESSAGE_ANSWER, "example", RRTYPE_DNAME, RRCLASS_IN, target, name_length(target));
    cname("www.example", "www.evil.test");
    a("www.evil.test", 66);
    expect_failure(CURE_TCP, "no sense");
}

static void
addresses_with_nxdomain_are_a_contradiction(void **state)
{
    (void)state;
    begin(MESSAGE_RA | 3);
    a("www.example", 1);
    expect_failure(CURE_TCP, "NXDOMAIN at once");
}

static void
a_hundred_times_two_addresses_come_out_sorted_and_single(void **state)
{
    (void)state;
    begin(MESSAGE_RA);
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 200; i > 0; i--)
            a("www.example", i);
    assert_int_equal(judge(), REPLY_ADDRESSES);
    assert_int_equal(reply.addresses.count, 200);
    for (uint32_t i = 0; i < 200; i++)
        assert_int_equal(address_set_at(&reply.addresses, i)[3], i + 1);
}

static void
require_ad_believes_validated_answers_only(void **state)
{
    (void)state;
    struct reply_question question = {
        .id = ID, .type = RRTYPE_A, .name = question_name, .require_ad = true};
    begin(MESSAGE_RA);
    a("www.example", 1);
    reply_read(message, message_length(&writer), &question, &reply);
    assert_int_equal(reply.kind, REPLY_FAILURE);
    assert_non_null(strstr(reply.text, "AD"));
    begin(MESSAGE_RA | MESSAGE_AD);
    a("www.example", 1);
    reply_read(message, message_length(&writer), &question, &reply);
    assert_int_equal(reply.kind, REPLY_ADDRESSES);
    begin(MESSAGE_RA | 3); // nor is an unvalidated NXDOMAIN
    soa();
    reply_read(message, message_length(&writer), &question, &reply);
    assert_int_equal(reply.kind, REPLY_FAILURE);
}

static void
signatures_beside_the_answer_do_no_harm(void **state)
{
    (void)state;
    static const uint8_t rrsig[] = {0, 1, 13, 2, 0, 0, 0, 60, 0, 0, 0,
                                    2, 0, 0,  0, 1, 0, 1, 0,  9, 9};
    begin(MESSAGE_RA);
    a("www.example", 1);
    rr(MESSAGE_ANSWER, "www.example", RRTYPE_RRSIG, RRCLASS_IN, rrsig, sizeof rrsig);
    assert_int_equal(judge(), REPLY_ADDRESSES);
}

static int
group_begin(void **state)
{
    (void)state;
    reply_init(&reply, RRTYPE_A);
    return 0;
}

static int
group_end(void **state)
{
    (void)state;
    reply_close(&reply);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_octets_of_a_plain_answer_are_believed),
        cmocka_unit_test(error_rcodes_are_failures_and_never_no_data),
        cmocka_unit_test(the_upper_bits_of_the_rcode_count),
        cmocka_unit_test(nxdomain_and_nodata_are_told_apart),
        cmocka_unit_test(a_referral_is_not_no_data),
        cmocka_unit_test(a_truncated_answer_is_asked_again_over_tcp),
        cmocka_unit_test(what_does_not_fit_the_question_is_not_believed),
        cmocka_unit_test(addresses_of_other_names_spoil_the_answer),
        cmocka_unit_test(another_class_is_not_ours),
        cmocka_unit_test(an_address_of_the_wrong_length_spoils_the_answer),
        cmocka_unit_test(counts_that_promise_more_than_there_is_spoil_the_answer),
        cmocka_unit_test(chains_of_1_8_and_16_are_followed_in_any_order),
        cmocka_unit_test(a_chain_of_17_is_too_long),
        cmocka_unit_test(cnames_in_a_circle_are_told),
        cmocka_unit_test(two_cnames_at_one_name_make_no_sense),
        cmocka_unit_test(a_dname_is_followed_with_and_without_its_cname),
        cmocka_unit_test(a_dname_that_contradicts_its_cname_makes_no_sense),
        cmocka_unit_test(addresses_with_nxdomain_are_a_contradiction),
        cmocka_unit_test(a_hundred_times_two_addresses_come_out_sorted_and_single),
        cmocka_unit_test(require_ad_believes_validated_answers_only),
        cmocka_unit_test(signatures_beside_the_answer_do_no_harm),
    };
    return cmocka_run_group_tests(tests, group_begin, group_end);
}
