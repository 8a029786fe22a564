// What the supervisor is made of. Inner to its files, which call in one direction: supervisor.c
// (the switchboard and the life of the whole) uses supervisor_verbs.c (what an operator orders),
// and both use supervisor_roles.c (what the death and the start of a role mean).
#ifndef TANDEM_SECONDARY_SUPERVISOR_INSIDE_H
#define TANDEM_SECONDARY_SUPERVISOR_INSIDE_H

#include "common/daemon/spare_memory.h"
#include "secondary/children.h"
#include "secondary/deliveries.h"
#include "secondary/kept_events.h"
#include "secondary/listening.h"
#include "secondary/places.h"
#include "secondary/settings.h"
#include "secondary/supervisor.h"

struct reviews;
struct loop_timer;

struct supervisor {
    struct loop *loop;
    struct supervisor_options options;
    struct role_settings *kept;
    struct secondary_settings *settings; // of kept
    struct role_extras extras;
    char host[256];
    struct places places;
    struct kept_events events;
    struct listening listening;
    struct children children;
    struct deliveries deliveries;
    int *counters;  // a memfd for each server
    int rate_table; // one for all
    uint64_t rate_key;
    struct reviews *reviews;
    struct loop_timer *watch;
    struct spare_memory spare;
    bool all_were_ready, stopping;
    int exit_code;
};

// supervisor_roles.c
struct child *supervisor_desk(const struct supervisor *supervisor);
void supervisor_role_started(struct supervisor *supervisor, struct child *child);
// READY: the role took its settings, or says in the body why not.
void supervisor_role_ready(struct supervisor *supervisor, struct child *child,
                           const struct message *message);
void supervisor_role_died(struct supervisor *supervisor, struct child *child);
// Its part of the settings that are in force.
void supervisor_send_settings(struct supervisor *supervisor, struct child *child);
// Tells the servers of the files of the pool that the zones have left.
void supervisor_drop_files(struct supervisor *supervisor);
// Kept until the desk has it on disk. body: copied.
void supervisor_take_event(struct supervisor *supervisor, uint32_t zone, struct octets body);

// supervisor_verbs.c
// A CONTROL_REQUEST to the supervisor: the desk gets the reply.
void supervisor_take_control(struct supervisor *supervisor, const struct message *message);

#endif
