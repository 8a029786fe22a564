// One thing at a time: a change runs or nothing does, and whatever comes meanwhile waits in a field
// of its own. A newer candidate replaces one that waits already: only the newest content matters.
// upkeep.c says what is due by itself, keeper_upkeep.c does it; the timer asks again after
// everything that happened.
#include "secondary/signer/keeper.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/daemon/json_value.h"
#include "common/daemon/log.h"
#include "common/net/loop.h"
#include "secondary/signer/keeper_inside.h"
#include "secondary/signer/key_errands.h"
#include "secondary/signer/zone_verify.h"
#include "secondary/signer/zone_walk.h"

// --- Time

// A policy that the zone does not show yet, unless the last try has just failed. A moment further
// ahead than any pause was set before the clock went back.
static bool
policy_waits(const struct keeper *keeper, char *why, size_t size)
{
    int64_t pause = keeper->not_before_seconds - keeper_now();
    return !keeper->policy_settled && (pause <= 0 || pause > UPKEEP_LATEST_SECONDS) &&
           keeper_policy_differs(keeper, why, size);
}

// Starts the next thing that waits; nothing when busy.
static void
keeper_begin(struct keeper *keeper)
{
    char why[HISTORY_WHY_MAX];
    if (keeper->phase != KEEPER_IDLE || keeper->stopping || keeper->store == NULL ||
        !keeper_keys_ready(keeper)) {
        return;
    }
    if (keeper->wants_restore && keeper->policy != NULL) {
        change_start_restore(keeper);
    } else if (keeper_served(keeper) != NULL && keeper->policy != NULL &&
               (keeper->wants_sign || keeper->wants_keys)) {
        change_start_whole(keeper);
    } else if (policy_waits(keeper, why, sizeof why)) {
        change_start_policy(keeper, why);
    } else if (keeper->has_next) {
        keeper->has_next = false;
        candidate_start(keeper, &keeper->next, &keeper->next_stream,
                        keeper->next.notified ? "notify" : "primary", NULL);
    }
}

// Not read, or one of them is gone: their files are looked at again.
static bool
keys_are_away(const struct keeper *keeper)
{
    return keeper->policy != NULL && (keeper->keyset == NULL || keeper->key_lost);
}

static void
plan(struct keeper *keeper)
{
    int64_t now = keeper_now();
    struct upkeep_plan next = keeper_upkeep_next(keeper, now);
    int64_t wait = next.action == UPKEEP_WAIT ? next.at_seconds - now : 0;
    bool broken = keeper->store == NULL || keys_are_away(keeper);
    if (broken && wait > KEEPER_RETRY_SECONDS) {
        wait = KEEPER_RETRY_SECONDS;
    }
    uint64_t milliseconds = wait > 0 ? (uint64_t)wait * 1000 : 1;
    if (keeper->walk != NULL && milliseconds > 20) {
        milliseconds = 20;
    }
    if (keeper->expiry_of != NULL) {
        milliseconds = 1;
    }
    if (keeper->store_is_busy && milliseconds > KEEPER_BUSY_MS) {
        milliseconds = KEEPER_BUSY_MS;
    }
    loop_timer_start(keeper->timer, milliseconds, 0);
    keeper_rest(keeper);
}

// Where a change ended, or what it waited for came.
static void
go_on(struct keeper *keeper)
{
    keeper_begin(keeper);
    plan(keeper);
}

// --- What comes

void
keeper_take_candidate(struct keeper *keeper, struct message_candidate *candidate, int *stream)
{
    if (keeper->has_next) {
        message_candidate_close(&keeper->next);
        close(keeper->next_stream);
    }
    keeper->has_next = true;
    keeper->next = *candidate;
    keeper->next_stream = *stream;
    *candidate = (struct message_candidate){0};
    *stream = -1;
    if (keeper->store == NULL || (!keeper_keys_ready(keeper) && !keeper->awaits_keys)) {
        keeper_tell_next_waits(keeper);
    }
    keeper_begin(keeper);
}

void
keeper_take_contact(struct keeper *keeper, const struct message_contact *contact)
{
    candidate_contact(keeper, contact->at_seconds);
    if (contact->has_serial) {
        keeper->stand.serial = contact->serial;
    }
    plan(keeper);
}

