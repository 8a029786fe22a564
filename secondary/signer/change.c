// The order of a change, and why it is that one:
//
//   candidate -> intake (thread: parse, gate, diff) -> [review] -> prepare (here: the keys) -> sign
//   and verify (thread) -> publish (here: the store has one thread) -> tell supervisor, fetcher,
//   desk -> history
//
// Until the publish nothing of it is visible anywhere, so a death at any moment leaves the served
// version as it was. candidate.c has the first half; refreshes, key events and orders begin with
// signing.
//
// What is served is never taken away by a fault: store, keys, gate and signing failures end in a
// state, a log line and an event.
#include "secondary/signer/keeper_inside.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/hash.h"
#include "common/daemon/clock.h"
#include "common/daemon/json_value.h"
#include "common/daemon/log.h"
#include "common/net/loop.h"
#include "secondary/signer/restore.h"
#include "secondary/signer/room.h"
#include "secondary/signer/sign/signed_serial.h"
#include "secondary/signer/sign/verify_damage.h"
#include "secondary/signer/upkeep.h"

void
change_begin(struct keeper *keeper, const char *cause, const char *why)
{
    ENSURE(keeper->change == NULL);
    keeper->change = memory_alloc(sizeof *keeper->change);
    *keeper->change = (struct keeper_change){.started_ms = (int64_t)clock_monotonic_ms()};
    octets_buffer_init(&keeper->change->diff_text);
    vector_init(&keeper->change->due, sizeof(const uint8_t *));
    snprintf(keeper->change->cause, sizeof keeper->change->cause, "%s", cause);
    snprintf(keeper->change->why, sizeof keeper->change->why, "%s", why);
}

// What a change has of its own; a candidate that came to nothing has none.
static void
forget_change(struct keeper *keeper)
{
    struct keeper_change *change = keeper->change;
    if (change == NULL) {
        return;
    }
    octets_buffer_close(&change->diff_text);
    json_value_free(&change->changes);
    if (change->report_made) {
        verify_report_close(&change->report);
    }
    arena_free(&change->due_arena);
    vector_close(&change->due);
    free(change);
    keeper->change = NULL;
}

void
change_close(struct keeper *keeper)
{
    sign_job_free(&keeper->job);
    forget_change(keeper);
    keeper->result = NULL;
    free(keeper->job_fault);
    keeper->job_fault = NULL;
    if (keeper->intake != NULL) {
        if (keeper_served(keeper) != NULL) { // it was compared with all of what is served
            version_rest(keeper_served(keeper));
        }
        intake_close(keeper->intake);
        free(keeper->intake);
        keeper->intake = NULL;
    }
    message_candidate_close(&keeper->candidate);
    keeper->intake_cause[0] = '\0';
}

// Every change ends here, well or not. text and fault may stand in what is freed here: they are
// copied first.
void
change_end(struct keeper *keeper, enum message_outcome outcome, const char *text,
           const struct fault *fault)
{
    bool from_fetcher = keeper->intake != NULL && strcmp(keeper->intake_cause, "accept") != 0;
    bool good = outcome == OUTCOME_PUBLISHED || outcome == OUTCOME_UNCHANGED;
    struct message_verdict verdict = {.outcome = outcome, .number = keeper->candidate.number};
    stand_note(keeper, outcome, &verdict);
    char said[FAULT_TEXT_MAX];
    struct fault told = {0};
    snprintf(said, sizeof said, "%s", text);
    if (fault != NULL) {
        told = *fault;
    } else if (!good) {
        fault_set(&told, FAULT_REFUSED, "%s", said);
    }
    keeper->phase = KEEPER_IDLE;
    loop_timer_free(&keeper->facts_timer);
    change_close(keeper);
    keeper_tell_facts(keeper); // first: who waited looks at the status next
    if (from_fetcher) {
        keeper_tell_verdict(keeper, &verdict, said);
    } else if (keeper->damaged) {
        keeper_want_whole(keeper, "records of what is served are damaged");
    }
    keeper_answer_waiters(keeper, good, &told);
    keeper->go_on(keeper);
}

void
change_failed(struct keeper *keeper, const struct fault *fault)
{
    keeper->not_before_seconds = keeper_now() + UPKEEP_RETRY_SECONDS;
    if (keeper->change->due.count > 0) {
        expiry_queue_return(keeper_expiry(keeper), keeper_served(keeper), &keeper->change->due);
    }
    if (keeper->wants_restore) { // the content before it is of no use: all is signed again
        keeper->wants_restore = false;
        keeper->wants_sign = keeper->sign_force = true;
    }
    struct fault copy = {0};
    fault_set(&copy, fault->kind, "%.1900s; %s, and it is tried again", fault->text,
              keeper_served(keeper) != NULL ? "what was served stays" : "nothing is served yet");
    keeper_fault_set(keeper, &copy, EVENT_CRASH, "");
    change_end(keeper, OUTCOME_FAILED, copy.text, &copy);
}

