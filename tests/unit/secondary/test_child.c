// Roles played by shell scripts: what a child does with a process that obeys, dies, hangs or is not
// there. Pauses are compared with timers of the same loop, never with the clock.
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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/daemon/clock.h"
#include "common/net/loop.h"
#include "secondary/child.h"

#define TURNS_MAX 6000 // of 10 ms: a minute, for a machine under load

struct bed {
    struct loop *loop;
    struct loop_timer *beat; // wakes the loop
    struct child *child;
    char directory[64], script[96];
    int64_t now; // what child_reap is told
    unsigned started, received, died;
    unsigned started_at_longer; // what started was when the longer timer fired
    uint64_t died_ms, gap_ms;   // from the last death to the start after it
    struct message last;
    bool received_before_death;
    char death[128];
};

static void
on_started(void *context, struct child *child)
{
    struct bed *bed = context;
    (void)child;
    bed->started++;
    bed->gap_ms = loop_now_ms(bed->loop) - bed->died_ms;
}

static void
on_received(void *context, struct child *child, struct message *message)
{
    struct bed *bed = context;
    (void)child;
    bed->received++;
    bed->received_before_death = bed->died == 0;
    bed->last = *message;
}

static void
on_died(void *context, struct child *child)
{
    struct bed *bed = context;
    bed->died++;
    bed->died_ms = loop_now_ms(bed->loop);
    assert_false(child_is_running(child));
    child_death_text(child, bed->death, sizeof bed->death);
}

static void
nothing(void *context)
{
    (void)context;
}

static void
note_started(void *context)
{
    struct bed *bed = context;
    bed->started_at_longer = bed->started;
}

static const struct child_calls CALLS = {on_started, on_received, on_died};

// A server with number 5 that is this script; NULL: there is no executable.
static void
bed_open(struct bed *bed, const char *script)
{
    memset(bed, 0, sizeof *bed);
    snprintf(bed->directory, sizeof bed->directory, "/tmp/tandem-child-XXXXXX");
    assert_non_null(mkdtemp(bed->directory));
    snprintf(bed->script, sizeof bed->script, "%s/tandem-server", bed->directory);
    if (script != NULL) {
        int fd = open(bed->script, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
        assert_true(fd >= 0);
        dprintf(fd, "#!/bin/sh\n%s\n", script);
        close(fd);
    }
    bed->now = clock_unix_seconds();
    bed->loop = loop_new();
    bed->beat = loop_timer_new(bed->loop, nothing, NULL);
    loop_timer_start(bed->beat, 10, 10);
    bed->child = child_new(bed->loop, ROLE_SERVER, 5, bed->directory, &CALLS, bed);
}

static void
start(struct bed *bed)
{
    struct fault fault = {0};
    assert_true(child_start(bed->child, &fault));
}

static void
reap(struct bed *bed, int options)
{
    int status;
    pid_t pid = waitpid(-1, &status, options);
    if (pid > 0)
        assert_true(child_reap(bed->child, pid, status, bed->now));
}

static void
bed_close(struct bed *bed)
{
    if (child_is_running(bed->child)) {
        child_kill(bed->child);
        reap(bed, 0);
    }
    child_free(&bed->child);
    loop_timer_free(&bed->beat);
    loop_free(&bed->loop);
    unlink(bed->script);
    assert_int_equal(rmdir(bed->directory), 0);
}

static void
turn(struct bed *bed)
{
    loop_run_once(bed->loop, true);
    reap(bed, WNOHANG);
}

#define WAIT_FOR(bed, condition)                                                                   \
    do {                                                                                           \
        for (unsigned turn_count = 0; turn_count < TURNS_MAX && !(condition); turn_count++)        \
            turn(bed);                                                                             \
        assert_true(condition);                                                                    \
    } while (0)

// A heartbeat as the octets of the link; it says that it comes from the desk (3).
#define SEND_HEARTBEAT                                                                             \
    "printf '\\004\\000\\003\\000\\377\\377\\377\\377\\000\\000\\000\\000\\000\\000\\000\\000"     \
    "\\000\\000\\000\\000' >&3\n"

static void
a_role_starts_with_its_number_and_its_connection(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, "test \"$1\" = 5 && test $# = 1 && " SEND_HEARTBEAT "exec sleep 1000");
    start(&bed);
    assert_int_equal(bed.started, 1);
    assert_true(child_is_running(bed.child));
    assert_false(child_was_ready(bed.child));
    WAIT_FOR(&bed, bed.received == 1 || bed.died > 0);
    assert_int_equal(bed.received, 1);
    assert_int_equal(bed.last.type, MESSAGE_HEARTBEAT);
    assert_int_equal(bed.last.from, ROLE_SERVER); // whatever it says of itself
    child_is_ready(bed.child);
    assert_true(child_was_ready(bed.child));
    struct message_role_facts facts;
    child_facts(bed.child, &facts);
    assert_int_equal(facts.role, ROLE_SERVER);
    assert_int_equal(facts.index, 5);
    assert_true(facts.pid > 0);
    assert_int_equal(facts.restarts, 0);
    assert_false(facts.expected);
    bed_close(&bed);
}

