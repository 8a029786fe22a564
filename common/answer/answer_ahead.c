#include "common/answer/answer.h"
#include "common/dns/rrtype.h"
#include "common/zone/fetch.h"

// DS is asked of another zone at an apex; the few of them are looked up when they are answered.
void
answer_look_ahead(const struct answer_service *service, struct query *query)
{
    if (query->kind != QUERY_QUESTION || query->class != RRCLASS_IN || query->type == RRTYPE_DS)
        return;
    const struct answer_zone *zone = zone_set_closest(service->zones, query->lower, query->labels);
    if (!zone || !zone->version)
        return;
    query->zone = zone;
    query->hash = name_hash_lower(query->lower, version_hash_key(zone->version));
    zone_fetch_slot(zone->version, query->hash);
}

// What is asked where the name is not: most often its parent is the closest encloser or a zone cut,
// and below that is the wildcard or none.
static void
relatives_look_ahead(struct query *query)
{
    const struct version *version = query->zone->version;
    uint64_t key = version_hash_key(version);
    uint8_t wildcard[NAME_SIZE_MAX];
    const uint8_t *parent = name_skip(query->lower, 1);
    if (!name_wildcard_of(parent, wildcard))
        return;
    query->looks_beside = true;
    query->parent_hash = name_hash_lower(parent, key);
    query->wildcard_hash = name_hash_lower(wildcard, key);
    zone_fetch_slot(version, query->parent_hash);
    zone_fetch_slot(version, query->wildcard_hash);
}

void
answer_fetch(struct query *query)
{
    query->looks_beside = false;
    if (query->zone && !zone_fetch_record(query->zone->version, query->hash) &&
        query->labels > name_labels(version_apex(query->zone->version)))
        relatives_look_ahead(query);
}

void
answer_fetch_beside(const struct query *query)
{
    if (!query->zone || !query->looks_beside)
        return;
    zone_fetch_record(query->zone->version, query->parent_hash);
    zone_fetch_record(query->zone->version, query->wildcard_hash);
}
