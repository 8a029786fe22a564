#include "common/daemon/signals.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct seen {
    struct loop *loop;
    int stops;
    int reloads;
    int children;
};

static void
on_stop(void *context)
{
    ((struct seen *)context)->stops++;
}

static void
on_reload(void *context)
{
    ((struct seen *)context)->reloads++;
}

static void
on_child(void *context)
{
    struct seen *seen = context;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        seen->children++;
}

static void
each_signal_reaches_its_callback(void **state)
{
    const struct signals_events events = {on_stop, on_reload, on_child};
    struct seen seen = {.loop = loop_new()};
    struct signals *signals = signals_new(seen.loop, &events, &seen);
    (void)state;
    raise(SIGTERM);
    raise(SIGINT);
    raise(SIGHUP);
    for (int i = 0; i < 100 && seen.stops < 2; i++)
        loop_run_once(seen.loop, false);
    assert_int_equal(seen.stops, 2);
    assert_int_equal(seen.reloads, 1);
    if (fork() == 0)
        _exit(0);
    while (seen.children == 0)
        loop_run_once(seen.loop, true);
    assert_int_equal(seen.children, 1);
    signals_free(&signals);
    assert_null(signals);
    loop_free(&seen.loop);
}

static void
a_broken_pipe_is_an_error_not_a_death(void **state)
{
    const struct signals_events events = {on_stop, NULL, NULL};
    struct seen seen = {.loop = loop_new()};
    struct signals *signals = signals_new(seen.loop, &events, &seen);
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(write(ends[1], "x", 1), -1);
    close(ends[1]);
    raise(SIGHUP); // without a callback for it: ignored
    signals_free(&signals);
    loop_free(&seen.loop);
}

// What a child makes of a signal after preparing itself: the signal that ended it, 0 for none.
static int
death_of_child(void (*prepare)(void), int signal_number)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        prepare();
        raise(signal_number);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void
ignore_then_reset(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    signals_ignore_terminal();
    signals_reset();
}

static void
a_role_ignores_the_terminal_and_ends_with_term(void **state)
{
    (void)state;
    assert_int_equal(death_of_child(signals_ignore_terminal, SIGINT), 0);
    assert_int_equal(death_of_child(signals_ignore_terminal, SIGHUP), 0);
    assert_int_equal(death_of_child(signals_ignore_terminal, SIGPIPE), 0);
    assert_int_equal(death_of_child(signals_ignore_terminal, SIGTERM), SIGTERM);
}

static void
a_reset_child_has_the_defaults_again(void **state)
{
    static const int all[] = {SIGINT, SIGHUP, SIGPIPE, SIGTERM};
    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(death_of_child(ignore_then_reset, all[i]), all[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_signal_reaches_its_callback),
        cmocka_unit_test(a_broken_pipe_is_an_error_not_a_death),
        cmocka_unit_test(a_role_ignores_the_terminal_and_ends_with_term),
        cmocka_unit_test(a_reset_child_has_the_defaults_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
