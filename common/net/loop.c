// libuv closes a handle in two steps: uv_close now, and a callback at the end of the turn, before
// which the memory must stay. Our objects hide that: x_free starts the closing and lets go of the
// object, and its memory goes in the callback. So an owner may free anything from anywhere, and
// libuv's promise that a closing handle is never called again becomes ours.
//
// A watch is the subtle one. libuv takes the descriptor out of epoll inside uv_poll_stop, at once,
// so the owner may close the descriptor right after loop_watch_free although the handle still
// closes.
#include "common/net/loop.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/vector.h"

struct call {
    loop_call *call; // NULL: cancelled
    void *context;
};

struct loop_job {
    uv_work_t uv;
    struct loop *loop;
    struct loop_job *next;
    struct loop_job *previous;
    loop_call *work;
    loop_done_call *done;
    void *context;
};

struct loop {
    uv_loop_t uv;
    size_t objects;         // timers, watches and signals that are not freed
    uv_idle_t turn;         // runs while calls are deferred
    struct vector deferred; // of struct call
    uv_async_t wake;        // also what keeps an empty loop waiting
    pthread_mutex_t posted_lock;
    struct vector posted; // of struct call
    struct loop_job *jobs;
    bool one_turn;    // see loop_run_once
    uint8_t *scratch; // NULL until somebody wants it
    struct octets_buffer spare;
};

struct loop_timer {
    uv_timer_t uv;
    struct loop *loop;
    loop_call *call;
    void *context;
};

struct loop_watch {
    uv_poll_t uv;
    struct loop *loop;
    loop_watch_call *call;
    void *context;
    unsigned wanted;
};

struct loop_signal {
    uv_signal_t uv;
    struct loop *loop;
    loop_call *call;
    void *context;
};

// libuv calls due timers and idle handles before it waits: a turn that had one of them to call
// would go on to wait for another event, for ever if none is to come. A stop keeps it from waiting;
// it ends with the turn.
static void
turn_has_its_event(struct loop *loop)
{
    if (loop->one_turn)
        uv_stop(&loop->uv);
}

// Deferred and posted calls

static void
run_deferred(uv_idle_t *turn)
{
    struct loop *loop = turn->data;
    turn_has_its_event(loop);
    size_t count = loop->deferred.count; // what is added meanwhile waits for the next turn
    for (size_t i = 0; i < count; i++) {
        struct call call = *(struct call *)vector_at(&loop->deferred, i);
        if (call.call)
            call.call(call.context);
    }
    size_t left = loop->deferred.count - count;
    if (left > 0)
        memmove(loop->deferred.items, vector_at(&loop->deferred, count),
                left * sizeof(struct call));
    loop->deferred.count = left;
    if (left == 0)
        uv_idle_stop(&loop->turn);
}

void
loop_defer(struct loop *loop, loop_call *call, void *context)
{
    vector_add(&loop->deferred, &(struct call){call, context});
    uv_idle_start(&loop->turn, run_deferred);
}

void
loop_defer_cancel(struct loop *loop, const void *context)
{
    for (size_t i = 0; i < loop->deferred.count; i++) {
        struct call *call = vector_at(&loop->deferred, i);
        if (call->context == context)
            call->call = NULL;
    }
}

static void
run_posted(uv_async_t *wake)
{
    struct loop *loop = wake->data;
    pthread_mutex_lock(&loop->posted_lock);
    struct vector posted = loop->posted;
    vector_init(&loop->posted, sizeof(struct call));
    pthread_mutex_unlock(&loop->posted_lock);
    for (size_t i = 0; i < posted.count; i++) {
        struct call *call = vector_at(&posted, i);
        call->call(call->context);
    }
    vector_close(&posted);
}

void
loop_post(struct loop *loop, loop_call *call, void *context)
{
    pthread_mutex_lock(&loop->posted_lock);
    vector_add(&loop->posted, &(struct call){call, context});
    pthread_mutex_unlock(&loop->posted_lock);
    uv_async_send(&loop->wake);
}

