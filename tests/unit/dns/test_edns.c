#include "common/dns/edns.h"

#include "common/dns/rcode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

// Reads an OPT from hexadecimal (spaces allowed) as it would stand in a message.
static struct edns
edns_of(const char *hex)
{
    static uint8_t message[1024];
    struct octets_reader reader;
    struct message_rr opt;
    struct edns edns;
    size_t length = 0;
    for (; *hex; hex++) {
        if (*hex == ' ')
            continue;
        char pair[3] = {hex[0], hex[1], 0};
        message[length++] = (uint8_t)strtoul(pair, NULL, 16);
        hex++;
    }
    octets_reader_init(&reader, message, length);
    assert_true(message_read_rr(&reader, &opt));
    edns_read(&reader, &opt, &edns);
    return edns;
}

static void
the_fixed_part_gives_size_version_and_do(void **state)
{
    (void)state;
    struct edns edns = edns_of("00 0029 04d0 00 00 8000 0000");
    assert_true(edns.present);
    assert_int_equal(edns.udp_size, 1232);
    assert_int_equal(edns.version, 0);
    assert_true(edns.dnssec_ok);
    assert_false(edns.malformed);
    edns = edns_of("00 0029 1000 00 01 0000 0000");
    assert_int_equal(edns.version, 1);
    assert_false(edns.dnssec_ok);
}

static void
a_ttl_with_its_top_bit_set_is_still_three_fields(void **state)
{
    (void)state;
    struct edns edns = edns_of("00 0029 04d0 ff 02 ffff 0000");
    assert_int_equal(edns.version, 2);
    assert_true(edns.dnssec_ok);
}

static void
a_size_below_512_counts_as_512(void **state)
{
    (void)state;
    assert_int_equal(edns_of("00 0029 0000 00000000 0000").udp_size, 512);
    assert_int_equal(edns_of("00 0029 01ff 00000000 0000").udp_size, 512);
    assert_int_equal(edns_of("00 0029 0200 00000000 0000").udp_size, 512);
}

static void
an_owner_that_is_not_the_root_is_malformed(void **state)
{
    (void)state;
    assert_true(edns_of("0161 00 0029 04d0 00000000 0000").malformed);
}

static void
known_options_are_found_among_unknown_ones(void **state)
{
    (void)state;
    struct edns edns = edns_of("00 0029 04d0 00000000 001a"
                               " fde9 0002 abcd  0003 0000  0009 0000  000a 0008 0102030405060708");
    assert_false(edns.malformed);
    assert_true(edns.nsid);
    assert_true(edns.expire);
    assert_int_equal(edns.cookie_length, 8);
    assert_memory_equal(edns.cookie, "\1\2\3\4\5\6\7\10", 8);
}

// RFC 7828 section 3.2.1: a query has the option without a time-out.
static void
a_client_may_ask_how_long_its_connection_is_kept(void **state)
{
    (void)state;
    assert_true(edns_of("00 0029 04d0 00000000 0004 000b 0000").keepalive);
    assert_true(edns_of("00 0029 04d0 00000000 0006 000b 0002 0064").keepalive);
    assert_false(edns_of("00 0029 04d0 00000000 0004 000a 0000").keepalive);
}

// RFC 7828 section 3.1: two octets, units of 100 milliseconds.
static void
the_time_that_a_connection_is_kept_is_told_in_tenths_of_a_second(void **state)
{
    (void)state;
    uint8_t memory[17];
    struct octets_writer writer;
    const struct edns_answer answer = {.udp_size = 1232, .ede = EDE_NONE, .keepalive = 300};
    octets_writer_init(&writer, memory, sizeof(memory));
    edns_write(&writer, &answer);
    assert_false(writer.failed);
    assert_int_equal(edns_size(&answer), 17);
    assert_memory_equal(memory, "\0\0\051\004\320\0\0\0\0\0\6\0\013\0\2\1\054", 17);
}

static void
the_first_of_two_cookies_counts(void **state)
{
    (void)state;
    struct edns edns = edns_of("00 0029 04d0 00000000 0018"
                               " 000a 0008 0102030405060708  000a 0008 1112131415161718");
    assert_false(edns.malformed);
    assert_int_equal(edns.cookie[0], 1);
}