void
change_clear_quarantine(struct keeper *keeper, const char *why)
{
    struct fault fault = {0};
    bool was = false;
    bool was_rejected = keeper->rejected != NULL;
    free(keeper->rejected);
    keeper->rejected = NULL;
    if (!quarantine_clear(keeper->quarantine, &was, &fault)) {
        log_warning(fault.text, "zone", keeper->domain);
    }
    if (was || was_rejected) {
        log_info("the gate holds nothing any more", "zone", keeper->domain, "why", why);
        keeper_tell_simple_event(keeper, EVENT_RECOVERED, "", why, "");
    }
}

static void
sign_in_thread(void *context)
{
    struct keeper *keeper = context;
    keeper->job_good = sign_zone_run(keeper->job, &keeper->result, keeper->job_fault);
    if (!keeper->job_good || keeper->result->empty) {
        return;
    }
    verify_damage(&keeper->result->diff); // in tests only
    if (keeper->change->policy.verify == VERIFY_OFF) {
        return;
    }
    verify_report_init(&keeper->change->report);
    keeper->change->report_made = true;
    struct verify_changes changes = {
        .current = keeper->job_base,
        .diff = &keeper->result->diff,
        .must = keeper->result->must_verify,
        .zonemd = keeper->change->policy.zonemd,
        .everything = keeper->distrust || keeper->change->policy.verify == VERIFY_EVERYTHING,
        .seed = hash_key_draw(),
        .pool = keeper->shared->pool,
        .now = keeper_now()};
    if (!verify_changes(&changes, &keeper->change->report)) {
        keeper->job_good = verify_report_fault(&keeper->change->report, keeper->job_fault);
        fault_wrap(keeper->job_fault,
                   "zone %s: the new signatures do not verify, nothing is published",
                   keeper->domain);
    }
}

// The former content with its new SOA takes the place of what is served. What the primary has by
// now comes with its next transfer, and all of that is verified before it is published.
static void
restore_done(struct keeper *keeper)
{
    struct fault fault = {0};
    struct diff back;
    const struct sign_result *result = keeper->result;
    const struct version *former = version_hold(keeper->former); // the diff's records stand in it
    restore_compose(keeper_served(keeper), former, &result->diff, &back);
    struct published what = {.diff = &back,
                             .facts = &result->facts,
                             .made = result->signatures_made,
                             .kept = result->signatures_kept};
    bool good = publish_version(keeper, &what, &fault);
    diff_close(&back);
    version_drop(&former);
    if (!good) {
        change_failed(keeper, &fault);
        return;
    }
    keeper->wants_restore = false;
    keeper_fault_clear(keeper);
    keeper_want_whole(keeper, "the content before the primary's was published again");
    change_end(keeper, OUTCOME_PUBLISHED, "published", NULL);
}

// Nobody's fault, and nothing to mend.
static void
change_interrupted(struct keeper *keeper)
{
    struct fault fault = *keeper->job_fault;
    log_info("signing ends unfinished with the daemon; the next start begins it again", "zone",
             keeper->domain, "why", keeper->change->why);
    change_end(keeper, OUTCOME_FAILED, fault.text, &fault);
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
        keeper->damaged = keeper->damaged || keeper->job_damaged;
        if (keeper->stopping && keeper->job_fault->kind == FAULT_BUSY)
            change_interrupted(keeper);
        else
            change_failed(keeper, keeper->job_fault);
        return;
    }
    if (strcmp(keeper->change->cause, "policy") == 0 && keeper->job_policies == keeper->policies) {
        keeper->policy_settled = true;
    }
    if (strcmp(keeper->change->cause, "restore") == 0) {
        restore_done(keeper);
        return;
    }
    const struct sign_result *result = keeper->result;
    if (result->empty) {
        if (strcmp(keeper->change->cause, "refresh") == 0) {
            keeper->last_refresh_seconds =
                keeper_now(); // looked at again after the gap, not at once
            expiry_queue_return(keeper_expiry(keeper), keeper_served(keeper), &keeper->change->due);
        }
        change_end(keeper, OUTCOME_UNCHANGED, "", NULL);
        return;
    }
    struct published what = {.diff = &result->diff,
                             .facts = &result->facts,
                             .made = result->signatures_made,
                             .kept = result->signatures_kept,
                             .refusals = result->refusals,
                             .sampled =
                                 keeper->change->report_made && keeper->change->report.sampled};
    if (!publish_version(keeper, &what, &fault)) {
        change_failed(keeper, &fault);
        return;
    }
    if (what.made > VERIFY_ALL_UP_TO && !what.sampled) {
        keeper->distrust = false; // as many were all verified before they were published
    }
    if (result->newest_inception > keeper->newest_inception) {
        keeper->newest_inception = result->newest_inception;
    }
    keeper_fault_clear(keeper);
    if (keeper->change->is_content) {
        change_clear_quarantine(keeper, strcmp(keeper->change->cause, "accept") == 0
                                            ? "the held candidate was accepted"
                                            : "newer content passed the gate");
    }
    change_end(keeper, OUTCOME_PUBLISHED, "published", NULL);
}

