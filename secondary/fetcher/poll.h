// One zone's polls: when, from which primary, what became of it. A poll goes through the primaries
// in order, each with its addresses in order; transport, TSIG or syntax failure tries the next.
// What was received goes to the signer, and the zone is not polled again before its verdict. One
// transfer per zone at a time; hints that come meanwhile are one more poll afterwards. Belongs to
// its loop; one thread.
#ifndef TANDEM_FETCHER_POLL_H
#define TANDEM_FETCHER_POLL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/daemon/settings_secondary.h"
#include "secondary/fetcher/report.h"
#include "secondary/fetcher/turns.h"
#include "secondary/messages.h"

#define POLL_HINT_GAP_MS                                                                           \
    1000 // between the beginnings of two polls that NOTIFY asks for: a storm of them costs this
// The first polls of many zones are spread by so much for each zone, and never over more than one
// refresh.
#define POLL_START_SPREAD_MS 10
// A signer that gives no verdict for so many intervals (and at least so long) hangs: go on.
#define POLL_VERDICT_INTERVALS   3
#define POLL_VERDICT_SECONDS_MIN 10
#define POLL_VERDICT_SECONDS_MAX 600
// A candidate keeps its turn while the signer judges it, for so long at most: so the signer is
// handed no more of them than there are turns, each with a descriptor, and a long signing does not
// keep others from the network.
#define POLL_VERDICT_TURN_MS   5000
#define POLL_FAILING_INTERVALS 5   // silent for more than so many: mail (issue 2, point 5)
#define POLL_LOG_SECONDS       300 // the same failure of the same zone is logged once in so long

struct poll_shared {
    struct loop *loop;
    struct turns *turns;
    struct message_link *link;
    size_t zone_count; // for the spread of the first polls
};

struct poll;
// settings and zone are borrowed until poll_change_settings or poll_free.
struct poll *poll_new(const struct poll_shared *shared, uint32_t id,
                      const struct secondary_settings *settings,
                      const struct secondary_zone_settings *zone);
void poll_free(struct poll **poll);
// same: nothing of this zone has changed, so the next poll comes when it was planned.
void poll_change_settings(struct poll *poll, const struct secondary_settings *settings,
                          const struct secondary_zone_settings *zone, bool same);
uint32_t poll_zone(const struct poll *poll);

// A NOTIFY came: poll now, or once more behind the poll that runs.
void poll_take_hint(struct poll *poll, const struct message_notify_hint *hint);
void poll_take_verdict(struct poll *poll, const struct message_verdict *verdict);
// The signer began anew: a candidate without a verdict is lost, and the zone is transferred again.
void poll_take_signer_started(struct poll *poll);
// An operator wants a poll now. forced (retransfer): the signer judges the zone again even where
// nothing changed.
void poll_command(struct poll *poll, uint64_t request, bool forced, bool wait);
// For status: downstream servers of `notify`, how many know the current serial, a sentence about
// the others.
void poll_set_downstream(struct poll *poll, unsigned count, unsigned current, const char *text);
void poll_tell_facts(struct poll *poll);

// Pure: how long after the failures-th failure in a row the next poll comes. Doubles from retry,
// never over refresh: with the primary away a poll each refresh is what we do anyway.
int64_t poll_retry_ms(unsigned failures, int64_t retry_seconds, int64_t refresh_seconds);

#endif
