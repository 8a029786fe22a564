#include "secondary/server/transfers.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/octets.h"
#include "common/base/vector.h"

struct counted {
    uint32_t zone;
    struct message_transfers_out counts;
};
struct transfers {
    struct message_link *link;
    struct loop_timer *timer; // runs while something waits to be told
    struct vector counted;    // of struct counted: the zones of this second
};

static void
transfers_tell(void *context)
{
    struct transfers *transfers = context;
    for (size_t i = 0; i < transfers->counted.count; i++) {
        const struct counted *counted = vector_at(&transfers->counted, i);
        struct octets_buffer body;
        octets_buffer_init(&body);
        message_transfers_out_write(&counted->counts, &body);
        struct message message = {.type = MESSAGE_TRANSFERS_OUT,
                                  .to = ROLE_DESK,
                                  .from = ROLE_SERVER,
                                  .zone = counted->zone,
                                  .body = {body.data, body.length}};
        message_link_send(transfers->link, &message);
        octets_buffer_close(&body);
    }
    vector_clear(&transfers->counted);
}

struct transfers *
transfers_new(struct loop *loop, struct message_link *link)
{
    struct transfers *transfers = memory_zalloc(sizeof *transfers);
    transfers->link = link;
    transfers->timer = loop_timer_new(loop, transfers_tell, transfers);
    vector_init(&transfers->counted, sizeof(struct counted));
    return transfers;
}

void
transfers_free(struct transfers **transfers)
{
    if (!*transfers)
        return;
    loop_timer_free(&(*transfers)->timer);
    vector_close(&(*transfers)->counted);
    free(*transfers);
    *transfers = NULL;
}

// Few zones are transferred in one second, so a walk finds the zone. NULL: not there yet.
static struct message_transfers_out *
counts_find(struct transfers *transfers, uint32_t zone)
{
    for (size_t i = 0; i < transfers->counted.count; i++) {
        struct counted *counted = vector_at(&transfers->counted, i);
        if (counted->zone == zone)
            return &counted->counts;
    }
    return NULL;
}

static struct message_transfers_out *
counts_of(struct transfers *transfers, uint32_t zone)
{
    const struct counted fresh = {.zone = zone};
    struct message_transfers_out *counts = counts_find(transfers, zone);
    return counts ? counts : &((struct counted *)vector_add(&transfers->counted, &fresh))->counts;
}

static void
tell_soon(struct transfers *transfers)
{
    if (!loop_timer_is_running(transfers->timer))
        loop_timer_start(transfers->timer, TRANSFERS_INTERVAL_MS, 0);
}

void
transfers_count(struct transfers *transfers, uint32_t zone, enum ixfr_out_form form, bool done)
{
    if (!transfers)
        return;
    struct message_transfers_out *counts = counts_of(transfers, zone);
    if (form == IXFR_OUT_SOA)
        counts->up_to_date++;
    else if (form == IXFR_OUT_WHOLE)
        (*(done ? &counts->whole_ok : &counts->whole_failed))++;
    else
        (*(done ? &counts->deltas_ok : &counts->deltas_failed))++;
    tell_soon(transfers);
}

void
transfers_refused(struct transfers *transfers, uint32_t zone, bool delta)
{
    if (!transfers)
        return;
    struct message_transfers_out *counts = counts_find(transfers, zone);
    if (!counts && transfers->counted.count >= TRANSFERS_REFUSED_ZONES_MAX)
        return;
    counts = counts ? counts : counts_of(transfers, zone);
    (*(delta ? &counts->deltas_refused : &counts->whole_refused))++;
    tell_soon(transfers);
}
