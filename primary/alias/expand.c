#include "primary/alias/expand.h"

static uint32_t
owner_ttl(const struct owner *owner)
{
    uint32_t ttl = owner->zone->rules.ttl_seconds;
    for (size_t i = 0; i < owner->links.count; i++) {
        const struct link *link = *(struct link **)vector_at(&owner->links, i);
        if (link->ttl < ttl)
            ttl = link->ttl;
    }
    return ttl;
}

void
expand_owner(const struct owner *owner, struct draft *addresses)
{
    uint32_t ttl = owner_ttl(owner);
    for (unsigned type = 0; type < TYPE_COUNT; type++) {
        const struct address_set *set = &owner->served[type];
        for (uint32_t i = 0; i < set->count; i++)
            ENSURE(draft_add(addresses, owner->name, type_number(type), ttl, address_set_at(set, i),
                             set->width, NULL));
    }
}

void
expand_zone(const struct book_zone *zone, struct draft *addresses)
{
    for (size_t i = 0; i < zone->order.count; i++)
        expand_owner(*(struct owner **)vector_at(&zone->order, i), addresses);
}
