// What a zone finds on disk at its start, and makes where there is nothing.
#include "secondary/signer/keeper_inside.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/arena.h"
#include "common/daemon/log.h"
#include "common/daemon/spare_memory.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "secondary/signer/zone_directory.h"

static char *
make_directories(struct keeper *keeper, const char *kind, struct fault *fault)
{
    char name[ZONE_DIRECTORY_NAME_MAX];
    char path[PATH_MAX];
    zone_directory_name(keeper->apex, name);
    snprintf(path, sizeof path, "%s/%s", keeper->shared->state_directory, kind);
    if (!zone_directory_make(path, fault)) {
        return NULL;
    }
    int length =
        snprintf(path, sizeof path, "%s/%s/%s", keeper->shared->state_directory, kind, name);
    if (length < 0 || (size_t)length >= sizeof path) {
        fault_set(fault, FAULT_LIMIT, "zone %s: the path of its state is too long", keeper->domain);
        return NULL;
    }
    return zone_directory_make(path, fault) ? memory_text(path) : NULL;
}

bool
keeper_fill_expiry(struct keeper *keeper, size_t records)
{
    if (keeper->expiry_of == NULL) {
        return false;
    }
    bool damaged = keeper->expiry_cursor.damaged;
    bool more = expiry_queue_fill(keeper_expiry(keeper), &keeper->expiry_cursor, records);
    if (keeper->expiry_cursor.damaged && !damaged) {
        struct fault fault = {0};
        fault_set(&fault, FAULT_CORRUPT,
                  "zone %s: saved records are damaged; names that need them are answered with "
                  "SERVFAIL until the primary's next transfer is signed anew; look at the disk",
                  keeper->domain);
        keeper_damage_note(keeper, &fault);
    }
    version_rest(keeper->expiry_of);
    if (!more) {
        version_drop(&keeper->expiry_of);
        if (keeper_first_expiration(keeper) != 0) { // it asks for thousands of records, once
            version_rest(keeper_served(keeper));
        }
        const struct version *served = keeper_served(keeper);
        if (served != NULL && version_facts(served)->node_count > KEEPER_EXPIRY_RECORDS) {
            spare_memory_give_back(keeper->shared->spare); // its buckets grew among each other
        }
    }
    return more;
}

// Status shows the last change of content, also after a restart; a refresh of signatures is none.
static void
remember_last_change(struct keeper *keeper, const struct history *history)
{
    for (size_t i = 0; i < history_count(history); i++) {
        const struct history_step *step = history_at(history, i);
        if (step->added > 0 || step->removed > 0) {
            keeper->last_added = step->added;
            keeper->last_removed = step->removed;
            return;
        }
    }
}

// Of the SOA's signature, the newest of a zone: what the clock is held against.
static uint32_t
served_inception(const struct version *version)
{
    const struct node *apex = version_apex_node(version);
    struct rrset soa;
    struct rr rr;
    struct rdata_rrsig rrsig;
    uint32_t position = 0;
    return apex != NULL && node_rrset_find(apex, RRTYPE_SOA, &soa) &&
                   rrset_next(soa.signatures, soa.signatures_length, &position, &rr) &&
                   rdata_rrsig_read(rr.rdata, rr.rdlength, &rrsig)
               ? rrsig.inception
               : 0;
}

static bool
open_store(struct keeper *keeper, struct fault *fault)
{
    char path[PATH_MAX];
    struct store_opening opening;
    const struct store_options options = {
        .tidy_later = true,
        .sync_later = true,
        .journal_octets_max = keeper->settings->rules->journal_max_octets,
        .pool = pooled_open(keeper->shared->pooled, fault),
    };
    if (options.pool == NULL) {
        return false;
    }
    if (keeper->directory == NULL) {
        keeper->directory = make_directories(keeper, "zones", fault);
    }
    if (keeper->directory == NULL) {
        return false;
    }
    snprintf(path, sizeof path, "%s/store", keeper->directory);
    if (!store_open(path, keeper->apex, &options, &keeper->store, &opening, fault)) {
        return false;
    }
    keeper->fresh_store = opening.fresh;
    if (opening.torn_indexes > 0) {
        log_warning("a version was not whole on disk (a crash in the middle of a publish): the one "
                    "before it is served",
                    "zone", keeper->domain);
    }
    contact_load(keeper->directory, &keeper->contact); // it says whether the zone has expired
    return true;
}

static bool
open_beside_store(struct keeper *keeper, struct fault *fault)
{
    char path[PATH_MAX];
    char name[ZONE_DIRECTORY_NAME_MAX];
    snprintf(path, sizeof path, "%s/quarantine", keeper->directory);
    if (keeper->quarantine == NULL && !quarantine_open(path, &keeper->quarantine, fault)) {
        return false;
    }
    if (keeper->key_directory == NULL) {
        zone_directory_name(keeper->apex, name);
        snprintf(path, sizeof path, "%s/keys", keeper->shared->state_directory);
        if (!zone_directory_make(path, fault)) {
            return false;
        }
        snprintf(path, sizeof path, "%s/keys/%s", keeper->shared->state_directory, name);
        keeper->key_directory = memory_text(path);
    }
    return true;
}

static void
note_fault(struct keeper *keeper, struct fault *fault)
{
    fault_wrap(fault, "zone %s: its state cannot be opened", keeper->domain);
    keeper_fault_set(keeper, fault, EVENT_CRASH, "");
}

// What the store says of the time before this start.
static void
remember(struct keeper *keeper)
{
    const struct version *served = keeper_served(keeper);
    store_tidy(keeper->store);
    remember_last_change(keeper, keeper_history(keeper));
    keeper->remembered = true;
    if (served != NULL) { // a restart is no reason for a refresh
        keeper->last_refresh_seconds = version_facts(served)->published_seconds;
        keeper->newest_inception = served_inception(served);
        keeper->expiry_of = version_hold(served);
        version_cursor_first(&keeper->expiry_cursor, served);
    }
}

void
keeper_open_store(struct keeper *keeper)
{
    struct fault fault = {0};
    if (keeper->store != NULL) {
        return;
    }
    bool opened = open_store(keeper, &fault);
    keeper->store_is_busy = !opened && fault.kind == FAULT_BUSY &&
                            keeper_now() < keeper->begun_seconds + KEEPER_BUSY_SECONDS;
    if (!opened && !keeper->store_is_busy) {
        note_fault(keeper, &fault);
    }
}

void
keeper_open_rest(struct keeper *keeper)
{
    struct fault fault = {0};
    if (keeper->store == NULL) {
        return;
    }
    store_sync_all(&keeper->store, 1);
    if (!open_beside_store(keeper, &fault)) {
        note_fault(keeper, &fault);
        store_close(&keeper->store);
        return;
    }
    if (!keeper->remembered) {
        remember(keeper);
        keeper_fault_clear(keeper);
    }
    keeper_prepare_keys(keeper);
}
