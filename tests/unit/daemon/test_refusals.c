#include "common/daemon/refusals.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/daemon/log.h"
#include "common/dns/name.h"
#include "common/dns/rcode.h"
#include "common/dns/rrtype.h"

#define NOW 1795000000 // 2026-11-17

static const char WRONG[] = "its signature (TSIG) is wrong; compare";
static const char CLOCK[] = "it was signed at another time; set the clocks";

// What is told stands in a file in place of stderr.
static struct refusals *refusals;
static int file, errors;
static uint8_t zone[NAME_SIZE_MAX], key[NAME_SIZE_MAX];

static int
open_all(void **state)
{
    (void)state;
    refusals = refusals_new();
    assert_true(name_from_text("example.gov.", NULL, zone, NULL));
    assert_true(name_from_text("xfr.", NULL, key, NULL));
    log_open("server 0", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    errors = dup(STDERR_FILENO);
    file = memfd_create("log", MFD_CLOEXEC);
    return dup2(file, STDERR_FILENO) < 0;
}

static int
close_all(void **state)
{
    (void)state;
    dup2(errors, STDERR_FILENO);
    close(errors);
    close(file);
    refusals_free(&refusals);
    return 0;
}

// The last line.
static const char *
last_line(void)
{
    static char text[65536];
    ssize_t length = pread(file, text, sizeof text - 1, 0);
    assert_true(length > 0 && text[length - 1] == '\n');
    text[length - 1] = '\0';
    const char *newline = strrchr(text, '\n');
    return newline ? newline + 1 : text;
}

static bool
tell(const char *peer, const char *reason, bool tcp, int64_t now)
{
    struct address address;
    assert_true(address_from_text(peer, 4321, &address, NULL));
    const struct refused_request request = {
        .reason = reason,
        .peer = &address,
        .tcp = tcp,
        .name = zone,
        .name_is_zone = true,
        .type = RRTYPE_AXFR,
        .key_name = key,
        .rcode = RCODE_NOTAUTH,
    };
    return refusals_tell(refusals, &request, now);
}

static void
a_line_names_reason_peer_zone_key_and_code(void **state)
{
    struct address address;
    (void)state;
    assert_true(tell("192.0.2.7", WRONG, true, NOW));
    const char *line = last_line();
    assert_non_null(
        strstr(line, " warning server 0: request refused reason=\"its signature (TSIG) is wrong; "
                     "compare\" peer=192.0.2.7@4321 zone=example.gov asked=AXFR key=xfr. "
                     "rcode=NOTAUTH left_out=0"));
    assert_true(address_from_text("2001:db8::1", 53, &address, NULL));
    const struct refused_request bare = {
        .reason = "no such zone here", .peer = &address, .rcode = RCODE_REFUSED};
    assert_true(refusals_tell(refusals, &bare, NOW));
    assert_non_null(
        strstr(last_line(), "peer=2001:db8::1@53 name=- asked=- key=- rcode=REFUSED left_out=0"));
}

static void
a_peer_has_one_line_for_each_reason_in_its_time(void **state)
{
    (void)state;
    assert_true(tell("192.0.2.7@1", WRONG, true, NOW));
    for (int i = 0; i < REFUSALS_PEER_SECONDS; i++) // whatever its port, and by UDP, too
        assert_false(tell(i % 2 ? "192.0.2.7@2" : "192.0.2.7@3", WRONG, true, NOW + i));
    assert_false(tell("192.0.2.7", WRONG, false, NOW));
    assert_true(tell("192.0.2.7", CLOCK, true, NOW));
    assert_true(tell("192.0.2.8", WRONG, true, NOW + REFUSALS_PEER_SECONDS - 1));
    assert_true(tell("192.0.2.7", WRONG, true, NOW + REFUSALS_PEER_SECONDS));
    assert_true(tell("192.0.2.7", WRONG, true, NOW - 3600)); // the clock was set back
}

static void
an_ipv6_peer_is_its_network(void **state)
{
    (void)state;
    assert_true(tell("2001:db8:0:1::1", WRONG, true, NOW));
    assert_false(tell("2001:db8:0:1:ffff::2", WRONG, true, NOW));
    assert_true(tell("2001:db8:0:2::1", WRONG, true, NOW));
}

static unsigned
flood(bool tcp, int64_t now, unsigned peers)
{
    unsigned lines = 0;
    for (unsigned i = 0; i < peers; i++) {
        char peer[ADDRESS_TEXT_MAX];
        snprintf(peer, sizeof peer, "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
        lines += tell(peer, WRONG, tcp, now);
    }
    return lines;
}

static void
a_flood_from_many_addresses_is_few_lines_and_the_next_one_says_how_many(void **state)
{
    (void)state;
    assert_int_equal(flood(false, NOW, 20000), REFUSALS_LINES_MAX);
    assert_int_equal(flood(false, NOW + REFUSALS_WINDOW_SECONDS - 1, 20000), 0);
    assert_true(tell("192.0.2.7", WRONG, false, NOW + REFUSALS_WINDOW_SECONDS));
    char left_out[40];
    snprintf(left_out, sizeof left_out, "left_out=%u", 40000 - REFUSALS_LINES_MAX);
    assert_non_null(strstr(last_line(), left_out));
    assert_true(tell("192.0.2.8", WRONG, false, NOW + REFUSALS_WINDOW_SECONDS));
    assert_non_null(strstr(last_line(), "left_out=0"));
}

static void
a_flood_by_udp_takes_no_line_from_who_comes_by_tcp(void **state)
{
    (void)state;
    assert_int_equal(flood(false, NOW, 1000), REFUSALS_LINES_MAX);
    assert_true(tell("192.0.2.7", WRONG, true, NOW));
    assert_int_equal(flood(true, NOW, 2000), REFUSALS_LINES_MAX - 1);
}

static void
what_the_level_leaves_out_takes_nobodys_line(void **state)
{
    (void)state;
    log_open("server 0", LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    assert_int_equal(flood(true, NOW, 100), 0);
    log_open("server 0", LOG_LEVEL_WARNING, LOG_FORMAT_TEXT);
    assert_int_equal(flood(true, NOW, 100), REFUSALS_LINES_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_line_names_reason_peer_zone_key_and_code),
        TEST(a_peer_has_one_line_for_each_reason_in_its_time),
        TEST(an_ipv6_peer_is_its_network),
        TEST(a_flood_from_many_addresses_is_few_lines_and_the_next_one_says_how_many),
        TEST(a_flood_by_udp_takes_no_line_from_who_comes_by_tcp),
        TEST(what_the_level_leaves_out_takes_nobodys_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
