// Real commands under a real loop; SIGCHLD is asked for by waitpid between two turns.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/arena.h"
#include "common/net/loop.h"
#include "secondary/review.h"

#define TURNS_MAX 6000 // of 10 ms: a minute, for a machine under load

struct answers {
    struct reviews *reviews;
    unsigned count;
    uint32_t zone;
    uint64_t request;
    bool accepted;
    char text[200];
};

static void
on_done(void *context, uint32_t zone, uint64_t request, const struct message_review_done *done)
{
    struct answers *answers = context;
    answers->count++;
    answers->zone = zone;
    answers->request = request;
    answers->accepted = done->accepted;
    snprintf(answers->text, sizeof answers->text, "%s", done->text);
}

static void
nothing(void *context)
{
    (void)context;
}

struct bed {
    struct loop *loop;
    struct loop_timer *beat; // wakes the loop
    struct answers answers;
};

static void
bed_open(struct bed *bed)
{
    memset(bed, 0, sizeof *bed);
    bed->loop = loop_new();
    bed->beat = loop_timer_new(bed->loop, nothing, NULL);
    loop_timer_start(bed->beat, 10, 10);
    bed->answers.reviews = reviews_new(bed->loop, on_done, &bed->answers);
}

static void
bed_close(struct bed *bed)
{
    reviews_free(&bed->answers.reviews);
    loop_timer_free(&bed->beat);
    loop_free(&bed->loop);
}

static void
reap(struct bed *bed)
{
    int status;
    pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid > 0)
        assert_true(reviews_reap(bed->answers.reviews, pid, status));
}

static void
wait_for(struct bed *bed, unsigned count)
{
    for (unsigned i = 0; i < TURNS_MAX && bed->answers.count < count; i++) {
        loop_run_once(bed->loop, true);
        reap(bed);
    }
    assert_int_equal(bed->answers.count, count);
}

static void
start(struct bed *bed, uint64_t request, const char *command, const char *diff, int64_t timeout)
{
    struct message_review review = {.command = memory_text(command),
                                    .zone = memory_text("example.gov"),
                                    .digest = memory_text("5f1c09"),
                                    .timeout_seconds = timeout,
                                    .diff = memory_text(diff)};
    reviews_start(bed->answers.reviews, "", 3, request, &review);
    message_review_close(&review);
}

static void
exit_code_0_accepts_and_any_other_does_not(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed);
    start(&bed, 11, "exit 0", "", 60);
    wait_for(&bed, 1);
    assert_true(bed.answers.accepted);
    assert_int_equal(bed.answers.zone, 3);
    assert_int_equal(bed.answers.request, 11);
    start(&bed, 12, "exit 3", "", 60);
    wait_for(&bed, 2);
    assert_false(bed.answers.accepted);
    assert_int_equal(bed.answers.request, 12);
    assert_non_null(strstr(bed.answers.text, "exit code 3"));
    start(&bed, 13, "kill -TERM $$", "", 60);
    wait_for(&bed, 3);
    assert_false(bed.answers.accepted);
    assert_non_null(strstr(bed.answers.text, "signal 15"));
    start(&bed, 14, "/nonexistent/command", "", 60);
    wait_for(&bed, 4);
    assert_false(bed.answers.accepted);
    bed_close(&bed);
}

static void
the_command_reads_the_diff_and_knows_zone_and_digest(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed);
    start(&bed, 1,
          "test \"$TANDEM_ZONE\" = example.gov && test \"$TANDEM_DIGEST\" = 5f1c09 && "
          "read -r line && test \"$line\" = '- 192.0.2.9' && ! read -r line",
          "- 192.0.2.9\n", 60);
    wait_for(&bed, 1);
    assert_string_equal(bed.answers.text, "the review command ended with exit code 0");
    assert_true(bed.answers.accepted);
    // A diff far longer than a pipe holds, which the command does not read, blocks nobody.
    char *diff = memory_alloc(4 << 20);
    memset(diff, '+', (4 << 20) - 1);
    diff[(4 << 20) - 1] = '\0';
    start(&bed, 2, "exit 0", diff, 60);
    start(&bed, 3, "test $(wc -c) = 4194303", diff, 60);
    free(diff);
    wait_for(&bed, 3);
    assert_true(bed.answers.accepted);
    bed_close(&bed);
}

