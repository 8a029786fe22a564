// The text form of names: common/dns/name_text.c.
#include "common/dns/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct wire {
    uint8_t name[NAME_SIZE_MAX];
};

static struct wire
wire(const char *text)
{
    struct wire result;
    struct fault fault = {0};
    if (!name_from_text(text, NULL, result.name, &fault))
        fail_msg("%s", fault.text);
    return result;
}

static void
text_is_folded_and_completed_by_the_origin(void **state)
{
    (void)state;
    struct wire origin = wire("Example.GOV.");
    uint8_t name[NAME_SIZE_MAX];
    char text[NAME_TEXT_MAX];
    assert_true(name_from_text("WWW", origin.name, name, NULL));
    assert_string_equal(name_to_text(name, text), "www.example.gov.");
    assert_string_equal(name_to_text_short(name, text), "www.example.gov");
    assert_true(name_from_text("@", origin.name, name, NULL));
    assert_string_equal(name_to_text(name, text), "example.gov.");
    assert_string_equal(name_to_text_short(wire(".").name, text), ".");
    assert_true(name_from_text_kept("WwW", origin.name, name, NULL));
    assert_string_equal(name_to_text(name, text), "WwW.example.gov.");
}

static void
a_name_of_a_zone_is_read_whole_or_relative_as_it_is_meant(void **state)
{
    (void)state;
    struct wire apex = wire("example.gov."), www = wire("www.example.gov.");
    uint8_t name[NAME_SIZE_MAX];
    struct fault fault = {0};
    const char *same[] = {"www", "www.example.gov", "www.example.gov.", "WWW.Example.GOV"};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        assert_true(name_from_text_of_zone(same[i], apex.name, name, &fault));
        assert_true(name_equal(name, www.name));
    }
    assert_true(name_from_text_of_zone("@", apex.name, name, &fault));
    assert_true(name_equal(name, apex.name));
    assert_true(name_from_text_of_zone("www.example", apex.name, name, &fault));
    assert_true(name_equal(name, wire("www.example.example.gov.").name));
    assert_false(name_from_text_of_zone("www.example.com.", apex.name, name, &fault));
    assert_int_equal(fault.kind, FAULT_NOT_FOUND);
    assert_string_equal(fault.text, "www.example.com. is no name of the zone example.gov.");
    assert_false(name_from_text_of_zone("a..b", apex.name, name, &fault));
    assert_int_equal(fault.kind, FAULT_SYNTAX);
}

static void
escapes_go_both_ways(void **state)
{
    (void)state;
    char text[NAME_TEXT_MAX];
    struct wire name = wire("a\\.b.\\032\\@x\\\\.\\200.");
    assert_memory_equal(name.name, "\3a.b\4 @x\\\1\xc8", 12);
    assert_string_equal(name_to_text(name.name, text), "a\\.b.\\032\\@x\\\\.\\200.");
}

static void
every_octet_survives_its_text(void **state)
{
    (void)state;
    for (unsigned octet = 0; octet < 256; octet++) {
        const uint8_t name[] = {1, (uint8_t)octet, 0};
        uint8_t again[NAME_SIZE_MAX];
        char text[NAME_TEXT_MAX];
        assert_true(name_from_text_kept(name_to_text(name, text), NULL, again, NULL));
        assert_memory_equal(name, again, 3);
    }
}

static void
refuses(const char *text, const char *because)
{
    uint8_t name[NAME_SIZE_MAX];
    struct fault fault = {0};
    assert_false(name_from_text(text, NULL, name, &fault));
    assert_int_equal(fault.kind, FAULT_SYNTAX);
    if (!strstr(fault.text, because))
        fail_msg("\"%s\": %s", text, fault.text);
}

static void
bad_text_is_refused_with_the_reason(void **state)
{
    (void)state;
    char label[80], long_name[600] = "";
    memset(label, 'a', 64);
    strcpy(label + 64, ".");
    refuses(label, "63");
    for (unsigned i = 0; i < 5; i++)
        strcat(long_name, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.");
    refuses(long_name, "255");
    refuses("", "nothing");
    refuses("a..b.", "empty label");
    refuses(".a.", "empty label");
    refuses("..", "empty label");
    refuses("a\\256.", "\\DDD");
    refuses("a\\25", "\\DDD");
    refuses("a\\", "\\DDD");
    refuses("www", "no origin");
    refuses("@", "no origin");
}

static void
a_name_of_255_octets_fits_and_256_does_not(void **state)
{
    (void)state;
    char text[300] = "";
    for (unsigned i = 0; i < 127; i++)
        strcat(text, "a.");
    struct wire name = wire(text);
    assert_int_equal(name_length(name.name), 255);
    assert_int_equal(name_labels(name.name), NAME_LABELS_MAX);
    strcat(text, "a.");
    refuses(text, "255");
    uint8_t out[NAME_SIZE_MAX];
    assert_false(name_wildcard_of(name.name, out));
    struct wire origin = wire("xy.");
    text[strlen(text) - 3] = '\0';
    assert_false(name_from_text(text, origin.name, out, NULL));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_folded_and_completed_by_the_origin),
        cmocka_unit_test(a_name_of_a_zone_is_read_whole_or_relative_as_it_is_meant),
        cmocka_unit_test(escapes_go_both_ways),
        cmocka_unit_test(every_octet_survives_its_text),
        cmocka_unit_test(bad_text_is_refused_with_the_reason),
        cmocka_unit_test(a_name_of_255_octets_fits_and_256_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
