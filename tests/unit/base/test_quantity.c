#include "common/base/quantity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static int64_t
duration(const char *text)
{
    int64_t seconds;
    struct fault fault = {0};
    return quantity_duration(text, &seconds, &fault) ? seconds : -1;
}

static void
durations_are_read(void **state)
{
    (void)state;
    assert_int_equal(duration("0"), 0);
    assert_int_equal(duration("90"), 90);
    assert_int_equal(duration("30s"), 30);
    assert_int_equal(duration("15m"), 900);
    assert_int_equal(duration("24h"), 86400);
    assert_int_equal(duration("7d"), 604800);
    assert_int_equal(duration("2w"), 1209600);
    assert_int_equal(duration("1h30m"), 5400);
}

static void
what_is_no_duration_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "s",
                                      "1x",
                                      "-1",
                                      "1h30",
                                      "1.5h",
                                      " 1h",
                                      "1h ",
                                      "1H",
                                      "1 000",
                                      "0x10",
                                      "h1",
                                      "1hh",
                                      "101w999999999999w",
                                      "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(duration(bad[i]), -1);
}

static void
the_fault_quotes_the_input_and_says_what_was_expected(void **state)
{
    (void)state;
    struct fault fault = {0};
    int64_t seconds = 5;
    assert_false(quantity_duration("soon", &seconds, &fault));
    assert_int_equal(fault.kind, FAULT_SYNTAX);
    assert_non_null(strstr(fault.text, "\"soon\""));
    assert_non_null(strstr(fault.text, "24h"));
    assert_int_equal(seconds, 5);
}

static uint64_t
size(const char *text)
{
    uint64_t octets;
    return quantity_size(text, &octets, NULL) ? octets : UINT64_MAX;
}

static void
sizes_are_powers_of_1024(void **state)
{
    (void)state;
    assert_int_equal(size("512"), 512);
    assert_int_equal(size("512B"), 512);
    assert_int_equal(size("64KiB"), 65536);
    assert_int_equal(size("64k"), 65536);
    assert_int_equal(size("64KB"), 65536);
    assert_int_equal(size("1MiB"), 1048576);
    assert_int_equal(size("2G"), 2147483648);
    assert_true(size("1TiB") == UINT64_MAX);
    assert_true(size("9999999999GiB") == UINT64_MAX);
    assert_true(size("") == UINT64_MAX);
}

static void
whole_numbers_end_at_their_maximum(void **state)
{
    (void)state;
    uint64_t value;
    struct fault fault = {0};
    assert_true(quantity_unsigned("65535", 65535, &value, &fault));
    assert_int_equal(value, 65535);
    assert_false(quantity_unsigned("65536", 65535, &value, &fault));
    assert_non_null(strstr(fault.text, "0 to 65535"));
    assert_true(quantity_unsigned("18446744073709551615", UINT64_MAX, &value, &fault));
    assert_true(value == UINT64_MAX);
    assert_false(quantity_unsigned("18446744073709551616", UINT64_MAX, &value, &fault));
    assert_false(quantity_unsigned("+1", 10, &value, &fault));
}

static void
a_duration_is_written_so_that_it_reads_back_the_same(void **state)
{
    (void)state;
    char text[QUANTITY_TEXT_MAX];
    assert_string_equal(quantity_duration_text(90, text), "90s");
    assert_string_equal(quantity_duration_text(3600, text), "1h");
    assert_string_equal(quantity_duration_text(1209600, text), "14d");
    assert_string_equal(quantity_duration_text(0, text), "0s");
    for (int64_t seconds = 0; seconds < 200000; seconds += 37)
        assert_int_equal(duration(quantity_duration_text(seconds, text)), seconds);
}

static void
about_is_for_people(void **state)
{
    (void)state;
    char text[QUANTITY_TEXT_MAX];
    assert_string_equal(quantity_about_text(42, text), "42s");
    assert_string_equal(quantity_about_text(119, text), "119s");
    assert_string_equal(quantity_about_text(120, text), "2m");
    assert_string_equal(quantity_about_text(3 * 3600 + 5, text), "3h");
    assert_string_equal(quantity_about_text(13 * 86400 + 80000, text), "13d");
    assert_string_equal(quantity_about_text(-42, text), "-42s");
    assert_string_equal(quantity_about_text(INT64_MIN, text), "-106751991167300d");
}

static void
sizes_are_written_exactly(void **state)
{
    (void)state;
    char text[QUANTITY_TEXT_MAX];
    assert_string_equal(quantity_size_text(65536, text), "64KiB");
    assert_string_equal(quantity_size_text(1500, text), "1500B");
    assert_string_equal(quantity_size_text(0, text), "0");
    assert_string_equal(quantity_size_text((uint64_t)1 << 40, text), "1024GiB");
}

static void
times_are_rfc_3339_in_utc(void **state)
{
    (void)state;
    char text[QUANTITY_TEXT_MAX];
    assert_string_equal(quantity_time_text(1795286527, text), "2026-11-21T18:42:07Z");
    assert_string_equal(quantity_time_text(0, text), "1970-01-01T00:00:00Z");
    assert_string_equal(quantity_time_text(INT64_MAX, text), "9223372036854775807");
}

static void
the_nearest_word_is_found_or_none(void **state)
{
    (void)state;
    static const char *const words[] = {"refresh", "retry", "expire", "gate"};
    assert_string_equal(quantity_nearest_word("refesh", words, 4), "refresh");
    assert_string_equal(quantity_nearest_word("rety", words, 4), "retry");
    assert_string_equal(quantity_nearest_word("gaet", words, 4), "gate");
    assert_null(quantity_nearest_word("zzzzzzz", words, 4));
    // Three letters away is nothing for a word of three letters.
    assert_null(quantity_nearest_word("xyz", words, 4));
    assert_null(quantity_nearest_word("", words, 4));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read),
        cmocka_unit_test(what_is_no_duration_is_refused),
        cmocka_unit_test(the_fault_quotes_the_input_and_says_what_was_expected),
        cmocka_unit_test(sizes_are_powers_of_1024),
        cmocka_unit_test(whole_numbers_end_at_their_maximum),
        cmocka_unit_test(a_duration_is_written_so_that_it_reads_back_the_same),
        cmocka_unit_test(about_is_for_people),
        cmocka_unit_test(sizes_are_written_exactly),
        cmocka_unit_test(times_are_rfc_3339_in_utc),
        cmocka_unit_test(the_nearest_word_is_found_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