// The loop itself

struct loop *
loop_new(void)
{
    struct loop *loop = memory_zalloc(sizeof(*loop));
    ENSURE(uv_loop_init(&loop->uv) == 0);
    ENSURE(uv_idle_init(&loop->uv, &loop->turn) == 0);
    ENSURE(uv_async_init(&loop->uv, &loop->wake, run_posted) == 0);
    ENSURE(pthread_mutex_init(&loop->posted_lock, NULL) == 0);
    loop->turn.data = loop;
    loop->wake.data = loop;
    vector_init(&loop->deferred, sizeof(struct call));
    vector_init(&loop->posted, sizeof(struct call));
    octets_buffer_init(&loop->spare);
    return loop;
}

void
loop_free(struct loop **pointer)
{
    struct loop *loop = *pointer;
    if (!loop)
        return;
    ENSURE(loop->objects == 0);
    for (struct loop_job *job = loop->jobs; job; job = job->next)
        uv_cancel((uv_req_t *)&job->uv); // fails for those under way: they are waited for
    loop->deferred.count = 0;
    uv_close((uv_handle_t *)&loop->turn, NULL);
    uv_close((uv_handle_t *)&loop->wake, NULL);
    while (uv_run(&loop->uv, UV_RUN_DEFAULT) != 0)
        continue; // a stop that was asked for ends one run
    ENSURE(uv_loop_close(&loop->uv) == 0);
    vector_close(&loop->deferred);
    vector_close(&loop->posted);
    pthread_mutex_destroy(&loop->posted_lock);
    octets_buffer_close(&loop->spare);
    free(loop->scratch);
    free(loop);
    *pointer = NULL;
}

