#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "secondary/cookie_file.h"
#include "tests/support/lone_file.h"

#define FIRST  "e5e973e5a6b2a43f48e7dc849e37bfcf" // RFC 9018 section A.1
#define SECOND "445536bcd2513298075a5d379663c962"

static int
make(void **state)
{
    (void)state;
    return lone_file_make("secrets");
}

static bool
read_text(const char *text, struct cookie_secrets *secrets, struct fault *fault)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    return cookie_file_secrets(path, secrets, fault);
}

static void
one_or_two_secrets_are_read_in_order(void **state)
{
    static const uint8_t first[] = {0xe5, 0xe9, 0x73, 0xe5}, second[] = {0x44, 0x55, 0x36, 0xbc};
    struct cookie_secrets secrets;
    struct fault fault = {0};
    (void)state;
    assert_true(read_text(FIRST "\n", &secrets, &fault));
    assert_int_equal(secrets.count, 1);
    assert_memory_equal(secrets.secret[0], first, sizeof first);
    assert_true(read_text("# made today\n\n  " FIRST "\r\n" SECOND, &secrets, &fault));
    assert_int_equal(secrets.count, 2);
    assert_memory_equal(secrets.secret[0], first, sizeof first);
    assert_memory_equal(secrets.secret[1], second, sizeof second);
}

static void
a_line_that_is_no_secret_is_refused_with_its_number(void **state)
{
    static const char *const lines[] = {
        "e5e973e5a6b2a43f48e7dc849e37bfc\n",                  // a digit short
        FIRST "00\n",                                         // an octet long
        "e5e973e5a6b2a43f48e7dc849e37bfcg\n",                 // no hexadecimal digit
        FIRST " and more\n",                                  // words behind
        FIRST FIRST FIRST FIRST FIRST FIRST FIRST FIRST "\n", // longer than a line
    };
    struct cookie_secrets secrets = {.count = 77};
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char text[600], place[128];
        struct fault fault = {0};
        snprintf(text, sizeof text, "# a comment\n%s", lines[i]);
        assert_false(read_text(text, &secrets, &fault));
        assert_int_equal(fault.kind, FAULT_CONFIG);
        snprintf(place, sizeof place, "%s:2: expected a cookie secret", path);
        assert_non_null(strstr(fault.text, place));
        assert_null(strstr(fault.text, "e5e973")); // no secret in a message
        assert_int_equal(secrets.count, 77);
    }
}

static void
a_third_secret_or_none_is_refused(void **state)
{
    struct cookie_secrets secrets;
    struct fault fault = {0};
    (void)state;
    assert_false(read_text(FIRST "\n" SECOND "\n" FIRST "\n", &secrets, &fault));
    assert_non_null(strstr(fault.text, ":3: a third cookie secret"));
    assert_false(read_text("# nothing\n\n", &secrets, &fault));
    assert_non_null(strstr(fault.text, "no cookie secret in it"));
}

static void
a_file_that_others_can_read_is_refused(void **state)
{
    struct cookie_secrets secrets;
    struct fault fault = {0};
    (void)state;
    assert_true(read_text(FIRST "\n", &secrets, &fault));
    assert_int_equal(chmod(path, 0604), 0);
    assert_false(cookie_file_secrets(path, &secrets, &fault));
    assert_non_null(strstr(fault.text, "others can read"));
    assert_non_null(strstr(fault.text, "chmod 0640"));
    assert_int_equal(chmod(path, 0640), 0);
    assert_true(cookie_file_secrets(path, &secrets, &fault));
}

static void
a_missing_file_is_a_fault_that_names_the_key_and_the_file(void **state)
{
    struct cookie_secrets secrets;
    struct fault fault = {0};
    (void)state;
    assert_false(cookie_file_secrets("/nonexistent/secrets", &secrets, &fault));
    assert_non_null(strstr(fault.text, "server.cookie-secret-file"));
    assert_non_null(strstr(fault.text, "/nonexistent/secrets"));
}

static void
without_a_file_a_secret_is_drawn_anew_each_time(void **state)
{
    static const uint8_t zero[COOKIE_SECRET_SIZE];
    struct cookie_secrets a, b;
    struct fault fault = {0};
    (void)state;
    assert_true(cookie_file_secrets("", &a, &fault));
    assert_true(cookie_file_secrets("", &b, &fault));
    assert_int_equal(a.count, 1);
    assert_memory_not_equal(a.secret[0], b.secret[0], COOKIE_SECRET_SIZE);
    assert_memory_not_equal(a.secret[0], zero, COOKIE_SECRET_SIZE);
}

static void
a_reload_reads_the_file_again_and_keeps_what_was_drawn(void **state)
{
    struct cookie_secrets secrets, drawn;
    struct fault fault = {0};
    (void)state;
    assert_true(cookie_file_secrets("", &secrets, &fault));
    drawn = secrets;
    assert_true(cookie_file_again("", "", &secrets, &fault));
    assert_memory_equal(&secrets, &drawn, sizeof drawn);
    assert_true(read_text(SECOND "\n" FIRST "\n", &drawn, &fault));
    assert_true(cookie_file_again("", path, &secrets, &fault));
    assert_int_equal(secrets.count, 2);
    assert_int_equal(secrets.secret[0][0], 0x44);
    assert_true(read_text(FIRST "\n", &drawn, &fault));
    assert_true(cookie_file_again(path, path, &secrets, &fault));
    assert_int_equal(secrets.count, 1);
    assert_int_equal(secrets.secret[0][0], 0xe5);
    assert_false(cookie_file_again(path, "/nonexistent/secrets", &secrets, &fault));
    assert_int_equal(secrets.secret[0][0], 0xe5);
    assert_true(cookie_file_again(path, "", &secrets, &fault)); // not the fleet's any longer
    assert_memory_not_equal(secrets.secret[0], drawn.secret[0], COOKIE_SECRET_SIZE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_or_two_secrets_are_read_in_order),
        cmocka_unit_test(a_line_that_is_no_secret_is_refused_with_its_number),
        cmocka_unit_test(a_third_secret_or_none_is_refused),
        cmocka_unit_test(a_file_that_others_can_read_is_refused),
        cmocka_unit_test(a_missing_file_is_a_fault_that_names_the_key_and_the_file),
        cmocka_unit_test(without_a_file_a_secret_is_drawn_anew_each_time),
        cmocka_unit_test(a_reload_reads_the_file_again_and_keeps_what_was_drawn),
    };
    return cmocka_run_group_tests(tests, make, lone_file_unmake);
}
