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

void
answer_fetch(const struct query *query)
{
    if (query->zone)
        zone_fetch_record(query->zone->version, query->hash);
}
