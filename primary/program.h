// The whole of tandem-primary but for its doors to operators (control socket, HTTP): settings,
// zones, listeners, NOTIFY, mail, and the two things that befall it, a reload and the stop. Loop's
// thread.
#ifndef TANDEM_PRIMARY_PROGRAM_H
#define TANDEM_PRIMARY_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/vector.h"
#include "common/daemon/metrics.h"
#include "common/net/loop.h"
#include "primary/alerts.h"
#include "primary/aliases.h"
#include "primary/notifier.h"
#include "primary/serve.h"
#include "primary/zones.h"

#define PROGRAM_STOP_DELAY_MS      50 // for the reply to `stop`
#define PROGRAM_SYNC_TOGETHER      64 // zones: from so many on one sync of the disk for all at the start
#define PROGRAM_RELOAD_WAITERS_MAX 64 // as many as the control socket has clients

// How a reload went; borrowed during the call.
struct program_reloaded {
    bool settings_taken;                    // false: the old settings stay
    bool zones_good;                        // every zone file was taken
    const struct vector *errors, *warnings; // of char *
    const struct vector
        *restart_keys; // of const char *: changed, and in force after a restart only
    const struct zones_changes *changes;
};
typedef void program_reload_call(void *context, const struct program_reloaded *reloaded);

struct program {
    struct loop *loop;
    char *file, *state_directory, *zones_directory;
    char host[256];
    struct settings_hold *settings;
    struct settings_hold *at_start; // whose restart-only keys are in force
    struct zones *zones;
    struct serve *serve;
    struct notifier *notifier;
    struct metrics *metrics;
    struct alerts *alerts;   // NULL before program_start
    struct aliases *aliases; // NULL: no engine
    struct alias_link alias;
    int64_t started_at, configured_at;
    unsigned verbose;
    bool ready;       // every zone's first load has ended
    bool established; // the state directory is known to be that of the run before (established.h)
    bool stopping;
    struct loop_timer *stop_timer;
    struct reload *reload; // under way
    struct vector reload_waiters, reload_waiters_next;
};

struct program_options {
    struct loop *loop;
    const char *file;
    struct primary_settings **settings; // taken over
    unsigned verbose;
};
// Opens the listening sockets (before privileges are dropped). FAULT_IO names the address.
bool program_new(const struct program_options *options, struct program **ret_program,
                 struct fault *fault);
// Makes the folders, begins to load the zones and to answer.
bool program_start(struct program *program, struct fault *fault);
void program_free(struct program **program);

// Reads the settings again, then every zone file; what is broken stays as it was. call may be NULL.
// False: too many wait for reloads already (nothing is called then).
bool program_reload(struct program *program, program_reload_call *call, void *context);
// Ends the loop; _soon: after what was answered just now has left (the reply to `stop`).
void program_stop(struct program *program);
void program_stop_soon(struct program *program);

#endif
