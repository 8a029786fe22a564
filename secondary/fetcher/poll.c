// What counts as contact? A transfer that came in whole, whatever the gate then says of it: the
// primary lives and speaks to us. A candidate that the signer rejects as no zone at all
// (OUTCOME_REJECTED) is a syntax failure of that primary, and the next one is tried.
//
// How does a zone never get stuck? In each state something comes: IDLE has the timer of the next
// poll, QUEUED its place in the queue, TRANSFER the time-outs of the stream, VERDICT a timer. Every
// way out of a poll goes through poll_finish().
#include "secondary/fetcher/poll_inside.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/hash.h"
#include "common/daemon/clock.h"
#include "common/daemon/control.h"
#include "common/daemon/log.h"
#include "common/net/loop.h"
#include "common/transfer/xfr_marks.h"

static void
begin(struct poll *poll)
{
    loop_timer_stop(poll->timer);
    poll->state = POLL_QUEUED;
    poll->notified = poll->again_notified;
    poll->forced = poll->again_forced;
    poll->whole = poll->again_forced;
    poll->again = poll->again_notified = poll->again_forced = false;
    poll_fault_clear(poll);
    turn_ask(poll->shared.turns, &poll->turn);
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
    poll_try_addresses(poll);
}

// ---- what comes from outside ----

static void
on_time(void *context)
{
    struct poll *poll = context;
    if (poll->state == POLL_IDLE) {
        begin(poll);
    } else if (poll->state == POLL_VERDICT && poll->turn.holds) {
        turn_end(poll->shared.turns, &poll->turn);
        loop_timer_start(poll->timer, poll->verdict_left_ms, 0);
    } else if (poll->state == POLL_VERDICT) {
        log_warning("the signer gives no verdict; polling goes on", "zone", poll->zone->domain);
        basis_forget(&poll->basis);
        poll->exit_code = CONTROL_TIMEOUT;
        fault_set(poll_fault(poll), FAULT_TIMEOUT, "zone %s: the signer gives no verdict",
                  poll->zone->domain);
        poll_finish(poll, false, false, "");
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
    uint64_t since = poll->begun_ms ? poll_since_begun_ms(poll) : gap_ms;
    poll_plan(poll, since < gap_ms ? gap_ms - since : 0);
}

// A verdict that no candidate waits for is of one that was given up; but a doubt says that the
// signer wants the whole zone.
void
poll_take_verdict(struct poll *poll, const struct message_verdict *verdict)
{
    if (poll->state == POLL_VERDICT && verdict->number == poll->number) {
        poll_obey_verdict(poll, verdict);
    } else if (verdict->outcome == OUTCOME_DOUBT) {
        basis_forget(&poll->basis);
        want(poll, false, false, POLL_HINT_GAP_MS);
    }
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
    fault_set(poll_fault(poll), FAULT_IO, "zone %s: the signer was restarted before its verdict",
              poll->zone->domain);
    poll_finish(poll, false, false, "");
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
    poll_set_text(&poll->facts.downstream, text);
}

// ---- life ----

static uint64_t
first_after_ms(const struct poll *poll)
{
    uint64_t spread = poll->shared.zone_count * POLL_START_SPREAD_MS;
    uint64_t refresh = (uint64_t)poll->zone->rules->refresh_seconds * 1000;
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
    poll_plan(poll, first_after_ms(poll));
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
    xfr_marks_drop(&gone->candidate.marks);
    waiters_close(&gone->waiters);
    basis_reset(&gone->basis);
    free(gone->fault);
    free(gone->label);
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
    if (!same) {
        basis_reset(&poll->basis);
        poll->spell++;
    }
    if (poll->state == POLL_IDLE && !same)
        poll_plan(poll, first_after_ms(poll));
}
