// What counts as contact? A transfer that came in whole, whatever the gate then says of it: the
// primary lives and speaks to us. A candidate that the signer rejects as no zone at all
// (OUTCOME_REJECTED) is a syntax failure of that primary, and the next one is tried.
//
// How does a zone never get stuck? In each state something comes: IDLE has the timer of the next
// poll, QUEUED its place in the queue, TRANSFER the time-outs of the stream, VERDICT a timer. Every
// way out of a poll goes through finish().
#include "secondary/fetcher/poll.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/hash.h"
#include "common/base/quantity.h"
#include "common/daemon/clock.h"
#include "common/daemon/control.h"
#include "common/daemon/log.h"
#include "common/net/loop.h"
#include "secondary/fetcher/attempt.h"
#include "secondary/fetcher/primaries.h"
#include "secondary/fetcher/waiters.h"

enum poll_state { POLL_IDLE, POLL_QUEUED, POLL_TRANSFER, POLL_VERDICT };

struct poll {
    struct poll_shared shared;
    uint32_t id;
    const struct secondary_settings *settings;
    const struct secondary_zone_settings *zone;
    enum poll_state state;
    struct loop_timer *timer;
    struct turn turn;
    struct attempt *attempt;
    // The poll that runs.
    struct primaries_place place;
    char label[PRIMARIES_LABEL_MAX];
    uint64_t begun_ms;
    bool notified, forced;
    bool whole;      // the zone is transferred whole, whatever could be asked
    bool comparing;  // what comes must be what is served, where the serial is the same
    uint32_t number; // of the last candidate
    struct basis_arrival candidate;
    struct fault fault; // of the last attempt; kind NONE: well
    int exit_code;      // for those who wait, where fault is set
    // The poll that is to come behind it.
    bool again, again_notified, again_forced;
    struct waiters waiters;
    // What is known.
    struct basis basis;
    struct message_poll_facts facts;
    int64_t started_seconds;
    bool told_failing;
};

int64_t
poll_retry_ms(unsigned failures, int64_t retry_seconds, int64_t refresh_seconds)
{
    int64_t most = refresh_seconds > retry_seconds ? refresh_seconds : retry_seconds;
    int64_t wait = retry_seconds;
    for (unsigned i = 1; i < failures && wait < most; i++)
        wait *= 2;
    return (wait < most ? wait : most) * 1000;
}

static void
set_text(char **text, const char *value)
{
    free(*text);
    *text = memory_text(value);
}

static void
plan(struct poll *poll, uint64_t after_ms)
{
    poll->facts.next_poll_seconds = clock_unix_seconds() + (int64_t)((after_ms + 500) / 1000);
    loop_timer_start(poll->timer, after_ms, 0);
}

static uint64_t
since_begun_ms(const struct poll *poll)
{
    return loop_now_ms(poll->shared.loop) - poll->begun_ms;
}

static void
begin(struct poll *poll)
{
    loop_timer_stop(poll->timer);
    poll->state = POLL_QUEUED;
    poll->notified = poll->again_notified;
    poll->forced = poll->again_forced;
    poll->whole = poll->again_forced;
    poll->again = poll->again_notified = poll->again_forced = false;
    poll->fault = (struct fault){0};
    turn_ask(poll->shared.turns, &poll->turn);
}

void
poll_tell_facts(struct poll *poll)
{
    report_facts(poll->shared.link, poll->id, &poll->facts);
}

// ---- the end of a poll ----

// When the next poll is due, counted from the beginning of this one.
static uint64_t
next_after_ms(const struct poll *poll, bool failed)
{
    uint64_t since = since_begun_ms(poll);
    uint64_t wait = (uint64_t)poll->zone->refresh_seconds * 1000;
    if (poll->again)
        wait = POLL_HINT_GAP_MS;
    else if (failed)
        return (uint64_t)poll_retry_ms(poll->facts.failures_in_row, poll->zone->retry_seconds,
                                       poll->zone->refresh_seconds);
    return since < wait ? wait - since : 0;
}

