// What a keeper is made of. Inner to keeper, keeper_take and keeper_status.
#ifndef TANDEM_PRIMARY_KEEPER_INSIDE_H
#define TANDEM_PRIMARY_KEEPER_INSIDE_H

#include "common/base/vector.h"
#include "primary/job.h"
#include "primary/keeper.h"
#include "primary/turns.h"

struct keeper_waiter {
    loop_call *call;
    void *context;
};

struct keeper {
    struct loop *loop;
    struct settings_hold *settings;
    const struct primary_zone_settings *zone;
    const struct alias_link *alias;
    const struct keeper_events *events;
    void *context;
    uint8_t apex[NAME_SIZE_MAX];
    char *domain, *directory;
    struct served_zone served;
    struct store *store; // touched by jobs only
    const struct version *version, *version_before;
    struct source *source;

    // What is wanted, and the job under way.
    struct turns *turns;
    struct turn turn;
    struct job *job;
    bool open_wanted; // nothing was done yet
    bool load_wanted, read_wanted, expand_all_wanted, upkeep_wanted, forgotten;
    const char *load_cause, *expand_cause;
    struct vector owners_wanted; // of uint8_t[NAME_SIZE_MAX]
    struct vector waiters;       // of struct keeper_waiter

    // Gathering of changed owners.
    struct loop_timer *gather_timer; // NULL: never needed yet
    bool gathered;                   // long enough: they may be published
    uint64_t gather_ms, published_ms;

    struct loop_timer *retry; // NULL: never needed yet
    uint64_t retry_ms;

    bool load_ended, load_good, waiting;
    bool settings_changed;          // since the zone was expanded under them
    bool synced;                    // keeper_options
    bool state_lost;                // there may have been versions of which nothing is known
    bool given_out;                 // a version was published, in this run or before
    bool has_mark;                  // beside the versions: of which files the newest one is
    struct hash_digest mark;        // of these
    struct vector errors, warnings; // of char *
    char *publish_fault;            // NULL: the last one went well
    int64_t load_failed_at;
    size_t added, removed;
    struct store_sizes sizes;
    struct history history;
};

#endif