static void
fill_room_work(const struct keeper *keeper, const struct sign_request *request,
               struct room_work *work)
{
    const struct key_pair *keys[KEYSET_KEYS_MAX];
    unsigned count = keyset_signing(keeper->keyset, false, keys);
    struct store_sizes sizes;
    bool whole = request->whole || (request->changes == NULL && request->due_count == 0) ||
                 keeper_policy_differs(keeper, (char[HISTORY_WHY_MAX]){""}, HISTORY_WHY_MAX);
    store_sizes(keeper->store, &sizes);
    *work = (struct room_work){.current = whole && !request->anew ? request->current : NULL,
                               .current_octets = sizes.living_octets,
                               .changes = request->changes,
                               .due_count = request->due_count,
                               .apex_octets = name_length(keeper->apex),
                               .nsec3 = request->policy->nsec3};
    for (unsigned i = 0; i < count; i++) {
        work->signature_octets += key_pair_signature_size(keys[i]);
    }
}

// The same want is told in the same words, so that it is one mail and not one for each try.
static void
room_told(struct keeper *keeper, uint64_t needed, uint64_t *free_octets)
{
    bool same = keeper->room_needed_told == needed && *free_octets <= 2 * keeper->room_free_told &&
                2 * *free_octets >= keeper->room_free_told;
    if (same) {
        *free_octets = keeper->room_free_told;
    }
    keeper->room_needed_told = needed;
    keeper->room_free_told = *free_octets;
}

// Before a long signing, not after it.
static bool
has_room(struct keeper *keeper, const struct sign_request *request, struct fault *fault)
{
    struct room_work work;
    uint64_t free_octets = 0;
    fill_room_work(keeper, request, &work);
    uint64_t needed = room_needed(&work);
    if (needed == 0) {
        return true;
    }
    if (!room_free(keeper->directory, &free_octets, fault)) {
        return false;
    }
    if (free_octets >= needed) {
        keeper->room_needed_told = 0;
        return true;
    }
    room_told(keeper, needed, &free_octets);
    return fault_set(fault, FAULT_LIMIT,
                     "No space left for its signatures in %s: up to %" PRIu64
                     " octets are needed and %" PRIu64
                     " are free; make room (it is tried again every minute), what is served stays",
                     keeper->directory, needed, free_octets);
}

// A clock that stays wrong is one state and one mail: it is told as it was when that was found.
static bool
clock_is_right(struct keeper *keeper, int64_t now, struct fault *fault)
{
    struct fault ignored = {0};
    if (sign_clock_check(keeper->newest_inception, now, &ignored)) {
        keeper->clock_refused_at = 0;
        return true;
    }
    if (keeper->clock_refused_at == 0 ||
        sign_clock_check(keeper->newest_inception, keeper->clock_refused_at, &ignored)) {
        keeper->clock_refused_at = now;
    }
    return sign_clock_check(keeper->newest_inception, keeper->clock_refused_at, fault);
}

static void
start_sign(struct keeper *keeper, struct sign_request *request)
{
    struct fault fault = {0};
    if (request->current == NULL) {
        request->current = keeper_served(keeper);
    }
    keeper->job_base = request->current;
    keeper->job_policies = keeper->policies;
    request->keyset = keeper->keyset;
    if (request->policy == NULL) { // a copy: a reload does not reach into what runs
        keeper->change->policy = *keeper->sign_policy;
        request->policy = &keeper->change->policy;
    }
    request->pool = keeper->shared->pool;
    request->now = keeper_now();
    request->progress = &keeper->progress;
    request->ret_damaged = &keeper->job_damaged;
    keeper->job_damaged = false;
    atomic_store(&keeper->progress.records_total, 0);
    atomic_store(&keeper->progress.records_done, 0);
    atomic_store(&keeper->progress.stop, false);
    keeper->phase = KEEPER_SIGN;
    keeper->progress_told = 0;
    if (!clock_is_right(keeper, request->now, &fault) || !keyset_can_sign(keeper->keyset, &fault) ||
        !has_room(keeper, request, &fault) || !sign_zone_prepare(request, &keeper->job, &fault)) {
        fault_wrap(&fault, "zone %s: cannot sign", keeper->domain);
        keeper->damaged = keeper->damaged || keeper->job_damaged;
        change_failed(keeper, &fault);
        return;
    }
    keeper->facts_timer = loop_timer_new(keeper->shared->loop, keeper_tell_progress, keeper);
    loop_timer_start(keeper->facts_timer, KEEPER_FACTS_SECONDS * 1000, KEEPER_FACTS_SECONDS * 1000);
    keeper->job_fault = memory_zalloc(sizeof *keeper->job_fault);
    loop_work(keeper->shared->loop, sign_in_thread, sign_done, keeper);
}

