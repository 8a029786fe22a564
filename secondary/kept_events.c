#include "secondary/kept_events.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"

void
kept_events_init(struct kept_events *kept)
{
    *kept = (struct kept_events){0};
    vector_init(&kept->events, sizeof(struct kept_event));
}

static void
event_close(struct kept_event *event)
{
    free((void *)(uintptr_t)event->body.data);
    event->body = (struct octets){NULL, 0};
}

void
kept_events_close(struct kept_events *kept)
{
    for (size_t i = 0; i < kept->events.count; i++) {
        event_close(vector_at(&kept->events, i));
    }
    vector_close(&kept->events);
}

uint64_t
kept_events_add(struct kept_events *kept, uint32_t zone, struct octets body)
{
    if (kept->events.count >= KEPT_EVENTS_MAX) {
        return 0;
    }
    uint8_t *copy = memory_alloc(body.length + 1);
    if (body.length > 0) {
        memcpy(copy, body.data, body.length);
    }
    struct kept_event event = {++kept->last_number, zone, {copy, body.length}};
    vector_add(&kept->events, &event);
    return event.number;
}

void
kept_events_taken(struct kept_events *kept, uint64_t number)
{
    for (size_t i = 0; i < kept->events.count; i++) { // nearly always the first
        struct kept_event *event = vector_at(&kept->events, i);
        if (event->number != number) {
            continue;
        }
        event_close(event);
        kept->events.count--;
        memmove(event, event + 1, sizeof *event * (kept->events.count - i));
        return;
    }
}
