#include "primary/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HEAD "$TTL 300\n@ SOA ns1 h 7 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\n"

static void
load(const char *text, struct source_loading *ret_loading)
{
    static const uint8_t apex[] = "\7example\3gov";
    char path[] = "/tmp/source.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    source_load(path, apex, 42, ret_loading);
    unlink(path);
}

static const char *
text_at(const struct vector *texts, size_t index)
{
    return *(char **)vector_at(texts, index);
}

static void
a_good_file_gives_a_source_with_its_serial_and_aliases(void **state)
{
    (void)state;
    struct source_loading loading;
    load(HEAD "@ ALIAS t.example.net.\n", &loading);
    assert_non_null(loading.source);
    assert_int_equal(loading.source->serial, 7);
    assert_int_equal(loading.source->alias_owners, 1);
    assert_int_equal(loading.source->loaded_at, 42);
    assert_int_equal(loading.errors.count, 0);
    source_loading_close(&loading);
}

static void
all_errors_of_the_file_are_there_and_no_source(void **state)
{
    (void)state;
    struct source_loading loading;
    load(HEAD "a A x\nb MX\n", &loading);
    assert_null(loading.source);
    assert_int_equal(loading.errors.count, 2);
    assert_non_null(strstr(text_at(&loading.errors, 0), ":5:5: A: 'x' is not an IPv4 address"));
    source_loading_close(&loading);
}

static void
findings_of_the_check_name_the_lines_of_the_records(void **state)
{
    (void)state;
    struct source_loading loading;
    load(HEAD "a ALIAS t.example.net.\nb A 192.0.2.1\na A 192.0.2.2\n", &loading);
    assert_null(loading.source);
    assert_int_equal(loading.errors.count, 1);
    assert_non_null(
        strstr(text_at(&loading.errors, 0), ":5,7: a.example.gov. A: A beside an ALIAS"));
    source_loading_close(&loading);
}

static void
warnings_spoil_nothing(void **state)
{
    (void)state;
    struct source_loading loading;
    load(HEAD "a CNAME b.example.gov\nc 60 A 192.0.2.1\nc 90 A 192.0.2.2\nm MX 1 nowhere\n",
         &loading);
    assert_non_null(loading.source);
    assert_int_equal(loading.warnings.count, 3);
    assert_non_null(strstr(text_at(&loading.warnings, 0), "final dot"));
    assert_non_null(strstr(text_at(&loading.warnings, 1), "no address"));
    assert_non_null(strstr(text_at(&loading.warnings, 2), "different TTLs"));
    source_loading_close(&loading);
}

static void
a_file_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    static const uint8_t apex[] = "\7example\3gov";
    struct source_loading loading;
    source_load("/nonexistent/zone", apex, 0, &loading);
    assert_null(loading.source);
    assert_non_null(strstr(text_at(&loading.errors, 0), "/nonexistent/zone"));
    source_loading_close(&loading);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_file_gives_a_source_with_its_serial_and_aliases),
        cmocka_unit_test(all_errors_of_the_file_are_there_and_no_source),
        cmocka_unit_test(findings_of_the_check_name_the_lines_of_the_records),
        cmocka_unit_test(warnings_spoil_nothing),
        cmocka_unit_test(a_file_that_is_not_there_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