void
loop_run(struct loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void
loop_run_once(struct loop *loop, bool wait)
{
    loop->one_turn = true;
    uv_run(&loop->uv, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
    loop->one_turn = false;
}

void
loop_stop(struct loop *loop)
{
    uv_stop(&loop->uv);
}

uint64_t
loop_now_ms(const struct loop *loop)
{
    uint64_t now = uv_now(&loop->uv);
    return now ? now : 1;
}

uint8_t *
loop_scratch(struct loop *loop)
{
    if (!loop->scratch)
        loop->scratch = memory_alloc(LOOP_SCRATCH_SIZE);
    return loop->scratch;
}

struct octets_buffer *
loop_spare(struct loop *loop)
{
    return &loop->spare;
}

// Every object begins with its handle, so the handle's address is the object's.
static void
free_object(uv_handle_t *handle)
{
    free(handle);
}

static void
close_object(struct loop *loop, uv_handle_t *handle)
{
    loop->objects--;
    uv_close(handle, free_object);
}

// Timers

static void
timer_fires(uv_timer_t *uv)
{
    struct loop_timer *timer = (struct loop_timer *)uv;
    turn_has_its_event(timer->loop);
    timer->call(timer->context);
}

struct loop_timer *
loop_timer_new(struct loop *loop, loop_call *call, void *context)
{
    struct loop_timer *timer = memory_zalloc(sizeof(*timer));
    ENSURE(uv_timer_init(&loop->uv, &timer->uv) == 0);
    timer->loop = loop;
    timer->call = call;
    timer->context = context;
    loop->objects++;
    return timer;
}

void
loop_timer_start(struct loop_timer *timer, uint64_t after_ms, uint64_t repeat_ms)
{
    ENSURE(uv_timer_start(&timer->uv, timer_fires, after_ms, repeat_ms) == 0);
}

void
loop_timer_stop(struct loop_timer *timer)
{
    uv_timer_stop(&timer->uv);
}

bool
loop_timer_is_running(const struct loop_timer *timer)
{
    return uv_is_active((const uv_handle_t *)&timer->uv) != 0;
}

void
loop_timer_free(struct loop_timer **timer)
{
    if (*timer)
        close_object((*timer)->loop, (uv_handle_t *)&(*timer)->uv);
    *timer = NULL;
}

// Descriptors

static void watch_fires(uv_poll_t *uv, int status, int events);

static void
watch_start(struct loop_watch *watch)
{
    int events = 0;
    if (watch->wanted & LOOP_READABLE)
        events |= UV_READABLE;
    if (watch->wanted & LOOP_WRITABLE)
        events |= UV_WRITABLE;
    ENSURE(uv_poll_start(&watch->uv, events, watch_fires) == 0);
}

static void
watch_fires(uv_poll_t *uv, int status, int events)
{
    struct loop_watch *watch = (struct loop_watch *)uv;
    unsigned ready = 0;
    if (events & UV_READABLE)
        ready |= LOOP_READABLE;
    if (events & UV_WRITABLE)
        ready |= LOOP_WRITABLE;
    if (status < 0) {
        // An error of the socket: libuv has stopped the handle. The owner learns the error from its
        // next read or write and may go on afterwards (an ICMP error on a UDP socket).
        ready = watch->wanted;
        watch_start(watch);
    }
    watch->call(watch->context, ready);
}

struct loop_watch *
loop_watch_new(struct loop *loop, int fd, loop_watch_call *call, void *context)
{
    struct loop_watch *watch = memory_zalloc(sizeof(*watch));
    ENSURE(uv_poll_init(&loop->uv, &watch->uv, fd) == 0);
    watch->loop = loop;
    watch->call = call;
    watch->context = context;
    loop->objects++;
    return watch;
}

void
loop_watch_want(struct loop_watch *watch, unsigned events)
{
    if (watch->wanted == events)
        return;
    watch->wanted = events;
    if (events == 0)
        uv_poll_stop(&watch->uv);
    else
        watch_start(watch);
}

void
loop_watch_free(struct loop_watch **watch)
{
    if (*watch)
        close_object((*watch)->loop, (uv_handle_t *)&(*watch)->uv);
    *watch = NULL;
}

// Signals

static void
signal_fires(uv_signal_t *uv, int signal_number)
{
    struct loop_signal *signal = (struct loop_signal *)uv;
    (void)signal_number;
    signal->call(signal->context);
}

struct loop_signal *
loop_signal_new(struct loop *loop, int signal_number, loop_call *call, void *context)
{
    struct loop_signal *signal = memory_zalloc(sizeof(*signal));
    ENSURE(uv_signal_init(&loop->uv, &signal->uv) == 0);
    signal->loop = loop;
    signal->call = call;
    signal->context = context;
    loop->objects++;
    ENSURE(uv_signal_start(&signal->uv, signal_fires, signal_number) == 0);
    return signal;
}

void
loop_signal_free(struct loop_signal **signal)
{
    if (*signal)
        close_object((*signal)->loop, (uv_handle_t *)&(*signal)->uv);
    *signal = NULL;
}

// Work in threads

static void
job_works(uv_work_t *uv)
{
    struct loop_job *job = (struct loop_job *)uv;
    job->work(job->context);
}

static void
job_is_done(uv_work_t *uv, int status)
{
    struct loop_job *job = (struct loop_job *)uv;
    if (job->previous)
        job->previous->next = job->next;
    else
        job->loop->jobs = job->next;
    if (job->next)
        job->next->previous = job->previous;
    job->done(job->context, status == UV_ECANCELED);
    free(job);
}

void
loop_work(struct loop *loop, loop_call *work, loop_done_call *done, void *context)
{
    struct loop_job *job = memory_zalloc(sizeof(*job));
    job->loop = loop;
    job->work = work;
    job->done = done;
    job->context = context;
    job->next = loop->jobs;
    if (job->next)
        job->next->previous = job;
    loop->jobs = job;
    ENSURE(uv_queue_work(&loop->uv, &job->uv, job_works, job_is_done) == 0);
}