static void
finish(struct poll *poll, bool failed, bool changed, const char *text)
{
    const struct waiters_answer answer = {.domain = poll->zone->domain,
                                          .changed = changed,
                                          .text = text,
                                          .fault = &poll->fault,
                                          .exit_code = poll->exit_code};
    poll->state = POLL_IDLE;
    poll->facts.transferring = false;
    turn_end(poll->shared.turns, &poll->turn);
    plan(poll, next_after_ms(poll, failed));
    waiters_poll_ended(&poll->waiters, poll->shared.link, &answer);
    poll_tell_facts(poll);
}

static int64_t
silent_seconds(const struct poll *poll, int64_t now)
{
    int64_t last = poll->facts.last_success_seconds;
    return now - (last ? last : poll->started_seconds);
}

static void
tell_failing(struct poll *poll)
{
    int64_t now = clock_unix_seconds();
    int64_t silent = silent_seconds(poll, now);
    char why[FAULT_TEXT_MAX + 128], hint[NAME_TEXT_MAX + 64], about[QUANTITY_TEXT_MAX];
    if (poll->told_failing || silent <= POLL_FAILING_INTERVALS * poll->zone->refresh_seconds)
        return;
    poll->told_failing = true;
    snprintf(why, sizeof(why), "no transfer of %s for %s: %s", poll->zone->domain,
             quantity_about_text(silent, about), poll->fault.text);
    snprintf(hint, sizeof(hint), "tandemctl zone refresh %s", poll->zone->domain);
    log_error("the zone cannot be refreshed", "zone", poll->zone->domain, "silent-seconds",
              LOG_NUMBER(silent), "failures", LOG_NUMBER(poll->facts.failures_in_row), "last",
              poll->fault.text);
    report_event(poll->shared.link, poll->id, EVENT_REFRESH_FAILED, now, why,
                 "the served zone stays; its signatures are refreshed without the primary", hint);
}

static void
tell_recovered(struct poll *poll)
{
    char why[NAME_TEXT_MAX + PRIMARIES_LABEL_MAX + 64];
    if (poll->facts.failures_in_row)
        log_info("the primary answers again", "zone", poll->zone->domain, "primary", poll->label,
                 "failures", LOG_NUMBER(poll->facts.failures_in_row));
    if (!poll->told_failing)
        return;
    poll->told_failing = false;
    snprintf(why, sizeof(why), "%s is transferred again, from %s", poll->zone->domain, poll->label);
    report_event(poll->shared.link, poll->id, EVENT_RECOVERED, clock_unix_seconds(), why, "", "");
}

static void
note_contact(struct poll *poll)
{
    tell_recovered(poll);
    poll->facts.last_success_seconds = clock_unix_seconds();
    poll->facts.failures_in_row = 0;
    poll->fault = (struct fault){0};
    set_text(&poll->facts.failure, "");
    set_text(&poll->facts.primary, poll->label);
}

static void
all_failed(struct poll *poll)
{
    poll->facts.failures_in_row++;
    poll->exit_code = CONTROL_FAILED;
    set_text(&poll->facts.failure, poll->fault.text);
    tell_failing(poll);
    finish(poll, true, false, "");
}

// ---- one attempt after the other ----

static void
note_failed_attempt(struct poll *poll, const char *reason, const struct fault *fault)
{
    char key[LOG_LIMIT_KEY_MAX];
    poll->fault = *fault;
    poll->facts.transfers_failed++;
    snprintf(key, sizeof(key), "%s %.80s", reason, poll->zone->domain);
    log_limited(LOG_LEVEL_WARNING, key, POLL_LOG_SECONDS, fault->text, "zone", poll->zone->domain,
                "primary", poll->label, "reason", reason);
}

