// What a zone does by itself as time goes by: upkeep.c says what is due, here it is done.
#include "secondary/signer/keeper_inside.h"

#include <stdio.h>

#include "common/base/quantity.h"
#include "common/daemon/log.h"
#include "secondary/signer/zone_walk.h"

static void
note_expiring(struct keeper *keeper, int64_t now)
{
    uint32_t first = keeper_first_expiration(keeper);
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
    keeper_tell_simple_event(keeper, EVENT_RRSIG_EXPIRING, "", why, "");
}

// What was published by sample does not verify after all.
static void
published_is_bad(struct keeper *keeper, const struct verify_report *report)
{
    struct fault fault = {0};
    verify_report_fault(report, &fault);
    fault_wrap(&fault, "zone %s: a published signature does not verify; %s", keeper->domain,
               keeper->former != NULL
                   ? "the content before it is published again under a higher serial"
                   : "the whole zone is signed again");
    keeper_fault_set(keeper, &fault, EVENT_CRASH, "");
    keeper->distrust = true;
    keeper->wants_restore = keeper->former != NULL;
    if (!keeper->wants_restore) {
        keeper->wants_sign = keeper->sign_force = true;
    }
}

static void
verify_more(struct keeper *keeper)
{
    if (zone_walk_more(keeper->walk)) {
        return;
    }
    const struct verify_report *report = zone_walk_report(keeper->walk);
    if (report->finding_count > 0) {
        published_is_bad(keeper, report);
    }
    zone_walk_free(&keeper->walk);
    if (!keeper->wants_restore) {
        version_drop(&keeper->former);
    }
}

static void
upkeep_of_store(struct keeper *keeper, bool (*work)(struct store *, struct fault *))
{
    struct fault fault = {0};
    if (!work(keeper->store, &fault)) {
        keeper->not_before_seconds = keeper_now() + UPKEEP_RETRY_SECONDS;
        if (fault.kind == FAULT_CORRUPT) {
            keeper_damage_note(keeper, &fault);
        } else {
            log_limited(LOG_LEVEL_WARNING, keeper->domain, 3600, fault.text, "zone",
                        keeper->domain);
        }
        return;
    }
    keeper_tell_version(keeper);
}

// A publish between two portions may move records about: what is missed in one round is found in
// the next.
static void
scrub(struct keeper *keeper, int64_t now)
{
    struct fault fault = {0};
    if (!store_scrub(keeper->store, &keeper->scrub_position, KEEPER_SCRUB_RECORDS, &fault)) {
        keeper_damage_note(keeper, &fault);
    }
    version_rest(keeper_served(keeper)); // records from all over it, each with its neighbours
    keeper->scrub_seconds =
        now + (keeper->scrub_position == 0 ? UPKEEP_SCRUB_REST_SECONDS : UPKEEP_SCRUB_SECONDS);
}

static void
set_expired(struct keeper *keeper, bool expired)
{
    keeper->expired = expired;
    keeper_tell_zone_state(keeper);
    keeper_tell_facts(keeper);
    if (expired) {
        log_error(
            "the zone expired: the primary was silent for too long; it is answered with SERVFAIL",
            "zone", keeper->domain);
        keeper_tell_simple_event(keeper, EVENT_REFRESH_FAILED, "",
                                 "the zone expired: the primary was silent for longer than expire",
                                 "");
    } else {
        log_info("the zone is answered again: the primary was heard", "zone", keeper->domain);
        keeper_tell_simple_event(keeper, EVENT_RECOVERED, "",
                                 "the primary was heard again; the zone is answered", "");
    }
}

struct upkeep_plan
keeper_upkeep_next(struct keeper *keeper, int64_t now)
{
    const struct version *version = keeper_served(keeper);
    bool whole = version != NULL && !keeper->damaged;
    bool can_refresh = keeper->policy != NULL && keeper_keys_ready(keeper) && version != NULL &&
                       keeper->expiry_of == NULL;
    struct upkeep_state state = {
        .has_version = version != NULL,
        .is_signed = can_refresh && version_facts(version)->is_signed,
        .busy = keeper->phase != KEEPER_IDLE || keeper->stopping,
        .expired = keeper->expired,
        .expires_seconds =
            version != NULL ? contact_expires(&keeper->contact, keeper_expire_seconds(keeper)) : 0,
        .first_expiration = can_refresh ? keeper_first_expiration(keeper) : 0,
        .last_refresh_seconds = keeper->last_refresh_seconds,
        .not_before_seconds = keeper->not_before_seconds,
        .refresh_goes_on = can_refresh && keeper_refresh_goes_on(keeper, now),
        .wants_merge = whole && store_wants_merge(keeper->store),
        .wants_compact = whole && store_wants_compact(keeper->store),
        .scrub_seconds = whole ? keeper->scrub_seconds : 0,
    };
    return upkeep_next(&state, keeper->sign_policy, now);
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
        change_start_refresh(keeper);
        break;
    case UPKEEP_MERGE:
        upkeep_of_store(keeper, store_merge);
        break;
    case UPKEEP_COMPACT:
        upkeep_of_store(keeper, store_compact);
        break;
    case UPKEEP_SCRUB:
        scrub(keeper, keeper_now());
        break;
    case UPKEEP_WAIT:
    default:
        break;
    }
}

void
keeper_upkeep(struct keeper *keeper, int64_t now)
{
    if (keeper->walk != NULL && keeper->phase == KEEPER_IDLE) {
        verify_more(keeper);
    }
    note_expiring(keeper, now);
    struct upkeep_plan next = keeper_upkeep_next(keeper, now);
    act(keeper, next.action);
}
