// How many transfers went out of each zone, told to the desk: at most once a second, what was
// counted since the last time. One thread. A server that dies takes at most that second's counts
// with it.
#ifndef TANDEM_SERVER_TRANSFERS_H
#define TANDEM_SERVER_TRANSFERS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/net/loop.h"
#include "common/transfer/ixfr_out.h"
#include "secondary/messages.h"

#define TRANSFERS_INTERVAL_MS 1000
// Zones whose refused transfers are told of one interval: strangers choose how many, and each is a
// message. Beyond them only the server's own counter counts.
#define TRANSFERS_REFUSED_ZONES_MAX 64

struct transfers;
// link is borrowed.
struct transfers *transfers_new(struct loop *loop, struct message_link *link);
void transfers_free(struct transfers **transfers);
// A transfer of the zone with this number ended. transfers may be NULL: nobody is told.
void transfers_count(struct transfers *transfers, uint32_t zone, enum ixfr_out_form form,
                     bool done);
// One was refused; delta: it was asked for by IXFR. As above.
void transfers_refused(struct transfers *transfers, uint32_t zone, bool delta);

#endif
