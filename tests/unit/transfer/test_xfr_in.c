// Transfers built by hand, message by message, whole and spoiled in every way that issue 2 names.
#include "common/transfer/xfr_in.h"

#include "common/base/arena.h"
#include "common/dns/message_write.h"
#include "common/dns/rcode.h"
#include "common/dns/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define NOW      1795263187
#define ID       0x4242
#define MESSAGES 16

// What a primary sends: messages of which each may be spoiled.
struct sending {
    unsigned count;
    size_t length[MESSAGES];
    uint8_t octets[MESSAGES][4096];
    struct message_writer writer;
};
static struct sending sending;
static uint8_t apex[NAME_SIZE_MAX];
static struct tsig_key key = {.algorithm = TSIG_HMAC_SHA256, .secret_length = 32};

static int
names_make(void **state)
{
    (void)state;
    assert_true(name_from_text("example.gov.", NULL, apex, NULL));
    assert_true(name_from_text("xfr.", NULL, key.name, NULL));
    memset(key.secret, 7, 32);
    return 0;
}

static void
begin_message(bool question)
{
    unsigned at = sending.count++;
    message_writer_init(&sending.writer, sending.octets[at], sizeof(sending.octets[at]), ID,
                        MESSAGE_QR | MESSAGE_AA);
    if (question)
        assert_true(message_write_question(&sending.writer, apex, RRTYPE_AXFR, RRCLASS_IN));
}

static void
end_message(void)
{
    sending.length[sending.count - 1] = message_length(&sending.writer);
}

static void
add_rr(const char *owner, uint16_t type, uint16_t class, uint32_t ttl, const void *rdata,
       uint16_t length)
{
    uint8_t name[NAME_SIZE_MAX];
    assert_true(name_from_text(owner, apex, name, NULL));
    assert_true(
        message_write_rr(&sending.writer, MESSAGE_ANSWER, name, type, class, ttl, rdata, length));
}

static void
add_soa(uint32_t serial)
{
    uint8_t soa[] = "\2ns\7example\3gov\0\4host\7example\3gov\0"
                    "\0\0\0\0\0\0\16\20\0\0\2\130\0\11\72\200\0\0\0\74";
    octets_put_u32(soa + sizeof(soa) - 1 - 20, serial);
    add_rr("example.gov.", RRTYPE_SOA, RRCLASS_IN, 3600, soa, sizeof(soa) - 1);
}

static void
add_ns(void)
{
    add_rr("example.gov.", RRTYPE_NS, RRCLASS_IN, 3600, "\2Ns\7example\3gov", 16);
}

static void
add_a(const char *owner, uint8_t last)
{
    uint8_t address[4] = {192, 0, 2, last};
    add_rr(owner, RRTYPE_A, RRCLASS_IN, 60, address, 4);
}

// A good transfer in three messages, five records besides the closing SOA.
static void
good_sending(void)
{
    sending.count = 0;
    begin_message(true);
    add_soa(7);
    add_ns();
    end_message();
    begin_message(true);
    add_a("ns", 1);
    add_a("www", 2);
    end_message();
    begin_message(false);
    add_a("zzz", 3);
    add_soa(7);
    end_message();
}

static struct rr_stream_writer stream;
static struct xfr_in *transfer;
static struct fault fault;

static struct xfr_in_options
plain_options(void)
{
    return (struct xfr_in_options){.apex = apex, .primary = "hidden 10.0.0.5@53", .id = ID};
}

static void
start(const struct xfr_in_options *options)
{
    uint8_t query[XFR_IN_QUERY_MAX];
    memset(&fault, 0, sizeof(fault));
    transfer = memory_alloc(sizeof(*transfer));
    rr_stream_writer_init(&stream, apex, -1);
    xfr_in_init(transfer, options, &stream, NOW);
    assert_true(xfr_in_query(transfer, query, sizeof(query), NOW) > 0);
}

static void
finish(void)
{
    xfr_in_close(transfer);
    rr_stream_writer_close(&stream);
    free(transfer);
}

