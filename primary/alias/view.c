#include "primary/alias/view.h"

#include "common/dns/rcode.h"
#include "primary/alias/book_inside.h"
#include "primary/alias/link.h"
#include "primary/alias/owner.h"

static struct owner *
owner_at(const struct book_zone *zone, size_t index)
{
    return *(struct owner **)vector_at(&zone->order, index);
}

static struct link *
link_at(const struct owner *owner, size_t index)
{
    return *(struct link **)vector_at(&owner->links, index);
}

static void
type_fill(const struct link *link, unsigned type, struct view_type *view)
{
    const struct contribution *contribution = &link->contributions[type];
    const struct target *target = link->ends[type].target;
    const struct lookup *lookup = target ? &target->lookups[type] : NULL;
    *view = (struct view_type){.state = contribution->state,
                               .count = contribution->good.count,
                               .error = contribution->reason,
                               .changed_at = contribution->changed_at};
    if (!lookup)
        return;
    view->asked_at = lookup->asked_at;
    view->answered_at = lookup->answered_at;
    view->resolver = lookup->server;
    view->round_trip_ms = lookup->round_trip_ms;
    if (lookup->answered && lookup->rcode >= 0)
        view->rcode = rcode_text((unsigned)lookup->rcode);
}

static void
target_fill(const struct link *link, uint64_t now_ms, struct view *view)
{
    const struct target *target =
        link->ends[A_TYPE].target ? link->ends[A_TYPE].target : link->ends[AAAA_TYPE].target;
    const struct rules *rules = &link->owner->zone->rules;
    view->local = !target;
    view->next_in_ms = -1;
    if (!target)
        return;
    view->next_in_ms = target->next_ms > now_ms ? (int64_t)(target->next_ms - now_ms) : 0;
    for (unsigned type = 0; type < TYPE_COUNT; type++) {
        int64_t settle = lookup_settle(&target->lookups[type], rules->settle_seconds);
        view->flaps += target->lookups[type].flaps;
        if (settle > view->settle_seconds)
            view->settle_seconds = settle;
    }
}

static void
view_fill(const struct link *link, uint64_t now_ms, struct view *view)
{
    const struct owner *owner = link->owner;
    const struct contribution *worse;
    uint32_t cap = owner->zone->rules.ttl_seconds;
    *view = (struct view){.owner = owner->name, .apex = owner->zone->apex, .target = link->target};
    view->state = link_state(link, &worse);
    view->reason = worse->reason;
    view->since = worse->since;
    view->until = link_until(link, worse);
    view->ttl_seconds = link->ttl < cap ? link->ttl : cap;
    for (unsigned type = 0; type < TYPE_COUNT; type++) {
        const struct contribution *contribution = &link->contributions[type];
        bool inherits = !contribution->known && owner->inherited[type].count > 0;
        type_fill(link, type, &view->types[type]);
        view->addresses[type] = inherits ? &owner->inherited[type] : &contribution->good;
        view->types[type].count = view->addresses[type]->count;
        if (link->hops[type] > view->hops)
            view->hops = link->hops[type];
    }
    target_fill(link, now_ms, view);
}

static void
owner_each(const struct owner *owner, uint64_t now_ms, view_call *call, void *context)
{
    struct view view;
    for (size_t i = 0; i < owner->links.count; i++) {
        view_fill(link_at(owner, i), now_ms, &view);
        call(context, &view);
    }
}

static void
zone_each(const struct book_zone *zone, uint64_t now_ms, view_call *call, void *context)
{
    for (size_t i = 0; i < zone->order.count; i++)
        owner_each(owner_at(zone, i), now_ms, call, context);
}

bool
view_each(const struct book *book, const uint8_t *apex, uint64_t now_ms, view_call *call,
          void *context)
{
    const struct book_zone *zone = apex ? zone_set_get(book->zones, apex) : NULL;
    if (zone)
        zone_each(zone, now_ms, call, context);
    for (size_t i = 0; !apex && i < zone_set_count(book->zones); i++)
        zone_each(zone_set_at(book->zones, i), now_ms, call, context);
    return !apex || zone;
}

size_t
view_owner(const struct book *book, const uint8_t *owner, uint64_t now_ms, view_call *call,
           void *context)
{
    const struct owner *found = owner_find(book, owner);
    if (!found)
        return 0;
    owner_each(found, now_ms, call, context);
    return found->links.count;
}

static bool
shares_target(const struct owner *a, const struct owner *b)
{
    for (size_t i = 0; i < a->links.count; i++)
        for (size_t k = 0; k < b->links.count; k++)
            if (name_equal(link_at(a, i)->target, link_at(b, k)->target))
                return true;
    return false;
}

void
view_same_target(const struct book *book, const uint8_t *owner,
                 void (*call)(void *context, const uint8_t *owner), void *context)
{
    const struct owner *found = owner_find(book, owner);
    for (size_t i = 0; found && i < zone_set_count(book->zones); i++) {
        const struct book_zone *zone = zone_set_at(book->zones, i);
        for (size_t k = 0; k < zone->order.count; k++)
            if (owner_at(zone, k) != found && shares_target(owner_at(zone, k), found))
                call(context, owner_at(zone, k)->name);
    }
}

static void
zone_count(const struct book_zone *zone, size_t counts[static TARGET_STATES], size_t *owners)
{
    const struct contribution *worse;
    *owners += zone->order.count;
    for (size_t i = 0; i < zone->order.count; i++)
        for (size_t k = 0; k < owner_at(zone, i)->links.count; k++)
            counts[link_state(link_at(owner_at(zone, i), k), &worse)]++;
}

void
view_count(const struct book *book, const uint8_t *apex, size_t ret_counts[static TARGET_STATES],
           size_t *ret_owners)
{
    const struct book_zone *zone = apex ? zone_set_get(book->zones, apex) : NULL;
    size_t owners = 0;
    for (unsigned i = 0; i < TARGET_STATES; i++)
        ret_counts[i] = 0;
    if (zone)
        zone_count(zone, ret_counts, &owners);
    for (size_t i = 0; !apex && i < zone_set_count(book->zones); i++)
        zone_count(zone_set_at(book->zones, i), ret_counts, &owners);
    if (ret_owners)
        *ret_owners = owners;
}

bool
view_history(const struct book *book, const uint8_t *owner,
             void (*call)(void *context, const struct event *event), void *context)
{
    const struct owner *found = owner_find(book, owner);
    const struct past_event *past;
    for (unsigned i = 0; found && (past = past_at(&found->past, i)); i++) {
        bool changed = past->what == EVENT_CHANGED;
        struct event event = {.what = past->what,
                              .at_seconds = past->at_seconds,
                              .apex = found->zone->apex,
                              .owner = found->name,
                              .target = past->target,
                              .type = past->type,
                              .added = changed ? &past->added : NULL,
                              .removed = changed ? &past->removed : NULL,
                              .text = past->text,
                              .since = past->since,
                              .until = past->until};
        call(context, &event);
    }
    return found != NULL;
}

const struct address_set *
view_served(const struct book *book, const uint8_t *owner, uint16_t type)
{
    const struct owner *found = owner_find(book, owner);
    if (!found)
        return NULL;
    return &found->served[type == type_number(A_TYPE) ? A_TYPE : AAAA_TYPE];
}