// --- Life

// A saved version whose signatures have expired is signed again before it is served.
static bool
saved_version_is_bogus(struct keeper *keeper)
{
    uint32_t first = keeper_first_expiration(keeper);
    return first != 0 && first <= keeper_now() && keeper->keyset != NULL && !keeper->key_lost;
}

// Without reading a million records: the version says when its first signature ends at the
// earliest.
static bool
saved_version_is_good(const struct keeper *keeper)
{
    const struct version *version = keeper_served(keeper);
    return version != NULL && (!version_facts(version)->is_signed ||
                               version_facts(version)->first_expiration > keeper_now());
}

static void
tell_servers(struct keeper *keeper)
{
    keeper->announced = true;
    keeper_tell_served(keeper);
}

void
keeper_find(struct keeper *keeper)
{
    if (keeper->stage == KEEPER_NEW) {
        keeper->stage = KEEPER_FOUND;
        keeper_open_store(keeper);
    }
}

void
keeper_serve(struct keeper *keeper)
{
    keeper_find(keeper);
    if (keeper->stage != KEEPER_FOUND) {
        return;
    }
    keeper->stage = KEEPER_OPENED;
    if (keeper->store != NULL) {
        store_sync_all(&keeper->store, 1);
    }
    if (saved_version_is_good(keeper)) {
        tell_servers(keeper);
    }
}

// Everything that could keep the saved version from being served is looked at.
static void
announce_saved(struct keeper *keeper)
{
    while (keeper_fill_expiry(keeper, SIZE_MAX)) {
    }
    if (saved_version_is_bogus(keeper)) {
        log_warning(
            "the saved version has expired signatures: it is signed again before it is served",
            "zone", keeper->domain);
        keeper->wants_sign = true;
    } else {
        tell_servers(keeper);
    }
}

void
keeper_wake(struct keeper *keeper)
{
    keeper_serve(keeper);
    if (keeper->stage == KEEPER_AWAKE) {
        return;
    }
    keeper->stage = KEEPER_AWAKE;
    keeper_open_rest(keeper);
    if (!keeper->announced) {
        announce_saved(keeper);
    }
    keeper_fill_expiry(keeper, KEEPER_EXPIRY_RECORDS);
    keeper_tell_facts(keeper);
    go_on(keeper);
}

static void
retry_opening(struct keeper *keeper)
{
    if (keeper->store == NULL || keys_are_away(keeper)) {
        bool had_store = keeper->store != NULL;
        keeper_open_store(keeper);
        keeper_open_rest(keeper);
        if (!had_store && keeper->store != NULL) {
            keeper_announce(keeper);
        }
    }
}

static void
on_timer(void *context)
{
    struct keeper *keeper = context;
    int64_t now = keeper_now();
    retry_opening(keeper);
    keeper_fill_expiry(keeper, KEEPER_EXPIRY_RECORDS);
    keeper_upkeep(keeper, now);
    go_on(keeper);
}

// policy NULL: what upkeep needs all the same.
static void
take_policy(struct keeper *keeper, const struct policy_settings *policy)
{
    struct sign_policy fresh;
    if (policy != NULL) {
        keeper_sign_policy_fill(policy, &fresh);
    } else {
        sign_policy_default(&fresh);
    }
    policy_pool_drop(keeper->shared->policies, &keeper->sign_policy);
    keeper->sign_policy = policy_pool_hold(keeper->shared->policies, &fresh);
}

struct keeper *
keeper_new(const struct keeper_shared *shared, uint32_t id,
           const struct secondary_zone_settings *settings, const struct policy_settings *policy)
{
    struct keeper *keeper = memory_zalloc(sizeof *keeper);
    keeper->shared = shared;
    keeper->go_on = go_on;
    keeper->id = id;
    uint8_t *apex = memory_alloc(name_length(settings->name));
    name_copy(apex, settings->name);
    keeper->apex = apex;
    char domain[NAME_TEXT_MAX];
    keeper->domain = memory_text(name_to_text_short(apex, domain));
    keeper->next_stream = -1;
    octets_buffer_init(&keeper->ds_seen);
    keeper->timer = loop_timer_new(shared->loop, on_timer, keeper);
    // Spread over an hour, so that a start with thousands of zones is not a start of thousands of
    // scrubs.
    keeper->begun_seconds = keeper_now();
    keeper->scrub_seconds = keeper_now() + UPKEEP_SCRUB_SECONDS + id % UPKEEP_LATEST_SECONDS;
    keeper->settings = settings;
    keeper->policy = policy;
    take_policy(keeper, policy);
    return keeper;
}

