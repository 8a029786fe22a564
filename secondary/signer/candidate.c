// The first half of a change of content: what came from a primary is read and judged in a thread,
// and then held, refused, shown to a reviewer, or handed on to be signed.
#include "secondary/signer/keeper_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/daemon/log.h"
#include "common/net/loop.h"
#include "secondary/signer/change_json.h"
#include "secondary/signer/change_text.h"

static void
hold(struct keeper *keeper)
{
    struct intake *intake = keeper->intake;
    const struct gate_verdict *verdict = &intake->verdict;
    struct fault fault = {0};
    bool is_new = false;
    struct quarantine_entry entry = {
        .digest = verdict->digest,
        .against_sequence =
            keeper_served(keeper) != NULL ? version_facts(keeper_served(keeper))->sequence : 0,
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
        char hint[2 * NAME_TEXT_MAX + 160], next[2 * NAME_TEXT_MAX + 160];
        hash_digest_text(&verdict->digest, HASH_DIGEST_SIZE, digest);
        hash_digest_text(&verdict->digest, QUARANTINE_DIGEST_SHOWN, shown);
        snprintf(hint, sizeof hint, "tandemctl zone diff %s\ntandemctl zone accept %s %s",
                 keeper->domain, keeper->domain, shown);
        snprintf(next, sizeof next, "tandemctl zone diff %s, then tandemctl zone accept %s %s",
                 keeper->domain, keeper->domain, shown);
        log_error("the gate holds a transfer; what is served stays", "zone", keeper->domain, "why",
                  verdict->sentence, "digest", shown, "from", keeper->candidate.primary, "next",
                  next);
        keeper_tell_simple_event(keeper, EVENT_GATE, digest, verdict->sentence, hint);
    }
    change_end(keeper, OUTCOME_HELD, verdict->sentence, NULL);
}

