// What goes out of the book: which zones have something to tell, the addresses of their owners, and
// why a transfer is refused. A zone that waits tells nothing until it need not wait any more, and
// then all of it.
#include <stdio.h>

#include "common/base/arena.h"
#include "primary/alias/book.h"
#include "primary/alias/book_inside.h"
#include "primary/alias/expand.h"
#include "primary/alias/owner.h"

#define REFUSAL_MAX 1024 // two names, cut to 400 characters each, and a sentence

static struct owner *
owner_at(const struct book_zone *zone, size_t index)
{
    return *(struct owner **)vector_at(&zone->order, index);
}

static bool
zone_waits(struct book_zone *zone, struct book_now now)
{
    if (zone->ready || (zone->given_out && now.seconds >= zone->grace_until))
        return false;
    for (size_t i = 0; i < zone->order.count; i++)
        if (!owner_is_ready(owner_at(zone, i), zone->given_out, zone->confirms))
            return true;
    zone->confirms = false;
    zone->ready = true;
    return false;
}

static void
changed_clear(struct book_zone *zone)
{
    for (size_t i = 0; i < zone->changed.count; i++) {
        struct owner *owner = name_table_get(&zone->owners, vector_at(&zone->changed, i));
        if (owner)
            owner->noted = false;
    }
    for (size_t i = 0; zone->changed_all && i < zone->order.count; i++)
        owner_at(zone, i)->noted = false;
    vector_clear(&zone->changed);
    zone->changed_all = false;
}

static bool
zone_news(struct book_zone *zone, struct vector *owners, bool *ret_all, struct book_now now)
{
    if (zone->waits) {
        if (zone_waits(zone, now))
            return false; // told when the wait is over
        zone->waits = false;
        zone->changed_all = true;
    }
    *ret_all = zone->changed_all;
    for (size_t i = 0; i < zone->changed.count; i++)
        vector_add(owners, vector_at(&zone->changed, i));
    changed_clear(zone);
    return *ret_all || owners->count > 0;
}

bool
book_changed(struct book *book, const uint8_t **ret_apex, struct vector *ret_owners, bool *ret_all,
             struct book_now now)
{
    while (book->news.count > 0) {
        struct book_zone *zone = *(struct book_zone **)vector_at(&book->news, book->news.count - 1);
        book->news.count--;
        if (!zone)
            continue;
        zone->in_news = false;
        vector_clear(ret_owners);
        *ret_apex = zone->apex;
        if (zone_news(zone, ret_owners, ret_all, now))
            return true;
    }
    return false;
}

bool
book_addresses(struct book *book, const uint8_t *apex, const struct vector *owners,
               struct draft *addresses, struct book_now now)
{
    struct book_zone *zone = zone_set_get(book->zones, apex);
    if (!zone)
        return true;
    zone->waits = zone_waits(zone, now);
    if (zone->waits)
        return false;
    if (!owners) {
        expand_zone(zone, addresses);
        changed_clear(zone);
        return true;
    }
    for (size_t i = 0; i < owners->count; i++) {
        const struct owner *owner = name_table_get(&zone->owners, vector_at(owners, i));
        if (owner)
            expand_owner(owner, addresses);
    }
    return true;
}

static const struct link *
link_expired(const struct book_zone *zone)
{
    for (size_t i = 0; i < zone->order.count; i++) {
        const struct owner *owner = owner_at(zone, i);
        for (size_t k = 0; k < owner->links.count; k++) {
            const struct link *link = *(struct link **)vector_at(&owner->links, k);
            if (link->contributions[A_TYPE].expired || link->contributions[AAAA_TYPE].expired)
                return link;
        }
    }
    return NULL;
}

const char *
book_refusal(struct book *book, const uint8_t *apex)
{
    struct book_zone *zone = zone_set_get(book->zones, apex);
    char owner[NAME_TEXT_MAX], target[NAME_TEXT_MAX];
    if (!zone || zone->rules.after_hold != AFTER_HOLD_REFUSE)
        return NULL;
    const struct link *link = link_expired(zone);
    if (!link)
        return NULL;
    if (!zone->refusal)
        zone->refusal = memory_alloc(REFUSAL_MAX);
    snprintf(zone->refusal, REFUSAL_MAX,
             "the ALIAS target %.400s of %.400s has failed for longer than alias.hold",
             name_to_text(link->target, target), name_to_text(link->owner->name, owner));
    return zone->refusal;
}
