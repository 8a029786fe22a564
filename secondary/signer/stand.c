// Of what is served: is it the primary's content, octet for octet, and under which of its serials?
// A delta may be applied to nothing else. And of a verdict: would the same stream get it again?
// Then the fetcher, who knows the stream by its digest, need not send it.
//
// Whatever was mended (a TTL lowered, a DNSSEC record taken out) or left out (an RRset too long to
// be signed) makes the answer no: such a zone is transferred whole at each change.
#include "secondary/signer/keeper_inside.h"

#include <string.h>

static bool
is_refused(const struct keeper *keeper)
{
    return keeper->result != NULL && keeper->result->refusals > 0;
}

void
stand_note(struct keeper *keeper, enum message_outcome outcome, struct message_verdict *verdict)
{
    const struct intake *intake = keeper->intake;
    bool published = outcome == OUTCOME_PUBLISHED;
    if (intake == NULL) {
        return; // signatures, keys: the content stays
    }
    if (strcmp(keeper->intake_cause, "accept") == 0) {
        keeper->stand.known = keeper->stand.known && !published;
        return;
    }
    bool good = (published || outcome == OUTCOME_UNCHANGED) && !is_refused(keeper);
    verdict->exact = good && intake->exact;
    verdict->steady = verdict->exact || (good && !published);
    keeper->stand = (struct keeper_stand){.known = verdict->exact && keeper->policy != NULL,
                                          .serial = intake->serial,
                                          .rr_count = intake->rr_count,
                                          .octets = intake->octets};
}
