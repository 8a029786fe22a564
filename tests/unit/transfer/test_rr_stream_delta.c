// Deltas as a writer that lies would write them: each breaks one rule, and its checksum is right.
#include "common/transfer/rr_stream.h"

#include "common/base/arena.h"
#include "common/dns/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const uint8_t apex[] = "\7example\3gov";
static const uint8_t below[] = "\1w\7example\3gov";
static struct rr_stream_writer writer;
static struct rr_stream_rr rr;
static struct fault fault;

static void
add_soa(const uint8_t *owner, uint32_t serial)
{
    uint8_t soa[] = "\2ns\7example\3gov\0\4host\7example\3gov\0"
                    "\0\0\0\0\0\0\16\20\0\0\2\130\0\11\72\200\0\0\0\74";
    octets_put_u32(soa + sizeof(soa) - 1 - 20, serial);
    rr_stream_add(&writer, owner, RRTYPE_SOA, 60, soa, sizeof(soa) - 1);
}

// "-5" and "+6": marks; "s5": the SOA at the apex, "S5": below it; "a3": an A record.
static void
write_words(const char *words)
{
    char copy[256], *rest;
    snprintf(copy, sizeof(copy), "%s", words);
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        uint32_t number = (uint32_t)strtoul(word + 1, NULL, 10);
        const uint8_t address[4] = {192, 0, 2, (uint8_t)number};
        if (*word == '-' || *word == '+')
            rr_stream_add_mark(&writer, *word == '-' ? RR_STREAM_REMOVED : RR_STREAM_ADDED, number);
        else if (*word == 's' || *word == 'S')
            add_soa(*word == 's' ? apex : below, number);
        else
            rr_stream_add(&writer, below, RRTYPE_A, 60, address, 4);
    }
}

// How many records are read before the stream is refused (or done).
static enum rr_stream_step
read_all(bool delta, uint32_t from, uint32_t to, const char *words, uint64_t *ret_count)
{
    struct rr_stream_reader *reader = memory_zalloc(sizeof(*reader));
    enum rr_stream_step step;
    memset(&fault, 0, sizeof(fault));
    rr_stream_writer_init(&writer, apex, -1);
    if (delta)
        rr_stream_add_delta(&writer, from, to);
    write_words(words);
    assert_true(rr_stream_end(&writer, NULL));
    assert_true(rr_stream_reader_init(reader, writer.buffer.data, writer.buffer.length, &fault));
    assert_int_equal(reader->is_delta, delta);
    assert_true(!delta || (reader->from_serial == from && reader->to_serial == to));
    while ((step = rr_stream_next(reader, &rr, &fault)) == RR_STREAM_RR)
        ;
    *ret_count = reader->count;
    rr_stream_reader_close(reader);
    free(reader);
    rr_stream_writer_close(&writer);
    return step;
}

static void
assert_good(uint32_t from, uint32_t to, const char *words, uint64_t expected)
{
    uint64_t count;
    if (read_all(true, from, to, words, &count) != RR_STREAM_DONE)
        fail_msg("%s: %s", words, fault.text);
    assert_int_equal(count, expected);
}

static void
assert_bad(bool delta, uint32_t from, uint32_t to, const char *words, const char *why)
{
    uint64_t count;
    if (read_all(delta, from, to, words, &count) != RR_STREAM_BAD || !strstr(fault.text, why))
        fail_msg("%s: %s", words, fault.text);
}

static void
deltas_that_chain_are_read(void **state)
{
    (void)state;
    assert_good(5, 6, "-5 s5 +6 s6", 2);
    assert_good(5, 9, "-5 s5 a1 +6 s6 a2 -6 s6 +9 s9 a1 a2", 8);
    assert_good(UINT32_MAX, 1, "-4294967295 s4294967295 +1 s1", 2);
}

static void
marks_that_do_not_chain_are_refused(void **state)
{
    (void)state;
    assert_bad(true, 5, 6, "+6 s6", "do not chain");
    assert_bad(true, 5, 6, "-4 s4 +6 s6", "do not chain");
    assert_bad(true, 5, 6, "-5 s5 -5 s5 +6 s6", "do not chain");
    assert_bad(true, 5, 6, "-5 s5 +7 s7", "do not chain");
    assert_bad(true, 5, 6, "-5 s5 +5 s5", "do not chain");
    assert_bad(true, 5, 9, "-5 s5 +6 s6 -7 s7 +9 s9", "do not chain");
    assert_bad(true, 5, 9, "-5 s5 +6 s6 +9 s9", "do not chain");
    assert_bad(true, 5, 9, "-5 s5 +9 s9 -9 s9 +9 s9", "do not chain");
    assert_bad(true, 5, 9, "-5 +9 s9", "owner is not a name");
    assert_bad(true, 5, 9, "-5 s5 +9", "before the serial");
}

static void
a_delta_that_does_not_reach_its_serial_is_refused(void **state)
{
    (void)state;
    assert_bad(true, 5, 9, "", "before the serial");
    assert_bad(true, 5, 9, "-5 s5", "before the serial");
    assert_bad(true, 5, 9, "-5 s5 +6 s6", "before the serial");
    assert_bad(true, 5, 9, "-5 s5 +6 s6 -6 s6 a1", "before the serial");
}

static void
parts_without_their_soa_or_with_another_are_refused(void **state)
{
    (void)state;
    assert_bad(true, 5, 6, "a1", "begin with their SOA");
    assert_bad(true, 5, 6, "s5", "begin with their SOA");
    assert_bad(true, 5, 6, "-5 a1 +6 s6", "begin with their SOA");
    assert_bad(true, 5, 6, "-5 s4 +6 s6", "begin with their SOA");
    assert_bad(true, 5, 6, "-5 S5 +6 s6", "begin with their SOA");
    assert_bad(true, 5, 6, "-5 s5 s5 +6 s6", "begin with their SOA");
    assert_bad(true, 5, 6, "-5 s5 +6 s6 S6", "begin with their SOA");
}

static void
marks_in_a_whole_zone_are_refused(void **state)
{
    (void)state;
    uint64_t count;
    assert_int_equal(read_all(false, 0, 0, "s5 a1", &count), RR_STREAM_DONE);
    assert_int_equal(rr.part, RR_STREAM_CONTENT);
    assert_bad(false, 0, 0, "s5 -5 s5 +6 s6", "do not chain");
    assert_bad(false, 0, 0, "-5 s5 +6 s6", "do not chain");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deltas_that_chain_are_read),
        cmocka_unit_test(marks_that_do_not_chain_are_refused),
        cmocka_unit_test(a_delta_that_does_not_reach_its_serial_is_refused),
        cmocka_unit_test(parts_without_their_soa_or_with_another_are_refused),
        cmocka_unit_test(marks_in_a_whole_zone_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
