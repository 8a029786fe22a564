// Answers to an IXFR, written as words: a number is a SOA with that serial ("7!" one with another
// TTL), a letter and digits an A record ("w3" is w.example.gov. A 192.0.2.3), "|" ends a message.
// What came of it is written the same way: "-5" and "+6" are the marks.
#include "common/transfer/xfr_in.h"

#include "common/base/arena.h"
#include "common/dns/message_write.h"
#include "common/dns/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define NOW  1795263187
#define ID   0x4242
#define ROOM 4096

static const uint8_t apex[] = "\7example\3gov";
static struct tsig_key key = {.algorithm = TSIG_HMAC_SHA256, .secret_length = 32, .name = "\3xfr"};
static struct xfr_in *transfer;
static struct rr_stream_writer stream;
static struct fault fault;
static char text[ROOM];              // of the stream
static struct tsig_exchange primary; // key NULL: unsigned

static void
add_rr(struct message_writer *writer, const char *owner, uint16_t type, uint32_t ttl,
       const void *rdata, uint16_t length)
{
    uint8_t name[NAME_SIZE_MAX];
    assert_true(name_from_text(owner, apex, name, NULL));
    assert_true(
        message_write_rr(writer, MESSAGE_ANSWER, name, type, RRCLASS_IN, ttl, rdata, length));
}

static void
add_word(struct message_writer *writer, const char *word)
{
    uint8_t soa[] = "\2ns\7example\3gov\0\4host\7example\3gov\0"
                    "\0\0\0\0\0\0\16\20\0\0\2\130\0\11\72\200\0\0\0\74";
    uint8_t address[4] = {192, 0, 2, 0};
    if (*word >= '0' && *word <= '9') {
        octets_put_u32(soa + sizeof(soa) - 1 - 20, (uint32_t)strtoul(word, NULL, 10));
        add_rr(writer, word[strlen(word) - 1] == '@' ? "sub" : "example.gov.", RRTYPE_SOA,
               word[strlen(word) - 1] == '!' ? 61 : 60, soa, sizeof(soa) - 1);
        return;
    }
    const char owner[2] = {*word, '\0'};
    address[3] = (uint8_t)atoi(word + 1);
    add_rr(writer, *word == 'X' ? "elsewhere.example." : owner, RRTYPE_A, 60, address, 4);
}

static enum xfr_in_step
feed(struct message_writer *writer, uint8_t *octets, bool sign)
{
    size_t length = message_length(writer);
    if (primary.key && sign)
        length = tsig_sign(&primary, octets, length, ROOM, NOW, 0, NULL);
    else if (primary.key)
        octets_buffer_add(&primary.pending, octets, length);
    uint8_t *exact = memory_alloc(length);
    memcpy(exact, octets, length);
    enum xfr_in_step step = xfr_in_feed(transfer, exact, length, NOW, &fault);
    free(exact);
    return step;
}

