#include "common/daemon/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

// stderr goes into a pipe while a test logs.
static int pipe_ends[2];
static int real_stderr;
static char captured[65536];

static void
capture(void)
{
    assert_int_equal(pipe2(pipe_ends, O_NONBLOCK), 0);
    real_stderr = dup(STDERR_FILENO);
    dup2(pipe_ends[1], STDERR_FILENO);
}

static const char *
release(void)
{
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    close(pipe_ends[1]);
    ssize_t length = read(pipe_ends[0], captured, sizeof(captured) - 1);
    captured[length > 0 ? length : 0] = '\0';
    close(pipe_ends[0]);
    return captured;
}

static void
a_line_has_time_level_role_sentence_and_pairs(void **state)
{
    (void)state;
    capture();
    log_open("signer", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    errno = EAGAIN;
    log_info("zone published", "zone", "example.gov", "serial", LOG_NUMBER(1795263187), "none",
             NULL);
    int kept = errno;
    log_debug("not shown");
    const char *text = release();
    assert_int_equal(kept, EAGAIN);
    // 2026-11-21T18:42:07.113Z
    assert_true(strlen(text) > 25);
    assert_int_equal(text[4], '-');
    assert_int_equal(text[10], 'T');
    assert_int_equal(text[19], '.');
    assert_int_equal(text[23], 'Z');
    assert_string_equal(text + 24,
                        " info signer: zone published zone=example.gov serial=1795263187 none=-\n");
}

static void
levels_below_the_threshold_are_not_evaluated(void **state)
{
    int evaluated = 0;
    (void)state;
    capture();
    log_open("r", LOG_LEVEL_WARNING, LOG_FORMAT_TEXT);
    log_info("x", "n", LOG_NUMBER(++evaluated));
    log_warning("shown", "n", LOG_NUMBER(++evaluated));
    log_at(LOG_LEVEL_DEBUG, "x", "n", LOG_NUMBER(++evaluated));
    const char *text = release();
    assert_int_equal(evaluated, 1);
    assert_non_null(strstr(text, " warning r: shown n=1\n"));
    assert_false(log_is_on(LOG_LEVEL_INFO));
    assert_true(log_is_on(LOG_LEVEL_ERROR));
}

static void
journald_is_recognised_by_device_and_inode(void **state)
{
    struct stat status;
    char stream[80];
    (void)state;
    capture();
    assert_int_equal(fstat(STDERR_FILENO, &status), 0);
    snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)status.st_dev,
             (unsigned long long)status.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_open("r", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    log_info("a");
    setenv("JOURNAL_STREAM", "1:1", 1); // inherited from somebody else's stderr
    log_open("r", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    log_info("b");
    unsetenv("JOURNAL_STREAM");
    const char *text = release();
    assert_memory_equal(text, "<6>info r: a\n2", 14);
}

static void
a_repeating_message_is_limited_by_its_key(void **state)
{
    (void)state;
    capture();
    log_open("r", LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    for (int i = 0; i < 5; i++)
        log_limited(LOG_LEVEL_WARNING, "one", 3600, "first", "i", LOG_NUMBER(i));
    log_limited(LOG_LEVEL_WARNING, "two", 3600, "second");
    log_limited(LOG_LEVEL_WARNING, "one", 0, "again"); // the interval is over
    const char *text = release();
    const char *first = strstr(text, "\"first\"");
    assert_non_null(first);
    assert_null(strstr(first + 1, "\"first\""));
    assert_non_null(strstr(text, "\"second\"}"));
    assert_non_null(strstr(text, "\"again\",\"more\":\"(4 more)\""));
}

static void
more_keys_than_are_remembered_do_no_harm(void **state)
{
    (void)state;
    log_open("r", LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    for (int i = 0; i < 3 * LOG_LIMIT_KEYS_MAX; i++) {
        char key[200];
        snprintf(key, sizeof(key), "%d-%0*d", i, LOG_LIMIT_KEY_MAX + 20, 0);
        log_limited(LOG_LEVEL_WARNING, key, 3600, "not shown");
        capture();
        log_limited(LOG_LEVEL_ERROR, key, 3600, "shown");
        log_limited(LOG_LEVEL_ERROR, key, 3600, "left out");
        const char *text = release();
        assert_non_null(strstr(text, "shown"));
        assert_null(strstr(text, "left out"));
    }
}

static void
words_of_levels_and_formats(void **state)
{
    enum log_level level = LOG_LEVEL_DEBUG;
    enum log_format format = LOG_FORMAT_TEXT;
    (void)state;
    assert_true(log_level_from_word("warning", &level));
    assert_int_equal(level, LOG_LEVEL_WARNING);
    assert_false(log_level_from_word("Warning", &level));
    assert_true(log_format_from_word("json", &format));
    assert_int_equal(format, LOG_FORMAT_JSON);
    assert_false(log_format_from_word("xml", &format));
}

static void
a_stderr_that_takes_nothing_does_not_stop_us(void **state)
{
    (void)state;
    capture();
    fcntl(pipe_ends[1], F_SETPIPE_SZ, 4096);
    log_open("r", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    for (int i = 0; i < 1000; i++)
        log_info("a line of some length, again and again, into a pipe that nobody reads");
    release();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_level_role_sentence_and_pairs),
        cmocka_unit_test(levels_below_the_threshold_are_not_evaluated),
        cmocka_unit_test(journald_is_recognised_by_device_and_inode),
        cmocka_unit_test(a_repeating_message_is_limited_by_its_key),
        cmocka_unit_test(more_keys_than_are_remembered_do_no_harm),
        cmocka_unit_test(words_of_levels_and_formats),
        cmocka_unit_test(a_stderr_that_takes_nothing_does_not_stop_us),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