static void
send_candidate(struct poll *poll, const struct attempt_result *result)
{
    const struct receive_result *received = result->received;
    struct octets_buffer body;
    const struct message_candidate candidate = {
        .primary = poll->label,
        .serial = received->serial,
        .received_seconds = clock_unix_seconds(),
        .wire_octets = received->octets,
        .rr_count = (uint32_t)received->records,
        .transfer_ms = received->transfer_ms,
        .notified = poll->notified,
        .forced = poll->forced,
        .number = ++poll->number,
        .is_delta = received->is_delta,
        .from_serial = poll->basis.serial,
    };
    poll->candidate = (struct basis_arrival){.label = poll->label,
                                             .serial = received->serial,
                                             .is_delta = received->is_delta,
                                             .records = received->records,
                                             .digest = received->digest};
    octets_buffer_init(&body);
    message_candidate_write(&candidate, &body);
    report_send(poll->shared.link, MESSAGE_CANDIDATE, ROLE_SIGNER, poll->id, &body,
                received->stream);
    octets_buffer_close(&body);
}

static void
await_verdict(struct poll *poll)
{
    int64_t seconds = POLL_VERDICT_INTERVALS * poll->zone->refresh_seconds;
    if (seconds < POLL_VERDICT_SECONDS_MIN)
        seconds = POLL_VERDICT_SECONDS_MIN;
    if (seconds > POLL_VERDICT_SECONDS_MAX)
        seconds = POLL_VERDICT_SECONDS_MAX;
    poll->state = POLL_VERDICT;
    turn_end(poll->shared.turns, &poll->turn);
    loop_timer_start(poll->timer, (uint64_t)seconds * 1000, 0);
}

static void
take_unchanged(struct poll *poll, uint32_t serial)
{
    struct octets_buffer body;
    basis_note_same(&poll->basis, poll->label, serial);
    poll->facts.upstream_serial = serial;
    const struct message_contact contact = {
        .at_seconds = clock_unix_seconds(), .has_serial = poll->basis.exact, .serial = serial};
    octets_buffer_init(&body);
    message_contact_write(&contact, &body);
    report_send(poll->shared.link, MESSAGE_CONTACT, ROLE_SIGNER, poll->id, &body, -1);
    octets_buffer_close(&body);
    note_contact(poll);
    finish(poll, false, false, "nothing has changed");
}

static bool
is_signed_here(const struct poll *poll)
{
    return poll->zone->policy != POLICY_NONE;
}

// Content that the signer has judged already, and would judge the same way, is not sent to it. Once
// a day it is, for nothing else compares what is served.
static bool
is_known(const struct poll *poll, const struct receive_result *received)
{
    bool late;
    return !received->is_delta && !poll->whole && !poll->comparing &&
           !basis_whole_is_due(&poll->basis, clock_unix_seconds(), &late) &&
           basis_knows(&poll->basis, &received->digest, received->serial, is_signed_here(poll));
}

static void
take_zone(struct poll *poll, const struct attempt_result *result)
{
    const struct receive_result *received = result->received;
    if (received->is_delta)
        poll->facts.deltas_ok++;
    else
        poll->facts.transfers_ok++;
    poll->facts.upstream_serial = received->serial;
    log_debug(received->is_delta ? "changes received" : "zone received", "zone", poll->zone->domain,
              "kind", received->is_delta ? "ixfr" : "axfr", "primary", poll->label, "serial",
              LOG_NUMBER(received->serial), "records", LOG_NUMBER(received->records), "octets",
              LOG_NUMBER(received->octets), "milliseconds", LOG_NUMBER(received->transfer_ms));
    if (is_known(poll, received)) {
        take_unchanged(poll, received->serial);
        return;
    }
    send_candidate(poll, result);
    await_verdict(poll);
}

static void try_addresses(struct poll *poll);

static const char *
kind_word(const struct attempt_result *result)
{
    if (result->outcome == ATTEMPT_ZONE)
        return "axfr";
    return result->by == BASIS_SOA ? "soa" : "ixfr";
}