static bool
gate_judges_alike(const struct gate_settings *a, const struct gate_settings *b)
{
    return a->max_removed_percent == b->max_removed_percent && a->max_records == b->max_records &&
           a->max_size_octets == b->max_size_octets && a->max_ttl_seconds == b->max_ttl_seconds &&
           strcmp(a->review, b->review) == 0;
}

void
keeper_change_settings(struct keeper *keeper, const struct secondary_zone_settings *settings,
                       const struct policy_settings *policy)
{
    if (!gate_judges_alike(&keeper->settings->rules->gate, &settings->rules->gate) ||
        (keeper->policy == NULL) != (policy == NULL)) {
        keeper_want_whole(keeper, "the zone's settings changed");
    }
    keeper->settings = settings;
    if (keeper->store != NULL) {
        store_set_journal_max(keeper->store, settings->rules->journal_max_octets);
    }
    bool was_signed = keeper->policy != NULL;
    keeper->policy = policy;
    if (policy != NULL) {
        take_policy(keeper, policy);
    }
    if (policy != NULL && keeper->stage == KEEPER_AWAKE) {
        keeper_prepare_keys(keeper);
        keeper->wants_keys = keeper->wants_keys || !was_signed;
        keeper->policy_settled = false;
        keeper->policies++;
    }
    if (keeper->stage == KEEPER_AWAKE) {
        go_on(keeper);
    }
}

void
keeper_orphan(struct keeper *keeper)
{
    struct keeper_orphanage *orphanage = memory_alloc(sizeof *orphanage);
    *orphanage = (struct keeper_orphanage){
        .settings = {.name = keeper->apex, .domain = keeper->domain, .rules = &orphanage->rules},
        .rules = {.gate = {.review = ""}, .expire_seconds = EXPIRE_NEVER},
        .policy = {.id = "", .key_secret_file = ""},
    };
    free(keeper->orphanage); // of a reload before this one
    keeper->orphanage = orphanage;
    keeper->settings = &orphanage->settings;
    if (keeper->policy != NULL) {
        keeper->policy = &orphanage->policy;
    }
}

void
keeper_stop(struct keeper *keeper)
{
    keeper->stopping = true;
    atomic_store(&keeper->progress.stop, true);
    zone_verify_stop(keeper);
    keeper_forget_key_order(keeper);
    key_errands_close(keeper);
    loop_timer_stop(keeper->timer);
}

void
keeper_free(struct keeper **keeper)
{
    struct keeper *old = *keeper;
    if (old == NULL) {
        return;
    }
    zone_verify_forget(old);
    keeper_forget_key_order(old);
    key_errands_close(old);
    change_close(old);
    if (old->has_next) {
        message_candidate_close(&old->next);
        close(old->next_stream);
    }
    zone_walk_free(&old->walk);
    version_drop(&old->former);
    version_drop(&old->expiry_of);
    loop_timer_free(&old->timer);
    loop_timer_free(&old->facts_timer);
    expiry_queue_free(&old->expiry);
    keyset_free(&old->keyset);
    key_store_close(&old->key_store);
    quarantine_close(&old->quarantine);
    json_value_free(&old->last_changes);
    history_free(&old->history);
    store_close(&old->store);
    octets_buffer_close(&old->ds_seen);
    free(old->directory);
    free(old->key_directory);
    free(old->domain);
    free(old->state_fault);
    free(old->rejected);
    keeper_free_waiters(old);
    free(old->counted);
    free(old->orphanage);
    policy_pool_drop(old->shared->policies, &old->sign_policy);
    free((void *)(uintptr_t)old->apex);
    free(old);
    *keeper = NULL;
}
