#include "common/net/loop.h"

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct counted {
    struct loop *loop;
    struct loop_timer *timer;
    struct loop_watch *watch;
    int fd;
    int calls;
    int stop_at;
    unsigned events;
    bool cancelled;
};

static void
count(void *context)
{
    struct counted *counted = context;
    if (++counted->calls == counted->stop_at)
        loop_stop(counted->loop);
}

static void
a_repeating_timer_repeats_and_a_stopped_one_does_not(void **state)
{
    struct loop *loop = loop_new();
    struct counted repeating = {.loop = loop, .stop_at = 3};
    struct counted stopped = {.loop = loop};
    struct loop_timer *a = loop_timer_new(loop, count, &repeating);
    struct loop_timer *b = loop_timer_new(loop, count, &stopped);
    (void)state;
    assert_false(loop_timer_is_running(a));
    loop_timer_start(a, 1, 1);
    loop_timer_start(b, 0, 0);
    loop_timer_stop(b);
    assert_true(loop_timer_is_running(a));
    assert_true(loop_now_ms(loop) > 0);
    loop_run(loop);
    assert_int_equal(repeating.calls, 3);
    assert_int_equal(stopped.calls, 0);
    loop_timer_free(&a);
    loop_timer_free(&b);
    assert_null(a);
    loop_free(&loop);
    assert_null(loop);
}

static void
free_own_timer(void *context)
{
    struct counted *counted = context;
    counted->calls++;
    loop_timer_free(&counted->timer);
}

static void
an_object_may_be_freed_in_its_own_callback(void **state)
{
    struct loop *loop = loop_new();
    struct counted counted = {.loop = loop};
    (void)state;
    counted.timer = loop_timer_new(loop, free_own_timer, &counted);
    loop_timer_start(counted.timer, 0, 1);
    for (int i = 0; i < 3; i++)
        loop_run_once(loop, false);
    assert_int_equal(counted.calls, 1);
    loop_free(&loop);
}

// Both are called before the loop waits; the test would hang in a turn that went on to wait.
static void
a_turn_that_waits_ends_with_a_timer_or_a_call_that_was_due_already(void **state)
{
    struct loop *loop = loop_new();
    struct counted counted = {.loop = loop};
    (void)state;
    counted.timer = loop_timer_new(loop, count, &counted);
    loop_timer_start(counted.timer, 0, 0);
    loop_run_once(loop, true);
    assert_int_equal(counted.calls, 1);
    loop_defer(loop, count, &counted);
    loop_run_once(loop, true);
    assert_int_equal(counted.calls, 2);
    loop_timer_start(counted.timer, 1, 0); // and one that is not due is waited for
    loop_run_once(loop, true);
    assert_int_equal(counted.calls, 3);
    loop_timer_free(&counted.timer);
    loop_free(&loop);
}

static void
count_events(void *context, unsigned events)
{
    struct counted *counted = context;
    char octet;
    counted->calls++;
    counted->events = events;
    if (events & LOOP_READABLE)
        (void)!read(counted->fd, &octet, 1);
}

static void
a_watch_tells_what_is_ready_and_only_what_was_wanted(void **state)
{
    struct loop *loop = loop_new();
    struct counted counted = {.loop = loop};
    int pair[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    counted.fd = pair[0];
    counted.watch = loop_watch_new(loop, pair[0], count_events, &counted);
    loop_run_once(loop, false);
    assert_int_equal(counted.calls, 0);
    loop_watch_want(counted.watch, LOOP_WRITABLE);
    loop_run_once(loop, true);
    assert_int_equal(counted.events, LOOP_WRITABLE);
    loop_watch_want(counted.watch, LOOP_READABLE);
    counted.calls = 0;
    loop_run_once(loop, false);
    assert_int_equal(counted.calls, 0);
    assert_int_equal(write(pair[1], "x", 1), 1);
    loop_run_once(loop, true);
    assert_int_equal(counted.calls, 1);
    assert_int_equal(counted.events, LOOP_READABLE);
    loop_watch_want(counted.watch, 0);
    assert_int_equal(write(pair[1], "x", 1), 1);
    loop_run_once(loop, false);
    assert_int_equal(counted.calls, 1);
    loop_watch_free(&counted.watch);
    close(pair[0]);
    close(pair[1]);
    loop_free(&loop);
}

static void
a_descriptor_number_may_be_used_again_at_once(void **state)
{
    struct loop *loop = loop_new();
    struct counted old = {.loop = loop};
    struct counted new = {.loop = loop};
    int pair[2];
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        assert_int_equal(write(pair[1], "x", 1), 1);
        old.fd = pair[0];
        old.watch = loop_watch_new(loop, pair[0], count_events, &old);
        loop_watch_want(old.watch, LOOP_READABLE);
        loop_watch_free(&old.watch);
        close(pair[0]);
        close(pair[1]);
    }
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(pair[0], old.fd);
    new.fd = pair[0];
    new.watch = loop_watch_new(loop, pair[0], count_events, &new);
    loop_watch_want(new.watch, LOOP_READABLE);
    assert_int_equal(write(pair[1], "x", 1), 1);
    loop_run_once(loop, true);
    assert_int_equal(new.calls, 1);
    assert_int_equal(old.calls, 0);
    loop_watch_free(&new.watch);
    close(pair[0]);
    close(pair[1]);
    loop_free(&loop);
}