// Feeds what is in sending; each message in memory of exactly its size.
static enum xfr_in_step
feed_all(void)
{
    enum xfr_in_step step = XFR_IN_MORE;
    for (unsigned i = 0; i < sending.count && step == XFR_IN_MORE; i++) {
        uint8_t *exact = memory_alloc(sending.length[i] + !sending.length[i]);
        memcpy(exact, sending.octets[i], sending.length[i]);
        step = xfr_in_feed(transfer, exact, sending.length[i], NOW, &fault);
        free(exact);
    }
    return step;
}

static enum xfr_in_step
run(const struct xfr_in_options *options)
{
    start(options);
    enum xfr_in_step step = feed_all();
    finish();
    return step;
}

// The transfer in sending fails with this reason and a fault that has these words.
static void
assert_refused(enum xfr_in_reason reason, const char *words)
{
    struct xfr_in_options options = plain_options();
    start(&options);
    assert_int_equal(feed_all(), XFR_IN_FAILED);
    assert_int_equal(transfer->reason, reason);
    assert_non_null(
        strstr(fault.text, "zone example.gov: transfer from hidden 10.0.0.5@53: message "));
    if (!strstr(fault.text, words))
        fail_msg("\"%s\" is not in \"%s\"", words, fault.text);
    finish();
}

static void
a_good_transfer_becomes_a_stream(void **state)
{
    (void)state;
    struct xfr_in_options options = plain_options();
    struct rr_stream_reader *reader = memory_alloc(sizeof(*reader));
    struct rr_stream_rr rr;
    static const uint16_t types[5] = {RRTYPE_SOA, RRTYPE_NS, RRTYPE_A, RRTYPE_A, RRTYPE_A};
    good_sending();
    start(&options);
    assert_int_equal(feed_all(), XFR_IN_DONE);
    assert_int_equal(transfer->records, 5);
    assert_int_equal(transfer->messages, 3);
    assert_int_equal(transfer->serial, 7);
    assert_true(rr_stream_reader_init(reader, stream.buffer.data, stream.buffer.length, NULL));
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(rr_stream_next(reader, &rr, NULL), RR_STREAM_RR);
        assert_int_equal(rr.type, types[i]);
        if (i == 1)
            assert_memory_equal(rr.rdata, "\2ns\7example\3gov", 16);
    }
    assert_int_equal(rr_stream_next(reader, &rr, NULL), RR_STREAM_DONE);
    free(reader);
    finish();
}

static void
the_query_is_an_axfr_for_the_zone(void **state)
{
    (void)state;
    struct xfr_in_options options = plain_options();
    uint8_t query[XFR_IN_QUERY_MAX];
    start(&options);
    size_t length = xfr_in_query(transfer, query, sizeof(query), NOW);
    const char expected[] = "\x42\x42\0\0\0\1\0\0\0\0\0\0\7example\3gov\0\0\374\0\1";
    assert_int_equal(length, sizeof(expected) - 1);
    assert_memory_equal(query, expected, length);
    finish();
    options.ixfr = true;
    options.serial = 0x01020304;
    start(&options);
    length = xfr_in_query(transfer, query, sizeof(query), NOW);
    const char soa[] = "\300\014\0\6\0\1\0\0\0\0\0\26\0\0\1\2\3\4";
    assert_memory_equal(query + 29, soa, sizeof(soa) - 1);
    assert_int_equal(length, 29 + 12 + 22);
    finish();
}

static void
a_transfer_cut_between_any_two_messages_is_not_done(void **state)
{
    (void)state;
    struct xfr_in_options options = plain_options();
    for (unsigned count = 0; count < 3; count++) {
        good_sending();
        sending.count = count;
        start(&options);
        assert_int_equal(feed_all(), XFR_IN_MORE);
        assert_false(xfr_in_cut(transfer, "the connection was closed", &fault));
        assert_int_equal(transfer->step, XFR_IN_FAILED);
        assert_int_equal(transfer->reason, XFR_IN_CUT);
        assert_non_null(strstr(fault.text, ": transfer from "));
        assert_non_null(strstr(fault.text, "the connection was closed"));
        assert_int_equal(strstr(fault.text, "before the closing SOA") != NULL, count > 0);
        finish();
    }
}

