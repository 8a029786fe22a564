// The order of a change, and why it is that one:
//
//   candidate -> intake (thread: parse, gate, diff) -> [review] -> prepare (here: the keys) -> sign
//   and verify (thread) -> publish (here: the store has one thread) -> tell supervisor, fetcher,
//   desk -> history
//
// Until the publish nothing of it is visible anywhere, so a death at any moment leaves the served
// version as it was. A newer candidate that comes meanwhile waits and replaces one that waits
// already: only the newest content matters.
//
// What is served is never taken away by a fault: store, keys, gate and signing failures end in a
// state, a log line and an event.
#include "secondary/signer/keeper.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/base/quantity.h"
#include "common/daemon/clock.h"
#include "common/daemon/log.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "common/net/loop.h"
#include "common/transfer/rr_stream.h"
#include "secondary/signer/change_text.h"
#include "secondary/signer/sign/sign_publish.h"
#include "secondary/signer/upkeep.h"
#include "secondary/signer/zone_directory.h"

int64_t
keeper_now(void)
{
    return clock_unix_seconds();
}

static void keeper_begin(struct keeper *keeper); // starts what waits, when idle
static void plan(struct keeper *keeper);

static void
tell(struct keeper *keeper, enum message_type type, enum message_role to,
     const struct octets_buffer *body, const int *descriptors, unsigned count, uint64_t request)
{
    struct message message = {.type = type,
                              .to = to,
                              .from = ROLE_SIGNER,
                              .zone = keeper->id,
                              .request = request,
                              .descriptor_count = count};
    if (body != NULL) {
        message.body = (struct octets){body->data, body->length};
    }
    for (unsigned i = 0; i < count; i++) {
        message.descriptors[i] = descriptors[i];
    }
    keeper->shared->send(keeper->shared->context, &message);
}

void
keeper_reply(struct keeper *keeper, uint64_t request, const char *json, size_t length)
{
    struct octets_buffer body = {.data = (uint8_t *)(uintptr_t)json, .length = length};
    tell(keeper, MESSAGE_CONTROL_REPLY, ROLE_DESK, &body, NULL, 0, request);
}

static const struct version *
served(const struct keeper *keeper)
{
    return keeper->store != NULL ? store_current(keeper->store) : NULL;
}

static uint32_t
first_expiration(struct keeper *keeper)
{
    const struct version *version = served(keeper);
    return version != NULL && version_facts(version)->is_signed
               ? expiry_queue_first(keeper->expiry, version)
               : 0;
}

