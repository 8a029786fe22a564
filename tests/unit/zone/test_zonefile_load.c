#include "common/zone/zonefile_load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HEAD "$TTL 300\n@ SOA ns1 h 7 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\n"

static const struct zonefile_load_options thorough = {.lines_of_warnings = true};
static const uint8_t apex[] = "\7example\3gov";

static void
load(const char *text, struct zonefile_loading *ret_loading)
{
    char path[] = "/tmp/load.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    zonefile_load(path, apex, &thorough, ret_loading);
    unlink(path);
}

static bool
says(const struct vector *texts, const char *part)
{
    for (size_t i = 0; i < texts->count; i++)
        if (strstr(*(char **)vector_at(texts, i), part))
            return true;
    return false;
}

static void
expect(const char *text, size_t errors, size_t warnings, const char *const *parts)
{
    struct zonefile_loading loading;
    load(text, &loading);
    for (size_t i = 0; i < loading.errors.count; i++)
        print_message("%s\n", *(char **)vector_at(&loading.errors, i));
    for (size_t i = 0; i < loading.warnings.count; i++)
        print_message("%s\n", *(char **)vector_at(&loading.warnings, i));
    assert_int_equal(loading.errors.count, errors);
    assert_int_equal(loading.warnings.count, warnings);
    assert_true((loading.draft != NULL) == (errors == 0));
    for (; *parts; parts++)
        if (!says(&loading.errors, *parts) && !says(&loading.warnings, *parts))
            fail_msg("nothing says '%s'", *parts);
    zonefile_loading_close(&loading);
}

static void
a_good_file_gives_its_content(void **state)
{
    (void)state;
    expect(HEAD, 0, 0, (const char *const[]){NULL});
}

static void
mistakes_of_lines_and_of_the_content_are_told_at_once(void **state)
{
    (void)state;
    expect(HEAD "a A x\nb CNAME c\nb A 192.0.2.2\nc MX\nd ALIAS t.example.net.\nd AAAA ::1\n"
                "m MX 1 nowhere\nn CNAME n2.example.gov\n",
           4, 1,
           (const char *const[]){
               ":5:5: A: 'x' is not an IPv4 address", ":8:5: MX: missing preference",
               ":6,7: b.example.gov. A: A beside a CNAME",
               ":9,10: d.example.gov. AAAA: AAAA beside an ALIAS", ":12:9: warning: CNAME", NULL});
}

static void
what_a_broken_line_may_have_said_is_not_missed(void **state)
{
    (void)state;
    // Neither that there is no SOA and no NS, nor that ns1 has no address.
    expect(
        "$TTL 300\n@ SOA ns1 h 7 2 3 4\n@ NSS ns1\n@ MX 1 ns1\nns1 A 192.0.2.300\n", 3, 0,
        (const char *const[]){":2:", ":3:3: unknown type 'NSS': did you mean NS?", ":5:7:", NULL});
}

static void
warnings_of_the_content_name_their_lines(void **state)
{
    (void)state;
    expect(HEAD "c 60 A 192.0.2.1\nc 90 A 192.0.2.2\nm MX 1 nowhere\n", 0, 2,
           (const char *const[]){
               ":5,6: warning: c.example.gov. A: the records of this set have different TTLs",
               ":7: warning: m.example.gov. MX: the MX target nowhere.example.gov. has no address",
               NULL});
}

static void
a_file_without_records_says_what_a_zone_begins_with(void **state)
{
    (void)state;
    const char *const parts[] = {"there is no record in the file", "example.gov. 3600 IN SOA",
                                 NULL};
    expect("", 1, 0, parts);
    expect("; a comment\n\n$TTL 5\n", 1, 0, parts);
}

static void
soa_and_ns_are_missed_in_a_file_that_is_whole(void **state)
{
    (void)state;
    expect("a 300 A 192.0.2.1\n", 2, 0,
           (const char *const[]){"example.gov. SOA: the zone has no SOA",
                                 "example.gov. NS: the zone has no NS", NULL});
    expect(HEAD "@ SOA ns1 h 8 2 3 4 5\na SOA ns1 h 8 2 3 4 5\n", 2, 0,
           (const char *const[]){":2,5: example.gov. SOA: 2 different SOA records: keep one",
                                 ":6: a.example.gov. SOA: SOA inside of the zone", NULL});
}

static void
files_that_cannot_be_read_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *path, *said;
    } cases[] = {
        {"/nonexistent/zone",
         "/nonexistent/zone:1:1: cannot open '/nonexistent/zone': No such file"},
        {"/tmp", "/tmp:1:1: '/tmp' is a directory: a zone file is expected"},
        {"/dev/null", "/dev/null:1:1: '/dev/null' is not a regular file"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct zonefile_loading loading;
        zonefile_load(cases[i].path, apex, &thorough, &loading);
        assert_null(loading.draft);
        assert_int_equal(loading.errors.count, 1);
        assert_true(says(&loading.errors, cases[i].said));
        zonefile_loading_close(&loading);
    }
}

// 100 of lines, 250 of the content: 200 are shown, and how many are not.
static void
the_limit_of_errors_is_named(void **state)
{
    (void)state;
    struct octets_buffer text;
    struct zonefile_loading loading;
    octets_buffer_init(&text);
    octets_buffer_printf(&text, HEAD);
    for (int i = 0; i < 250; i++)
        octets_buffer_printf(&text, "c%d CNAME x\nc%d A 192.0.2.1\n", i, i);
    octets_buffer_add_u8(&text, '\0');
    load((const char *)text.data, &loading);
    assert_int_equal(loading.errors.count, ZONEFILE_TEXTS_MAX + 1);
    assert_true(says(&loading.errors, "50 more errors are not shown (at most 200 are)"));
    zonefile_loading_close(&loading);
    text.length--;
    for (int i = 0; i < 200; i++)
        octets_buffer_printf(&text, "d A x\n");
    octets_buffer_add_u8(&text, '\0');
    load((const char *)text.data, &loading);
    assert_true(says(&loading.errors, "too many errors: reading stopped after 100"));
    assert_true(says(&loading.errors, "151 more errors are not shown"));
    zonefile_loading_close(&loading);
    octets_buffer_close(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_file_gives_its_content),
        cmocka_unit_test(mistakes_of_lines_and_of_the_content_are_told_at_once),
        cmocka_unit_test(what_a_broken_line_may_have_said_is_not_missed),
        cmocka_unit_test(warnings_of_the_content_name_their_lines),
        cmocka_unit_test(a_file_without_records_says_what_a_zone_begins_with),
        cmocka_unit_test(soa_and_ns_are_missed_in_a_file_that_is_whole),
        cmocka_unit_test(files_that_cannot_be_read_are_told),
        cmocka_unit_test(the_limit_of_errors_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
