#include "common/net/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct address
parsed(const char *text)
{
    struct address address;
    struct fault fault = {0};
    if (!address_from_text(text, ADDRESS_PORT_DNS, &address, &fault))
        fail_msg("%s: %s", text, fault.text);
    return address;
}

static void
addresses_are_read_and_written(void **state)
{
    static const struct {
        const char *text;
        const char *written;
    } cases[] = {
        {"192.0.2.1@5301", "192.0.2.1@5301"},
        {"192.0.2.1", "192.0.2.1@53"},
        {"2001:db8::1@53", "2001:db8::1@53"},
        {"2001:DB8:0::1", "2001:db8::1@53"},
        {"::@53", "::@53"},
        {"0.0.0.0@0", "0.0.0.0@0"},
        {"::ffff:192.0.2.1@53", "192.0.2.1@53"},
        {"::ffff:c000:201", "192.0.2.1@53"},
        {"fe80::1%1@53", "fe80::1%1@53"},
        {"fe80::1%lo@53", "fe80::1%1@53"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[ADDRESS_TEXT_MAX];
        struct address address = parsed(cases[i].text);
        assert_string_equal(address_to_text(&address, text), cases[i].written);
    }
}

static void
anything_else_is_refused_with_the_text_and_what_was_expected(void **state)
{
    static const char *const bad[] = {
        "",
        "@53",
        "192.0.2.1@",
        "192.0.2.1@65536",
        "192.0.2.1@-1",
        "192.0.2.1@ 5",
        "192.0.2.256",
        "192.0.2.1:53",
        "[2001:db8::1]@53",
        "example.gov@53",
        "2001:db8::g",
        "192.0.2.1@53@53",
        "fe80::1%nosuchif@53",
        "192.0.2",
        " 192.0.2.1",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct address address = {0};
        struct fault fault = {0};
        if (address_from_text(bad[i], 53, &address, &fault))
            fail_msg("%s was taken", bad[i]);
        assert_int_equal(fault.kind, FAULT_SYNTAX);
        assert_non_null(strstr(fault.text, bad[i]));
        assert_int_equal(address.family, AF_UNSPEC);
    }
}

static void
a_very_long_text_is_refused(void **state)
{
    char text[4096];
    struct address address;
    struct address_prefix prefix;
    struct fault fault = {0};
    (void)state;
    memset(text, '1', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_false(address_from_text(text, 53, &address, &fault));
    assert_false(address_prefix_from_text(text, &prefix, &fault));
}

static void
mapped_sockaddrs_and_octets_become_ipv4(void **state)
{
    struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
    static const uint8_t octets[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7};
    struct address address;
    struct address want = parsed("192.0.2.7@53");
    (void)state;
    memcpy(&mapped.sin6_addr, octets, 16);
    assert_true(address_from_sockaddr((struct sockaddr *)&mapped, sizeof(mapped), &address));
    assert_true(address_equal(&address, &want));
    assert_true(address_from_octets(octets, 16, 53, &address));
    assert_true(address_equal(&address, &want));
    assert_false(address_from_octets(octets, 5, 53, &address));
}

static void
a_sockaddr_that_is_too_short_or_foreign_is_refused(void **state)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    struct sockaddr foreign = {.sa_family = AF_UNIX};
    struct address address;
    (void)state;
    assert_false(address_from_sockaddr((struct sockaddr *)&v6, sizeof(v6) - 1, &address));
    assert_false(address_from_sockaddr(&foreign, sizeof(foreign), &address));
}

static void
octets_are_those_of_the_wire(void **state)
{
    size_t length;
    struct address v4 = parsed("192.0.2.1@53");
    struct address v6 = parsed("2001:db8::1@53");
    struct address none = {0};
    (void)state;
    assert_memory_equal(address_octets(&v4, &length), "\300\000\002\001", 4);
    assert_int_equal(length, 4);
    assert_memory_equal(address_octets(&v6, &length), "\x20\x01\x0d\xb8", 4);
    assert_int_equal(length, 16);
    assert_null(address_octets(&none, &length));
    assert_int_equal(length, 0);
    assert_false(address_is_set(&none));
    char text[ADDRESS_TEXT_MAX];
    assert_string_equal(address_to_text(&none, text), "none");
}

static void
equality_looks_at_port_and_scope(void **state)
{
    struct address a = parsed("192.0.2.1@53");
    struct address b = parsed("192.0.2.1@54");
    struct address c = parsed("fe80::1%1@53");
    struct address d = parsed("fe80::1@53");
    (void)state;
    assert_false(address_equal(&a, &b));
    assert_true(address_equal_host(&a, &b));
    address_set_port(&b, 53);
    assert_true(address_equal(&a, &b));
    assert_false(address_equal_host(&c, &d));
    assert_false(address_equal_host(&a, &d));
    assert_true(address_is_wildcard(&(struct address){.v4 = {.sin_family = AF_INET}}));
    assert_false(address_is_wildcard(&a));
}

static void
prefixes_are_read_and_written(void **state)
{
    static const struct {
        const char *text;
        const char *written; // NULL: refused
        const char *hint;
    } cases[] = {
        {"192.0.2.0/24", "192.0.2.0/24", NULL},
        {"192.0.2.1", "192.0.2.1/32", NULL},
        {"2001:db8::/32", "2001:db8::/32", NULL},
        {"2001:db8::1", "2001:db8::1/128", NULL},
        {"0.0.0.0/0", "0.0.0.0/0", NULL},
        {"::/0", "::/0", NULL},
        {"::ffff:192.0.2.0/120", "192.0.2.0/24", NULL},
        {"::ffff:192.0.2.1", "192.0.2.1/32", NULL},
        {"192.0.2.1/24", NULL, "192.0.2.0/24"},
        {"2001:db8::1/64", NULL, "2001:db8::/64"},
        {"192.0.2.0/33", NULL, "0 to 32"},
        {"2001:db8::/129", NULL, "0 to 128"},
        {"::ffff:192.0.2.0/95", NULL, "prefix length"},
        {"192.0.2.0/", NULL, "prefix length"},
        {"192.0.2.0/2x", NULL, "prefix length"},
        {"192.0.2/24", NULL, "expected"},
        {"", NULL, "expected"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address_prefix prefix;
        struct fault fault = {0};
        char text[ADDRESS_PREFIX_TEXT_MAX];
        bool good = address_prefix_from_text(cases[i].text, &prefix, &fault);
        if (good != (cases[i].written != NULL))
            fail_msg("%s: %s", cases[i].text, good ? "taken" : fault.text);
        if (good)
            assert_string_equal(address_prefix_to_text(&prefix, text), cases[i].written);
        else if (!strstr(fault.text, cases[i].hint))
            fail_msg("%s: %s", cases[i].text, fault.text);
    }
}

static void
a_prefix_matches_by_its_bits_only(void **state)
{
    static const struct {
        const char *prefix;
        const char *address;
        bool match;
    } cases[] = {
        {"192.0.2.0/24", "192.0.2.255@1", true},
        {"192.0.2.0/24", "192.0.3.0", false},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.128/25", "192.0.2.128", true},
        {"192.0.2.7/32", "192.0.2.7", true},
        {"192.0.2.7/32", "192.0.2.6", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "192.0.2.1", false},
        {"2001:db8::/33", "2001:db8:7fff::", true},
        {"2001:db8::/33", "2001:db8:8000::", false},
        {"2001:db8::1/128", "2001:db8::1", true},
        {"2001:db8::1/128", "2001:db8::2", false},
        {"192.0.2.0/24", "::ffff:192.0.2.9", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address_prefix prefix;
        struct address address = parsed(cases[i].address);
        assert_true(address_prefix_from_text(cases[i].prefix, &prefix, NULL));
        if (address_prefix_match(&prefix, &address) != cases[i].match)
            fail_msg("%s %s", cases[i].prefix, cases[i].address);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_and_written),
        cmocka_unit_test(anything_else_is_refused_with_the_text_and_what_was_expected),
        cmocka_unit_test(a_very_long_text_is_refused),
        cmocka_unit_test(mapped_sockaddrs_and_octets_become_ipv4),
        cmocka_unit_test(a_sockaddr_that_is_too_short_or_foreign_is_refused),
        cmocka_unit_test(octets_are_those_of_the_wire),
        cmocka_unit_test(equality_looks_at_port_and_scope),
        cmocka_unit_test(prefixes_are_read_and_written),
        cmocka_unit_test(a_prefix_matches_by_its_bits_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