static int64_t
expire_seconds(const struct keeper *keeper)
{
    const struct version *version = served(keeper);
    switch (keeper->settings->expire_seconds) {
    case EXPIRE_NEVER:
        return 0;
    case EXPIRE_SOA:
        return version != NULL ? version_facts(version)->soa_expire_seconds : 0;
    default:
        return keeper->settings->expire_seconds;
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
    if (keeper->state_fault.kind != FAULT_NONE) {
        snprintf(reason, size, "%s", keeper->state_fault.text);
        return "failed";
    }
    if (held != NULL) {
        snprintf(reason, size, "%s", held->sentence);
        return "held";
    }
    if (keeper->rejected[0] != '\0') {
        snprintf(reason, size, "%s", keeper->rejected);
        return "held";
    }
    if (keeper->awaits_ds && served(keeper) == NULL) {
        snprintf(reason, size,
                 "no keys yet: the parent is asked for the zone's DS first (ds-check)");
        return "waiting";
    }
    if (served(keeper) == NULL) {
        snprintf(reason, size,
                 keeper->phase == KEEPER_IDLE ? "no transfer yet"
                                              : "first content is being signed");
        return "loading";
    }
    return "ok";
}

static void
fill_keys(const struct keeper *keeper, struct message_zone_facts *facts)
{
    size_t count = keeper->keyset != NULL ? keyset_count(keeper->keyset) : 0;
    for (size_t i = 0; i < count && i < sizeof facts->keys / sizeof facts->keys[0]; i++) {
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
    const struct version *version = served(keeper);
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
    facts->signature_expiry_seconds = first_expiration(keeper);
    facts->next_refresh_seconds =
        facts->signature_expiry_seconds == 0
            ? 0
            : sign_refresh_at(&keeper->sign_policy, (uint32_t)facts->signature_expiry_seconds,
                              keeper->last_refresh_seconds, keeper_now());
    facts->heap_octets = sizes.heap_octets;
    facts->living_octets = sizes.living_octets;
}

static double
job_progress(struct keeper *keeper)
{
    size_t total = atomic_load(&keeper->progress.records_total);
    size_t done = atomic_load(&keeper->progress.records_done);
    return keeper->phase != KEEPER_SIGN || total == 0 ? 1.0 : (double)done / (double)total;
}

static void
tell_facts(struct keeper *keeper)
{
    char reason[FAULT_TEXT_MAX];
    char digest[2 * HASH_DIGEST_SIZE + 1] = "";
    const struct quarantine_entry *held =
        keeper->quarantine != NULL ? quarantine_current(keeper->quarantine) : NULL;
    struct message_zone_facts facts = keeper->counted;
    facts.state = memory_text(keeper_state(keeper, reason, sizeof reason));
    facts.reason = memory_text(reason);
    facts.reason_word = memory_text(held != NULL ? held->reason : "");
    if (held != NULL) {
        hash_digest_text(&held->digest, QUARANTINE_DIGEST_SHOWN, digest);
    }
    facts.held_digest = memory_text(digest);
    facts.added = keeper->last_added;
    facts.removed = keeper->last_removed;
    facts.expires_seconds = contact_expires(&keeper->contact, expire_seconds(keeper));
    facts.progress = job_progress(keeper);
    fill_version(keeper, &facts);
    fill_keys(keeper, &facts);
    struct octets_buffer body;
    octets_buffer_init(&body);
    message_zone_facts_write(&facts, &body);
    tell(keeper, MESSAGE_ZONE_FACTS, ROLE_DESK, &body, NULL, 0, 0);
    octets_buffer_close(&body);
    message_zone_facts_close(&facts);
}

static void
tell_zone_state(struct keeper *keeper)
{
    struct message_zone_state state = {
        .serving = keeper->expired          ? ZONE_EXPIRED
                   : served(keeper) == NULL ? ZONE_NOT_READY
                                            : ZONE_SERVE,
        .expires_seconds = contact_expires(&keeper->contact, expire_seconds(keeper)),
    };
    struct octets_buffer body;
    octets_buffer_init(&body);
    message_zone_state_write(&state, &body);
    tell(keeper, MESSAGE_ZONE_STATE, ROLE_SERVER, &body, NULL, 0, 0);
    octets_buffer_close(&body);
}

static void
tell_version(struct keeper *keeper)
{
    struct fault fault = {0};
    struct version_place place;
    if (served(keeper) == NULL) {
        return;
    }
    if (!store_place(keeper->store, &place, &fault)) {
        log_error(fault.text, "zone", keeper->domain);
        return;
    }
    int descriptors[VERSION_DESCRIPTORS_MAX];
    unsigned count = message_place_descriptors(&place, descriptors);
    struct octets_buffer body;
    octets_buffer_init(&body);
    message_place_write(&place, &body);
    tell(keeper, MESSAGE_PUBLISHED, ROLE_SERVER, &body, descriptors, count, 0);
    octets_buffer_close(&body);
    version_place_close(&place);
}

static void
tell_notify(struct keeper *keeper)
{
    struct octets_buffer body;
    octets_buffer_init(&body);
    octets_buffer_add_u32(&body, version_facts(served(keeper))->signed_serial);
    tell(keeper, MESSAGE_NOTIFY_OUT, ROLE_FETCHER, &body, NULL, 0, 0);
    octets_buffer_close(&body);
}

static void
tell_event(struct keeper *keeper, const struct message_event *event)
{
    struct octets_buffer body;
    octets_buffer_init(&body);
    message_event_write(event, &body);
    tell(keeper, MESSAGE_EVENT, ROLE_DESK, &body, NULL, 0, 0);
    octets_buffer_close(&body);
}

// An event that is a sentence and perhaps a command; dedup says which occurrences are one.
static void
tell_simple_event(struct keeper *keeper, enum message_event_kind kind, const char *dedup,
                  const char *why, const char *hint)
{
    const struct version *version = served(keeper);
    struct message_event event = {.kind = kind,
                                  .at_seconds = keeper_now(),
                                  .dedup = memory_text(dedup),
                                  .why = memory_text(why),
                                  .hint = memory_text(hint),
                                  .has_serials = version != NULL};
    if (version != NULL) {
        event.unsigned_serial = version_facts(version)->unsigned_serial;
        event.signed_serial = version_facts(version)->signed_serial;
        event.former_signed_serial = event.signed_serial;
        event.signature_expiry_seconds = first_expiration(keeper);
    }
    tell_event(keeper, &event);
    message_event_close(&event);
}

static void
tell_verdict(struct keeper *keeper, enum message_outcome outcome, const char *text)
{
    struct message_verdict verdict = {.outcome = outcome, .text = memory_text(text)};
    struct octets_buffer body;
    octets_buffer_init(&body);
    message_verdict_write(&verdict, &body);
    tell(keeper, MESSAGE_VERDICT, ROLE_FETCHER, &body, NULL, 0, 0);
    octets_buffer_close(&body);
    message_verdict_close(&verdict);
}

void
keeper_announce(struct keeper *keeper)
{
    tell_version(keeper);
    tell_zone_state(keeper);
    tell_facts(keeper);
}

// A state that an operator must see: logged and mailed once for each text.
static void
set_state_fault(struct keeper *keeper, const struct fault *fault, enum message_event_kind kind,
                const char *hint)
{
    bool same = keeper->state_fault.kind == fault->kind &&
                strcmp(keeper->state_fault.text, fault->text) == 0;
    keeper->state_fault = *fault;
    if (!same) {
        log_error(fault->text, "zone", keeper->domain);
        tell_simple_event(keeper, kind, fault->text, fault->text, hint);
    }
    tell_facts(keeper);
}

static void
clear_state_fault(struct keeper *keeper)
{
    if (keeper->state_fault.kind != FAULT_NONE) {
        char why[FAULT_TEXT_MAX];
        snprintf(why, sizeof why, "mended: %.1900s", keeper->state_fault.text);
        keeper->state_fault = (struct fault){0};
        log_info("recovered", "zone", keeper->domain, "was", why);
        tell_simple_event(keeper, EVENT_RECOVERED, "", why, "");
    }
}

// --- Keys
// ---------------------------------------------------------------------------------------------------------------------

static enum key_storage
storage_of(const struct policy_settings *policy)
{
    return policy->key_storage == POLICY_STORAGE_PLAIN ? KEY_STORAGE_PLAIN : KEY_STORAGE_SEALED;
}

static void
fill_key_policy(const struct policy_settings *policy, struct key_policy *ret_policy)
{
    key_policy_default(ret_policy);
    ret_policy->algorithm = policy->algorithm;
    ret_policy->single_type_signing = policy->single_type_signing;
    ret_policy->ksk_lifetime_seconds = policy->ksk_lifetime_seconds;
    ret_policy->zsk_lifetime_seconds = policy->zsk_lifetime_seconds;
    ret_policy->storage = storage_of(policy);
    ret_policy->dnskey_ttl_seconds = policy->dnskey_ttl_seconds;
    ret_policy->propagation_delay_seconds = policy->propagation_delay_seconds;
}

static enum serial_policy
serial_policy_of(const struct policy_settings *policy)
{
    switch (policy->serial_policy) {
    case SECONDARY_SERIAL_INCREMENT:
        return SERIAL_INCREMENT;
    case SECONDARY_SERIAL_DATESERIAL:
        return SERIAL_DATESERIAL;
    case SECONDARY_SERIAL_UNIXTIME:
    default:
        return SERIAL_UNIXTIME;
    }
}

static void
fill_sign_policy(const struct policy_settings *policy, struct sign_policy *ret_policy)
{
    sign_policy_default(ret_policy);
    ret_policy->rrsig_lifetime_seconds = policy->rrsig_lifetime_seconds;
    ret_policy->rrsig_refresh_seconds = policy->rrsig_refresh_seconds;
    ret_policy->rrsig_jitter_seconds = policy->rrsig_jitter_seconds;
    ret_policy->serial_policy = serial_policy_of(policy);
    ret_policy->dnskey_ttl_seconds = policy->dnskey_ttl_seconds;
    ret_policy->verify = policy->verify == POLICY_VERIFY_ALL   ? VERIFY_EVERYTHING
                         : policy->verify == POLICY_VERIFY_OFF ? VERIFY_OFF
                                                               : VERIFY_CHANGES;
}

bool
keeper_make_keys(struct keeper *keeper, struct fault *fault)
{
    struct key_policy policy;
    enum key_role roles[2];
    fill_key_policy(keeper->policy, &policy);
    unsigned count = keyset_missing(keeper->keyset, &policy, roles);
    for (unsigned i = 0; i < count; i++) {
        const struct key_pair *key;
        if (!keyset_generate(keeper->keyset, roles[i], policy.algorithm, keeper_now(), &key,
                             fault) ||
            !keyset_move(keeper->keyset, key->tag, KEY_EVENT_INTRODUCE, keeper_now(), fault) ||
            !key_store_save(keeper->key_store, keeper->shared->memory,
                            keyset_find(keeper->keyset, key->tag), fault)) {
            return false;
        }
        log_info("made a key", "zone", keeper->domain, "role", key_role_word(roles[i]), "tag",
                 LOG_NUMBER(key->tag), "next", "put the DS at the parent: tandemctl key ds");
    }
    keeper->awaits_ds = keeper->blocked_by_ds = false;
    return true;
}

static bool
open_keys(struct keeper *keeper, struct fault *fault)
{
    const struct key_seal *seal = NULL;
    if (storage_of(keeper->policy) == KEY_STORAGE_SEALED) {
        seal =
            keeper->shared->seal(keeper->shared->context, keeper->policy->key_secret_file, fault);
        if (seal == NULL) {
            return false;
        }
    }
    struct key_store_options options = {.storage = storage_of(keeper->policy),
                                        .seal = seal,
                                        .dnskey_ttl = keeper->policy->dnskey_ttl_seconds};
    if (keeper->key_store == NULL &&
        !key_store_open(keeper->key_directory, keeper->apex, &options, &keeper->key_store, fault)) {
        return false;
    }
    struct keyset *keyset = keyset_new(keeper->apex, keeper->shared->memory);
    if (!key_store_load(keeper->key_store, keyset, keeper_now(), fault)) {
        keyset_free(&keyset);
        return false;
    }
    keeper->keyset = keyset;
    return true;
}

// Keys as they are on disk; at a first start made, or held back until the parent's DS is known.
static void
prepare_keys(struct keeper *keeper)
{
    struct fault fault = {0};
    if (keeper->policy == NULL || keeper->keyset != NULL) {
        return;
    }
    if (!open_keys(keeper, &fault)) {
        fault_wrap(&fault, "zone %s: the keys cannot be read, so nothing new is signed",
                   keeper->domain);
        set_state_fault(keeper, &fault, EVENT_KEY, "");
        return;
    }
    bool none = keyset_count(keeper->keyset) == 0;
    if (none && keeper->policy->ds_check_parents.count > 0) {
        keeper->awaits_ds = true;
        return;
    }
    if (!keeper_make_keys(keeper, &fault)) {
        fault_wrap(&fault, "zone %s: cannot make its keys", keeper->domain);
        set_state_fault(keeper, &fault, EVENT_KEY, "");
        keyset_free(&keeper->keyset);
        return;
    }
    clear_state_fault(keeper);
}

void
keeper_take_ds(struct keeper *keeper, const struct message_ds_seen *seen)
{
    struct fault fault = {0};
    if (seen->answered) {
        keeper->ds_seen.length = 0;
        octets_buffer_add(&keeper->ds_seen, seen->rdatas.data, seen->rdatas.length);
        keeper->ds_known = true;
    }
    if (!keeper->awaits_ds || !seen->answered) {
        return;
    }
    if (seen->ds_count == 0) {
        if (keeper_make_keys(keeper, &fault)) {
            clear_state_fault(keeper);
        } else {
            set_state_fault(keeper, &fault, EVENT_KEY, "");
        }
        keeper_begin(keeper);
        return;
    }
    char hint[NAME_TEXT_MAX + 64];
    keeper->blocked_by_ds = true;
    snprintf(hint, sizeof hint, "tandemctl key import %s FILE...", keeper->domain);
    fault_set(&fault, FAULT_REFUSED,
              "zone %s: the parent has %u DS records and no key is here: a fresh key would break "
              "the chain of trust, so "
              "nothing is published; import the zone's keys (%s)",
              keeper->domain, seen->ds_count, hint);
    set_state_fault(keeper, &fault, EVENT_DS, hint);
}

// --- Opening
// ------------------------------------------------------------------------------------------------------------------

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

static void
fill_expiry(struct keeper *keeper)
{
    struct version_cursor cursor;
    if (served(keeper) == NULL) {
        return;
    }
    version_cursor_first(&cursor, served(keeper));
    while (expiry_queue_fill(keeper->expiry, &cursor, SIZE_MAX)) {
    }
}

// Status shows the last change of content, also after a restart; a refresh of signatures is none.
static void
remember_last_change(struct keeper *keeper)
{
    for (size_t i = 0; i < history_count(keeper->history); i++) {
        const struct history_step *step = history_at(keeper->history, i);
        if (step->added > 0 || step->removed > 0) {
            keeper->last_added = step->added;
            keeper->last_removed = step->removed;
            return;
        }
    }
}

static bool
open_state(struct keeper *keeper, struct fault *fault)
{
    char path[PATH_MAX];
    struct store_opening opening;
    if (keeper->directory == NULL) {
        keeper->directory = make_directories(keeper, "zones", fault);
    }
    if (keeper->directory != NULL && keeper->key_directory == NULL) {
        char name[ZONE_DIRECTORY_NAME_MAX];
        zone_directory_name(keeper->apex, name);
        snprintf(path, sizeof path, "%s/keys", keeper->shared->state_directory);
        if (zone_directory_make(path, fault)) {
            snprintf(path, sizeof path, "%s/keys/%s", keeper->shared->state_directory, name);
            keeper->key_directory = memory_text(path);
        }
    }
    if (keeper->directory == NULL || keeper->key_directory == NULL) {
        return false;
    }
    snprintf(path, sizeof path, "%s/quarantine", keeper->directory);
    if (keeper->quarantine == NULL && !quarantine_open(path, &keeper->quarantine, fault)) {
        return false;
    }
    snprintf(path, sizeof path, "%s/store", keeper->directory);
    if (!store_open(path, keeper->apex, NULL, &keeper->store, &opening, fault)) {
        return false;
    }
    keeper->fresh_store = opening.fresh;
    if (opening.torn_indexes > 0) {
        log_warning("a version was not whole on disk (a crash in the middle of a publish): the one "
                    "before it is served",
                    "zone", keeper->domain);
    }
    keeper->history = history_new(keeper->directory);
    remember_last_change(keeper);
    contact_load(keeper->directory, &keeper->contact);
    fill_expiry(keeper);
    return true;
}

static void
open_all(struct keeper *keeper)
{
    struct fault fault = {0};
    if (keeper->store == NULL) {
        if (!open_state(keeper, &fault)) {
            fault_wrap(&fault, "zone %s: its state cannot be opened", keeper->domain);
            set_state_fault(keeper, &fault, EVENT_CRASH, "");
            return;
        }
        clear_state_fault(keeper);
    }
    prepare_keys(keeper);
}

// A saved version whose signatures have expired is signed again before it is served.
static bool
saved_version_is_bogus(struct keeper *keeper)
{
    uint32_t first = first_expiration(keeper);
    return first != 0 && first <= keeper_now() && keeper->keyset != NULL;
}

static void
start(struct keeper *keeper)
{
    open_all(keeper);
    if (saved_version_is_bogus(keeper)) {
        log_warning(
            "the saved version has expired signatures: it is signed again before it is served",
            "zone", keeper->domain);
        keeper->wants_sign = true;
        tell_facts(keeper);
    } else {
        keeper_announce(keeper);
    }
    keeper_begin(keeper);
    plan(keeper);
}

static void
retry_opening(struct keeper *keeper)
{
    if (keeper->store == NULL || (keeper->policy != NULL && keeper->keyset == NULL)) {
        bool had_store = keeper->store != NULL;
        open_all(keeper);
        if (!had_store && keeper->store != NULL) {
            keeper_announce(keeper);
        }
    }
}

// --- Publishing
// ---------------------------------------------------------------------------------------------------------------

static void
count_duration(struct keeper *keeper, int64_t milliseconds)
{
    static const int64_t bounds[] = MESSAGE_SIGN_BOUNDS_MS;
    size_t bucket = 0;
    while (bucket < sizeof bounds / sizeof bounds[0] && milliseconds > bounds[bucket]) {
        bucket++;
    }
    keeper->counted.sign_histogram[bucket]++;
    keeper->counted.sign_count++;
    keeper->counted.sign_microseconds += (uint64_t)milliseconds * 1000;
}

static void
count_signatures(struct keeper *keeper, bool first, size_t made)
{
    if (first) {
        keeper->counted.signatures_initial += made;
    } else if (keeper->change.is_content) {
        keeper->counted.signatures_changed += made;
    } else {
        keeper->counted.signatures_refreshed += made;
    }
}

static void
health_text(struct keeper *keeper, size_t refusals, char *text, size_t size)
{
    char about[QUANTITY_TEXT_MAX], day[QUANTITY_TEXT_MAX];
    uint32_t first = first_expiration(keeper);
    if (first == 0) {
        snprintf(text, size, "published as received (policy: none); every signature verified");
        return;
    }
    quantity_time_text(first, day);
    day[10] = '\0';
    snprintf(text, size, "%s; first signature expires %s (%s)",
             keeper->sign_policy.verify == VERIFY_OFF ? "NOT verified (verify: off)"
             : keeper->report_made && keeper->report.sampled
                 ? "verified by sample before publishing, the rest follows"
                 : "verified before publishing",
             day, quantity_about_text(first - keeper_now(), about));
    if (refusals > 0) {
        size_t length = strlen(text);
        snprintf(text + length, size - length,
                 "; %zu RRsets were too long to be signed and were left as they were", refusals);
    }
}

static void
tell_resign(struct keeper *keeper, uint32_t former, bool had_former, size_t made, size_t kept,
            size_t refusals, int64_t milliseconds)
{
    char health[256];
    char hint[NAME_TEXT_MAX + 64];
    const struct version_facts *facts = version_facts(served(keeper));
    health_text(keeper, refusals, health, sizeof health);
    snprintf(hint, sizeof hint, "dig @%s %s SOA +dnssec", "HOST", keeper->domain);
    octets_buffer_add_u8(&keeper->change.diff_text, '\0');
    struct message_event event = {
        .kind = EVENT_RESIGN,
        .at_seconds = facts->published_seconds,
        .dedup = memory_text(""),
        .why = memory_text(keeper->change.why),
        .diff = memory_text((const char *)keeper->change.diff_text.data),
        .diff_lines_total = (uint32_t)keeper->change.diff_lines,
        .health = memory_text(health),
        .hint = memory_text(hint),
        .has_serials = true,
        .unsigned_serial = facts->unsigned_serial,
        .signed_serial = facts->signed_serial,
        .former_signed_serial = had_former ? former : 0,
        .added = keeper->change.added,
        .removed = keeper->change.removed,
        .new_signatures = (uint32_t)made,
        .kept_signatures =
            (uint32_t)(facts->signature_count > made ? facts->signature_count - made : 0),
        .duration_ms = milliseconds,
        .signature_expiry_seconds = first_expiration(keeper),
    };
    (void)kept;
    tell_event(keeper, &event);
    message_event_close(&event);
}

static void
note_history(struct keeper *keeper, size_t made, int64_t milliseconds)
{
    const struct version_facts *facts = version_facts(served(keeper));
    struct history_step step = {
        .at_seconds = facts->published_seconds,
        .unsigned_serial = facts->unsigned_serial,
        .signed_serial = facts->signed_serial,
        .added = keeper->change.added,
        .removed = keeper->change.removed,
        .signatures_new = (uint32_t)made,
        .signatures_kept =
            (uint32_t)(facts->signature_count > made ? facts->signature_count - made : 0),
        .duration_ms = milliseconds,
    };
    snprintf(step.cause, sizeof step.cause, "%s", keeper->change.cause);
    snprintf(step.why, sizeof step.why, "%s", keeper->change.why);
    struct fault fault = {0};
    if (!history_add(keeper->history, &step, &fault)) {
        log_limited(LOG_LEVEL_WARNING, keeper->domain, 3600, fault.text, "zone", keeper->domain);
    }
}

struct published {
    const struct diff *diff;
    const struct version_facts *facts;
    size_t made, kept, refusals;
    bool sampled;
};

static bool
publish(struct keeper *keeper, const struct published *what, struct fault *fault)
{
    const struct version *former = served(keeper);
    bool had_former = former != NULL;
    uint32_t former_serial = had_former ? version_facts(former)->signed_serial : 0;
    struct version_facts facts = *what->facts;
    facts.published_seconds = keeper_now();
    if (keeper->change.soa_expire_seconds != 0) {
        facts.soa_expire_seconds = keeper->change.soa_expire_seconds;
    } else if (had_former) {
        facts.soa_expire_seconds = version_facts(former)->soa_expire_seconds;
    }
    verify_walk_free(&keeper->walk); // of the version that goes
    if (!sign_publish(keeper->store, keeper->apex, what->diff, &facts, fault)) {
        return fault_wrap(fault, "zone %s: cannot publish", keeper->domain);
    }
    int64_t milliseconds = (int64_t)clock_monotonic_ms() - keeper->change.started_ms;
    expiry_queue_note(keeper->expiry, what->diff);
    if (keeper->change.is_content) {
        keeper->last_added = keeper->change.added;
        keeper->last_removed = keeper->change.removed;
    }
    keeper->counted.changes_added += keeper->change.added;
    keeper->counted.changes_removed += keeper->change.removed;
    if (keeper->policy != NULL) {
        count_duration(keeper, milliseconds);
        count_signatures(keeper, !had_former, what->made);
    }
    tell_version(keeper);
    tell_zone_state(keeper);
    tell_notify(keeper);
    log_info("published", "zone", keeper->domain, "unsigned_serial",
             LOG_NUMBER(version_facts(served(keeper))->unsigned_serial), "signed_serial",
             LOG_NUMBER(version_facts(served(keeper))->signed_serial), "cause",
             keeper->change.cause, "why", keeper->change.why, "added",
             LOG_NUMBER(keeper->change.added), "removed", LOG_NUMBER(keeper->change.removed),
             "new_signatures", LOG_NUMBER(what->made), "milliseconds", LOG_NUMBER(milliseconds));
    note_history(keeper, what->made, milliseconds);
    if (keeper->change.is_content) {
        tell_resign(keeper, former_serial, had_former, what->made, what->kept, what->refusals,
                    milliseconds);
    } else {
        keeper->last_refresh_seconds = keeper_now();
    }
    if (what->sampled) {
        keeper->walk = verify_walk_new(served(keeper), keeper_now());
    }
    return true;
}

// --- The end of a change
// ------------------------------------------------------------------------------------------------------

static void
answer_waiters(struct keeper *keeper, bool good, const struct fault *fault)
{
    struct octets_buffer json;
    octets_buffer_init(&json);
    const struct version *version = served(keeper);
    if (good) {
        octets_buffer_printf(&json,
                             "{\"ok\": true, \"exit_code\": 0, \"result\": {\"done\": true, "
                             "\"dry_run\": false, \"text\": "
                             "\"done\", \"zone\": \"%s\", \"serial\": {\"unsigned\": %u, "
                             "\"signed\": %u}, \"changed\": true}}",
                             keeper->domain,
                             version != NULL ? version_facts(version)->unsigned_serial : 0,
                             version != NULL ? version_facts(version)->signed_serial : 0);
    } else {
        octets_buffer_printf(
            &json, "{\"ok\": false, \"exit_code\": 1, \"error\": {\"kind\": \"%s\", \"text\": \"",
            fault_kind_word(fault->kind));
        for (const char *at = fault->text; *at != '\0'; at++) {
            octets_buffer_printf(&json,
                                 *at == '"' || *at == '\\'   ? "\\%c"
                                 : (unsigned char)*at < 0x20 ? " "
                                                             : "%c",
                                 *at);
        }
        octets_buffer_printf(&json, "\"}, \"result\": null}");
    }
    for (unsigned i = 0; i < keeper->waiter_count; i++) {
        keeper_reply(keeper, keeper->waiters[i].request, (const char *)json.data, json.length);
    }
    keeper->waiter_count = 0;
    octets_buffer_close(&json);
}

static void
add_waiter(struct keeper *keeper, uint64_t request)
{
    if (request != 0 && keeper->waiter_count < KEEPER_WAITERS_MAX) {
        keeper->waiters[keeper->waiter_count++].request = request;
    }
}

static void
change_close(struct keeper *keeper)
{
    octets_buffer_close(&keeper->change.diff_text);
    keeper->change = (struct keeper_change){0};
    sign_job_free(&keeper->job);
    keeper->result = NULL;
    if (keeper->report_made) {
        verify_report_close(&keeper->report);
        keeper->report_made = false;
    }
    arena_free(&keeper->due_arena);
    vector_close(&keeper->due);
    vector_init(&keeper->due, sizeof(const uint8_t *));
    if (keeper->intake != NULL) {
        intake_close(keeper->intake);
        free(keeper->intake);
        keeper->intake = NULL;
    }
    message_candidate_close(&keeper->candidate);
    keeper->intake_cause[0] = '\0';
}

// Every change ends here, well or not. text and fault may stand in what is freed here: they are
// copied first.
static void
change_end(struct keeper *keeper, enum message_outcome outcome, const char *text,
           const struct fault *fault)
{
    bool from_fetcher = keeper->intake != NULL && strcmp(keeper->intake_cause, "accept") != 0;
    bool good = outcome == OUTCOME_PUBLISHED || outcome == OUTCOME_UNCHANGED;
    char said[FAULT_TEXT_MAX];
    struct fault told = {0};
    snprintf(said, sizeof said, "%s", text);
    if (fault != NULL) {
        told = *fault;
    } else if (!good) {
        fault_set(&told, FAULT_REFUSED, "%s", said);
    }
    keeper->phase = KEEPER_IDLE;
    loop_timer_stop(keeper->facts_timer);
    change_close(keeper);
    if (from_fetcher) {
        tell_verdict(keeper, outcome, said);
    }
    answer_waiters(keeper, good, &told);
    tell_facts(keeper);
    keeper_begin(keeper);
    plan(keeper);
}

static void
change_failed(struct keeper *keeper, const struct fault *fault)
{
    keeper->not_before_seconds = keeper_now() + UPKEEP_RETRY_SECONDS;
    if (keeper->due.count > 0) {
        expiry_queue_return(keeper->expiry, served(keeper), &keeper->due);
    }
    struct fault copy = *fault;
    set_state_fault(keeper, &copy, EVENT_CRASH, "");
    change_end(keeper, OUTCOME_FAILED, copy.text, &copy);
}

static void
clear_quarantine(struct keeper *keeper, const char *why)
{
    struct fault fault = {0};
    bool was = false;
    bool was_rejected = keeper->rejected[0] != '\0';
    keeper->rejected[0] = '\0';
    if (!quarantine_clear(keeper->quarantine, &was, &fault)) {
        log_warning(fault.text, "zone", keeper->domain);
    }
    if (was || was_rejected) {
        log_info("the gate holds nothing any more", "zone", keeper->domain, "why", why);
        tell_simple_event(keeper, EVENT_RECOVERED, "", why, "");
    }
}

// --- Signing
// ------------------------------------------------------------------------------------------------------------------

static void
sign_in_thread(void *context)
{
    struct keeper *keeper = context;
    keeper->job_fault = (struct fault){0};
    keeper->job_good = sign_zone_run(keeper->job, &keeper->result, &keeper->job_fault);
    if (!keeper->job_good || keeper->result->empty || keeper->sign_policy.verify == VERIFY_OFF) {
        return;
    }
    verify_report_init(&keeper->report);
    keeper->report_made = true;
    struct verify_changes changes = {.current = served(keeper),
                                     .diff = &keeper->result->diff,
                                     .must = keeper->result->must_verify,
                                     .everything = keeper->sign_policy.verify == VERIFY_EVERYTHING,
                                     .seed = hash_key_draw(),
                                     .pool = keeper->shared->pool,
                                     .now = keeper_now()};
    if (!verify_changes(&changes, &keeper->report)) {
        keeper->job_good = verify_report_fault(&keeper->report, &keeper->job_fault);
        fault_wrap(&keeper->job_fault,
                   "zone %s: the new signatures do not verify, nothing is published",
                   keeper->domain);
    }
}

static void
sign_done(void *context, bool cancelled)
{
    struct keeper *keeper = context;
    struct fault fault = {0};
    if (cancelled) {
        return;
    }
    if (!keeper->job_good) {
        change_failed(keeper, &keeper->job_fault);
        return;
    }
    const struct sign_result *result = keeper->result;
    if (result->empty) {
        change_end(keeper, OUTCOME_UNCHANGED, "", NULL);
        return;
    }
    struct published what = {.diff = &result->diff,
                             .facts = &result->facts,
                             .made = result->signatures_made,
                             .kept = result->signatures_kept,
                             .refusals = result->refusals,
                             .sampled = keeper->report_made && keeper->report.sampled};
    if (!publish(keeper, &what, &fault)) {
        change_failed(keeper, &fault);
        return;
    }
    if (result->newest_inception > keeper->newest_inception) {
        keeper->newest_inception = result->newest_inception;
    }
    clear_state_fault(keeper);
    if (keeper->change.is_content) {
        clear_quarantine(keeper, strcmp(keeper->change.cause, "accept") == 0
                                     ? "the held candidate was accepted"
                                     : "newer content passed the gate");
    }
    change_end(keeper, OUTCOME_PUBLISHED, "published", NULL);
}

static void
tell_progress(void *context)
{
    tell_facts(context);
    struct keeper *keeper = context;
    char percent[16];
    snprintf(percent, sizeof percent, "%d%%", (int)(job_progress(keeper) * 100));
    log_info("signing goes on", "zone", keeper->domain, "done", percent);
}

static void
start_sign(struct keeper *keeper, struct sign_request *request)
{
    struct fault fault = {0};
    request->current = served(keeper);
    request->keyset = keeper->keyset;
    request->policy = &keeper->sign_policy;
    request->pool = keeper->shared->pool;
    request->now = keeper_now();
    request->progress = &keeper->progress;
    atomic_store(&keeper->progress.records_total, 0);
    atomic_store(&keeper->progress.records_done, 0);
    atomic_store(&keeper->progress.stop, false);
    keeper->phase = KEEPER_SIGN;
    if (!sign_clock_check(keeper->newest_inception, request->now, &fault) ||
        !keyset_can_sign(keeper->keyset, &fault) ||
        !sign_zone_prepare(request, &keeper->job, &fault)) {
        fault_wrap(&fault, "zone %s: cannot sign", keeper->domain);
        change_failed(keeper, &fault);
        return;
    }
    loop_timer_start(keeper->facts_timer, KEEPER_FACTS_SECONDS * 1000, KEEPER_FACTS_SECONDS * 1000);
    loop_work(keeper->shared->loop, sign_in_thread, sign_done, keeper);
}

static void
begin_change(struct keeper *keeper, const char *cause, const char *why)
{
    keeper->change = (struct keeper_change){.started_ms = (int64_t)clock_monotonic_ms()};
    octets_buffer_init(&keeper->change.diff_text);
    snprintf(keeper->change.cause, sizeof keeper->change.cause, "%s", cause);
    snprintf(keeper->change.why, sizeof keeper->change.why, "%s", why);
}

static uint32_t
served_unsigned_serial(const struct keeper *keeper)
{
    return served(keeper) != NULL ? version_facts(served(keeper))->unsigned_serial : 0;
}

static void
start_refresh(struct keeper *keeper)
{
    keeper->due_arena = arena_new();
    expiry_queue_due(keeper->expiry, served(keeper), &keeper->sign_policy, keeper_now(),
                     EXPIRY_DUE_MAX, keeper->due_arena, &keeper->due);
    begin_change(keeper, "refresh", "signatures near their end were renewed");
    struct sign_request request = {.due = keeper->due.items,
                                   .due_count = keeper->due.count,
                                   .unsigned_serial = served_unsigned_serial(keeper)};
    start_sign(keeper, &request);
}

static void
start_whole(struct keeper *keeper)
{
    begin_change(keeper, keeper->wants_sign ? "command" : "key",
                 keeper->wants_sign ? "the zone was signed again" : "the keys changed");
    struct sign_request request = {.whole = keeper->wants_sign,
                                   .force = keeper->sign_force,
                                   .unsigned_serial = served_unsigned_serial(keeper),
                                   .has_forced_serial = keeper->has_forced_serial,
                                   .forced_serial = keeper->forced_serial};
    keeper->wants_sign = keeper->wants_keys = keeper->sign_force = keeper->has_forced_serial =
        false;
    start_sign(keeper, &request);
}

static void
start_content(struct keeper *keeper)
{
    struct intake *intake = keeper->intake;
    struct sign_request request = {.changes = &intake->diff,
                                   .unsigned_serial = intake->serial,
                                   .state_lost = served(keeper) == NULL,
                                   .has_forced_serial = keeper->has_forced_serial,
                                   .forced_serial = keeper->forced_serial};
    keeper->has_forced_serial = false;
    start_sign(keeper, &request);
}

// policy: none: what came is what is served.
static void
publish_as_received(struct keeper *keeper)
{
    struct fault fault = {0};
    struct version_facts facts = {.unsigned_serial = keeper->intake->serial,
                                  .signed_serial = keeper->intake->serial,
                                  .is_signed = true};
    struct published what = {.diff = &keeper->intake->diff, .facts = &facts};
    if (!publish(keeper, &what, &fault)) {
        change_failed(keeper, &fault);
        return;
    }
    clear_state_fault(keeper);
    clear_quarantine(keeper, "newer content passed the gate");
    change_end(keeper, OUTCOME_PUBLISHED, "published", NULL);
}

// --- Intake
// -------------------------------------------------------------------------------------------------------------------

static void
hold(struct keeper *keeper)
{
    struct intake *intake = keeper->intake;
    const struct gate_verdict *verdict = &intake->verdict;
    struct fault fault = {0};
    bool is_new = false;
    struct quarantine_entry entry = {
        .digest = verdict->digest,
        .against_sequence = served(keeper) != NULL ? version_facts(served(keeper))->sequence : 0,
        .unsigned_serial = intake->serial,
        .since_seconds = keeper_now()};
    snprintf(entry.reason, sizeof entry.reason, "%s", verdict->reason);
    snprintf(entry.sentence, sizeof entry.sentence, "%s", verdict->sentence);
    off_t length = lseek(intake->stream, 0, SEEK_END);
    lseek(intake->stream, 0, SEEK_SET);
    if (!quarantine_put(keeper->quarantine, &entry, intake->stream, (uint64_t)length, &is_new,
                        &fault)) {
        fault_wrap(&fault, "zone %s: cannot keep the held candidate", keeper->domain);
        log_error(fault.text, "zone", keeper->domain);
    }
    if (is_new) {
        char digest[2 * HASH_DIGEST_SIZE + 1], shown[2 * HASH_DIGEST_SIZE + 1];
        char hint[2 * NAME_TEXT_MAX + 160];
        hash_digest_text(&verdict->digest, HASH_DIGEST_SIZE, digest);
        hash_digest_text(&verdict->digest, QUARANTINE_DIGEST_SHOWN, shown);
        snprintf(hint, sizeof hint, "tandemctl zone diff %s\ntandemctl zone accept %s %s",
                 keeper->domain, keeper->domain, shown);
        log_error("the gate holds a transfer; what is served stays", "zone", keeper->domain, "why",
                  verdict->sentence, "digest", shown, "from", keeper->candidate.primary);
        tell_simple_event(keeper, EVENT_GATE, digest, verdict->sentence, hint);
    }
    change_end(keeper, OUTCOME_HELD, verdict->sentence, NULL);
}

// What is no zone can be accepted by nobody: said, counted, and the next poll judges anew.
static void
reject(struct keeper *keeper)
{
    const struct gate_verdict *verdict = &keeper->intake->verdict;
    if (strcmp(keeper->rejected, verdict->sentence) != 0) {
        char digest[2 * HASH_DIGEST_SIZE + 1];
        hash_digest_text(&verdict->digest, HASH_DIGEST_SIZE, digest);
        snprintf(keeper->rejected, sizeof keeper->rejected, "%s", verdict->sentence);
        log_error("the gate refused a transfer; what is served stays", "zone", keeper->domain,
                  "why", verdict->sentence, "from", keeper->candidate.primary);
        tell_simple_event(keeper, EVENT_GATE, digest, verdict->sentence, "");
    }
    change_end(keeper, OUTCOME_REJECTED, verdict->sentence, NULL);
}

static void
log_warnings(struct keeper *keeper)
{
    const struct gate_verdict *verdict = &keeper->intake->verdict;
    for (size_t i = 0; i < verdict->warnings.count; i++) {
        const struct gate_warning *warning = vector_at(&verdict->warnings, i);
        char owner[NAME_TEXT_MAX];
        log_warning(warning->text, "zone", keeper->domain, "owner",
                    name_to_text(warning->owner, owner), "what", warning->word);
    }
    if (verdict->stripped_rrs > 0) {
        log_warning("DNSSEC records of the unsigned zone were left out", "zone", keeper->domain,
                    "records", LOG_NUMBER(verdict->stripped_rrs));
    }
}

static void
take_accepted(struct keeper *keeper)
{
    struct intake *intake = keeper->intake;
    char summary[HISTORY_WHY_MAX - 32];
    bool first = served(keeper) == NULL;
    change_text_summary(&intake->diff, keeper->apex, summary, sizeof summary);
    begin_change(keeper, keeper->intake_cause, "");
    snprintf(keeper->change.why, sizeof keeper->change.why, "%s%.*s%s",
             first ? "first content of the primary: " : "", HISTORY_WHY_MAX - 48, summary,
             first ? "" : " at the primary");
    keeper->change.is_content = true;
    keeper->change.added = (uint32_t)intake->verdict.counts.added_rrs;
    keeper->change.removed = (uint32_t)intake->verdict.counts.removed_rrs;
    keeper->change.soa_expire_seconds = intake->soa_expire_seconds;
    keeper->change.diff_lines = change_text_lines(&intake->diff, keeper->apex,
                                                  CHANGE_TEXT_LINES_MAX, &keeper->change.diff_text);
    log_warnings(keeper);
    if (keeper->policy == NULL) {
        publish_as_received(keeper);
    } else {
        start_content(keeper);
    }
}

static void
ask_review(struct keeper *keeper)
{
    struct octets_buffer text;
    char digest[2 * HASH_DIGEST_SIZE + 1];
    octets_buffer_init(&text);
    diff_to_text(&keeper->intake->diff, DIFF_UNSIGNED, keeper->apex, SIZE_MAX, &text);
    octets_buffer_add_u8(&text, '\0');
    hash_digest_text(&keeper->intake->verdict.digest, HASH_DIGEST_SIZE, digest);
    struct message_review review = {.command = memory_text(keeper->settings->gate.review),
                                    .zone = memory_text(keeper->domain),
                                    .digest = memory_text(digest),
                                    .timeout_seconds =
                                        keeper->settings->gate.review_timeout_seconds,
                                    .diff = (char *)text.data};
    struct octets_buffer body;
    octets_buffer_init(&body);
    message_review_write(&review, &body);
    keeper->phase = KEEPER_REVIEW;
    tell(keeper, MESSAGE_REVIEW, ROLE_SUPERVISOR, &body, NULL, 0, ++keeper->review_request);
    octets_buffer_close(&body);
    octets_buffer_close(&text);
    review.diff = NULL;
    message_review_close(&review);
}

void
keeper_take_review(struct keeper *keeper, uint64_t request, const struct message_review_done *done)
{
    if (keeper->phase != KEEPER_REVIEW || request != keeper->review_request) {
        return;
    }
    if (done->accepted) {
        take_accepted(keeper);
        return;
    }
    struct gate_verdict *verdict = &keeper->intake->verdict;
    verdict->outcome = GATE_HELD;
    verdict->reason = "review";
    snprintf(verdict->sentence, sizeof verdict->sentence, "%s", done->text);
    hold(keeper);
}

static void
intake_in_thread(void *context)
{
    struct keeper *keeper = context;
    intake_run(keeper->intake);
}

static void
note_contact(struct keeper *keeper, int64_t at)
{
    struct fault fault = {0};
    if (keeper->directory != NULL &&
        !contact_note(&keeper->contact, keeper->directory, at, expire_seconds(keeper), &fault)) {
        log_limited(LOG_LEVEL_WARNING, keeper->domain, 3600, fault.text, "zone", keeper->domain);
    }
}

static void
intake_judged(struct keeper *keeper)
{
    struct intake *intake = keeper->intake;
    bool accept = strcmp(keeper->intake_cause, "accept") == 0;
    uint64_t sequence = served(keeper) != NULL ? version_facts(served(keeper))->sequence : 0;
    if (intake->verdict.outcome == GATE_REJECTED) {
        reject(keeper);
    } else if (intake->verdict.outcome == GATE_HELD) {
        hold(keeper);
    } else if (intake->diff.count == 0) {
        clear_quarantine(keeper, "the primary gives again what is served");
        change_end(keeper, OUTCOME_UNCHANGED, "", NULL);
    } else if (!accept && quarantine_ask(keeper->quarantine, &intake->verdict.digest, sequence) ==
                              QUARANTINE_KNOWN) {
        change_end(keeper, OUTCOME_HELD, "held as before", NULL);
    } else if (!accept && keeper->settings->gate.review[0] != '\0') {
        ask_review(keeper);
    } else {
        take_accepted(keeper);
    }
}

static void
intake_done(void *context, bool cancelled)
{
    struct keeper *keeper = context;
    if (cancelled) {
        return;
    }
    struct intake *intake = keeper->intake;
    if (!intake->readable) {
        struct fault fault = intake->fault;
        log_error("a transfer could not be used", "zone", keeper->domain, "why", fault.text, "from",
                  keeper->candidate.primary);
        change_end(keeper, OUTCOME_FAILED, fault.text, &fault);
        return;
    }
    if (strcmp(keeper->intake_cause, "accept") != 0) {
        note_contact(keeper, keeper->candidate.received_seconds);
    }
    intake_judged(keeper);
}

static void
start_intake(struct keeper *keeper, struct message_candidate *candidate, int *stream,
             const char *cause, const struct hash_digest *accepted)
{
    struct intake *intake = memory_zalloc(sizeof *intake);
    intake_init(intake);
    const struct gate_settings *gate = &keeper->settings->gate;
    intake->apex = keeper->apex;
    intake->stream = *stream;
    *stream = -1;
    intake->served = served(keeper);
    intake->limits = (struct gate_limits){.max_removed_percent = gate->max_removed_percent,
                                          .max_records = gate->max_records,
                                          .max_size_octets = gate->max_size_octets,
                                          .max_ttl_seconds = gate->max_ttl_seconds};
    intake->already_signed = keeper->policy == NULL;
    intake->pool = keeper->shared->pool;
    intake->now = keeper_now();
    if (accepted != NULL) {
        intake->has_accepted = true;
        intake->accepted = *accepted;
    }
    keeper->intake = intake;
    keeper->candidate = *candidate;
    *candidate = (struct message_candidate){0};
    snprintf(keeper->intake_cause, sizeof keeper->intake_cause, "%s", cause);
    keeper->phase = KEEPER_INTAKE;
    loop_work(keeper->shared->loop, intake_in_thread, intake_done, keeper);
}

static bool
keys_are_ready(const struct keeper *keeper)
{
    return keeper->policy == NULL || (keeper->keyset != NULL && !keeper->awaits_ds);
}

// Starts the next thing that waits; nothing when busy.
static void
keeper_begin(struct keeper *keeper)
{
    if (keeper->phase != KEEPER_IDLE || keeper->stopping || keeper->store == NULL ||
        !keys_are_ready(keeper)) {
        return;
    }
    if (served(keeper) != NULL && keeper->policy != NULL &&
        (keeper->wants_sign || keeper->wants_keys)) {
        start_whole(keeper);
    } else if (keeper->has_next) {
        keeper->has_next = false;
        start_intake(keeper, &keeper->next, &keeper->next_stream,
                     keeper->next.notified ? "notify" : "primary", NULL);
    }
}

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
    if (keeper->store == NULL || !keys_are_ready(keeper)) {
        // It waits here; the fetcher may go on polling.
        tell_verdict(keeper, OUTCOME_FAILED,
                     keeper->state_fault.kind != FAULT_NONE ? keeper->state_fault.text
                                                            : "the zone waits for its keys");
    }
    keeper_begin(keeper);
}

void
keeper_take_contact(struct keeper *keeper, int64_t at_seconds)
{
    note_contact(keeper, at_seconds);
    plan(keeper);
}

// --- Orders of the operator
// ---------------------------------------------------------------------------------------------------

bool
keeper_sealed_copy(int from, int *ret_memfd, struct fault *fault)
{
    int to = rr_stream_memfd("held", fault);
    if (to < 0) {
        return false;
    }
    uint8_t block[65536];
    ssize_t got;
    while ((got = read(from, block, sizeof block)) > 0) {
        if (write(to, block, (size_t)got) != got) {
            got = -1;
            break;
        }
    }
    if (got < 0) {
        fault_set_errno(fault, errno, "cannot read the held candidate");
        close(to);
        return false;
    }
    if (!rr_stream_seal(to, fault)) {
        close(to);
        return false;
    }
    *ret_memfd = to;
    return true;
}

bool
keeper_accept(struct keeper *keeper, const char *digest, uint64_t request, struct fault *fault)
{
    int file = -1, stream = -1;
    if (keeper->quarantine == NULL ||
        !quarantine_accept(keeper->quarantine, digest, &file, fault)) {
        return fault_wrap(fault, "zone %s", keeper->domain);
    }
    if (keeper->phase != KEEPER_IDLE) {
        close(file);
        return fault_set(fault, FAULT_BUSY, "zone %s: a change is under way; try again in a moment",
                         keeper->domain);
    }
    bool good = keeper_sealed_copy(file, &stream, fault);
    close(file);
    if (!good) {
        return fault_wrap(fault, "zone %s", keeper->domain);
    }
    struct hash_digest accepted = quarantine_current(keeper->quarantine)->digest;
    struct message_candidate candidate = {.primary = memory_text("quarantine"),
                                          .received_seconds = keeper_now()};
    add_waiter(keeper, request);
    start_intake(keeper, &candidate, &stream, "accept", &accepted);
    return true;
}

bool
keeper_sign(struct keeper *keeper, bool has_serial, uint32_t serial, uint64_t request,
            struct fault *fault)
{
    if (keeper->policy == NULL) {
        return fault_set(fault, FAULT_REFUSED, "zone %s has policy: none, it is signed elsewhere",
                         keeper->domain);
    }
    if (served(keeper) == NULL) {
        return fault_set(fault, FAULT_BUSY, "zone %s has no content yet", keeper->domain);
    }
    if (has_serial && !serial_is_after(serial, version_facts(served(keeper))->signed_serial)) {
        return fault_set(fault, FAULT_REFUSED,
                         "zone %s: serial %u is not after the present %u (RFC 1982); secondaries "
                         "would not follow",
                         keeper->domain, serial, version_facts(served(keeper))->signed_serial);
    }
    keeper->wants_sign = keeper->sign_force = true;
    keeper->has_forced_serial = has_serial;
    keeper->forced_serial = serial;
    add_waiter(keeper, request);
    keeper_begin(keeper);
    return true;
}

void
keeper_keys_changed(struct keeper *keeper, uint64_t request)
{
    struct fault none = {0};
    if (keyset_count(keeper->keyset) > 0) {
        keeper->awaits_ds = keeper->blocked_by_ds = false;
        clear_state_fault(keeper);
    }
    keeper->wants_keys = true;
    add_waiter(keeper, request);
    if (served(keeper) == NULL) {
        keeper->wants_keys = false;
        answer_waiters(keeper, true, &none);
    }
    tell_facts(keeper);
    keeper_begin(keeper);
}

// --- Time
// ---------------------------------------------------------------------------------------------------------------------

static void
note_expiring(struct keeper *keeper, int64_t now)
{
    uint32_t first = first_expiration(keeper);
    int64_t margin = keeper->policy != NULL ? keeper->policy->rrsig_refresh_seconds / 2
                                            : 2 * SIGN_URGENT_SECONDS;
    if (first == 0 || first - now > margin ||
        now - keeper->expiring_told_seconds < SIGN_URGENT_SECONDS) {
        return;
    }
    char why[256], about[QUANTITY_TEXT_MAX];
    keeper->expiring_told_seconds = now;
    snprintf(why, sizeof why,
             first > now ? "the first signature expires in %s and was not renewed"
                         : "signatures expired %s ago and were not renewed",
             quantity_about_text(first > now ? first - now : now - first, about));
    log_error(why, "zone", keeper->domain);
    tell_simple_event(keeper, EVENT_RRSIG_EXPIRING, "", why, "");
}

static void
verify_more(struct keeper *keeper)
{
    struct verify_report report;
    verify_report_init(&report);
    bool more = verify_walk_some(keeper->walk, KEEPER_VERIFY_RECORDS, &report);
    if (report.finding_count > 0) {
        struct fault fault = {0};
        verify_report_fault(&report, &fault);
        fault_wrap(&fault,
                   "zone %s: a published signature does not verify; the whole zone is signed again",
                   keeper->domain);
        set_state_fault(keeper, &fault, EVENT_CRASH, "");
        keeper->wants_sign = keeper->sign_force = true;
        more = false;
    }
    if (!more) {
        verify_walk_free(&keeper->walk);
    }
    verify_report_close(&report);
}

static void
upkeep_of_store(struct keeper *keeper, bool (*work)(struct store *, struct fault *))
{
    struct fault fault = {0};
    if (!work(keeper->store, &fault)) {
        keeper->not_before_seconds = keeper_now() + UPKEEP_RETRY_SECONDS;
        log_limited(LOG_LEVEL_WARNING, keeper->domain, 3600, fault.text, "zone", keeper->domain);
        return;
    }
    tell_version(keeper);
}

static void
set_expired(struct keeper *keeper, bool expired)
{
    keeper->expired = expired;
    tell_zone_state(keeper);
    tell_facts(keeper);
    if (expired) {
        log_error(
            "the zone expired: the primary was silent for too long; it is answered with SERVFAIL",
            "zone", keeper->domain);
        tell_simple_event(keeper, EVENT_REFRESH_FAILED, "",
                          "the zone expired: the primary was silent for longer than expire", "");
    } else {
        log_info("the zone is answered again: the primary was heard", "zone", keeper->domain);
        tell_simple_event(keeper, EVENT_RECOVERED, "",
                          "the primary was heard again; the zone is answered", "");
    }
}

static struct upkeep_plan
next_upkeep(struct keeper *keeper, int64_t now)
{
    const struct version *version = served(keeper);
    bool can_refresh = keeper->policy != NULL && keeper->keyset != NULL && version != NULL;
    struct upkeep_state state = {
        .has_version = version != NULL,
        .is_signed = can_refresh && version_facts(version)->is_signed,
        .busy = keeper->phase != KEEPER_IDLE || keeper->stopping,
        .expired = keeper->expired,
        .expires_seconds =
            version != NULL ? contact_expires(&keeper->contact, expire_seconds(keeper)) : 0,
        .first_expiration = can_refresh ? first_expiration(keeper) : 0,
        .last_refresh_seconds = keeper->last_refresh_seconds,
        .not_before_seconds = keeper->not_before_seconds,
        .wants_merge = version != NULL && store_wants_merge(keeper->store),
        .wants_compact = version != NULL && store_wants_compact(keeper->store),
    };
    return upkeep_next(&state, &keeper->sign_policy, now);
}

static void
act(struct keeper *keeper, enum upkeep_action action)
{
    switch (action) {
    case UPKEEP_EXPIRE:
        set_expired(keeper, true);
        break;
    case UPKEEP_REVIVE:
        set_expired(keeper, false);
        break;
    case UPKEEP_REFRESH:
        start_refresh(keeper);
        break;
    case UPKEEP_MERGE:
        upkeep_of_store(keeper, store_merge);
        break;
    case UPKEEP_COMPACT:
        upkeep_of_store(keeper, store_compact);
        break;
    case UPKEEP_WAIT:
    default:
        break;
    }
}

static void
plan(struct keeper *keeper)
{
    int64_t now = keeper_now();
    struct upkeep_plan next = next_upkeep(keeper, now);
    int64_t wait = next.action == UPKEEP_WAIT ? next.at_seconds - now : 0;
    bool broken = keeper->store == NULL || (keeper->policy != NULL && keeper->keyset == NULL);
    if (broken && wait > KEEPER_RETRY_SECONDS) {
        wait = KEEPER_RETRY_SECONDS;
    }
    uint64_t milliseconds = wait > 0 ? (uint64_t)wait * 1000 : 1;
    if (keeper->walk != NULL && milliseconds > 20) {
        milliseconds = 20;
    }
    loop_timer_start(keeper->timer, milliseconds, 0);
}

static void
on_timer(void *context)
{
    struct keeper *keeper = context;
    int64_t now = keeper_now();
    retry_opening(keeper);
    if (keeper->walk != NULL && keeper->phase == KEEPER_IDLE) {
        verify_more(keeper);
    }
    note_expiring(keeper, now);
    struct upkeep_plan next = next_upkeep(keeper, now);
    act(keeper, next.action);
    keeper_begin(keeper);
    plan(keeper);
}

// --- Life
// ---------------------------------------------------------------------------------------------------------------------

struct keeper *
keeper_new(const struct keeper_shared *shared, uint32_t id,
           const struct secondary_zone_settings *settings, const struct policy_settings *policy)
{
    struct keeper *keeper = memory_zalloc(sizeof *keeper);
    keeper->shared = shared;
    keeper->id = id;
    uint8_t *apex = memory_alloc(NAME_SIZE_MAX);
    name_copy(apex, settings->name);
    keeper->apex = apex;
    name_to_text_short(apex, keeper->domain);
    keeper->next_stream = -1;
    keeper->expiry = expiry_queue_new();
    octets_buffer_init(&keeper->ds_seen);
    vector_init(&keeper->due, sizeof(const uint8_t *));
    keeper->timer = loop_timer_new(shared->loop, on_timer, keeper);
    keeper->facts_timer = loop_timer_new(shared->loop, tell_progress, keeper);
    keeper->settings = settings;
    keeper->policy = policy;
    if (policy != NULL) {
        fill_sign_policy(policy, &keeper->sign_policy);
    } else {
        sign_policy_default(&keeper->sign_policy);
    }
    start(keeper);
    return keeper;
}

void
keeper_change_settings(struct keeper *keeper, const struct secondary_zone_settings *settings,
                       const struct policy_settings *policy)
{
    keeper->settings = settings;
    bool was_signed = keeper->policy != NULL;
    keeper->policy = policy;
    if (policy != NULL) {
        fill_sign_policy(policy, &keeper->sign_policy);
        prepare_keys(keeper);
        keeper->wants_keys = keeper->wants_keys || !was_signed;
    }
    keeper_begin(keeper);
    plan(keeper);
}

void
keeper_orphan(struct keeper *keeper)
{
    keeper->orphan_settings = (struct secondary_zone_settings){.name = keeper->apex,
                                                               .domain = keeper->domain,
                                                               .gate = {.review = ""},
                                                               .expire_seconds = EXPIRE_NEVER};
    keeper->settings = &keeper->orphan_settings;
    if (keeper->policy != NULL) {
        keeper->orphan_policy = (struct policy_settings){.id = "", .key_secret_file = ""};
        keeper->policy = &keeper->orphan_policy;
    }
}

void
keeper_stop(struct keeper *keeper)
{
    keeper->stopping = true;
    atomic_store(&keeper->progress.stop, true);
    loop_timer_stop(keeper->timer);
}

void
keeper_free(struct keeper **keeper)
{
    struct keeper *old = *keeper;
    if (old == NULL) {
        return;
    }
    change_close(old);
    vector_close(&old->due);
    if (old->has_next) {
        message_candidate_close(&old->next);
        close(old->next_stream);
    }
    verify_walk_free(&old->walk);
    loop_timer_free(&old->timer);
    loop_timer_free(&old->facts_timer);
    expiry_queue_free(&old->expiry);
    keyset_free(&old->keyset);
    key_store_close(&old->key_store);
    quarantine_close(&old->quarantine);
    history_free(&old->history);
    store_close(&old->store);
    octets_buffer_close(&old->ds_seen);
    free(old->directory);
    free(old->key_directory);
    free((void *)(uintptr_t)old->apex);
    free(old);
    *keeper = NULL;
}