static void
on_attempt_ended(void *context, struct attempt_result *result)
{
    struct poll *poll = context;
    struct attempt *attempt = poll->attempt; // lives until the result is used up
    poll->attempt = NULL;
    poll->facts.octets_in += result->octets;
    poll->facts.deltas_failed += result->deltas_failed;
    if (result->round_trip_ms >= 0)
        poll->facts.round_trip_ms = result->round_trip_ms;
    if (result->denied)
        basis_deny(&poll->basis, poll->label, clock_unix_seconds());
    if (result->outcome != ATTEMPT_FAILED)
        set_text(&poll->facts.kind, kind_word(result));
    switch (result->outcome) {
    case ATTEMPT_ZONE:
    case ATTEMPT_DELTA:
        take_zone(poll, result);
        break;
    case ATTEMPT_UNCHANGED:
        poll->facts.unchanged++;
        take_unchanged(poll, result->serial);
        break;
    case ATTEMPT_FAILED:
        note_failed_attempt(poll, result->received->reason, &result->received->fault);
        primaries_next(&poll->place);
        try_addresses(poll);
        break;
    }
    attempt_free(&attempt);
}

// How this address is asked. A full comparison that is due waits for an answer that nothing
// changed, where one comes in time.
static void
choose_question(struct poll *poll, const struct remote_settings *remote,
                struct attempt_options *options)
{
    int64_t now = clock_unix_seconds();
    bool late;
    const struct basis_question question = {.request = poll->zone->request_ixfr,
                                            .label = poll->label,
                                            .has_key = remote->key != SETTINGS_NONE,
                                            .signed_zone = is_signed_here(poll),
                                            .now = now};
    options->ask = basis_ask(&poll->basis, &question);
    options->serial = poll->basis.serial;
    poll->comparing = false;
    if (options->ask == BASIS_AXFR)
        return;
    options->compare = poll->comparing = basis_whole_is_due(&poll->basis, now, &late);
    if (poll->whole || (poll->comparing && late)) {
        poll->comparing = true;
        options->ask = BASIS_AXFR;
    }
}

static bool
try_address(struct poll *poll, const struct remote_settings *remote, const struct address *peer,
            struct fault *fault)
{
    const struct secondary_zone_settings *zone = poll->zone;
    primaries_label(remote, peer, poll->label);
    struct attempt_options options = {
        .receive = {.apex = zone->name,
                    .primary = poll->label,
                    .peer = *peer,
                    .source = remote->source,
                    .key = remote->key == SETTINGS_NONE ? NULL : &poll->settings->keys[remote->key],
                    .octets_max = zone->gate.max_size_octets,
                    .records_max = zone->gate.max_records,
                    .delta_records_max = basis_delta_records_max(&poll->basis)},
        .domain = zone->domain,
    };
    choose_question(poll, remote, &options);
    poll->attempt = attempt_new(poll->shared.loop, &options, on_attempt_ended, poll, fault);
    return poll->attempt ||
           fault_wrap(fault, "zone %s: transfer from %s", zone->domain, poll->label);
}

// Begins a transfer from the address whose turn it is, or a later one; none is left: the poll has
// failed.
static void
try_addresses(struct poll *poll)
{
    const struct remote_settings *remote;
    const struct address *peer;
    while (primaries_at(&poll->place, poll->settings, poll->zone, &remote, &peer)) {
        struct fault fault = {0};
        if (try_address(poll, remote, peer, &fault))
            return;
        note_failed_attempt(poll, "local", &fault);
        primaries_next(&poll->place);
    }
    all_failed(poll);
}

static void
on_turn(void *context)
{
    struct poll *poll = context;
    poll->state = POLL_TRANSFER;
    poll->place = (struct primaries_place){0};
    poll->begun_ms = loop_now_ms(poll->shared.loop);
    poll->facts.last_attempt_seconds = clock_unix_seconds();
    poll->facts.transferring = true;
    try_addresses(poll);
}

// ---- what comes from outside ----

// The same address, or the next one: after a verdict that asks for more.
static void
try_on(struct poll *poll)
{
    loop_timer_stop(poll->timer);
    poll->state = POLL_TRANSFER;
    try_addresses(poll);
}

static void
rejected(struct poll *poll, const struct message_verdict *verdict)
{
    struct fault fault = {0};
    fault_set(&fault, FAULT_SYNTAX, "%s", verdict->text ? verdict->text : "no zone");
    note_failed_attempt(poll, "rejected", &fault);
    primaries_next(&poll->place);
    try_on(poll);
}

