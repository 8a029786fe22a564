#include "secondary/server/hints.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/octets.h"

struct hints {
    struct loop *loop;
    struct zones *zones;
    struct message_link *link;
    struct loop_timer *timer; // runs while a hint waits
};

static void
hint_tell(struct hints *hints, struct served_zone *zone)
{
    struct octets_buffer body;
    octets_buffer_init(&body);
    message_notify_hint_write(&zone->hint, &body);
    struct message message = {.type = MESSAGE_NOTIFY_HINT,
                              .to = ROLE_FETCHER,
                              .from = ROLE_SERVER,
                              .zone = zone->id,
                              .body = {body.data, body.length}};
    message_link_send(hints->link, &message);
    octets_buffer_close(&body);
    zone->hint_waits = false;
    zone->hint_told_ms = loop_now_ms(hints->loop);
}

static bool
hint_is_due(const struct hints *hints, const struct served_zone *zone)
{
    return zone->hint_told_ms == 0 ||
           loop_now_ms(hints->loop) - zone->hint_told_ms >= HINT_INTERVAL_MS;
}

// A walk over all zones, at most twice a second and only while a hint waits.
static void
hints_tell_due(void *context)
{
    struct hints *hints = context;
    bool waits = false;
    for (size_t i = 0; i < hints->zones->list.count; i++) {
        struct served_zone *zone = *(struct served_zone **)vector_at(&hints->zones->list, i);
        if (!zone->hint_waits)
            continue;
        if (hint_is_due(hints, zone))
            hint_tell(hints, zone);
        else
            waits = true;
    }
    if (waits)
        loop_timer_start(hints->timer, HINT_INTERVAL_MS, 0);
}

struct hints *
hints_new(struct loop *loop, struct zones *zones, struct message_link *link)
{
    struct hints *hints = memory_zalloc(sizeof *hints);
    *hints = (struct hints){.loop = loop, .zones = zones, .link = link};
    hints->timer = loop_timer_new(loop, hints_tell_due, hints);
    return hints;
}

void
hints_free(struct hints **hints)
{
    if (!*hints)
        return;
    loop_timer_free(&(*hints)->timer);
    free(*hints);
    *hints = NULL;
}

void
hints_take(struct hints *hints, struct served_zone *zone, const struct address *source,
           bool has_serial, uint32_t serial)
{
    char text[ADDRESS_TEXT_MAX];
    address_to_text(source, text);
    snprintf(zone->hint.source, sizeof zone->hint.source, "%.63s", text);
    zone->hint.has_serial = has_serial;
    zone->hint.serial = serial;
    zone->hint_waits = true;
    if (hint_is_due(hints, zone))
        hint_tell(hints, zone);
    else if (!loop_timer_is_running(hints->timer))
        loop_timer_start(hints->timer, HINT_INTERVAL_MS, 0);
}
