// One zone's life on the primary: its source (the zone file), its expanded version in a store on
// disk, and what is served. Everything slow (reading, comparing, writing, syncing) runs in worker
// threads through jobs that own or borrow what they touch, one at a time for a zone; wishes that
// come meanwhile are noted and put together. Loop's thread.
#ifndef TANDEM_PRIMARY_KEEPER_H
#define TANDEM_PRIMARY_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/net/loop.h"
#include "common/zone/store.h"
#include "primary/alias_link.h"
#include "primary/history.h"
#include "primary/served.h"
#include "primary/settings.h"
#include "primary/source.h"
#include "primary/turns.h"

#define KEEPER_OWNERS_MAX                                                                          \
    4096 // changed ALIAS owners noted one by one; more: the whole zone is compared
// Changed ALIAS owners wait so long for others before a version is made of them. A single change is
// on its way to the secondaries within a few ten milliseconds.
#define KEEPER_GATHER_FIRST_MS 10
// While versions of changed addresses follow each other the wait doubles up to this: each version
// costs every secondary a transfer, a signature and a mail.
#define KEEPER_GATHER_MAX_MS  500
#define KEEPER_GATHER_QUIET   4 // after so many times the last wait without a version: the first wait
#define KEEPER_RETRY_FIRST_MS 5000  // after a failed write (disk full): again
#define KEEPER_RETRY_MAX_MS   60000 // doubled up to this
#define KEEPER_WAITERS_MAX    1024  // who waits for one zone to come to rest: reloads and commands

enum keeper_state {
    KEEPER_LOADING, // the first load is under way
    KEEPER_WAITING, // never given out, and targets have not answered yet
    KEEPER_OK,
    KEEPER_STALE,  // served, but the zone file is broken or the last version could not be written
    KEEPER_FAILED, // not served: the zone file was broken at start
};
const char *keeper_state_word(enum keeper_state state); // as in common/tandemctl/README.md

struct keeper;

// What the program wants to know. context is that of keeper_options.
struct keeper_events {
    // A new version is served; first: the first one since the start of the program.
    void (*published)(void *context, struct keeper *keeper, bool first, bool changed);
    // A load ended; good says whether the zone file was taken, before whether the one before was.
    void (*loaded)(void *context, struct keeper *keeper, bool good, bool good_before);
};
struct keeper_options {
    struct loop *loop;
    struct settings_hold *settings;           // held
    const struct primary_zone_settings *zone; // of these settings
    const char *directory;                    // of all zones' stores
    bool synced;         // what earlier runs have left in the directory is on the disk
    bool state_lost;     // what was known of versions of zones that have no store is lost, not new
    struct turns *turns; // of the jobs of all keepers; borrowed
    const struct alias_link *alias;     // borrowed
    const struct keeper_events *events; // borrowed
    void *context;
};
// Starts nothing: keeper_load does.
struct keeper *keeper_new(const struct keeper_options *options);
// Calls who waits, then nothing any more; a job under way ends by itself, then the rest is freed.
void keeper_free(struct keeper **keeper);
// The settings after a reload (held), perhaps the same; the caller then calls keeper_load.
void keeper_change(struct keeper *keeper, struct settings_hold *settings,
                   const struct primary_zone_settings *zone);

// What earlier runs have left in the directory is on the disk (keeper_options.synced).
void keeper_synced(struct keeper *keeper);
// Reads the zone file, if it or a file that it includes has changed, and publishes what has
// changed. cause: "file" or "command", static.
void keeper_load(struct keeper *keeper, const char *cause);
// The same, changed or not.
void keeper_read(struct keeper *keeper, const char *cause);
// The addresses of these ALIAS owners may have changed (vector of uint8_t[NAME_SIZE_MAX]; NULL: of
// any).
void keeper_alias_changed(struct keeper *keeper, const struct vector *owners);
// Calls once when nothing is under way or wanted any more (a zone that waits for its targets is at
// rest), never from inside this call. False: too many wait.
bool keeper_when_idle(struct keeper *keeper, loop_call *call, void *context);
void keeper_forget_waiter(struct keeper *keeper, const void *context);

struct served_zone *keeper_served(struct keeper *keeper);
const struct primary_zone_settings *keeper_zone(const struct keeper *keeper);
const struct settings_hold *keeper_settings(const struct keeper *keeper);
// NULL: nothing is served yet. The caller may hold it.
const struct version *keeper_version(const struct keeper *keeper);
// The version before, while the program runs; NULL: none.
const struct version *keeper_version_before(const struct keeper *keeper);
// The zone file as it was last taken; NULL: never. The caller may hold it.
struct source *keeper_source(const struct keeper *keeper);

struct keeper_status {
    enum keeper_state state;
    const char *reason; // a sentence, or NULL; borrowed until the keeper runs again
    uint32_t source_serial, serial;
    bool has_source, has_version;
    int64_t loaded_at, load_failed_at; // 0: never
    int64_t changed_at;                // of the version; 0: none
    size_t added, removed;             // by the last change
    size_t records;
    uint64_t size_octets;
    const struct vector *errors, *warnings; // of char *, of the last load
    const struct history *history;
};
void keeper_status(const struct keeper *keeper, struct keeper_status *ret_status);

#endif
