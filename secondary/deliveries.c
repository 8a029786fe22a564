// What if a server does not keep up: at its start with ten thousand zones, or because it is busy? A
// message that waits in its link holds duplicates of its descriptors, so ten thousand of them are
// more than a process may have open. Instead of messages the server has a place in the order of the
// zones: from there on everything will be told, as it then is, when the server has taken what it
// was sent. A version that was followed by another meanwhile is never sent. A zone may be told
// twice, which changes nothing.
#include "secondary/deliveries.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/net/loop.h"
#include "secondary/orders.h"

static struct child *
server_at(const struct deliveries *deliveries, size_t server)
{
    return children_server(deliveries->children, server);
}

static bool
takes_more(const struct deliveries *deliveries, size_t server)
{
    return child_waiting(server_at(deliveries, server)) < DELIVERIES_WAITING_MAX;
}

// The zone with the least number that is not below id, or NULL.
static const struct kept_place *
zone_from(const struct places *places, uint32_t id)
{
    size_t low = 0, high = places->zones.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct kept_place *zone = vector_at(&places->zones, middle);
        if (zone->id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < places->zones.count ? vector_at(&places->zones, low) : NULL;
}

static void
tell_zone(struct child *server, const struct kept_place *zone)
{
    if (zone->published) {
        order_version(server, zone);
    }
    if (zone->has_state) {
        order_zone_state(server, zone);
    }
}

// This zone and as many behind it as stand in the pool, too, in one message; gives the number
// behind the last of them.
static uint32_t
tell_pooled(const struct deliveries *deliveries, size_t server, const struct kept_place *zone)
{
    const struct vector *zones = &deliveries->places->zones;
    size_t at = (size_t)(zone - (const struct kept_place *)zones->items);
    struct octets_buffer items;
    octets_buffer_init(&items);
    for (size_t end = at + MESSAGE_POOLED_MAX; at < end && at < zones->count; at++) {
        const struct kept_place *next = vector_at(zones, at);
        if (!next->pooled) {
            break;
        }
        const struct message_pooled pooled = {next->id, next->pool_place, next->state};
        message_pooled_write(&pooled, &items);
        zone = next;
    }
    order_pooled(server_at(deliveries, server), &items);
    octets_buffer_close(&items);
    return zone->id + 1;
}

// Gives whether something is left over.
static bool
tell_some(struct deliveries *deliveries, size_t server)
{
    uint32_t *next = &deliveries->next_ids[server];
    while (*next != MESSAGE_NO_ZONE && takes_more(deliveries, server)) {
        const struct kept_place *zone = zone_from(deliveries->places, *next);
        if (zone == NULL) {
            *next = MESSAGE_NO_ZONE;
        } else if (zone->pooled) {
            *next = tell_pooled(deliveries, server, zone);
        } else {
            tell_zone(server_at(deliveries, server), zone);
            *next = zone->id + 1;
        }
    }
    return *next != MESSAGE_NO_ZONE;
}

static void
look_again(void *context)
{
    struct deliveries *deliveries = context;
    bool left = false;
    for (size_t i = 0; i < children_server_count(deliveries->children); i++) {
        left = tell_some(deliveries, i) || left;
    }
    if (left) {
        loop_timer_start(deliveries->timer, DELIVERIES_LOOK_MS, 0);
    }
}

void
deliveries_init(struct deliveries *deliveries, struct loop *loop, const struct places *places,
                const struct children *children, uint32_t servers)
{
    *deliveries = (struct deliveries){.places = places, .children = children};
    deliveries->timer = loop_timer_new(loop, look_again, deliveries);
    deliveries->next_ids = memory_alloc(sizeof *deliveries->next_ids * (servers + 1));
    for (uint32_t i = 0; i < servers; i++) {
        deliveries->next_ids[i] = MESSAGE_NO_ZONE;
    }
}

void
deliveries_close(struct deliveries *deliveries)
{
    loop_timer_free(&deliveries->timer);
    free(deliveries->next_ids);
    deliveries->next_ids = NULL;
}

void
deliveries_begin(struct deliveries *deliveries, uint32_t server)
{
    for (size_t i = 0; i < deliveries->places->files.count; i++) {
        order_file(server_at(deliveries, server), vector_at(&deliveries->places->files, i));
    }
    deliveries->next_ids[server] = 0;
    if (tell_some(deliveries, server)) {
        loop_timer_start(deliveries->timer, DELIVERIES_LOOK_MS, 0);
    }
}

typedef void order_zone(struct child *server, const struct kept_place *zone);

static void
tell_all(struct deliveries *deliveries, const struct kept_place *zone, order_zone *order)
{
    for (size_t i = 0; i < children_server_count(deliveries->children); i++) {
        if (zone->id >= deliveries->next_ids[i]) {
            continue; // its turn will come
        }
        if (takes_more(deliveries, i)) {
            order(server_at(deliveries, i), zone);
            continue;
        }
        deliveries->next_ids[i] = zone->id;
        loop_timer_start(deliveries->timer, DELIVERIES_LOOK_MS, 0);
    }
}

void
deliveries_version(struct deliveries *deliveries, const struct kept_place *zone)
{
    tell_all(deliveries, zone, order_version);
}

void
deliveries_state(struct deliveries *deliveries, const struct kept_place *zone)
{
    tell_all(deliveries, zone, order_zone_state);
}

// Few, and before the zones that need them.
void
deliveries_file(struct deliveries *deliveries, uint32_t number)
{
    for (size_t i = 0; i < deliveries->places->files.count; i++) {
        const struct kept_file *file = vector_at(&deliveries->places->files, i);
        for (size_t k = 0;
             file->number == number && k < children_server_count(deliveries->children); k++) {
            order_file(server_at(deliveries, k), file);
        }
    }
}

// A server that was told of these zones anew, or will be, needs the file no more.
void
deliveries_file_gone(struct deliveries *deliveries, uint32_t number)
{
    for (size_t i = 0; i < children_server_count(deliveries->children); i++) {
        order_file_gone(server_at(deliveries, i), number);
    }
}

void
deliveries_pooled(struct deliveries *deliveries, struct octets body, uint32_t least)
{
    struct octets_buffer items;
    octets_buffer_init(&items);
    octets_buffer_add(&items, body.data, body.length);
    for (size_t i = 0; i < children_server_count(deliveries->children); i++) {
        if (takes_more(deliveries, i)) { // some may have their turn still to come: told twice
            order_pooled(server_at(deliveries, i), &items);
        } else if (least < deliveries->next_ids[i]) {
            deliveries->next_ids[i] = least;
            loop_timer_start(deliveries->timer, DELIVERIES_LOOK_MS, 0);
        }
    }
    octets_buffer_close(&items);
}
