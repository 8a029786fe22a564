#include "primary/alias/past.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/dns/name.h"
#include "common/dns/rrtype.h"

const char *
event_word(enum event_what what)
{
    static const char *const words[EVENT_WHAT_COUNT] = {"changed",    "held",      "failing",
                                                        "loop",       "recovered", "dropped",
                                                        "retargeted", "limited",   "failing"};
    return words[what];
}

static void
past_event_close(struct past_event *event)
{
    free(event->target);
    free(event->text);
    address_set_close(&event->added);
    address_set_close(&event->removed);
}

void
past_close(struct past *past)
{
    for (unsigned i = 0; i < past->count; i++)
        past_event_close(&past->items[i]);
    free(past->items);
    *past = (struct past){0};
}

static uint8_t *
name_keep(const uint8_t *name)
{
    if (!name)
        return NULL;
    uint8_t *copy = memory_alloc(name_length(name));
    name_copy(copy, name);
    return copy;
}

static void
set_keep(struct address_set *to, const struct address_set *from, uint16_t type)
{
    address_set_init(to, type == RRTYPE_AAAA ? RRTYPE_AAAA : RRTYPE_A);
    if (from)
        address_set_copy(to, from);
}

void
past_add(struct past *past, const struct event *event)
{
    if (!past->items)
        past->items = memory_zalloc(PAST_MAX * sizeof *past->items);
    struct past_event *item = &past->items[past->next];
    if (past->count == PAST_MAX)
        past_event_close(item);
    else
        past->count++;
    past->next = (past->next + 1) % PAST_MAX;
    *item = (struct past_event){.what = event->what,
                                .type = event->type,
                                .at_seconds = event->at_seconds,
                                .since = event->since,
                                .until = event->until,
                                .target = name_keep(event->target),
                                .text = event->text ? memory_text(event->text) : NULL};
    set_keep(&item->added, event->added, event->type);
    set_keep(&item->removed, event->removed, event->type);
}

const struct past_event *
past_at(const struct past *past, unsigned index)
{
    if (index >= past->count)
        return NULL;
    return &past->items[(past->next + PAST_MAX - 1 - index) % PAST_MAX];
}