static void
a_role_inherits_its_connection_and_no_other_descriptor(void **state)
{
    struct bed bed;
    int secret = dup(2); // not close-on-exec
    (void)state;
    // The shell itself reads its script from a descriptor of 10 or more.
    bed_open(&bed, "for f in /proc/$$/fd/*; do n=${f##*/}\n"
                   "test $n -le 3 || test $n -ge 10 || test ! -e \"$f\" || exit 9; done\n"
                   "test -e /proc/$$/fd/3 || exit 8");
    start(&bed);
    WAIT_FOR(&bed, bed.died == 1);
    assert_string_equal(bed.death, "server 5 ended with exit code 0");
    close(secret);
    bed_close(&bed);
}

static void
a_death_is_told_with_its_reason(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, "exit 42");
    start(&bed);
    WAIT_FOR(&bed, bed.died == 1);
    assert_string_equal(bed.death, "server 5 ended with exit code 42");
    bed_close(&bed);
    bed_open(&bed, "kill -SEGV $$");
    start(&bed);
    WAIT_FOR(&bed, bed.died == 1);
    assert_non_null(strstr(bed.death, "server 5 was ended by signal 11 ("));
    struct message_role_facts facts;
    child_facts(bed.child, &facts);
    assert_int_equal(facts.pid, 0);
    assert_int_equal(WTERMSIG(facts.last_exit), SIGSEGV);
    bed_close(&bed);
}

static void
a_missing_executable_is_a_death_like_another(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, NULL);
    start(&bed);
    WAIT_FOR(&bed, bed.died == 1);
    assert_string_equal(bed.death, "server 5 ended with exit code 127");
    bed_close(&bed);
}

static void
a_role_that_dies_again_and_again_is_started_after_growing_pauses(void **state)
{
    struct bed bed;
    struct message_role_facts facts;
    (void)state;
    bed_open(&bed, "exit 1");
    start(&bed);
    uint64_t pause = CHILD_RESTART_FIRST_MS;
    for (unsigned round = 1; round <= 4; round++, pause *= 2) {
        WAIT_FOR(&bed, bed.died == round);
        assert_int_equal(bed.started, round);
        WAIT_FOR(&bed, bed.started == round + 1);
        assert_true(bed.gap_ms >= pause); // never earlier
        child_facts(bed.child, &facts);
        assert_int_equal(facts.restarts, bed.died); // it may have died once more already
    }
    // After a calm life the pause begins anew: it ends before a timer of four times its length.
    struct loop_timer *longer = loop_timer_new(bed.loop, note_started, &bed);
    unsigned died = bed.died;
    bed.now += CHILD_CALM_SECONDS + TURNS_MAX;
    WAIT_FOR(&bed, bed.died > died);
    unsigned started = bed.started;
    loop_timer_start(longer, 4 * CHILD_RESTART_FIRST_MS, 0);
    WAIT_FOR(&bed, bed.started_at_longer > 0);
    assert_true(bed.started_at_longer > started);
    loop_timer_free(&longer);
    bed_close(&bed);
}