static void
every_message_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct xfr_in_options options = plain_options();
    for (unsigned message = 0; message < 3; message++) {
        good_sending();
        size_t whole = sending.length[message];
        for (size_t length = 0; length < whole; length++) {
            sending.length[message] = length;
            assert_int_equal(run(&options), XFR_IN_FAILED);
        }
    }
}

static void
no_flipped_bit_does_harm(void **state)
{
    (void)state;
    struct xfr_in_options options = plain_options();
    good_sending();
    for (unsigned message = 0; message < 3; message++)
        for (size_t bit = 0; bit < sending.length[message] * 8; bit++) {
            sending.octets[message][bit / 8] ^= (uint8_t)(1U << bit % 8);
            run(&options); // AddressSanitizer is the judge
            sending.octets[message][bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
}

// Signs what is in sending as the primary would, leaving out some.
static void
sign_sending(const uint8_t *query, size_t query_length, unsigned leave_out)
{
    struct tsig_exchange exchange;
    const struct tsig_key *found;
    assert_int_equal(tsig_check_query(query, query_length, &key, 1, NOW, &exchange, &found), 0);
    assert_non_null(found);
    for (unsigned i = 0; i < sending.count; i++) {
        if (leave_out & 1U << i) {
            octets_buffer_add(&exchange.pending, sending.octets[i], sending.length[i]);
            continue;
        }
        sending.length[i] = tsig_sign(&exchange, sending.octets[i], sending.length[i],
                                      sizeof(sending.octets[i]), NOW, 0, NULL);
        assert_true(sending.length[i] > 0);
    }
    tsig_exchange_close(&exchange);
}

static void
start_signed(unsigned leave_out)
{
    struct xfr_in_options options = plain_options();
    uint8_t query[XFR_IN_QUERY_MAX];
    options.key = &key;
    start(&options);
    tsig_exchange_init(&transfer->exchange, &key);
    size_t length = xfr_in_query(transfer, query, sizeof(query), NOW);
    sign_sending(query, length, leave_out);
}

static void
signed_transfers_pass_with_gaps_but_not_without_first_or_last(void **state)
{
    (void)state;
    for (unsigned leave_out = 0; leave_out < 8; leave_out++) {
        good_sending();
        start_signed(leave_out);
        bool good = (leave_out & 5) == 0;
        assert_int_equal(feed_all(), good ? XFR_IN_DONE : XFR_IN_FAILED);
        assert_int_equal(transfer->reason, good ? XFR_IN_NO_REASON : XFR_IN_TSIG);
        finish();
    }
}

static void
a_signed_transfer_with_any_octet_changed_fails(void **state)
{
    (void)state;
    for (unsigned message = 0; message < 3; message++)
        for (size_t at = 0;; at++) {
            good_sending();
            start_signed(2);
            if (at >= sending.length[message]) {
                finish();
                break;
            }
            sending.octets[message][at] ^= 1;
            assert_int_equal(feed_all(), XFR_IN_FAILED);
            finish();
        }
}

static void
a_message_moved_or_repeated_in_a_signed_transfer_fails(void **state)
{
    (void)state;
    good_sending();
    start_signed(0);
    memcpy(sending.octets[1], sending.octets[2], sending.length[2]);
    sending.length[1] = sending.length[2];
    assert_int_equal(feed_all(), XFR_IN_FAILED);
    assert_int_equal(transfer->reason, XFR_IN_TSIG);
    finish();
}

static void
an_unsigned_refusal_says_its_rcode_not_that_it_is_unsigned(void **state)
{
    (void)state;
    struct xfr_in_options options = plain_options();
    options.key = &key;
    sending.count = 0;
    begin_message(true);
    end_message();
    octets_put_u16(sending.octets[0] + 2, MESSAGE_QR | RCODE_REFUSED);
    start(&options);
    assert_int_equal(feed_all(), XFR_IN_FAILED);
    assert_int_equal(transfer->reason, XFR_IN_REFUSED);
    assert_non_null(strstr(fault.text, "REFUSED"));
    finish();
}

static void
every_rcode_is_a_refusal(void **state)
{
    (void)state;
    for (unsigned rcode = 1; rcode < 16; rcode++) {
        good_sending();
        octets_put_u16(sending.octets[1] + 2, (uint16_t)(MESSAGE_QR | rcode));
        assert_refused(XFR_IN_REFUSED, rcode_text(rcode));
    }
}

static void
header_and_question_must_be_those_of_the_query(void **state)
{
    (void)state;
    good_sending();
    sending.octets[1][0] ^= 1;
    assert_refused(XFR_IN_SYNTAX, "message 2, octet 0: the ID");
    good_sending();
    octets_put_u16(sending.octets[0] + 2, 0);
    assert_refused(XFR_IN_SYNTAX, "not an answer");
    good_sending();
    octets_put_u16(sending.octets[0] + 2, MESSAGE_QR | OPCODE_NOTIFY << 11);
    assert_refused(XFR_IN_SYNTAX, "not an answer");
    good_sending();
    octets_put_u16(sending.octets[2] + 2, MESSAGE_QR | MESSAGE_TC);
    assert_refused(XFR_IN_SYNTAX, "truncated");
    good_sending();
    sending.octets[1][14] ^= 1;
    assert_refused(XFR_IN_SYNTAX, "message 2, octet 12: the question is not the one");
    sending.count = 0;
    begin_message(false);
    add_soa(7);
    end_message();
    assert_refused(XFR_IN_SYNTAX, "message 1, octet 12: not one question");
}

static void
a_question_in_other_letter_case_is_the_same(void **state)
{
    (void)state;
    struct xfr_in_options options = plain_options();
    good_sending();
    sending.octets[0][13] = 'E';
    assert_int_equal(run(&options), XFR_IN_DONE);
}

static void
the_first_record_must_be_the_soa(void **state)
{
    (void)state;
    sending.count = 0;
    begin_message(true);
    add_ns();
    add_soa(7);
    end_message();
    assert_refused(XFR_IN_SYNTAX, "octet 29: example.gov. NS: the first record is not");
}

static void
a_soa_in_the_middle_is_refused(void **state)
{
    (void)state;
    sending.count = 0;
    begin_message(true);
    add_soa(7);
    add_ns();
    add_soa(7);
    add_a("www", 1);
    add_soa(7);
    end_message();
    assert_refused(XFR_IN_SYNTAX, "www.example.gov. A: a record behind the closing SOA");
    sending.count = 0;
    begin_message(true);
    add_soa(7);
    add_rr("sub", RRTYPE_SOA, RRCLASS_IN, 60, "\0\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1", 22);
    end_message();
    assert_refused(XFR_IN_SYNTAX, "sub.example.gov. SOA: a SOA below the apex");
}

static void
a_last_soa_unlike_the_first_is_refused_in_every_field(void **state)
{
    (void)state;
    enum { RDATA = 54 };
    good_sending();
    size_t length = sending.length[2];
    // The five numbers at the end, the TTL before the RDATA and its length, a letter of MNAME.
    for (size_t number = 0; number < 5; number++) {
        good_sending();
        sending.octets[2][length - 1 - 4 * number] ^= 2;
        assert_refused(XFR_IN_SYNTAX, "differs from the first");
    }
    good_sending();
    sending.octets[2][length - RDATA - 3] ^= 2;
    assert_refused(XFR_IN_SYNTAX, "differs from the first");
    good_sending();
    sending.octets[2][length - RDATA + 1] ^= 2;
    assert_refused(XFR_IN_SYNTAX, "differs from the first");
}

static void
records_of_another_zone_class_or_meta_type_are_refused(void **state)
{
    (void)state;
    sending.count = 0;
    begin_message(true);
    add_soa(7);
    add_a("www.example.com.", 1);
    end_message();
    assert_refused(XFR_IN_SYNTAX, "www.example.com. A: outside of the zone");
    sending.count = 0;
    begin_message(true);
    add_soa(7);
    add_rr("www", RRTYPE_A, RRCLASS_CH, 60, "\1\2\3\4", 4);
    end_message();
    assert_refused(XFR_IN_SYNTAX, "www.example.gov. A: the class is not IN");
    static const uint16_t meta[] = {RRTYPE_OPT, RRTYPE_TKEY, RRTYPE_IXFR, RRTYPE_AXFR, RRTYPE_ANY};
    for (unsigned i = 0; i < sizeof(meta) / sizeof(meta[0]); i++) {
        sending.count = 0;
        begin_message(true);
        add_soa(7);
        add_rr("www", meta[i], RRCLASS_IN, 60, NULL, 0);
        end_message();
        assert_refused(XFR_IN_SYNTAX, "a type that no zone holds");
    }
}

static void
bad_rdata_is_refused_by_name(void **state)
{
    (void)state;
    sending.count = 0;
    begin_message(true);
    add_soa(7);
    add_rr("www", RRTYPE_A, RRCLASS_IN, 60, "\1\2\3", 3);
    end_message();
    assert_refused(XFR_IN_SYNTAX, "www.example.gov. A: A: ");
    sending.count = 0;
    begin_message(true);
    add_soa(7);
    add_rr("www", RRTYPE_MX, RRCLASS_IN, 60, "\0\1", 2);
    end_message();
    assert_refused(XFR_IN_SYNTAX, "www.example.gov. MX: MX: missing");
}

static void
compression_loops_are_refused_in_owner_and_rdata(void **state)
{
    (void)state;
    sending.count = 0;
    begin_message(true);
    add_soa(7);
    uint16_t at = (uint16_t)message_length(&sending.writer);
    uint8_t pointer[2] = {(uint8_t)(0xc0 | at >> 8), (uint8_t)at};
    octets_write(&sending.writer.out, pointer, 2);
    octets_write(&sending.writer.out, "\0\1\0\1\0\0\0\0\0\4\1\2\3\4", 14);
    octets_patch_u16(&sending.writer.out, 6, 2);
    end_message();
    assert_refused(XFR_IN_SYNTAX, "a record that cannot be read");
    sending.count = 0;
    begin_message(true);
    add_soa(7);
    at = (uint16_t)(message_length(&sending.writer) + 12 + 2);
    uint8_t loop[4] = {1, 'a', (uint8_t)(0xc0 | at >> 8), (uint8_t)at};
    add_rr("example.gov.", RRTYPE_NS, RRCLASS_IN, 60, loop, 4);
    end_message();
    assert_refused(XFR_IN_SYNTAX, "example.gov. NS: NS: ");
}

static void
a_zone_of_nothing_but_its_soa_is_empty(void **state)
{
    (void)state;
    sending.count = 0;
    begin_message(true);
    add_soa(7);
    add_soa(7);
    end_message();
    assert_refused(XFR_IN_EMPTY, "the zone is empty");
}

static void
one_soa_alone_is_a_cut_axfr_but_an_answer_to_an_ixfr(void **state)
{
    (void)state;
    struct xfr_in_options options = plain_options();
    sending.count = 0;
    begin_message(true);
    add_soa(7);
    end_message();
    assert_int_equal(run(&options), XFR_IN_MORE);
    octets_put_u16(sending.octets[0] + 25, RRTYPE_IXFR);
    options.ixfr = true;
    options.serial = 7;
    assert_int_equal(run(&options), XFR_IN_UP_TO_DATE);
    options.serial = 8;
    assert_int_equal(run(&options), XFR_IN_UP_TO_DATE);
    options.serial = 6;
    assert_int_equal(run(&options), XFR_IN_MORE);
}

static void
an_ixfr_answered_by_a_whole_zone_is_taken(void **state)
{
    (void)state;
    struct xfr_in_options options = plain_options();
    options.ixfr = true;
    options.serial = 6;
    good_sending();
    octets_put_u16(sending.octets[0] + 25, RRTYPE_IXFR);
    octets_put_u16(sending.octets[1] + 25, RRTYPE_IXFR);
    assert_int_equal(run(&options), XFR_IN_DONE);
}

static void
octets_records_time_and_empty_messages_are_limited(void **state)
{
    (void)state;
    struct xfr_in_options options = plain_options();
    good_sending();
    uint64_t whole = sending.length[0] + sending.length[1] + sending.length[2] + 6;
    options.octets_max = whole;
    assert_int_equal(run(&options), XFR_IN_DONE);
    options.octets_max = whole - 1;
    assert_int_equal(run(&options), XFR_IN_FAILED);
    assert_int_equal(fault.kind, FAULT_LIMIT);
    options = plain_options();
    options.records_max = 5;
    assert_int_equal(run(&options), XFR_IN_DONE);
    options.records_max = 4;
    assert_int_equal(run(&options), XFR_IN_FAILED);
    assert_int_equal(fault.kind, FAULT_LIMIT);
    options = plain_options();
    options.seconds_max = 10;
    start(&options);
    assert_int_equal(xfr_in_feed(transfer, sending.octets[0], sending.length[0], NOW + 10, &fault),
                     XFR_IN_MORE);
    assert_int_equal(xfr_in_feed(transfer, sending.octets[1], sending.length[1], NOW + 11, &fault),
                     XFR_IN_FAILED);
    assert_int_equal(fault.kind, FAULT_TIMEOUT);
    finish();
    options = plain_options();
    sending.count = 0;
    begin_message(true);
    add_soa(7);
    end_message();
    begin_message(true);
    end_message();
    start(&options);
    assert_int_equal(xfr_in_feed(transfer, sending.octets[0], sending.length[0], NOW, &fault),
                     XFR_IN_MORE);
    for (unsigned i = 0; i < XFR_IN_EMPTY_MAX; i++)
        assert_int_equal(xfr_in_feed(transfer, sending.octets[1], sending.length[1], NOW, &fault),
                         XFR_IN_MORE);
    assert_int_equal(xfr_in_feed(transfer, sending.octets[1], sending.length[1], NOW, &fault),
                     XFR_IN_FAILED);
    finish();
}

static void
a_first_message_without_records_is_refused(void **state)
{
    (void)state;
    sending.count = 0;
    begin_message(true);
    end_message();
    assert_refused(XFR_IN_SYNTAX, "no record in the first message");
}

static void
octets_behind_a_message_are_refused(void **state)
{
    (void)state;
    good_sending();
    sending.octets[1][sending.length[1]++] = 0;
    assert_refused(XFR_IN_SYNTAX, "octets behind the end");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_transfer_becomes_a_stream),
        cmocka_unit_test(the_query_is_an_axfr_for_the_zone),
        cmocka_unit_test(a_transfer_cut_between_any_two_messages_is_not_done),
        cmocka_unit_test(every_message_cut_anywhere_is_refused),
        cmocka_unit_test(no_flipped_bit_does_harm),
        cmocka_unit_test(signed_transfers_pass_with_gaps_but_not_without_first_or_last),
        cmocka_unit_test(a_signed_transfer_with_any_octet_changed_fails),
        cmocka_unit_test(a_message_moved_or_repeated_in_a_signed_transfer_fails),
        cmocka_unit_test(an_unsigned_refusal_says_its_rcode_not_that_it_is_unsigned),
        cmocka_unit_test(every_rcode_is_a_refusal),
        cmocka_unit_test(header_and_question_must_be_those_of_the_query),
        cmocka_unit_test(a_question_in_other_letter_case_is_the_same),
        cmocka_unit_test(the_first_record_must_be_the_soa),
        cmocka_unit_test(a_soa_in_the_middle_is_refused),
        cmocka_unit_test(a_last_soa_unlike_the_first_is_refused_in_every_field),
        cmocka_unit_test(records_of_another_zone_class_or_meta_type_are_refused),
        cmocka_unit_test(bad_rdata_is_refused_by_name),
        cmocka_unit_test(compression_loops_are_refused_in_owner_and_rdata),
        cmocka_unit_test(a_zone_of_nothing_but_its_soa_is_empty),
        cmocka_unit_test(one_soa_alone_is_a_cut_axfr_but_an_answer_to_an_ixfr),
        cmocka_unit_test(an_ixfr_answered_by_a_whole_zone_is_taken),
        cmocka_unit_test(octets_records_time_and_empty_messages_are_limited),
        cmocka_unit_test(a_first_message_without_records_is_refused),
        cmocka_unit_test(octets_behind_a_message_are_refused),
    };
    return cmocka_run_group_tests(tests, names_make, NULL);
}
