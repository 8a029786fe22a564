#include "secondary/desk/held_events.h"

#include <string.h>

struct held_event {
    uint32_t zone;
    uint64_t request, since_ms;
    struct message_event event;
};

void
held_events_init(struct held_events *held, held_event_due *due, void *context)
{
    vector_init(&held->events, sizeof(struct held_event));
    held->due = due;
    held->context = context;
}

void
held_events_close(struct held_events *held)
{
    for (size_t i = 0; i < held->events.count; i++) {
        message_event_close(&((struct held_event *)vector_at(&held->events, i))->event);
    }
    vector_close(&held->events);
}

static bool
has_earlier(const struct held_events *held, uint32_t zone, size_t before)
{
    for (size_t i = 0; i < before; i++) {
        if (((struct held_event *)vector_at(&held->events, i))->zone == zone) {
            return true;
        }
    }
    return false;
}

static bool
waits_for_downstream(const struct known *known, uint32_t id, const struct message_event *event)
{
    const struct known_zone *zone = known_zone_by_id(known, id);
    return event->kind == EVENT_RESIGN && zone != NULL && zone->poll.downstream_count > 0;
}

void
held_events_take(struct held_events *held, const struct known *known, uint32_t zone,
                 uint64_t request, struct message_event *event, uint64_t now_ms)
{
    bool waits =
        waits_for_downstream(known, zone, event) || has_earlier(held, zone, held->events.count);
    if (!waits || held->events.count >= HELD_EVENTS_MAX) {
        held->due(held->context, zone, request, event);
        message_event_close(event);
        return;
    }
    const struct held_event item = {zone, request, now_ms, *event};
    *event = (struct message_event){0};
    vector_add(&held->events, &item);
}

static bool
is_due(const struct held_event *item, const struct known *known, uint64_t now_ms)
{
    uint64_t age_ms = now_ms - item->since_ms;
    if (age_ms >= HELD_EVENTS_MOST_MS || !waits_for_downstream(known, item->zone, &item->event)) {
        return true;
    }
    const struct message_poll_facts *poll = &known_zone_by_id(known, item->zone)->poll;
    return age_ms >= HELD_EVENTS_LEAST_MS && poll->downstream_current >= poll->downstream_count;
}

void
held_events_release(struct held_events *held, const struct known *known, uint64_t now_ms, bool all)
{
    size_t kept = 0;
    for (size_t i = 0; i < held->events.count; i++) {
        struct held_event *item = vector_at(&held->events, i);
        if (all || (is_due(item, known, now_ms) && !has_earlier(held, item->zone, kept))) {
            held->due(held->context, item->zone, item->request, &item->event);
            message_event_close(&item->event);
        } else {
            memmove(vector_at(&held->events, kept++), item, sizeof *item);
        }
    }
    held->events.count = kept;
}