static void
defer_again(void *context)
{
    struct counted *counted = context;
    counted->calls++;
    if (counted->calls < 3)
        loop_defer(counted->loop, defer_again, counted);
}

static void
a_deferred_call_runs_in_the_next_turn_not_in_this_one(void **state)
{
    struct loop *loop = loop_new();
    struct counted counted = {.loop = loop};
    (void)state;
    loop_defer(loop, defer_again, &counted);
    assert_int_equal(counted.calls, 0);
    for (int i = 1; i <= 3; i++) {
        loop_run_once(loop, false);
        assert_int_equal(counted.calls, i);
    }
    loop_run_once(loop, false);
    assert_int_equal(counted.calls, 3);
    loop_free(&loop);
}

static void
cancel_the_other(void *context)
{
    struct counted *other = context;
    loop_defer_cancel(other->loop, (char *)other + 1);
}

static void
a_cancelled_call_does_not_run(void **state)
{
    struct loop *loop = loop_new();
    struct counted counted = {.loop = loop};
    (void)state;
    loop_defer(loop, count, &counted);
    loop_defer_cancel(loop, &counted);
    loop_run_once(loop, false);
    assert_int_equal(counted.calls, 0);
    // From inside a call of the same turn too.
    loop_defer(loop, cancel_the_other, &counted);
    loop_defer(loop, count, (char *)&counted + 1);
    loop_run_once(loop, false);
    assert_int_equal(counted.calls, 0);
    loop_free(&loop);
}

static void *
post_from_thread(void *context)
{
    struct counted *counted = context;
    for (int i = 0; i < 100; i++)
        loop_post(counted->loop, count, counted);
    return NULL;
}

static void
posts_of_other_threads_all_arrive(void **state)
{
    struct loop *loop = loop_new();
    struct counted counted = {.loop = loop, .stop_at = 200};
    pthread_t threads[2];
    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, post_from_thread, &counted), 0);
    loop_run(loop);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(counted.calls, 200);
    loop_free(&loop);
}

struct job {
    struct counted counted;
    pthread_t worker;
    pthread_t owner;
};

static void
job_work(void *context)
{
    struct job *job = context;
    job->worker = pthread_self();
}

static void
job_done(void *context, bool cancelled)
{
    struct job *job = context;
    job->owner = pthread_self();
    job->counted.cancelled = cancelled;
    count(&job->counted);
}

static void
work_runs_in_a_thread_and_is_done_in_the_loop(void **state)
{
    struct loop *loop = loop_new();
    struct job job = {.counted = {.loop = loop, .stop_at = 1}};
    (void)state;
    loop_work(loop, job_work, job_done, &job);
    loop_run(loop);
    assert_true(pthread_equal(job.owner, pthread_self()));
    assert_false(pthread_equal(job.worker, pthread_self()));
    assert_false(job.counted.cancelled);
    loop_free(&loop);
}

static void
every_work_is_done_once_when_the_loop_is_freed(void **state)
{
    struct loop *loop = loop_new();
    struct job jobs[64] = {0};
    (void)state;
    for (size_t i = 0; i < 64; i++)
        loop_work(loop, job_work, job_done, &jobs[i]);
    loop_free(&loop);
    for (size_t i = 0; i < 64; i++)
        assert_int_equal(jobs[i].counted.calls, 1);
}

static void
a_signal_is_delivered_in_the_loop(void **state)
{
    struct loop *loop = loop_new();
    struct counted counted = {.loop = loop, .stop_at = 1};
    struct loop_signal *signal = loop_signal_new(loop, SIGUSR1, count, &counted);
    (void)state;
    raise(SIGUSR1);
    assert_int_equal(counted.calls, 0);
    loop_run(loop);
    assert_int_equal(counted.calls, 1);
    loop_signal_free(&signal);
    loop_free(&loop);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_repeating_timer_repeats_and_a_stopped_one_does_not),
        cmocka_unit_test(an_object_may_be_freed_in_its_own_callback),
        cmocka_unit_test(a_turn_that_waits_ends_with_a_timer_or_a_call_that_was_due_already),
        cmocka_unit_test(a_watch_tells_what_is_ready_and_only_what_was_wanted),
        cmocka_unit_test(a_descriptor_number_may_be_used_again_at_once),
        cmocka_unit_test(a_deferred_call_runs_in_the_next_turn_not_in_this_one),
        cmocka_unit_test(a_cancelled_call_does_not_run),
        cmocka_unit_test(posts_of_other_threads_all_arrive),
        cmocka_unit_test(work_runs_in_a_thread_and_is_done_in_the_loop),
        cmocka_unit_test(every_work_is_done_once_when_the_loop_is_freed),
        cmocka_unit_test(a_signal_is_delivered_in_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
