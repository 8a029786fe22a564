// A batch of questions goes through the look-up in step: what each will touch next is asked for,
// then the next question has its turn, and when the first one's comes again its memory is there.
// Most questions are for names that exist and need two steps, slot and record. A name that is not
// there needs its parent and the wildcard, and where that must be proven a search in the chain,
// which is three steps more. What was computed on the way (hashes, where the name stands in the
// chain) is kept for the answer.
#include "common/answer/answer.h"

#include "common/base/fault.h"
#include "common/dns/rrtype.h"
#include "common/zone/find.h"

// DS is asked of another zone at an apex; the few of them are looked up when they are answered.
static void
slot_ahead(const struct answer_service *service, struct query *query)
{
    if (query->kind != QUERY_QUESTION || query->class != RRCLASS_IN || query->type == RRTYPE_DS)
        return;
    const struct answer_zone *zone = zone_set_closest(service->zones, query->lower, query->labels);
    if (!zone || !zone->version)
        return;
    uint64_t key = version_hash_key(zone->version);
    query->ahead.zone = zone;
    query->ahead.hash = query->labels > 0 ? name_hash_split(query->lower, key, &query->ahead.above)
                                          : name_hash_lower(query->lower, key);
    query->ahead.beside = query->ahead.denies = false;
    zone_fetch_slot(zone->version, query->ahead.hash);
}

// What is asked where the name is not: most often its parent is the closest encloser or a zone cut,
// and below that is the wildcard or none.
static void
relatives_ahead(struct query_ahead *ahead)
{
    const struct version *version = ahead->zone->version;
    ahead->beside = true;
    ahead->parent_hash = name_hash_parent(ahead->above);
    ahead->wildcard_hash = name_hash_wildcard(ahead->above);
    zone_fetch_slot(version, ahead->parent_hash);
    zone_fetch_slot(version, ahead->wildcard_hash);
}

// Gives whether there is more to come.
static bool
record_ahead(struct query *query)
{
    struct query_ahead *ahead = &query->ahead;
    if (ahead->zone && !zone_fetch_record(ahead->zone->version, ahead->hash) &&
        query->labels > name_labels(version_apex(ahead->zone->version)))
        relatives_ahead(ahead);
    return ahead->zone && ahead->beside;
}

// One search in the chain.
struct search {
    struct query *query;
    const struct version *version;
    struct zone_near near;
    const uint8_t *name; // the query's, or its hash's owner:
    uint8_t hashed[NAME_SIZE_MAX];
};

// False: this version can have no such owner.
static bool
search_begin(struct query *query, struct search *ret_search)
{
    struct query_ahead *ahead = &query->ahead;
    const struct version *version = ahead->zone->version;
    const struct nsec3_parameters *nsec3 = version_nsec3(version);
    ret_search->query = query;
    ret_search->version = version;
    ret_search->name = nsec3 ? ret_search->hashed : query->lower;
    if (nsec3) {
        nsec3_hash(nsec3, query->lower, ahead->hash3);
        if (!nsec3_owner(ahead->hash3, version_apex(version), ret_search->hashed))
            return false;
    }
    zone_near_find(version, ret_search->name, &ret_search->near);
    return true;
}

static void
search_end(const struct search *search)
{
    struct query_ahead *ahead = &search->query->ahead;
    ahead->denies = true;
    ahead->covers =
        version_nsec3(search->version)
            ? zone_find_nsec3_near(search->version, search->name, &search->near, &ahead->matches)
            : zone_find_nsec_near(search->version, search->name, &search->near);
    if (ahead->covers)
        zone_fetch_node(ahead->covers);
}

// A name without a record below one with, and no cut above: that it is not there is proven by what
// covers it, or by what covers its hash, whether a wildcard answers in its place or not.
static bool
beside_ahead(struct query *query)
{
    const struct query_ahead *ahead = &query->ahead;
    const struct version *version = ahead->zone->version;
    bool encloser = zone_fetch_encloser(version, ahead->parent_hash);
    zone_fetch_record(version, ahead->wildcard_hash);
    return encloser && query->edns.present && query->edns.dnssec_ok &&
           version_facts(version)->is_signed;
}

static void
chain_ahead(struct query *const *queries, size_t count)
{
    struct search searches[ANSWER_BATCH_MAX];
    size_t begun = 0;
    for (size_t i = 0; i < count; i++)
        begun += search_begin(queries[i], &searches[begun]);
    for (size_t i = 0; i < begun; i++)
        zone_near_fetch_slots(searches[i].version, &searches[i].near);
    for (size_t i = 0; i < begun; i++)
        zone_near_fetch_records(searches[i].version, &searches[i].near);
    for (size_t i = 0; i < begun; i++)
        search_end(&searches[i]);
}

void
answer_look_ahead(const struct answer_service *service, struct query *queries, size_t count)
{
    struct query *beside[ANSWER_BATCH_MAX], *denying[ANSWER_BATCH_MAX];
    size_t besides = 0, denials = 0;
    ENSURE(count <= ANSWER_BATCH_MAX);
    for (size_t i = 0; i < count; i++)
        slot_ahead(service, &queries[i]);
    for (size_t i = 0; i < count; i++)
        if (record_ahead(&queries[i]))
            beside[besides++] = &queries[i];
    for (size_t i = 0; i < besides; i++)
        if (beside_ahead(beside[i]))
            denying[denials++] = beside[i];
    chain_ahead(denying, denials);
}