static void
the_command_gets_no_descriptor_of_ours(void **state)
{
    struct bed bed;
    int secret = dup(2); // not close-on-exec
    (void)state;
    bed_open(&bed);
    // The shell's own descriptor of the folder is gone when the loop's body runs.
    start(&bed, 1,
          "for f in /proc/$$/fd/*; do test ${f##*/} -lt 3 || test ! -e \"$f\" || exit 1; done", "",
          60);
    wait_for(&bed, 1);
    assert_true(bed.answers.accepted);
    close(secret);
    bed_close(&bed);
}

static void
a_command_that_takes_too_long_is_killed_with_its_children(void **state)
{
    struct bed bed;
    int ends[2];
    char command[200], octet;
    (void)state;
    bed_open(&bed);
    // The grandchild holds a fifo open as long as it lives.
    char directory[] = "/tmp/tandem-review-XXXXXX", fifo[64];
    assert_non_null(mkdtemp(directory));
    snprintf(fifo, sizeof fifo, "%s/fifo", directory);
    snprintf(command, sizeof command, "mkfifo %s; (sleep 1000) > %s & wait", fifo, fifo);
    start(&bed, 1, command, "", 1);
    for (unsigned i = 0; i < TURNS_MAX && access(fifo, F_OK) != 0; i++)
        loop_run_once(bed.loop, true);
    ends[0] = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    wait_for(&bed, 1);
    assert_false(bed.answers.accepted);
    assert_string_equal(bed.answers.text, "the review command gave no answer within 1s");
    // The end of the fifo: nobody writes any more.
    ssize_t length = -1;
    for (unsigned i = 0; i < TURNS_MAX && ends[0] >= 0 && length != 0; i++) {
        loop_run_once(bed.loop, true);
        length = read(ends[0], &octet, 1);
    }
    assert_int_equal(length, 0);
    close(ends[0]);
    unlink(fifo);
    rmdir(directory);
    bed_close(&bed);
}

static void
an_answer_that_comes_at_the_last_moment_but_late_is_not_accepted(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed);
    start(&bed, 1, "exec sleep 1000", "", 0); // no time at all
    wait_for(&bed, 1);
    assert_false(bed.answers.accepted);
    bed_close(&bed);
}

static void
more_reviews_than_the_limit_are_refused_at_once(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed);
    for (unsigned i = 0; i < REVIEWS_MAX; i++)
        start(&bed, i, "exec sleep 1000", "", 1000);
    assert_int_equal(bed.answers.count, 0);
    start(&bed, 999, "exit 0", "", 60);
    assert_int_equal(bed.answers.count, 1);
    assert_false(bed.answers.accepted);
    assert_int_equal(bed.answers.request, 999);
    bed_close(&bed); // kills what runs
    unsigned ended = 0;
    for (unsigned i = 0; i < REVIEWS_MAX; i++)
        ended += waitpid(-1, NULL, 0) > 0;
    assert_int_equal(ended, REVIEWS_MAX);
}

static void
without_a_command_nothing_is_accepted(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed);
    start(&bed, 1, "", "", 60);
    assert_int_equal(bed.answers.count, 1);
    assert_false(bed.answers.accepted);
    bed_close(&bed);
}

static void
another_process_is_not_ours(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed);
    assert_false(reviews_reap(bed.answers.reviews, getpid(), 0));
    bed_close(&bed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_code_0_accepts_and_any_other_does_not),
        cmocka_unit_test(the_command_reads_the_diff_and_knows_zone_and_digest),
        cmocka_unit_test(the_command_gets_no_descriptor_of_ours),
        cmocka_unit_test(a_command_that_takes_too_long_is_killed_with_its_children),
        cmocka_unit_test(an_answer_that_comes_at_the_last_moment_but_late_is_not_accepted),
        cmocka_unit_test(more_reviews_than_the_limit_are_refused_at_once),
        cmocka_unit_test(without_a_command_nothing_is_accepted),
        cmocka_unit_test(another_process_is_not_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