// Under one serial there was one content, says the primary or whoever set request-ixfr: yes. It was
// not so.
static void
note_comparison(struct poll *poll, enum message_outcome outcome)
{
    const struct basis *basis = &poll->basis;
    bool differs = outcome == OUTCOME_PUBLISHED || outcome == OUTCOME_HELD;
    if (!poll->comparing || poll->candidate.is_delta || !basis->exact || !differs ||
        basis->serial != poll->candidate.serial || strcmp(basis->label, poll->label) != 0)
        return;
    poll->basis.distrusted = true;
    log_warning(
        basis->deltas
            ? "the primary's IXFR left out what its AXFR has; the zone is transferred whole "
              "from now on"
            : "the primary's content changed and its serial did not; the zone is "
              "transferred whole from now on: set request-ixfr to no or auto",
        "zone", poll->zone->domain, "primary", poll->label, "serial", LOG_NUMBER(basis->serial),
        "deltas", LOG_NUMBER(basis->deltas));
}

static void
take_doubt(struct poll *poll)
{
    poll->facts.deltas_failed++;
    poll->whole = true;
    try_on(poll);
}

// What the verdict says of the next poll.
static void
settle_basis(struct poll *poll, const struct message_verdict *verdict)
{
    note_comparison(poll, verdict->outcome);
    if (!verdict->exact)
        basis_forget(&poll->basis);
    poll->candidate.exact = verdict->exact;
    poll->candidate.steady = verdict->steady;
    poll->candidate.now = clock_unix_seconds();
    poll->candidate.chance = hash_key_draw();
    if (verdict->exact || verdict->steady)
        basis_settle(&poll->basis, &poll->candidate);
}

static void
conclude(struct poll *poll, const struct message_verdict *verdict)
{
    const char *text = verdict->text && *verdict->text ? verdict->text : "nothing has changed";
    note_contact(poll);
    poll->exit_code = verdict->outcome == OUTCOME_HELD ? CONTROL_REFUSED : CONTROL_FAILED;
    if (verdict->outcome == OUTCOME_HELD)
        fault_set(&poll->fault, FAULT_REFUSED, "%s", text);
    if (verdict->outcome == OUTCOME_FAILED)
        fault_set(&poll->fault, FAULT_IO, "%s", text);
    finish(poll, false, verdict->outcome == OUTCOME_PUBLISHED, text);
}

static void want(struct poll *poll, bool notified, bool forced, uint64_t gap_ms);

void
poll_take_verdict(struct poll *poll, const struct message_verdict *verdict)
{
    bool expected = poll->state == POLL_VERDICT && verdict->number == poll->number;
    if (!expected && verdict->outcome == OUTCOME_DOUBT) { // the signer asks for the whole zone
        basis_forget(&poll->basis);
        want(poll, false, false, POLL_HINT_GAP_MS);
    }
    if (!expected)
        return; // of a candidate that was given up
    settle_basis(poll, verdict);
    if (verdict->outcome == OUTCOME_REJECTED)
        rejected(poll, verdict);
    else if (verdict->outcome == OUTCOME_DOUBT)
        take_doubt(poll);
    else
        conclude(poll, verdict);
}

static void
on_time(void *context)
{
    struct poll *poll = context;
    if (poll->state == POLL_IDLE) {
        begin(poll);
    } else if (poll->state == POLL_VERDICT) {
        log_warning("the signer gives no verdict; polling goes on", "zone", poll->zone->domain);
        basis_forget(&poll->basis);
        poll->exit_code = CONTROL_TIMEOUT;
        fault_set(&poll->fault, FAULT_TIMEOUT, "zone %s: the signer gives no verdict",
                  poll->zone->domain);
        finish(poll, false, false, "");
    }
}

// A poll now, or behind the one that runs and not sooner after it than the gap.
static void
want(struct poll *poll, bool notified, bool forced, uint64_t gap_ms)
{
    poll->again = true;
    poll->again_notified |= notified;
    poll->again_forced |= forced;
    if (poll->state != POLL_IDLE)
        return;
    uint64_t since = poll->begun_ms ? since_begun_ms(poll) : gap_ms;
    plan(poll, since < gap_ms ? gap_ms - since : 0);
}

