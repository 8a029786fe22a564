// NOTIFY is a hint: coalesced here, told to the fetcher by way of the supervisor. At most one hint
// for each zone and HINT_INTERVAL_MS leaves this server, so that a storm of NOTIFYs is one poll
// (signing.md, "NOTIFY storm"); the last one of a storm is never lost, it is told when the interval
// is over.
#ifndef TANDEM_SERVER_HINTS_H
#define TANDEM_SERVER_HINTS_H

#include "common/net/address.h"
#include "common/net/loop.h"
#include "secondary/messages.h"
#include "secondary/server/zones.h"

#define HINT_INTERVAL_MS 500

struct hints;
// zones and link are borrowed.
struct hints *hints_new(struct loop *loop, struct zones *zones, struct message_link *link);
void hints_free(struct hints **hints);
void hints_take(struct hints *hints, struct served_zone *zone, const struct address *source,
                bool has_serial, uint32_t serial);

#endif