static void
a_stopped_role_gets_stop_and_is_not_started_again(void **state)
{
    struct bed bed;
    struct message_role_facts facts;
    (void)state;
    // Reads one message and takes its first octet as its exit code: 2 is STOP.
    bed_open(&bed, SEND_HEARTBEAT "exit $(dd bs=16384 count=1 <&3 2>/dev/null | od -An -tu1 -N1)");
    start(&bed);
    WAIT_FOR(&bed, bed.received == 1);
    child_stop(bed.child);
    WAIT_FOR(&bed, bed.died == 1);
    assert_string_equal(bed.death, "server 5 ended with exit code 2");
    child_facts(bed.child, &facts);
    assert_true(facts.expected);
    for (unsigned i = 0; i < 30; i++) // three times the first pause
        turn(&bed);
    assert_int_equal(bed.started, 1);
    child_stop(bed.child); // of one that does not run: nothing
    assert_false(child_is_running(bed.child));
    bed_close(&bed);
}

static void
a_role_that_waits_for_its_restart_is_not_started_after_a_stop(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, "exit 1");
    start(&bed);
    WAIT_FOR(&bed, bed.died == 1);
    child_stop(bed.child);
    for (unsigned i = 0; i < 30; i++)
        turn(&bed);
    assert_int_equal(bed.started, 1);
    bed_close(&bed);
}

static void
a_silent_role_is_killed_and_one_that_is_heard_is_not(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, SEND_HEARTBEAT "exec sleep 1000");
    start(&bed);
    WAIT_FOR(&bed, bed.received == 1);
    uint64_t now = loop_now_ms(bed.loop);
    child_heard(bed.child);
    child_watch(bed.child, now + CHILD_SILENT_SECONDS * 1000);
    for (unsigned i = 0; i < 5; i++)
        turn(&bed);
    assert_int_equal(bed.died, 0);
    child_watch(bed.child, now + CHILD_SILENT_SECONDS * 1000 + 5000);
    WAIT_FOR(&bed, bed.died == 1);
    assert_non_null(strstr(bed.death, "signal 9"));
    WAIT_FOR(&bed, bed.started == 2); // and started again
    bed_close(&bed);
}

static void
the_last_words_of_a_dead_role_are_read_before_its_death_is_told(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, SEND_HEARTBEAT SEND_HEARTBEAT "kill -KILL $$");
    start(&bed);
    reap(&bed, 0); // before the loop had a turn
    assert_int_equal(bed.died, 1);
    assert_int_equal(bed.received, 2);
    assert_true(bed.received_before_death);
    bed_close(&bed);
}

static void
a_role_that_closes_its_connection_takes_no_more_messages(void **state)
{
    struct bed bed;
    struct message message = {.type = MESSAGE_STOP, .to = ROLE_SERVER, .zone = MESSAGE_NO_ZONE};
    (void)state;
    bed_open(&bed, SEND_HEARTBEAT "exec 3>&-\nexec sleep 1000");
    start(&bed);
    child_send(bed.child, &message); // the socket takes it, or the script was faster
    WAIT_FOR(&bed, bed.received == 1);
    WAIT_FOR(&bed, !child_send(bed.child, &message));
    assert_true(child_is_running(bed.child)); // its death is told by SIGCHLD alone
    assert_int_equal(bed.died, 0);
    bed_close(&bed);
}

static void
another_process_is_not_ours(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, "exec sleep 1000");
    assert_false(child_reap(bed.child, getpid(), 0, bed.now));
    start(&bed);
    assert_false(child_reap(bed.child, getpid(), 0, bed.now));
    assert_int_equal(bed.died, 0);
    bed_close(&bed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_role_starts_with_its_number_and_its_connection),
        cmocka_unit_test(a_role_inherits_its_connection_and_no_other_descriptor),
        cmocka_unit_test(a_death_is_told_with_its_reason),
        cmocka_unit_test(a_missing_executable_is_a_death_like_another),
        cmocka_unit_test(a_role_that_dies_again_and_again_is_started_after_growing_pauses),
        cmocka_unit_test(a_stopped_role_gets_stop_and_is_not_started_again),
        cmocka_unit_test(a_role_that_waits_for_its_restart_is_not_started_after_a_stop),
        cmocka_unit_test(a_silent_role_is_killed_and_one_that_is_heard_is_not),
        cmocka_unit_test(the_last_words_of_a_dead_role_are_read_before_its_death_is_told),
        cmocka_unit_test(a_role_that_closes_its_connection_takes_no_more_messages),
        cmocka_unit_test(another_process_is_not_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
