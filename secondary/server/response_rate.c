// What is counted together, for one client prefix? Answers that a stranger can make alike, and
// those of which he can make as many different ones as he likes:
//
//  - a positive answer: its name and type. A busy resolver that asks many names is not slowed;
//  - NODATA: the name. The types that a name has not are 65,000, and each denial is as large;
//  - what a wildcard or a DNAME makes: zone and type. Random names below it are one flood, as with
//    NXDOMAIN; otherwise a zone with one wildcard would be a way around the limit. (BIND, NSD and
//    Windows count by the wildcard's name, too);
//  - NXDOMAIN and referrals: the zone;
//  - errors: the RCODE.
//
// The zone goes in by its number, which is the same in all servers, not by an address in this
// process.
#include "secondary/server/response_rate.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/hash.h"
#include "common/dns/name.h"

struct response_rate {
    struct rate_table *table;
    uint64_t key;
    struct rate_terms terms;
    struct rate_masks masks;
};

struct response_rate *
response_rate_new(const struct rate_limit_settings *settings, struct rate_table *table,
                  uint64_t key)
{
    if (settings->per_second == 0)
        return NULL;
    struct response_rate *rate = memory_zalloc(sizeof *rate);
    rate->table = table;
    rate->key = key;
    rate->terms = rate_terms_of(settings->per_second, settings->slip);
    rate_masks_init(&rate->masks, settings->prefix_v4, settings->prefix_v6);
    return rate;
}

void
response_rate_free(struct response_rate **rate)
{
    free(*rate);
    *rate = NULL;
}

static enum rate_kind
kind_of(const struct answer_outcome *outcome)
{
    switch (outcome->kind) {
    case ANSWER_ERROR:
        return RATE_ERROR;
    case ANSWER_NXDOMAIN:
        return RATE_NXDOMAIN;
    case ANSWER_REFERRAL:
        return RATE_REFERRAL;
    case ANSWER_NODATA:
        return outcome->synthesised ? RATE_WILDCARD : RATE_NODATA;
    case ANSWER_POSITIVE:
        break;
    }
    return outcome->synthesised ? RATE_WILDCARD : RATE_POSITIVE;
}

// A name goes in by its octets, eight at a time: nobody needs the hashes of its suffixes here.
static uint64_t
name_class(uint64_t state, const struct query *query)
{
    return hash_octets(state, query->lower, name_length(query->lower));
}

static uint64_t
zone_class(uint64_t state, uint32_t zone)
{
    return hash_finish(hash_mix(state, zone));
}

static uint64_t
class_hash(const struct response_rate_answer *answer, enum rate_kind kind, uint64_t client)
{
    uint64_t state = client + (uint64_t)kind, type = answer->query->type;
    switch (kind) {
    case RATE_ERROR:
        return hash_finish(hash_mix(state, answer->outcome->rcode));
    case RATE_NXDOMAIN:
    case RATE_REFERRAL:
        return zone_class(state, answer->zone);
    case RATE_WILDCARD:
        return zone_class(hash_mix(state, type), answer->zone);
    case RATE_POSITIVE:
        return name_class(hash_mix(state, type), answer->query);
    case RATE_NODATA:
    case RATE_KINDS:
        break;
    }
    return name_class(state, answer->query);
}

enum rate_verdict
response_rate_take(struct response_rate *rate, const struct response_rate_answer *answer)
{
    struct rate_client client;
    enum rate_kind kind = kind_of(answer->outcome);
    rate_client_init(&client, &rate->masks, rate->key, answer->peer);
    enum rate_verdict verdict = rate_table_take(
        rate->table, &rate->terms, class_hash(answer, kind, client.hash), answer->now_ms);
    if (verdict != RATE_SEND)
        rate_prefixes_note(&rate->table->prefixes, &client, kind, verdict == RATE_TRUNCATE,
                           answer->now);
    return verdict;
}
