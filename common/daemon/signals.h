// What the outside may tell a daemon by signals: TERM and INT stop it, HUP reloads it; SIGPIPE and
// SIGXFSZ are ignored (a write says EPIPE or EFBIG). One for each process, belongs to its loop.
#ifndef TANDEM_DAEMON_SIGNALS_H
#define TANDEM_DAEMON_SIGNALS_H

#include "common/net/loop.h"

struct signals_events {
    // TERM or INT; comes again with the next one: somebody is losing patience. Not NULL.
    void (*stop)(void *context);
    void (*reload)(void *context); // HUP; NULL: ignored
    // SIGCHLD: waitpid(-1, WNOHANG) until there is none; NULL: the signal keeps its default
    void (*child)(void *context);
};

struct signals;
struct signals *signals_new(struct loop *loop, const struct signals_events *events, void *context);
void signals_free(struct signals **signals);
// In a child between fork and exec (async-signal-safe): the default for all of these, none blocked.
void signals_reset(void);

// For the roles of the secondary: their parent decides when they end (its socket closes), so a ^C
// of the terminal or a HUP to the group must not reach them. Ignores SIGPIPE, SIGXFSZ, SIGINT,
// SIGHUP; TERM ends.
void signals_ignore_terminal(void);

#endif