// Feeds the words until the transfer is over; at most `messages` messages.
static enum xfr_in_step
feed_words(const char *words, unsigned messages)
{
    uint8_t octets[ROOM];
    char copy[ROOM], *next, *rest;
    struct message_writer writer;
    enum xfr_in_step step = XFR_IN_MORE;
    snprintf(copy, sizeof(copy), "%s |", words);
    for (next = copy; *next && step == XFR_IN_MORE && messages > 0; messages--) {
        char *end = strchr(next, '|');
        *end = '\0';
        message_writer_init(&writer, octets, ROOM - TSIG_SIZE_MAX, ID, MESSAGE_QR | MESSAGE_AA);
        assert_true(message_write_question(&writer, apex, RRTYPE_IXFR, RRCLASS_IN));
        for (char *word = strtok_r(next, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
            add_word(&writer, word);
        step = feed(&writer, octets, true);
        next = end + 1;
    }
    return step;
}

static void
print_stream(void)
{
    struct rr_stream_reader *reader = memory_zalloc(sizeof(*reader));
    struct rr_stream_rr rr;
    size_t at = 0;
    enum rr_stream_part part = RR_STREAM_CONTENT;
    assert_true(rr_stream_reader_init(reader, stream.buffer.data, stream.buffer.length, NULL));
    if (reader->is_delta)
        at = (size_t)snprintf(text, ROOM, "%u>%u", reader->from_serial, reader->to_serial);
    while (rr_stream_next(reader, &rr, NULL) == RR_STREAM_RR) {
        if (rr.part != part)
            at += (size_t)snprintf(text + at, ROOM - at, " %c%u",
                                   rr.part == RR_STREAM_REMOVED ? '-' : '+', reader->serial);
        part = rr.part;
        if (rr.type == RRTYPE_SOA)
            at += (size_t)snprintf(text + at, ROOM - at, " soa");
        else
            at += (size_t)snprintf(text + at, ROOM - at, " %c%u", rr.owner[1], rr.rdata[3]);
    }
    assert_true(reader->ended);
    free(reader);
}

static void
start(uint32_t serial, uint64_t records_max)
{
    struct xfr_in_options options = {.apex = apex,
                                     .primary = "p",
                                     .id = ID,
                                     .ixfr = true,
                                     .serial = serial,
                                     .delta_records_max = records_max};
    memset(&fault, 0, sizeof(fault));
    text[0] = '\0';
    transfer = memory_alloc(sizeof(*transfer));
    tsig_exchange_init(&primary, NULL);
    rr_stream_writer_init(&stream, apex, -1);
    xfr_in_init(transfer, &options, &stream, NOW);
}

static void
end(void)
{
    xfr_in_close(transfer);
    tsig_exchange_close(&primary);
    rr_stream_writer_close(&stream);
    free(transfer);
}

static void
assert_taken(uint32_t serial, const char *words, const char *expected)
{
    start(serial, 0);
    enum xfr_in_step step = feed_words(words, UINT32_MAX);
    if (step != XFR_IN_DONE)
        fail_msg("%s: %d %s", words, (int)step, fault.text);
    print_stream();
    assert_string_equal(text, expected);
    end();
}

static void
assert_refused(uint32_t serial, const char *words, enum xfr_in_reason reason, const char *why)
{
    start(serial, 0);
    enum xfr_in_step step = feed_words(words, UINT32_MAX);
    if (step != XFR_IN_FAILED || transfer->reason != reason || !strstr(fault.text, why))
        fail_msg("%s: step %d, %s: %s", words, (int)step, xfr_in_reason_word(transfer->reason),
                 fault.text);
    end();
}

static void
one_step_becomes_a_delta(void **state)
{
    (void)state;
    assert_taken(5, "6 5 a1 6 a2 6", "5>6 -5 soa a1 +6 soa a2");
    assert_taken(5, "6 5 6 a2 b2 6", "5>6 -5 soa +6 soa a2 b2");
    assert_taken(5, "6 5 a1 6 6", "5>6 -5 soa a1 +6 soa");
    assert_taken(5, "6 5 6 6", "5>6 -5 soa +6 soa");
    assert_taken(4294967295, "2 4294967295 a1 2 2", "4294967295>2 -4294967295 soa a1 +2 soa");
}

static void
several_steps_and_condensed_ones_become_a_delta(void **state)
{
    (void)state;
    assert_taken(5, "9 5 a1 6 a2 6 a2 7 a3 7 9 b1 9",
                 "5>9 -5 soa a1 +6 soa a2 -6 soa a2 +7 soa a3 -7 soa +9 soa b1");
}

static void
records_may_stand_in_any_messages(void **state)
{
    (void)state;
    const char *whole = "5>7 -5 soa a1 +6 soa a2 -6 soa b1 +7 soa b2";
    assert_taken(5, "7 | 5 | a1 | 6 | a2 | 6 | b1 | 7 | b2 | 7", whole);
    assert_taken(5, "7 5 a1 | 6 a2 6 | | b1 7 b2 | 7", whole);
}

static void
an_answer_in_axfr_form_is_a_whole_zone(void **state)
{
    (void)state;
    assert_taken(5, "6 a1 b1 6", " soa a1 b1");
    assert_taken(5, "6 | a1 b1 | 6", " soa a1 b1");
    assert_taken(6, "6 a1 b1 6", " soa a1 b1");
}

static void
one_soa_says_up_to_date_and_only_in_the_first_message(void **state)
{
    (void)state;
    start(6, 0);
    assert_int_equal(feed_words("6", 9), XFR_IN_UP_TO_DATE);
    assert_int_equal(transfer->serial, 6);
    end();
    start(7, 0);
    assert_int_equal(feed_words("6", 9), XFR_IN_UP_TO_DATE);
    end();
    start(5, 0);
    assert_int_equal(feed_words("6", 9), XFR_IN_MORE);
    end();
}

static void
serials_that_do_not_chain_are_refused(void **state)
{
    (void)state;
    assert_refused(5, "7 4 a1 7 7", XFR_IN_DELTA, "begins at serial 4, not 5");
    assert_refused(5, "7 6 a1 7 7", XFR_IN_DELTA, "begins at serial 6, not 5");
    assert_refused(5, "9 5 6 7 9 9", XFR_IN_DELTA, "a step begins at serial 7, not 6");
    assert_refused(5, "9 5 6 9 9", XFR_IN_DELTA, "a step begins at serial 9, not 6");
    assert_refused(5, "9 5 10 10 9 9", XFR_IN_DELTA, "a step leads to serial 10, not 9");
    assert_refused(5, "9 5 8 8 7 7 9 9", XFR_IN_DELTA, "a step leads to serial 7, not 9");
    assert_refused(5, "9 5 5 5 9 9", XFR_IN_DELTA, "a step leads to serial 5, not 9");
    assert_refused(5, "4 5 4 4", XFR_IN_DELTA, "leads from our serial back to 4, not 5");
}

static void
soas_that_differ_from_the_first_are_refused(void **state)
{
    (void)state;
    assert_refused(5, "6 5 a1 6! a2 6", XFR_IN_SYNTAX, "leads to differs from its first");
    assert_refused(5, "6 5 a1 6 a2 6!", XFR_IN_SYNTAX, "closing SOA of a delta differs");
    assert_refused(5, "6 5 a1 6@ a2 6", XFR_IN_SYNTAX, "a SOA below the apex");
    assert_refused(5, "6 5@ a1 6 a2 6", XFR_IN_SYNTAX, "a SOA below the apex");
    assert_refused(5, "6 6", XFR_IN_EMPTY, "nothing but its SOA");
    assert_refused(5, "6 a1 5 a1 6 6", XFR_IN_SYNTAX, "a second SOA that differs");
}

static void
records_outside_of_the_zone_or_behind_the_end_are_refused(void **state)
{
    (void)state;
    assert_refused(5, "6 5 X1 6 6", XFR_IN_SYNTAX, "outside of the zone");
    assert_refused(5, "6 5 6 X1 6", XFR_IN_SYNTAX, "outside of the zone");
    assert_refused(5, "6 5 6 a1 6 a2", XFR_IN_SYNTAX, "behind the closing SOA");
    assert_refused(5, "6 5 6 a1 6 6", XFR_IN_SYNTAX, "behind the closing SOA");
}

static void
a_delta_cut_at_any_message_is_not_done(void **state)
{
    (void)state;
    for (unsigned messages = 1; messages < 10; messages++) {
        start(5, 0);
        assert_int_equal(feed_words("7 | 5 | a1 | 6 | a2 | 6 | b1 | 7 | b2 | 7", messages),
                         XFR_IN_MORE);
        assert_false(xfr_in_cut(transfer, "closed", &fault));
        assert_int_equal(transfer->reason, XFR_IN_CUT);
        end();
    }
}

static void
a_delta_longer_than_it_may_be_is_refused(void **state)
{
    (void)state;
    start(5, 4);
    assert_int_equal(feed_words("6 5 a1 6 a2 6", 9), XFR_IN_DONE);
    end();
    start(5, 3);
    assert_int_equal(feed_words("6 5 a1 6 a2 6", 9), XFR_IN_FAILED);
    assert_int_equal(transfer->reason, XFR_IN_LIMIT);
    end();
}

// RFC 8945 section 5.3.1.
static void
a_signed_delta_needs_its_last_signature(void **state)
{
    (void)state;
    for (unsigned leave_last = 0; leave_last < 2; leave_last++) {
        uint8_t query[XFR_IN_QUERY_MAX], octets[ROOM];
        const struct tsig_key *found;
        struct message_writer writer;
        memset(key.secret, 7, 32);
        start(5, 0);
        transfer->options.key = &key;
        tsig_exchange_init(&transfer->exchange, &key);
        size_t length = xfr_in_query(transfer, query, sizeof(query), NOW);
        assert_int_equal(tsig_check_query(query, length, &key, 1, NOW, &primary, &found), 0);
        assert_int_equal(feed_words("6 5 a1", 9), XFR_IN_MORE);
        message_writer_init(&writer, octets, ROOM - TSIG_SIZE_MAX, ID, MESSAGE_QR | MESSAGE_AA);
        add_word(&writer, "6");
        add_word(&writer, "a2");
        add_word(&writer, "6");
        assert_int_equal(feed(&writer, octets, !leave_last),
                         leave_last ? XFR_IN_FAILED : XFR_IN_DONE);
        assert_int_equal(transfer->reason, leave_last ? XFR_IN_TSIG : XFR_IN_NO_REASON);
        end();
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_step_becomes_a_delta),
        cmocka_unit_test(several_steps_and_condensed_ones_become_a_delta),
        cmocka_unit_test(records_may_stand_in_any_messages),
        cmocka_unit_test(an_answer_in_axfr_form_is_a_whole_zone),
        cmocka_unit_test(one_soa_says_up_to_date_and_only_in_the_first_message),
        cmocka_unit_test(serials_that_do_not_chain_are_refused),
        cmocka_unit_test(soas_that_differ_from_the_first_are_refused),
        cmocka_unit_test(records_outside_of_the_zone_or_behind_the_end_are_refused),
        cmocka_unit_test(a_delta_cut_at_any_message_is_not_done),
        cmocka_unit_test(a_delta_longer_than_it_may_be_is_refused),
        cmocka_unit_test(a_signed_delta_needs_its_last_signature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