static void
cookie_lengths_are_8_or_16_to_40(void **state)
{
    (void)state;
    for (unsigned length = 0; length <= 48; length++) {
        char hex[256];
        size_t at = (size_t)snprintf(hex, sizeof(hex), "0000290200000000 00%04x000a%04x",
                                     length + 4, length);
        for (unsigned i = 0; i < length; i++)
            at += (size_t)snprintf(hex + at, sizeof(hex) - at, "aa");
        bool fits = length == 8 || (length >= 16 && length <= 40);
        struct edns edns = edns_of(hex);
        assert_int_equal(edns.malformed, !fits);
        assert_int_equal(edns.cookie_length, fits ? length : 0);
    }
}

static void
an_option_over_the_end_is_malformed(void **state)
{
    (void)state;
    assert_true(edns_of("00 0029 04d0 00000000 0004 0003 0001").malformed);
    assert_true(edns_of("00 0029 04d0 00000000 0003 0003 00").malformed);
    assert_true(edns_of("00 0029 04d0 00000000 0001 00").malformed);
}

static void
an_answer_has_the_size_that_was_promised_and_reads_back(void **state)
{
    (void)state;
    uint8_t memory[256];
    struct octets_writer writer;
    const uint8_t cookie[24] = {9, 8, 7};
    const struct edns_answer answer = {
        .udp_size = 1232,
        .extended_rcode = RCODE_BADVERS,
        .dnssec_ok = true,
        .ede = EDE_NOT_READY,
        .ede_text = "not there yet",
        .cookie_length = sizeof(cookie),
        .cookie = cookie,
        .nsid = (const uint8_t *)"ns1",
        .nsid_length = 3,
        .has_expire = true,
        .expire = 1209600,
    };
    octets_writer_init(&writer, memory, sizeof(memory));
    edns_write(&writer, &answer);
    assert_false(writer.failed);
    assert_int_equal(octets_written(&writer), edns_size(&answer));
    const uint8_t expected[] = "\0\0\051\004\320\001\0\200\0\0\076"
                               "\0\003\0\003ns1"
                               "\0\011\0\004\0\022\165\0"
                               "\0\012\0\030\011\010\007\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                               "\0\017\0\017\0\016not there yet";
    assert_int_equal(octets_written(&writer), sizeof(expected) - 1);
    assert_memory_equal(memory, expected, sizeof(expected) - 1);
}

static void
a_bare_answer_is_eleven_octets(void **state)
{
    (void)state;
    uint8_t memory[11];
    struct octets_writer writer;
    const struct edns_answer answer = {.udp_size = 1232, .ede = EDE_NONE};
    octets_writer_init(&writer, memory, sizeof(memory));
    edns_write(&writer, &answer);
    assert_false(writer.failed);
    assert_int_equal(edns_size(&answer), 11);
    assert_memory_equal(memory, "\0\0\051\004\320\0\0\0\0\0\0", 11);
}

static void
an_answer_that_does_not_fit_fails(void **state)
{
    (void)state;
    uint8_t memory[10];
    struct octets_writer writer;
    const struct edns_answer answer = {.udp_size = 1232, .ede = EDE_NONE};
    octets_writer_init(&writer, memory, sizeof(memory));
    edns_write(&writer, &answer);
    assert_true(writer.failed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fixed_part_gives_size_version_and_do),
        cmocka_unit_test(a_ttl_with_its_top_bit_set_is_still_three_fields),
        cmocka_unit_test(a_size_below_512_counts_as_512),
        cmocka_unit_test(an_owner_that_is_not_the_root_is_malformed),
        cmocka_unit_test(known_options_are_found_among_unknown_ones),
        cmocka_unit_test(a_client_may_ask_how_long_its_connection_is_kept),
        cmocka_unit_test(the_time_that_a_connection_is_kept_is_told_in_tenths_of_a_second),
        cmocka_unit_test(the_first_of_two_cookies_counts),
        cmocka_unit_test(cookie_lengths_are_8_or_16_to_40),
        cmocka_unit_test(an_option_over_the_end_is_malformed),
        cmocka_unit_test(an_answer_has_the_size_that_was_promised_and_reads_back),
        cmocka_unit_test(a_bare_answer_is_eleven_octets),
        cmocka_unit_test(an_answer_that_does_not_fit_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
