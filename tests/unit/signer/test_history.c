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

#include "secondary/signer/history.h"
#include "tests/support/lone_file.h"

static int
make(void **state)
{
    (void)state;
    return lone_file_make("history");
}

static void
add(struct history *history, uint32_t number, const char *why)
{
    struct history_step step = {.at_seconds = 1795263187 + number,
                                .unsigned_serial = number,
                                .signed_serial = number + 1,
                                .cause = "primary",
                                .added = 2,
                                .removed = 3,
                                .signatures_new = 4,
                                .signatures_kept = 5,
                                .duration_ms = 6};
    struct fault fault = {0};
    snprintf(step.why, sizeof step.why, "%s", why);
    assert_true(history_add(history, &step, &fault));
}

static void
append_octets(const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static size_t
lines_of_file(void)
{
    char line[1024];
    size_t count = 0;
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        count++;
    if (file != NULL)
        fclose(file);
    return count;
}

static void
steps_come_back_after_a_restart_newest_first(void **state)
{
    (void)state;
    struct history *history = history_new(directory);
    assert_int_equal(history_count(history), 0);
    add(history, 1, "example.gov. A changed at the primary");
    add(history, 2, "");
    history_free(&history);
    assert_null(history);
    history = history_new(directory);
    assert_int_equal(history_count(history), 2);
    assert_int_equal(history_at(history, 0)->unsigned_serial, 2);
    assert_string_equal(history_at(history, 0)->why, "");
    const struct history_step *step = history_at(history, 1);
    assert_int_equal(step->at_seconds, 1795263188);
    assert_int_equal(step->unsigned_serial, 1);
    assert_int_equal(step->signed_serial, 2);
    assert_string_equal(step->cause, "primary");
    assert_string_equal(step->why, "example.gov. A changed at the primary");
    assert_int_equal(step->added, 2);
    assert_int_equal(step->removed, 3);
    assert_int_equal(step->signatures_new, 4);
    assert_int_equal(step->signatures_kept, 5);
    assert_int_equal(step->duration_ms, 6);
    history_free(&history);
    history_free(&history); // of nothing
}

static void
a_line_end_in_a_reason_forges_no_step(void **state)
{
    (void)state;
    struct history *history = history_new(directory);
    add(history, 1, "one\n1795263187 1 2 key 0 0 0 0 0 forged\r");
    assert_string_equal(history_at(history, 0)->why, "one 1795263187 1 2 key 0 0 0 0 0 forged ");
    history_free(&history);
    history = history_new(directory);
    assert_int_equal(history_count(history), 1);
    history_free(&history);
}

static void
a_torn_last_line_is_left_out_and_swallows_nothing(void **state)
{
    static const char *const torn[] = {"1795263188 3",
                                       "1795263188 3 4 primary 1 1 1 1 1 half a rea", "17952"};
    (void)state;
    for (size_t i = 0; i < sizeof torn / sizeof torn[0]; i++) {
        unlink(path);
        struct history *history = history_new(directory);
        add(history, 1, "one");
        history_free(&history);
        append_octets(torn[i]);
        history = history_new(directory);
        size_t before = history_count(history);
        assert_in_range(before, 1, 2); // half a reason may count as a step
        add(history, 9, "after the crash");
        history_free(&history);
        history = history_new(directory);
        assert_int_equal(history_count(history), before + 1);
        assert_string_equal(history_at(history, 0)->why, "after the crash");
        assert_int_equal(history_at(history, 0)->unsigned_serial, 9);
        assert_string_equal(history_at(history, before)->why, "one");
        history_free(&history);
    }
}

static void
lines_that_are_no_steps_are_left_out(void **state)
{
    (void)state;
    append_octets("\n\nnot a step\n1 2 3 waytoolongforacause 1 1 1 1 1 x\n");
    append_octets("-9223372036854775808 4294967295 0 key 0 0 0 0 9223372036854775807 extremes\n");
    struct history *history = history_new(directory);
    assert_int_equal(history_count(history), 1);
    assert_string_equal(history_at(history, 0)->why, "extremes");
    assert_int_equal(history_at(history, 0)->unsigned_serial, 4294967295);
    history_free(&history);
}

static void
the_newest_steps_are_kept_and_the_file_stays_bounded(void **state)
{
    (void)state;
    struct history *history = history_new(directory);
    for (uint32_t i = 1; i <= 3 * HISTORY_FILE_MAX; i++) {
        char why[32];
        snprintf(why, sizeof why, "step %u", i);
        add(history, i, why);
        if (i % 100 == 0)
            assert_true(lines_of_file() <= HISTORY_FILE_MAX);
    }
    assert_int_equal(history_count(history), HISTORY_KEPT);
    for (uint32_t i = 0; i < HISTORY_KEPT; i++)
        assert_int_equal(history_at(history, i)->unsigned_serial, 3 * HISTORY_FILE_MAX - i);
    history_free(&history);
    history = history_new(directory);
    assert_int_equal(history_count(history), HISTORY_KEPT);
    for (uint32_t i = 0; i < HISTORY_KEPT; i++)
        assert_int_equal(history_at(history, i)->unsigned_serial, 3 * HISTORY_FILE_MAX - i);
    history_free(&history);
}

// A large zone renews signatures every quarter of an hour: its own changes are still there a month
// later.
static void
renewals_do_not_put_out_the_changes_of_people(void **state)
{
    (void)state;
    struct history *history = history_new(directory);
    struct fault fault = {0};
    for (uint32_t i = 1; i <= 3000; i++) {
        struct history_step step = {.unsigned_serial = i};
        snprintf(step.cause, sizeof step.cause, "%s", i % 100 == 0 ? "primary" : HISTORY_REFRESH);
        assert_true(history_add(history, &step, &fault));
    }
    for (unsigned round = 0; round < 2; round++) { // also after a restart
        unsigned changes = 0;
        for (size_t i = 0; i < history_count(history); i++)
            changes += strcmp(history_at(history, i)->cause, "primary") == 0;
        assert_int_equal(changes, 30);
        assert_int_equal(history_count(history) - changes, HISTORY_REFRESHES_KEPT);
        for (size_t i = 1; i < history_count(history); i++) // in order, newest first
            assert_true(history_at(history, i - 1)->unsigned_serial >
                        history_at(history, i)->unsigned_serial);
        history_free(&history);
        history = history_new(directory);
    }
    history_free(&history);
}

static void
the_longest_step_fits_a_line(void **state)
{
    struct history_step step = {.at_seconds = INT64_MIN,
                                .unsigned_serial = UINT32_MAX,
                                .signed_serial = UINT32_MAX,
                                .cause = "123456789012345",
                                .added = UINT32_MAX,
                                .removed = UINT32_MAX,
                                .signatures_new = UINT32_MAX,
                                .signatures_kept = UINT32_MAX,
                                .duration_ms = INT64_MIN};
    struct fault fault = {0};
    (void)state;
    memset(step.why, 'w', sizeof step.why - 1);
    struct history *history = history_new(directory);
    assert_true(history_add(history, &step, &fault));
    history_free(&history);
    history = history_new(directory);
    assert_int_equal(history_count(history), 1);
    assert_memory_equal(history_at(history, 0), &step, sizeof step);
    history_free(&history);
}

static void
a_disk_that_refuses_is_a_fault_and_the_step_is_still_shown(void **state)
{
    struct fault fault = {0};
    struct history_step step = {.cause = "key", .why = "x"};
    (void)state;
    struct history *history = history_new("/nonexistent");
    assert_false(history_add(history, &step, &fault));
    assert_int_equal(fault.kind, FAULT_IO);
    assert_non_null(strstr(fault.text, "/nonexistent/history"));
    assert_int_equal(history_count(history), 1);
    assert_false(history_is_saved(history)); // so it must not be let go
    history_free(&history);
}

static void
what_a_disk_refused_is_written_with_the_next_step(void **state)
{
    struct fault fault = {0};
    struct history_step step = {.cause = "key", .why = "x"};
    (void)state;
    assert_int_equal(rmdir(directory), 0);
    struct history *history = history_new(directory);
    assert_true(history_is_saved(history));
    assert_false(history_add(history, &step, &fault));
    assert_int_equal(mkdir(directory, 0700), 0);
    add(history, 7, "the disk is back");
    assert_true(history_is_saved(history));
    history_free(&history);
    history = history_new(directory);
    assert_int_equal(history_count(history), 2);
    assert_string_equal(history_at(history, 1)->why, "x");
    history_free(&history);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(steps_come_back_after_a_restart_newest_first, make,
                                        lone_file_unmake),
        cmocka_unit_test_setup_teardown(a_line_end_in_a_reason_forges_no_step, make,
                                        lone_file_unmake),
        cmocka_unit_test_setup_teardown(a_torn_last_line_is_left_out_and_swallows_nothing, make,
                                        lone_file_unmake),
        cmocka_unit_test_setup_teardown(lines_that_are_no_steps_are_left_out, make,
                                        lone_file_unmake),
        cmocka_unit_test_setup_teardown(the_newest_steps_are_kept_and_the_file_stays_bounded, make,
                                        lone_file_unmake),
        cmocka_unit_test_setup_teardown(renewals_do_not_put_out_the_changes_of_people, make,
                                        lone_file_unmake),
        cmocka_unit_test_setup_teardown(the_longest_step_fits_a_line, make, lone_file_unmake),
        cmocka_unit_test(a_disk_that_refuses_is_a_fault_and_the_step_is_still_shown),
        cmocka_unit_test_setup_teardown(what_a_disk_refused_is_written_with_the_next_step, make,
                                        lone_file_unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
