// How a poll ends, and who is told: the desk by facts, the operator by log, mail and answer.
#include "secondary/fetcher/poll_inside.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/quantity.h"
#include "common/daemon/clock.h"
#include "common/daemon/control.h"
#include "common/daemon/log.h"
#include "common/net/loop.h"

int64_t
poll_retry_ms(unsigned failures, int64_t retry_seconds, int64_t refresh_seconds)
{
    int64_t most = refresh_seconds > retry_seconds ? refresh_seconds : retry_seconds;
    int64_t wait = retry_seconds;
    for (unsigned i = 1; i < failures && wait < most; i++)
        wait *= 2;
    return (wait < most ? wait : most) * 1000;
}

void
poll_set_text(char **text, const char *value)
{
    free(*text);
    *text = *value ? memory_text(value) : NULL;
}

struct fault *
poll_fault(struct poll *poll)
{
    if (!poll->fault)
        poll->fault = memory_zalloc(sizeof(*poll->fault));
    return poll->fault;
}

void
poll_fault_clear(struct poll *poll)
{
    free(poll->fault);
    poll->fault = NULL;
}

// No primary, no attempt, no fault.
static const char *
fault_text(const struct poll *poll)
{
    return poll->fault ? poll->fault->text : "";
}

void
poll_plan(struct poll *poll, uint64_t after_ms)
{
    poll->facts.next_poll_seconds = clock_unix_seconds() + (int64_t)((after_ms + 500) / 1000);
    loop_timer_start(poll->timer, after_ms, 0);
}

uint64_t
poll_since_begun_ms(const struct poll *poll)
{
    return loop_now_ms(poll->shared.loop) - poll->begun_ms;
}

void
poll_tell_facts(struct poll *poll)
{
    report_facts(poll->shared.link, poll->id, &poll->facts);
}

// When the next poll is due, counted from the beginning of this one.
static uint64_t
next_after_ms(const struct poll *poll, bool failed)
{
    uint64_t since = poll_since_begun_ms(poll);
    uint64_t wait = (uint64_t)poll->zone->rules->refresh_seconds * 1000;
    if (poll->again)
        wait = POLL_HINT_GAP_MS;
    else if (failed)
        return (uint64_t)poll_retry_ms(poll->facts.failures_in_row,
                                       poll->zone->rules->retry_seconds,
                                       poll->zone->rules->refresh_seconds);
    return since < wait ? wait - since : 0;
}

void
poll_finish(struct poll *poll, bool failed, bool changed, const char *text)
{
    const struct waiters_answer answer = {.domain = poll->zone->domain,
                                          .changed = changed,
                                          .text = text,
                                          .fault = poll->fault,
                                          .exit_code = poll->exit_code};
    poll->state = POLL_IDLE;
    poll->facts.transferring = false;
    turn_end(poll->shared.turns, &poll->turn);
    poll_plan(poll, next_after_ms(poll, failed));
    poll_tell_facts(poll); // first: who waited looks at the status next
    waiters_poll_ended(&poll->waiters, poll->shared.link, &answer);
    poll_fault_clear(poll); // what is shown afterwards stands in the facts
}

static int64_t
silent_seconds(const struct poll *poll, int64_t now)
{
    int64_t last = poll->facts.last_success_seconds;
    return now - (last ? last : poll->started_seconds);
}

// "no transfer for 55s from hidden 10.0.0.5@53: ...": the zone is named beside it.
static void
failing_text(const struct poll *poll, int64_t silent, char *text, size_t size)
{
    char front[NAME_TEXT_MAX + 32], about[QUANTITY_TEXT_MAX];
    const char *fault = fault_text(poll);
    snprintf(front, sizeof(front), "zone %s: transfer from ", poll->zone->domain);
    bool named = strncmp(fault, front, strlen(front)) == 0;
    snprintf(text, size, "no transfer for %s%s%s", quantity_about_text(silent, about),
             named ? " from " : ": ", named ? fault + strlen(front) : fault);
}

static void
tell_failing(struct poll *poll)
{
    int64_t now = clock_unix_seconds();
    int64_t silent = silent_seconds(poll, now);
    char why[FAULT_TEXT_MAX + 128], hint[NAME_TEXT_MAX + 64];
    if (poll->told_failing || silent <= POLL_FAILING_INTERVALS * poll->zone->rules->refresh_seconds)
        return;
    poll->told_failing = true;
    failing_text(poll, silent, why, sizeof(why));
    snprintf(hint, sizeof(hint), "tandemctl zone refresh %s", poll->zone->domain);
    log_error("the zone cannot be refreshed", "zone", poll->zone->domain, "silent-seconds",
              LOG_NUMBER(silent), "failures", LOG_NUMBER(poll->facts.failures_in_row), "last",
              fault_text(poll));
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
    poll->spell += poll->facts.failures_in_row > 0;
    if (!poll->told_failing)
        return;
    poll->told_failing = false;
    snprintf(why, sizeof(why), "%s is transferred again, from %s", poll->zone->domain, poll->label);
    report_event(poll->shared.link, poll->id, EVENT_RECOVERED, clock_unix_seconds(), why, "", "");
}

void
poll_note_contact(struct poll *poll)
{
    tell_recovered(poll);
    poll->facts.last_success_seconds = clock_unix_seconds();
    poll->facts.failures_in_row = 0;
    poll_fault_clear(poll);
    poll_set_text(&poll->facts.failure, "");
    poll_set_text(&poll->facts.primary, poll->label);
}

void
poll_all_failed(struct poll *poll)
{
    poll->facts.failures_in_row++;
    poll->exit_code = CONTROL_FAILED;
    poll_set_text(&poll->facts.failure, fault_text(poll));
    tell_failing(poll);
    poll_finish(poll, true, false, "");
}

void
poll_note_failed_attempt(struct poll *poll, const char *reason, const struct fault *fault)
{
    char key[LOG_LIMIT_KEY_MAX];
    *poll_fault(poll) = *fault;
    poll->facts.transfers_failed++;
    snprintf(key, sizeof(key), "%s %u %.80s", reason, poll->spell, poll->zone->domain);
    log_limited(LOG_LEVEL_WARNING, key, POLL_LOG_SECONDS, fault->text, "zone", poll->zone->domain,
                "primary", poll->label, "reason", reason);
}
