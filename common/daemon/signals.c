#include "common/daemon/signals.h"

#include <signal.h>
#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/fault.h"

struct signals {
    struct signals_events events;
    void *context;
    struct loop_signal *term;
    struct loop_signal *interrupt;
    struct loop_signal *hangup;
    struct loop_signal *child;
};

static void
set_disposition(int signal_number, void (*disposition)(int))
{
    struct sigaction action = {.sa_handler = disposition};
    sigemptyset(&action.sa_mask);
    sigaction(signal_number, &action, NULL);
}

static void
stop_asked(void *context)
{
    struct signals *signals = context;
    signals->events.stop(signals->context);
}

static void
reload_asked(void *context)
{
    struct signals *signals = context;
    signals->events.reload(signals->context);
}

static void
child_changed(void *context)
{
    struct signals *signals = context;
    signals->events.child(signals->context);
}

// To a peer that is gone, beyond a limit of file sizes: the call's errno says it.
static void
ignore_failed_writes(void)
{
    set_disposition(SIGPIPE, SIG_IGN);
    set_disposition(SIGXFSZ, SIG_IGN);
}

struct signals *
signals_new(struct loop *loop, const struct signals_events *events, void *context)
{
    struct signals *signals = memory_zalloc(sizeof(*signals));
    ENSURE(events->stop != NULL);
    signals->events = *events;
    signals->context = context;
    ignore_failed_writes();
    signals->term = loop_signal_new(loop, SIGTERM, stop_asked, signals);
    signals->interrupt = loop_signal_new(loop, SIGINT, stop_asked, signals);
    if (events->reload)
        signals->hangup = loop_signal_new(loop, SIGHUP, reload_asked, signals);
    else
        set_disposition(SIGHUP, SIG_IGN);
    if (events->child)
        signals->child = loop_signal_new(loop, SIGCHLD, child_changed, signals);
    return signals;
}

void
signals_free(struct signals **pointer)
{
    struct signals *signals = *pointer;
    *pointer = NULL;
    if (!signals)
        return;
    loop_signal_free(&signals->term);
    loop_signal_free(&signals->interrupt);
    loop_signal_free(&signals->hangup);
    loop_signal_free(&signals->child);
    free(signals);
}

void
signals_reset(void)
{
    static const int ours[] = {SIGPIPE, SIGXFSZ, SIGTERM, SIGINT, SIGHUP, SIGCHLD};
    sigset_t none;
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        set_disposition(ours[i], SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

void
signals_ignore_terminal(void)
{
    ignore_failed_writes();
    set_disposition(SIGINT, SIG_IGN);
    set_disposition(SIGHUP, SIG_IGN);
}
