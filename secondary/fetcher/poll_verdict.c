// What the signer's verdict means for this poll, and for how the next one may ask.
#include "secondary/fetcher/poll_inside.h"

#include <string.h>

#include "common/base/hash.h"
#include "common/daemon/clock.h"
#include "common/daemon/control.h"
#include "common/daemon/log.h"
#include "common/net/loop.h"

// The same address, or the next one: after a verdict that asks for more.
static void
try_on(struct poll *poll)
{
    loop_timer_stop(poll->timer);
    poll->state = POLL_TRANSFER;
    poll_try_addresses(poll);
}

static void
rejected(struct poll *poll, const struct message_verdict *verdict)
{
    struct fault fault = {0};
    fault_set(&fault, FAULT_SYNTAX, "%s", verdict->text ? verdict->text : "no zone");
    poll_note_failed_attempt(poll, "rejected", &fault);
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
        basis->serial != poll->candidate.serial || !basis->label ||
        strcmp(basis->label, poll->label) != 0)
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
    poll->candidate.label = poll->label;
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
    poll_note_contact(poll);
    poll->exit_code = verdict->outcome == OUTCOME_HELD ? CONTROL_REFUSED : CONTROL_FAILED;
    if (verdict->outcome == OUTCOME_HELD)
        fault_set(poll_fault(poll), FAULT_REFUSED,
                  "zone %s: the gate holds what came: %s; see \"tandemctl zone diff %s\"",
                  poll->zone->domain, text, poll->zone->domain);
    if (verdict->outcome == OUTCOME_FAILED)
        fault_set(poll_fault(poll), FAULT_IO, "%s", text);
    poll_finish(poll, false, verdict->outcome == OUTCOME_PUBLISHED, text);
}

void
poll_obey_verdict(struct poll *poll, const struct message_verdict *verdict)
{
    settle_basis(poll, verdict);
    if (verdict->outcome == OUTCOME_REJECTED)
        rejected(poll, verdict);
    else if (verdict->outcome == OUTCOME_DOUBT)
        take_doubt(poll);
    else
        conclude(poll, verdict);
}
