// One address after the other, each asked as basis.h says; what came goes to the signer, or is
// known and does not.
#include "secondary/fetcher/poll_inside.h"

#include "common/daemon/clock.h"
#include "common/daemon/log.h"
#include "common/net/loop.h"
#include "common/transfer/xfr_marks.h"

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
    xfr_marks_drop(&poll->candidate.marks);
    poll->candidate = (struct basis_arrival){.label = poll->label,
                                             .serial = received->serial,
                                             .is_delta = received->is_delta,
                                             .records = received->records,
                                             .digest = received->digest,
                                             .marks = xfr_marks_hold(received->marks)};
    octets_buffer_init(&body);
    message_candidate_write(&candidate, &body);
    report_send(poll->shared.link, MESSAGE_CANDIDATE, ROLE_SIGNER, poll->id, &body,
                received->stream);
    octets_buffer_close(&body);
}

static void
await_verdict(struct poll *poll)
{
    int64_t seconds = POLL_VERDICT_INTERVALS * poll->zone->rules->refresh_seconds;
    if (seconds < POLL_VERDICT_SECONDS_MIN)
        seconds = POLL_VERDICT_SECONDS_MIN;
    if (seconds > POLL_VERDICT_SECONDS_MAX)
        seconds = POLL_VERDICT_SECONDS_MAX;
    poll->state = POLL_VERDICT;
    poll->verdict_left_ms = (uint64_t)seconds * 1000 - POLL_VERDICT_TURN_MS;
    loop_timer_start(poll->timer, POLL_VERDICT_TURN_MS, 0);
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
    poll_note_contact(poll);
    poll_finish(poll, false, false, "nothing has changed");
}

static bool
is_signed_here(const struct poll *poll)
{
    return poll->zone->rules->policy != POLICY_NONE;
}

// Content that the signer has judged already, and would judge the same way, is not sent to it. Once
// a day it is, for nothing else compares what is served.
static bool
may_be_known(const struct poll *poll)
{
    bool late;
    return !poll->whole && !poll->comparing &&
           !basis_whole_is_due(&poll->basis, clock_unix_seconds(), &late);
}

static bool
is_known(const struct poll *poll, const struct receive_result *received)
{
    return !received->is_delta && may_be_known(poll) &&
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
        basis_set_marks(&poll->basis, received->marks);
        take_unchanged(poll, received->serial);
        return;
    }
    send_candidate(poll, result);
    await_verdict(poll);
}

// Octet for octet what was judged before: nobody reads it. Where that was forgotten meanwhile, the
// zone is asked for once more, for there is nothing to send to the signer.
static void
take_same(struct poll *poll, const struct receive_result *received)
{
    if (received->marks != poll->basis.marks) {
        poll_try_addresses(poll);
        return;
    }
    poll->facts.transfers_ok++;
    log_debug("zone received, octet for octet as before", "zone", poll->zone->domain, "primary",
              poll->label, "serial", LOG_NUMBER(received->serial), "octets",
              LOG_NUMBER(received->octets), "milliseconds", LOG_NUMBER(received->transfer_ms));
    take_unchanged(poll, received->serial);
}

static const char *
kind_word(const struct attempt_result *result)
{
    if (result->outcome == ATTEMPT_ZONE || result->outcome == ATTEMPT_SAME)
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
        poll_set_text(&poll->facts.kind, kind_word(result));
    switch (result->outcome) {
    case ATTEMPT_ZONE:
    case ATTEMPT_DELTA:
        take_zone(poll, result);
        break;
    case ATTEMPT_SAME:
        take_same(poll, result->received);
        break;
    case ATTEMPT_UNCHANGED:
        poll->facts.unchanged++;
        take_unchanged(poll, result->serial);
        break;
    case ATTEMPT_FAILED:
        poll_note_failed_attempt(poll, result->received->reason, &result->received->fault);
        primaries_next(&poll->place);
        poll_try_addresses(poll);
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
    const struct basis_question question = {.request = poll->zone->rules->request_ixfr,
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
    char label[PRIMARIES_LABEL_MAX];
    primaries_label(remote, peer, label);
    poll_set_text(&poll->label, label);
    struct attempt_options options = {
        .receive = {.apex = zone->name,
                    .primary = poll->label,
                    .peer = *peer,
                    .source = remote->source,
                    .key = remote->key == SETTINGS_NONE ? NULL : &poll->settings->keys[remote->key],
                    .octets_max = zone->rules->gate.max_size_octets,
                    .records_max = zone->rules->gate.max_records,
                    .delta_records_max = basis_delta_records_max(&poll->basis)},
        .domain = zone->domain,
    };
    choose_question(poll, remote, &options);
    if (may_be_known(poll))
        options.receive.known = poll->basis.marks;
    poll->attempt = attempt_new(poll->shared.loop, &options, on_attempt_ended, poll, fault);
    return poll->attempt ||
           fault_wrap(fault, "zone %s: transfer from %s", zone->domain, poll->label);
}

// Begins a transfer from the address whose turn it is, or a later one; none is left: the poll has
// failed.
void
poll_try_addresses(struct poll *poll)
{
    const struct remote_settings *remote;
    const struct address *peer;
    while (primaries_at(&poll->place, poll->settings, poll->zone, &remote, &peer)) {
        struct fault fault = {0};
        if (try_address(poll, remote, peer, &fault))
            return;
        poll_note_failed_attempt(poll, "local", &fault);
        primaries_next(&poll->place);
    }
    poll_all_failed(poll);
}