void
poll_take_hint(struct poll *poll, const struct message_notify_hint *hint)
{
    poll->facts.notifies_in++;
    log_debug("NOTIFY", "zone", poll->zone->domain, "from", hint->source);
    want(poll, true, false, POLL_HINT_GAP_MS);
}

void
poll_take_signer_started(struct poll *poll)
{
    basis_forget(&poll->basis);
    if (poll->state != POLL_VERDICT)
        return;
    poll->again = true;
    poll->exit_code = CONTROL_FAILED;
    fault_set(&poll->fault, FAULT_IO, "zone %s: the signer was restarted before its verdict",
              poll->zone->domain);
    finish(poll, false, false, "");
}

void
poll_command(struct poll *poll, uint64_t request, bool forced, bool wait)
{
    const struct report_request of = {.zone = poll->id, .request = request};
    bool runs = poll->state != POLL_IDLE && poll->state != POLL_QUEUED;
    want(poll, false, forced, 0);
    if (poll->state == POLL_QUEUED)
        poll->forced = poll->whole = poll->forced || forced;
    if (!wait) {
        report_done(poll->shared.link, &of, poll->zone->domain, true, false, false,
                    "a poll of the primary begins");
    } else if (!waiters_add(&poll->waiters, &of, runs ? 2 : 1)) {
        struct fault fault;
        fault_set(&fault, FAULT_BUSY, "%d requests wait for this zone already", WAITERS_MAX);
        report_failed(poll->shared.link, &of, CONTROL_FAILED, &fault);
    }
}

void
poll_set_downstream(struct poll *poll, unsigned count, unsigned current, const char *text)
{
    poll->facts.downstream_count = count;
    poll->facts.downstream_current = current;
    set_text(&poll->facts.downstream, text);
}

// ---- life ----

static uint64_t
first_after_ms(const struct poll *poll)
{
    uint64_t spread = poll->shared.zone_count * POLL_START_SPREAD_MS;
    uint64_t refresh = (uint64_t)poll->zone->refresh_seconds * 1000;
    spread = spread < refresh ? spread : refresh;
    return spread ? hash_key_draw() % spread : 0;
}

struct poll *
poll_new(const struct poll_shared *shared, uint32_t id, const struct secondary_settings *settings,
         const struct secondary_zone_settings *zone)
{
    struct poll *poll = memory_zalloc(sizeof(*poll));
    poll->shared = *shared;
    poll->id = id;
    poll->settings = settings;
    poll->zone = zone;
    poll->turn = (struct turn){.granted = on_turn, .context = poll};
    poll->timer = loop_timer_new(shared->loop, on_time, poll);
    poll->started_seconds = clock_unix_seconds();
    poll->facts.primary = memory_text("");
    poll->facts.failure = memory_text("");
    poll->facts.downstream = memory_text("");
    poll->facts.kind = memory_text("");
    plan(poll, first_after_ms(poll));
    return poll;
}

void
poll_free(struct poll **poll)
{
    struct poll *gone = *poll;
    if (!gone)
        return;
    attempt_free(&gone->attempt);
    turn_end(gone->shared.turns, &gone->turn);
    loop_timer_free(&gone->timer);
    message_poll_facts_close(&gone->facts);
    free(gone);
    *poll = NULL;
}

uint32_t
poll_zone(const struct poll *poll)
{
    return poll->id;
}

// A transfer that runs goes on with its copies of the old settings; its address may not exist any
// more, which primaries_at looks at.
void
poll_change_settings(struct poll *poll, const struct secondary_settings *settings,
                     const struct secondary_zone_settings *zone, bool same)
{
    poll->settings = settings;
    poll->zone = zone;
    if (!same)
        basis_reset(&poll->basis);
    if (poll->state == POLL_IDLE && !same)
        plan(poll, first_after_ms(poll));
}