static uint32_t
served_unsigned_serial(const struct keeper *keeper)
{
    return keeper_served(keeper) != NULL ? version_facts(keeper_served(keeper))->unsigned_serial
                                         : 0;
}

void
change_start_refresh(struct keeper *keeper)
{
    struct expiry_source source = expiry_source_of(keeper_served(keeper));
    change_begin(keeper, "refresh", "signatures near their end were renewed");
    keeper->change->due_arena = arena_new();
    refresh_load_take(keeper_expiry(keeper), &source, keeper->sign_policy, keeper_now(),
                      keeper->change->due_arena, &keeper->change->due, &keeper->change->policy);
    struct sign_request request = {.policy = &keeper->change->policy,
                                   .due = keeper->change->due.items,
                                   .due_count = keeper->change->due.count,
                                   .unsigned_serial = served_unsigned_serial(keeper)};
    start_sign(keeper, &request);
}

void
change_start_whole(struct keeper *keeper)
{
    change_begin(keeper, keeper->wants_sign ? "command" : "key",
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

void
change_start_restore(struct keeper *keeper)
{
    struct signed_serial_input input = {.policy = keeper->sign_policy->serial_policy,
                                        .unsigned_serial =
                                            version_facts(keeper->former)->unsigned_serial,
                                        .has_last = true,
                                        .last = version_facts(keeper_served(keeper))->signed_serial,
                                        .now = keeper_now()};
    change_begin(keeper, "restore",
                 "a published signature did not verify: the content before it was published again");
    struct sign_request request = {.current = keeper->former,
                                   .unsigned_serial = input.unsigned_serial,
                                   .has_forced_serial = true,
                                   .forced_serial = signed_serial_next(&input)};
    start_sign(keeper, &request);
}

// The signer finds out what is to be done from what is served.
void
change_start_policy(struct keeper *keeper, const char *why)
{
    change_begin(keeper, "policy", why);
    struct sign_request request = {.unsigned_serial = served_unsigned_serial(keeper)};
    start_sign(keeper, &request);
}

// A content whose TTLs outlive what rrsig-refresh leaves of a signature: the gate lowers TTLs to
// max-ttl, which the configuration holds against the policy, so this is the second lock of a door.
static bool
ttls_fit(struct keeper *keeper, struct fault *fault)
{
    struct key_policy keys;
    key_policy_default(&keys);
    keys.propagation_delay_seconds = keeper->policy->propagation_delay_seconds;
    return sign_policy_check(keeper->sign_policy, &keys, keeper->intake->verdict.largest_ttl,
                             fault) ||
           fault_wrap(fault, "zone %s: new content is not signed and what is served stays",
                      keeper->domain);
}

void
change_start_content(struct keeper *keeper)
{
    struct intake *intake = keeper->intake;
    struct fault fault = {0};
    if (!ttls_fit(keeper, &fault)) {
        change_failed(keeper, &fault);
        return;
    }
    struct sign_request request = {.changes = intake->anew ? &intake->whole : &intake->diff,
                                   .anew = intake->anew,
                                   .unsigned_serial = intake->serial,
                                   .state_lost = keeper_served(keeper) == NULL,
                                   .has_forced_serial = keeper->has_forced_serial,
                                   .forced_serial = keeper->forced_serial};
    keeper->has_forced_serial = false;
    start_sign(keeper, &request);
}

// policy: none: what came is what is served.
void
change_publish_received(struct keeper *keeper)
{
    struct fault fault = {0};
    struct version_facts facts = {.unsigned_serial = keeper->intake->serial,
                                  .signed_serial = keeper->intake->serial,
                                  .is_signed = true};
    struct intake *intake = keeper->intake;
    struct published what = {.diff = intake->anew ? &intake->whole : &intake->diff,
                             .facts = &facts};
    if (!publish_version(keeper, &what, &fault)) {
        change_failed(keeper, &fault);
        return;
    }
    keeper_fault_clear(keeper);
    change_clear_quarantine(keeper, "newer content passed the gate");
    change_end(keeper, OUTCOME_PUBLISHED, "published", NULL);
}
