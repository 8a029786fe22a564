// What is counted together? Answers that a stranger can make alike: for a positive answer and a
// NODATA the name and type asked; for NXDOMAIN and referrals the zone (random names below it are
// one flood); for errors the RCODE. So a busy resolver that asks many names is not slowed, and a
// reflected flood is.
//
// A bucket holds at most one second's worth; it is filled by whole seconds because `now` is read
// once for each batch.
#include "secondary/server/response_rate.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/hash.h"

struct bucket {
    uint32_t tag;    // of the key's hash; 0: free
    uint32_t second; // filled last
    uint32_t left;   // answers that may go out in this second
    uint32_t held;   // over the limit so far, for slip
};

struct response_rate {
    uint64_t key;
    uint32_t per_second, slip;
    unsigned prefix_v4, prefix_v6;
    struct bucket buckets[RESPONSE_RATE_SETS][RESPONSE_RATE_WAYS];
};

struct response_rate *
response_rate_new(const struct rate_limit_settings *settings, uint32_t server_count)
{
    if (settings->per_second == 0)
        return NULL;
    uint32_t servers = server_count > 0 ? server_count : 1;
    struct response_rate *rate = memory_zalloc(sizeof *rate);
    rate->key = hash_key_draw();
    rate->per_second = (settings->per_second + servers - 1) / servers;
    rate->slip = settings->slip;
    rate->prefix_v4 = settings->prefix_v4;
    rate->prefix_v6 = settings->prefix_v6;
    return rate;
}

void
response_rate_free(struct response_rate **rate)
{
    free(*rate);
    *rate = NULL;
}

static uint64_t
prefix_hash(const struct response_rate *rate, const struct address *peer)
{
    size_t length;
    const uint8_t *octets = address_octets(peer, &length);
    uint8_t prefix[16] = {0};
    unsigned bits = length == 4 ? rate->prefix_v4 : rate->prefix_v6;
    bits = bits > length * 8 ? (unsigned)length * 8 : bits;
    memcpy(prefix, octets, bits / 8);
    if (bits % 8 > 0)
        prefix[bits / 8] = (uint8_t)(octets[bits / 8] & (0xff00U >> (bits % 8)));
    return hash_octets(rate->key, prefix, length);
}

static uint64_t
answer_hash(const struct response_rate *rate, const struct address *peer, const struct query *query,
            const struct answer_outcome *outcome)
{
    uint64_t hash = hash_mix(prefix_hash(rate, peer), (uint64_t)outcome->kind);
    switch (outcome->kind) {
    case ANSWER_ERROR:
        return hash_mix(hash, outcome->rcode);
    case ANSWER_NXDOMAIN:
    case ANSWER_REFERRAL:
        return hash_mix(hash, (uint64_t)(uintptr_t)outcome->zone);
    case ANSWER_POSITIVE:
    case ANSWER_NODATA:
        break;
    }
    return hash_mix(hash, name_hash(query->lower, rate->key) + query->type);
}

// The key's bucket; the one unused for longest gives way.
static struct bucket *
bucket_find(struct response_rate *rate, uint64_t hash, uint32_t second)
{
    struct bucket *set = rate->buckets[hash % RESPONSE_RATE_SETS], *oldest = &set[0];
    uint32_t tag = (uint32_t)(hash >> 32) | 1;
    for (unsigned i = 0; i < RESPONSE_RATE_WAYS; i++) {
        if (set[i].tag == tag)
            return &set[i];
        if (set[i].second < oldest->second)
            oldest = &set[i];
    }
    *oldest = (struct bucket){.tag = tag, .second = second, .left = rate->per_second};
    return oldest;
}

enum response_rate_verdict
response_rate_take(struct response_rate *rate, const struct address *peer,
                   const struct query *query, const struct answer_outcome *outcome, int64_t now)
{
    uint32_t second = (uint32_t)now;
    struct bucket *bucket = bucket_find(rate, answer_hash(rate, peer, query, outcome), second);
    if (bucket->second != second) {
        bucket->second = second;
        bucket->left = rate->per_second;
    }
    if (bucket->left > 0) {
        bucket->left--;
        return RESPONSE_RATE_SEND;
    }
    bucket->held++;
    if (rate->slip > 0 && bucket->held % rate->slip == 0)
        return RESPONSE_RATE_TRUNCATE;
    return RESPONSE_RATE_DROP;
}
