// The event loop of a process: timers, descriptors, signals, deferred calls, work in threads. The
// only door to libuv. Everything but loop_post belongs to the thread that runs the loop; callbacks
// run there. Every object is freed by its owner before loop_free, from anywhere, also from inside
// its own callback; after its free no callback of it comes any more.
#ifndef TANDEM_NET_LOOP_H
#define TANDEM_NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/octets.h"

struct loop;
typedef void loop_call(void *context);

struct loop *loop_new(void);
// Waits for threads at work (see loop_work). Calls that were deferred or posted and did not run yet
// are forgotten.
void loop_free(struct loop **loop);
// Until loop_stop; a loop without anything to watch waits.
void loop_run(struct loop *loop);
// One turn: waits for at least one event when wait is true, else only what is ready. For tests.
void loop_run_once(struct loop *loop, bool wait);
// loop_run returns at the end of the present turn. From the loop's own thread.
void loop_stop(struct loop *loop);
// Monotonic milliseconds, read once a turn, no system call; never 0.
uint64_t loop_now_ms(const struct loop *loop);

// Memory that what runs in the loop shares, because only one callback runs at a time.
// What is read from a socket, until it is known what of it must be kept: LOOP_SCRATCH_SIZE octets,
// good until the callback returns. From inside the loop's callbacks only, and not two users in one.
#define LOOP_SCRATCH_SIZE (64 * 1024) // the longest DNS message, or some thousand queries in a row
uint8_t *loop_scratch(struct loop *loop);
// An empty buffer to borrow memory from and to give it back to.
struct octets_buffer *loop_spare(struct loop *loop);

// Timers. New ones are stopped.
struct loop_timer;
struct loop_timer *loop_timer_new(struct loop *loop, loop_call *call, void *context);
// First after after_ms, then every repeat_ms (0: once). Starting again forgets the earlier start.
void loop_timer_start(struct loop_timer *timer, uint64_t after_ms, uint64_t repeat_ms);
void loop_timer_stop(struct loop_timer *timer);
bool loop_timer_is_running(const struct loop_timer *timer);
void loop_timer_free(struct loop_timer **timer); // *timer may be NULL

// Descriptors: sockets, pipes, eventfds (not files). Borrowed: free the watch, then close the fd.
enum loop_event {
    LOOP_READABLE = 1,
    LOOP_WRITABLE = 2,
};
struct loop_watch;
// events: what of the wanted is ready. An error or a hang-up of the descriptor counts as everything
// that was wanted: the next read or write says what it is.
typedef void loop_watch_call(void *context, unsigned events);
// New ones want nothing. The descriptor is made non-blocking.
struct loop_watch *loop_watch_new(struct loop *loop, int fd, loop_watch_call *call, void *context);
// 0 pauses. Level-triggered: what is left unread comes again in the next turn.
void loop_watch_want(struct loop_watch *watch, unsigned events);
void loop_watch_free(struct loop_watch **watch); // *watch may be NULL

// Signals, delivered in the loop, not in a signal handler.
struct loop_signal;
struct loop_signal *loop_signal_new(struct loop *loop, int signal_number, loop_call *call,
                                    void *context);
void loop_signal_free(struct loop_signal **signal); // *signal may be NULL

// Runs call once in the next turn of the loop (not from inside this call).
void loop_defer(struct loop *loop, loop_call *call, void *context);
// Forgets the deferred calls with this context: before the context is freed.
void loop_defer_cancel(struct loop *loop, const void *context);
// As loop_defer, from any thread; wakes the loop. The order of one thread's posts is kept.
void loop_post(struct loop *loop, loop_call *call, void *context);

// work runs in a thread of the process's pool (4 of them: long work of many zones queues up;
// signing has its own pool), then done in the loop. done comes always and once: with cancelled true
// when loop_free came before the work began.
typedef void loop_done_call(void *context, bool cancelled);
void loop_work(struct loop *loop, loop_call *work, loop_done_call *done, void *context);

#endif
