// The moment of a change after which it is visible: the store takes it, everybody is told, history
// keeps it.
#include "secondary/signer/keeper_inside.h"

#include <stdio.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/quantity.h"
#include "common/daemon/clock.h"
#include "common/daemon/json_value.h"
#include "common/daemon/log.h"
#include "secondary/signer/sign/sign_publish.h"
#include "secondary/signer/zone_walk.h"

static void
count_changes(struct keeper *keeper)
{
    if (keeper->counted == NULL) {
        keeper->counted = memory_zalloc(sizeof *keeper->counted);
    }
    keeper->counted->changes_added += keeper->change->added;
    keeper->counted->changes_removed += keeper->change->removed;
}

static void
count_duration(struct keeper *keeper, int64_t milliseconds)
{
    static const int64_t bounds[] = MESSAGE_SIGN_BOUNDS_MS;
    size_t bucket = 0;
    while (bucket < sizeof bounds / sizeof bounds[0] && milliseconds > bounds[bucket]) {
        bucket++;
    }
    keeper->counted->sign_histogram[bucket]++;
    keeper->counted->sign_count++;
    keeper->counted->sign_microseconds += (uint64_t)milliseconds * 1000;
}

static void
count_signatures(struct keeper *keeper, bool first, size_t made)
{
    if (first) {
        keeper->counted->signatures_initial += made;
    } else if (keeper->change->is_content) {
        keeper->counted->signatures_changed += made;
    } else {
        keeper->counted->signatures_refreshed += made;
    }
}

static void
health_text(struct keeper *keeper, size_t refusals, char *text, size_t size)
{
    char about[QUANTITY_TEXT_MAX], day[QUANTITY_TEXT_MAX];
    uint32_t first = keeper_first_expiration(keeper);
    if (first == 0) {
        snprintf(text, size, "published as received (policy: none); every signature verified");
        return;
    }
    quantity_time_text(first, day);
    day[10] = '\0';
    quantity_about_text(first - keeper_now(), about);
    size_t digits = strspn(about, "-0123456789");
    snprintf(text, size, "%s; first signature expires %s (%.*s %s)",
             keeper->sign_policy->verify == VERIFY_OFF ? "NOT verified (verify: off)"
             : keeper->change->report_made && keeper->change->report.sampled
                 ? "verified by sample before publishing, the rest follows"
                 : "verified before publishing",
             day, (int)digits, about, about + digits);
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
    const struct version_facts *facts = version_facts(keeper_served(keeper));
    health_text(keeper, refusals, health, sizeof health);
    snprintf(hint, sizeof hint, "dig @%s %s SOA +dnssec", "HOST", keeper->domain);
    octets_buffer_add_u8(&keeper->change->diff_text, '\0');
    struct message_event event = {
        .kind = EVENT_RESIGN,
        .at_seconds = facts->published_seconds,
        .dedup = memory_text(""),
        .why = memory_text(keeper->change->why),
        .diff = memory_text((const char *)keeper->change->diff_text.data),
        .diff_lines_total = (uint32_t)keeper->change->diff_lines,
        .health = memory_text(health),
        .hint = memory_text(hint),
        .has_serials = true,
        .unsigned_serial = facts->unsigned_serial,
        .signed_serial = facts->signed_serial,
        .former_signed_serial = had_former ? former : 0,
        .added = keeper->change->added,
        .removed = keeper->change->removed,
        .new_signatures = (uint32_t)made,
        .kept_signatures =
            (uint32_t)(facts->signature_count > made ? facts->signature_count - made : 0),
        .duration_ms = milliseconds,
        .signature_expiry_seconds = keeper_first_expiration(keeper),
    };
    (void)kept;
    keeper_tell_event(keeper, &event);
    message_event_close(&event);
}