// What is no zone can be accepted by nobody: said, counted, and the next poll judges anew.
static void
reject(struct keeper *keeper)
{
    const struct gate_verdict *verdict = &keeper->intake->verdict;
    if (keeper->rejected == NULL || strcmp(keeper->rejected, verdict->sentence) != 0) {
        char digest[2 * HASH_DIGEST_SIZE + 1];
        hash_digest_text(&verdict->digest, HASH_DIGEST_SIZE, digest);
        free(keeper->rejected);
        keeper->rejected = memory_text(verdict->sentence);
        log_error("the gate refused a transfer; what is served stays", "zone", keeper->domain,
                  "why", verdict->sentence, "from", keeper->candidate.primary);
        keeper_tell_simple_event(keeper, EVENT_GATE, digest, verdict->sentence, "");
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
    bool first = keeper_served(keeper) == NULL;
    change_text_summary(&intake->diff, keeper->apex, summary, sizeof summary);
    change_begin(keeper, keeper->intake_cause, "");
    snprintf(keeper->change->why, sizeof keeper->change->why, "%s%.*s%s",
             first ? "first content of the primary: " : "", HISTORY_WHY_MAX - 48, summary,
             first ? "" : " at the primary");
    if (intake->anew && !first) {
        snprintf(keeper->change->why, sizeof keeper->change->why,
                 "saved records were damaged: the whole content of the primary was taken anew");
    }
    keeper->change->is_content = true;
    keeper->change->added = (uint32_t)intake->verdict.counts.added_rrs;
    keeper->change->removed = (uint32_t)intake->verdict.counts.removed_rrs;
    keeper->change->soa_expire_seconds = intake->soa_expire_seconds;
    size_t left_out;
    keeper->change->changes =
        change_json(&intake->diff, keeper->apex, KEEPER_CHANGES_KEPT_MAX, &left_out);
    keeper->change->diff_lines = change_text_lines(
        &intake->diff, keeper->apex, CHANGE_TEXT_LINES_MAX, &keeper->change->diff_text);
    log_warnings(keeper);
    if (keeper->policy == NULL) {
        change_publish_received(keeper);
    } else {
        change_start_content(keeper);
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
    struct message_review review = {.command = memory_text(keeper->settings->rules->gate.review),
                                    .zone = memory_text(keeper->domain),
                                    .digest = memory_text(digest),
                                    .timeout_seconds =
                                        keeper->settings->rules->gate.review_timeout_seconds,
                                    .diff = (char *)text.data};
    struct octets_buffer body;
    octets_buffer_init(&body);
    message_review_write(&review, &body);
    keeper->phase = KEEPER_REVIEW;
    keeper_send(keeper, MESSAGE_REVIEW, ROLE_SUPERVISOR, &body, NULL, 0, ++keeper->review_request);
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

void
candidate_contact(struct keeper *keeper, int64_t at)
{
    struct fault fault = {0};
    if (keeper->directory != NULL && !contact_note(&keeper->contact, keeper->directory, at,
                                                   keeper_expire_seconds(keeper), &fault)) {
        log_limited(LOG_LEVEL_WARNING, keeper->domain, 3600, fault.text, "zone", keeper->domain);
    }
}

// A verdict that was reached over damaged records does not bind; a reviewer's does.
static bool
held_before(const struct keeper *keeper)
{
    const struct intake *intake = keeper->intake;
    const struct quarantine_entry *held = quarantine_current(keeper->quarantine);
    uint64_t sequence =
        keeper_served(keeper) != NULL ? version_facts(keeper_served(keeper))->sequence : 0;
    return quarantine_ask(keeper->quarantine, &intake->verdict.digest, sequence) ==
               QUARANTINE_KNOWN &&
           !(intake->anew && held != NULL && strcmp(held->reason, "review") != 0);
}

// Whatever is odd about a delta, the whole zone settles it.
static void
doubt_delta(struct keeper *keeper, const char *why)
{
    log_info("a delta is not taken, the whole zone is", "zone", keeper->domain, "why", why, "from",
             keeper->candidate.primary);
    change_end(keeper, OUTCOME_DOUBT, why, NULL);
}

static void
intake_judged(struct keeper *keeper)
{
    struct intake *intake = keeper->intake;
    bool accept = strcmp(keeper->intake_cause, "accept") == 0;
    if (intake->verdict.outcome == GATE_REJECTED) {
        reject(keeper);
    } else if (intake->verdict.outcome == GATE_HELD) {
        hold(keeper);
    } else if (intake->diff.count == 0 && !intake->anew) {
        change_clear_quarantine(keeper, "the primary gives again what is served");
        change_end(keeper, OUTCOME_UNCHANGED, "", NULL);
    } else if (!accept && held_before(keeper)) {
        change_end(keeper, OUTCOME_HELD, "held as before", NULL);
    } else if (!accept && keeper->settings->rules->gate.review[0] != '\0') {
        ask_review(keeper);
    } else {
        take_accepted(keeper);
    }
}

static void
damage_found(struct keeper *keeper)
{
    struct fault fault = {0};
    fault_set(&fault, FAULT_CORRUPT,
              "zone %s: saved records are damaged: the whole content of the primary is taken anew; "
              "look at the disk",
              keeper->domain);
    keeper_damage_note(keeper, &fault);
}

static void
intake_in_thread(void *context)
{
    struct keeper *keeper = context;
    intake_run(keeper->intake);
}

static void
intake_done(void *context, bool cancelled)
{
    struct keeper *keeper = context;
    if (cancelled) {
        return;
    }
    struct intake *intake = keeper->intake;
    if (intake->doubt) {
        struct fault fault = intake->fault;
        candidate_contact(keeper, keeper->candidate.received_seconds);
        if (intake->anew && !keeper->damaged) {
            damage_found(keeper);
        }
        doubt_delta(keeper, fault.text);
        return;
    }
    if (!intake->readable) {
        struct fault fault = intake->fault;
        log_error("a transfer could not be used", "zone", keeper->domain, "why", fault.text, "from",
                  keeper->candidate.primary);
        // What cannot be kept (an RRset over its limit) is the primary's; what cannot be read is
        // ours.
        bool ours = fault.kind == FAULT_IO;
        change_end(keeper, ours ? OUTCOME_FAILED : OUTCOME_REJECTED, fault.text, &fault);
        return;
    }
    if (strcmp(keeper->intake_cause, "accept") != 0) {
        candidate_contact(keeper, keeper->candidate.received_seconds);
    }
    if (intake->anew && !keeper->damaged) {
        damage_found(keeper);
    }
    intake_judged(keeper);
}

void
candidate_start(struct keeper *keeper, struct message_candidate *candidate, int *stream,
                const char *cause, const struct hash_digest *accepted)
{
    struct intake *intake = memory_zalloc(sizeof *intake);
    intake_init(intake);
    const struct gate_settings *gate = &keeper->settings->rules->gate;
    intake->apex = keeper->apex;
    intake->stream = *stream;
    *stream = -1;
    intake->served = keeper_served(keeper);
    intake->limits = (struct gate_limits){.max_removed_percent = gate->max_removed_percent,
                                          .max_records = gate->max_records,
                                          .max_size_octets = gate->max_size_octets,
                                          .max_ttl_seconds = gate->max_ttl_seconds};
    intake->already_signed = keeper->policy == NULL;
    intake->pool = keeper->shared->pool;
    intake->now = keeper_now();
    intake->anew = keeper->damaged;
    intake->wants_digest =
        gate->review[0] != '\0' || quarantine_current(keeper->quarantine) != NULL;
    intake->is_delta = candidate->is_delta;
    intake->base = (struct intake_base){.known = keeper->stand.known &&
                                                 keeper->stand.serial == candidate->from_serial,
                                        .serial = keeper->stand.serial,
                                        .rr_count = keeper->stand.rr_count,
                                        .octets = keeper->stand.octets};
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
