// What each server has still to be told of the zones: versions and states go out as fast as the
// server takes them, not faster.
#ifndef TANDEM_SECONDARY_DELIVERIES_H
#define TANDEM_SECONDARY_DELIVERIES_H

#include "secondary/children.h"
#include "secondary/places.h"

// Messages that may wait for one server before the rest waits here instead. Each has up to four
// descriptors of its own while it waits.
#define DELIVERIES_WAITING_MAX 256
#define DELIVERIES_LOOK_MS     2 // how often it is looked whether a server took some

struct loop_timer;

struct deliveries {
    struct loop_timer *timer;
    const struct places *places;
    const struct children *children;
    // For each server: zones from this number on will be told in their order; MESSAGE_NO_ZONE:
    // none.
    uint32_t *next_ids;
};

// places and children are borrowed; the children may come later, but no more of them than servers.
void deliveries_init(struct deliveries *deliveries, struct loop *loop, const struct places *places,
                     const struct children *children, uint32_t servers);
void deliveries_close(struct deliveries *deliveries);
// A server that knows nothing: everything, from the start.
void deliveries_begin(struct deliveries *deliveries, uint32_t server);
// A new version / state of the zone, to every server.
void deliveries_version(struct deliveries *deliveries, const struct kept_place *zone);
void deliveries_state(struct deliveries *deliveries, const struct kept_place *zone);
// A file of the pool that has come / of which no zone has its version any more.
void deliveries_file(struct deliveries *deliveries, uint32_t number);
void deliveries_file_gone(struct deliveries *deliveries, uint32_t number);
// The zones of a POOLED, least being the first of them in the order.
void deliveries_pooled(struct deliveries *deliveries, struct octets body, uint32_t least);

#endif
