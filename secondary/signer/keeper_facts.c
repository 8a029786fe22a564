// What can be read off a zone, for status, metrics and the states that the servers are told.
#include "secondary/signer/keeper_inside.h"

#include <stdio.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/daemon/clock.h"
#include "common/zone/journal.h"

int64_t
keeper_now(void)
{
    return clock_unix_seconds();
}

const struct version *
keeper_served(const struct keeper *keeper)
{
    return keeper->store != NULL ? store_current(keeper->store) : NULL;
}

int64_t
keeper_expire_seconds(const struct keeper *keeper)
{
    const struct version *version = keeper_served(keeper);
    switch (keeper->settings->rules->expire_seconds) {
    case EXPIRE_NEVER:
        return 0;
    case EXPIRE_SOA:
        return version != NULL ? version_facts(version)->soa_expire_seconds : 0;
    default:
        return keeper->settings->rules->expire_seconds;
    }
}

const char *
keeper_state(const struct keeper *keeper, char *reason, size_t size)
{
    const struct quarantine_entry *held =
        keeper->quarantine != NULL ? quarantine_current(keeper->quarantine) : NULL;
    reason[0] = '\0';
    if (keeper->expired) {
        snprintf(reason, size,
                 "the primary was silent for longer than expire; the zone is not answered");
        return "expired";
    }
    if (keeper->state_fault != NULL) {
        snprintf(reason, size, "%s", keeper->state_fault->text);
        return "failed";
    }
    if (held != NULL) {
        snprintf(reason, size, "%s", held->sentence);
        return "held";
    }
    if (keeper->rejected != NULL) {
        snprintf(reason, size, "%s", keeper->rejected);
        return "held";
    }
    if (keeper->awaits_ds && keeper_served(keeper) == NULL) {
        snprintf(reason, size,
                 "no keys yet: the parent is asked for the zone's DS first (ds-check)");
        return "waiting";
    }
    if (keeper_served(keeper) == NULL) {
        snprintf(reason, size,
                 keeper->awaits_keys            ? "the zone's keys are being made"
                 : keeper->phase == KEEPER_IDLE ? "no transfer yet"
                                                : "first content is being signed");
        return "loading";
    }
    char note[KEYSET_NOTE_MAX];
    if (keeper->policy != NULL && keeper->keyset != NULL &&
        keyset_differs(keeper->keyset, keeper->policy->algorithm, note)) {
        snprintf(reason, size, "%s", note); // nothing is wrong, but it is not what was asked for
    }
    return "ok";
}

struct keeper_progress
keeper_progress(struct keeper *keeper)
{
    struct keeper_progress progress = {.left_seconds = -1};
    if (keeper->phase != KEEPER_SIGN) {
        return progress;
    }
    int64_t elapsed = (int64_t)clock_monotonic_ms() - keeper->change->started_ms;
    progress.total = atomic_load(&keeper->progress.records_total);
    progress.done = atomic_load(&keeper->progress.records_done);
    if (progress.done > progress.total) { // the former job's, for a moment
        progress.done = progress.total;
    }
    progress.per_second = progress.done * 1000 / (uint64_t)(elapsed > 0 ? elapsed : 1);
    if (progress.per_second > 0) {
        progress.left_seconds =
            (int64_t)((progress.total - progress.done) / progress.per_second) + 1;
    }
    return progress;
}

static void
fill_progress(struct keeper *keeper, struct message_zone_facts *facts)
{
    struct keeper_progress progress = keeper_progress(keeper);
    facts->signing_done = progress.done;
    facts->signing_total = progress.total;
    facts->signing_per_second = progress.per_second;
    facts->signing_left_seconds = progress.left_seconds;
}

static void
fill_keys(const struct keeper *keeper, struct message_zone_facts *facts)
{
    size_t count = keeper->keyset != NULL ? keyset_count(keeper->keyset) : 0;
    facts->keys = memory_zalloc(count * sizeof *facts->keys);
    for (size_t i = 0; i < count && i < MESSAGE_ZONE_KEYS_MAX; i++) {
        const struct key_pair *key = keyset_at(keeper->keyset, i);
        facts->keys[i].tag = key->tag;
        facts->keys[i].algorithm = key->algorithm;
        snprintf(facts->keys[i].role, sizeof facts->keys[i].role, "%s", key_role_word(key->role));
        snprintf(facts->keys[i].state, sizeof facts->keys[i].state, "%s",
                 key_state_word(key->state));
        facts->key_count++;
    }
}

static void
fill_version(struct keeper *keeper, struct message_zone_facts *facts)
{
    const struct version *version = keeper_served(keeper);
    if (version == NULL) {
        return;
    }
    const struct version_facts *of = version_facts(version);
    struct store_sizes sizes;
    store_sizes(keeper->store, &sizes);
    facts->has_version = true;
    facts->unsigned_serial = of->unsigned_serial;
    facts->signed_serial = of->signed_serial;
    facts->published_seconds = of->published_seconds;
    facts->rr_count = of->rr_count;
    facts->signature_count = of->signature_count;
    facts->node_count = of->node_count;
    facts->signature_expiry_seconds = keeper_first_expiration(keeper);
    facts->next_refresh_seconds =
        facts->signature_expiry_seconds == 0
            ? 0
            : sign_refresh_at(keeper->sign_policy, (uint32_t)facts->signature_expiry_seconds,
                              keeper->last_refresh_seconds, keeper_now());
    facts->heap_octets = sizes.heap_octets;
    facts->living_octets = sizes.living_octets;
    struct journal_extent journal;
    journal_extent(version, &journal);
    facts->journal_steps = journal.steps;
    facts->journal_octets = journal.octets;
    facts->journal_from_serial = journal.from_serial;
}

static void
fill_counters(const struct keeper_counters *counted, struct message_zone_facts *facts)
{
    if (counted == NULL) {
        return;
    }
    facts->changes_added = counted->changes_added;
    facts->changes_removed = counted->changes_removed;
    facts->signatures_changed = counted->signatures_changed;
    facts->signatures_refreshed = counted->signatures_refreshed;
    facts->signatures_initial = counted->signatures_initial;
    facts->sign_count = counted->sign_count;
    facts->sign_microseconds = counted->sign_microseconds;
    memcpy(facts->sign_histogram, counted->sign_histogram, sizeof facts->sign_histogram);
}

void
keeper_facts_fill(struct keeper *keeper, struct message_zone_facts *ret_facts)
{
    char reason[FAULT_TEXT_MAX];
    char digest[2 * HASH_DIGEST_SIZE + 1] = "";
    const struct quarantine_entry *held =
        keeper->quarantine != NULL ? quarantine_current(keeper->quarantine) : NULL;
    *ret_facts = (struct message_zone_facts){0};
    fill_counters(keeper->counted, ret_facts);
    ret_facts->state = memory_text(keeper_state(keeper, reason, sizeof reason));
    ret_facts->reason = memory_text(reason);
    ret_facts->reason_word = memory_text(held != NULL ? held->reason : "");
    if (held != NULL) {
        hash_digest_text(&held->digest, QUARANTINE_DIGEST_SHOWN, digest);
        ret_facts->held_since_seconds = held->since_seconds;
    }
    ret_facts->held_digest = memory_text(digest);
    ret_facts->added = keeper->last_added;
    ret_facts->removed = keeper->last_removed;
    ret_facts->expires_seconds = contact_expires(&keeper->contact, keeper_expire_seconds(keeper));
    fill_progress(keeper, ret_facts);
    fill_version(keeper, ret_facts);
    fill_keys(keeper, ret_facts);
}