static void
note_history(struct keeper *keeper, size_t made, int64_t milliseconds)
{
    const struct version_facts *facts = version_facts(keeper_served(keeper));
    struct history_step step = {
        .at_seconds = facts->published_seconds,
        .unsigned_serial = facts->unsigned_serial,
        .signed_serial = facts->signed_serial,
        .added = keeper->change->added,
        .removed = keeper->change->removed,
        .signatures_new = (uint32_t)made,
        .signatures_kept =
            (uint32_t)(facts->signature_count > made ? facts->signature_count - made : 0),
        .duration_ms = milliseconds,
    };
    snprintf(step.cause, sizeof step.cause, "%s", keeper->change->cause);
    snprintf(step.why, sizeof step.why, "%s", keeper->change->why);
    struct fault fault = {0};
    if (!history_add(keeper_history(keeper), &step, &fault)) {
        log_limited(LOG_LEVEL_WARNING, keeper->domain, 3600, fault.text, "zone", keeper->domain);
    }
}

bool
publish_version(struct keeper *keeper, const struct published *what, struct fault *fault)
{
    const struct version *former = keeper_served(keeper);
    struct expiry_queue *expiry = keeper_expiry(keeper); // while it can be made of the former
    bool had_former = former != NULL;
    uint32_t former_serial = had_former ? version_facts(former)->signed_serial : 0;
    struct version_facts facts = *what->facts;
    facts.published_seconds = keeper_now();
    facts.first_expiration = keeper_first_expiration(keeper);
    if (keeper->change->soa_expire_seconds != 0) {
        facts.soa_expire_seconds = keeper->change->soa_expire_seconds;
    } else if (had_former) {
        facts.soa_expire_seconds = version_facts(former)->soa_expire_seconds;
    }
    bool unseen = what->sampled || keeper->walk != NULL; // of this version or of the one that goes
    const struct version *held =
        unseen && had_former && version_facts(former)->is_signed ? version_hold(former) : NULL;
    if (!sign_publish(keeper->store, keeper->apex, what->diff, &facts, fault)) {
        keeper->damaged = keeper->damaged || fault->kind == FAULT_CORRUPT;
        version_drop(&held);
        return fault_wrap(fault, "zone %s: cannot publish", keeper->domain);
    }
    if (keeper->walk != NULL) { // there is a version before this that was seen, or none
        version_drop(&held);
    } else {
        version_drop(&keeper->former);
        keeper->former = held;
    }
    zone_walk_free(&keeper->walk);
    int64_t milliseconds = (int64_t)clock_monotonic_ms() - keeper->change->started_ms;
    expiry_queue_note(expiry, what->diff);
    if (what->diff->damaged) { // the whole content took the place of what was damaged
        keeper->damaged = false;
        keeper->scrub_position = 0;
    }
    if (keeper->change->is_content) {
        keeper->last_added = keeper->change->added;
        keeper->last_removed = keeper->change->removed;
        json_value_free(&keeper->last_changes);
        keeper->last_changes = keeper->change->changes;
        keeper->change->changes = NULL;
    }
    count_changes(keeper);
    if (keeper->policy != NULL) {
        count_duration(keeper, milliseconds);
        count_signatures(keeper, !had_former, what->made);
    }
    keeper_tell_served(keeper);
    keeper_tell_notify(keeper);
    log_info("published", "zone", keeper->domain, "unsigned_serial",
             LOG_NUMBER(version_facts(keeper_served(keeper))->unsigned_serial), "signed_serial",
             LOG_NUMBER(version_facts(keeper_served(keeper))->signed_serial), "cause",
             keeper->change->cause, "why", keeper->change->why, "added",
             LOG_NUMBER(keeper->change->added), "removed", LOG_NUMBER(keeper->change->removed),
             "new_signatures", LOG_NUMBER(what->made), "milliseconds", LOG_NUMBER(milliseconds));
    note_history(keeper, what->made, milliseconds);
    if (keeper->change->is_content) {
        tell_resign(keeper, former_serial, had_former, what->made, what->kept, what->refusals,
                    milliseconds);
    } else {
        keeper->last_refresh_seconds = keeper_now();
    }
    if (unseen) {
        keeper->walk = zone_walk_new(keeper->shared->loop, keeper_served(keeper), keeper_now());
    }
    return true;
}
