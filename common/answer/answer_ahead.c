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
    query->ahead.beside = query->ahead.denies = query->ahead.shows = false;
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

static bool
is_proven(const struct query *query)
{
    return query->edns.present && query->edns.dnssec_ok &&
           version_facts(query->ahead.zone->version)->is_signed;
}

enum more { MORE_NOTHING, MORE_RELATIVES, MORE_MATCH, MORE_DENIAL };

// Gives what is to come.
static enum more
record_ahead(struct query *query)
{
    struct query_ahead *ahead = &query->ahead;
    if (!ahead->zone)
        return MORE_NOTHING;
    const struct version *version = ahead->zone->version;
    if (zone_fetch_record(version, ahead->hash))
        return version_nsec3(version) && is_proven(query) ? MORE_MATCH : MORE_NOTHING;
    if (query->labels == name_labels(version_apex(version)))
        return MORE_NOTHING;
    relatives_ahead(ahead);
    return MORE_RELATIVES;
}

// Whether the NSEC3 of a record will be shown: it has not the type, or is a zone cut without a DS.
// Where the record was never looked at, nobody says.
static bool
match_is_shown(const struct query *query, const struct node *node)
{
    if (!node)
        return false;
    if (node != version_apex_node(query->ahead.zone->version) && node_has(node, RRTYPE_NS))
        return !node_has(node, RRTYPE_DS);
    return !query->ahead.beside && !node_has(node, query->type) && !node_has(node, RRTYPE_CNAME);
}

// The NSEC3 of the name, or where nothing was seen at it, of its parent, which may be a zone cut.
static bool
match_ahead(struct query *query)
{
    struct query_ahead *ahead = &query->ahead;
    const struct version *version = ahead->zone->version;
    uint64_t hash = ahead->beside ? ahead->parent_hash : ahead->hash;
    if (!match_is_shown(query, zone_fetched_node(version, hash)))
        return false;
    const uint8_t *name = name_skip(query->lower, ahead->beside ? 1 : 0);
    nsec3_hash(version_nsec3(version), name, ahead->hash3);
    ahead->match_at = (uint8_t)(name - query->lower);
    return ahead->shows = zone_fetch_nsec3_slot(version, ahead->hash3, &ahead->match_key);
}

// One search in the chain.
struct search {
    struct query *query;
    const struct version *version;
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
    return true;
}

// Those of one version together; in a batch most are.
static void
searches_find(const struct search *searches, size_t count, struct zone_near *ret_nears)
{
    const uint8_t *names[ANSWER_BATCH_MAX];
    for (size_t first = 0, end = 0; first < count; first = end) {
        for (end = first; end < count && searches[end].version == searches[first].version; end++)
            names[end - first] = searches[end].name;
        zone_near_find_all(searches[first].version, names, end - first, ret_nears + first);
    }
}

static void
search_end(const struct search *search, const struct zone_near *near)
{
    struct query_ahead *ahead = &search->query->ahead;
    ahead->denies = true;
    ahead->covers = version_nsec3(search->version)
                        ? zone_find_nsec3_near(search->version, search->name, near, &ahead->matches)
                        : zone_find_nsec_near(search->version, search->name, near);
    if (ahead->covers)
        zone_fetch_node(ahead->covers);
}

// A name without a record below one with, and no cut above: that it is not there is proven by what
// covers it, or by what covers its hash, whether a wildcard answers in its place or not.
static enum more
beside_ahead(struct query *query)
{
    const struct query_ahead *ahead = &query->ahead;
    const struct version *version = ahead->zone->version;
    bool encloser = zone_fetch_encloser(version, ahead->parent_hash);
    zone_fetch_record(version, ahead->wildcard_hash);
    if (!is_proven(query))
        return MORE_NOTHING;
    return encloser ? MORE_DENIAL : version_nsec3(version) ? MORE_MATCH : MORE_NOTHING;
}

static void
chain_ahead(struct query *const *queries, size_t count)
{
    struct search searches[ANSWER_BATCH_MAX];
    struct zone_near nears[ANSWER_BATCH_MAX];
    size_t begun = 0;
    for (size_t i = 0; i < count; i++)
        begun += search_begin(queries[i], &searches[begun]);
    searches_find(searches, begun, nears);
    for (size_t i = 0; i < begun; i++)
        zone_near_fetch_slots(searches[i].version, &nears[i]);
    for (size_t i = 0; i < begun; i++)
        zone_near_fetch_records(searches[i].version, &nears[i]);
    for (size_t i = 0; i < begun; i++)
        search_end(&searches[i], &nears[i]);
}

// Keeps those that have more to come; gives how many.
static size_t
matches_ahead(struct query **queries, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (match_ahead(queries[i]))
            queries[kept++] = queries[i];
    return kept;
}

void
answer_look_ahead(const struct answer_service *service, struct query *queries, size_t count)
{
    struct query *beside[ANSWER_BATCH_MAX], *denying[ANSWER_BATCH_MAX], *matching[ANSWER_BATCH_MAX];
    size_t besides = 0, denials = 0, matches = 0;
    ENSURE(count <= ANSWER_BATCH_MAX);
    for (size_t i = 0; i < count; i++)
        slot_ahead(service, &queries[i]);
    for (size_t i = 0; i < count; i++) {
        enum more more = record_ahead(&queries[i]);
        if (more == MORE_MATCH)
            matching[matches++] = &queries[i];
        else if (more == MORE_RELATIVES)
            beside[besides++] = &queries[i];
    }
    for (size_t i = 0; i < besides; i++) {
        enum more more = beside_ahead(beside[i]);
        if (more == MORE_MATCH)
            matching[matches++] = beside[i];
        else if (more == MORE_DENIAL)
            denying[denials++] = beside[i];
    }
    matches = matches_ahead(matching, matches);
    chain_ahead(denying, denials);
    for (size_t i = 0; i < matches; i++)
        zone_fetch_record(matching[i]->ahead.zone->version, matching[i]->ahead.match_key);
}
