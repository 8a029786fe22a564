#include "secondary/signer/sign/verify_chain.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/dns/rrtype.h"
#include "secondary/signer/sign/verify_report.h"

struct link {
    uint8_t hash[NSEC3_HASH_SIZE];
    const struct node *node;
};

struct verify_chain {
    const struct verify_zone *zone;
    struct link *links;
    size_t count, capacity;
    uint64_t *claimed;             // a bit for each link
    uint8_t next[NSEC3_HASH_SIZE]; // next: of the last one added
};

struct verify_chain *
verify_chain_new(const struct verify_zone *zone)
{
    struct verify_chain *chain = memory_zalloc(sizeof *chain);
    chain->zone = zone;
    return chain;
}

void
verify_chain_free(struct verify_chain **chain)
{
    if (!*chain)
        return;
    free((*chain)->links);
    free((*chain)->claimed);
    free(*chain);
    *chain = NULL;
}

static void
next_check(const struct verify_chain *chain, const uint8_t *should, struct verify_report *report)
{
    char is_text[NSEC3_LABEL_SIZE + 1], should_text[NSEC3_LABEL_SIZE + 1];
    if (memcmp(chain->next, should, NSEC3_HASH_SIZE) != 0)
        verify_report_add(report, node_owner(chain->links[chain->count - 1].node), RRTYPE_NSEC3,
                          "next", "the next hash is %s, that of the next NSEC3 is %s",
                          verify_hash_text(chain->next, is_text),
                          verify_hash_text(should, should_text));
}

void
verify_chain_add(struct verify_chain *chain, const struct node *node, struct verify_report *report)
{
    struct verify_link link;
    if (!verify_link_read(chain->zone->apex, &chain->zone->parameters, node, &link))
        return;
    if (chain->count > 0)
        next_check(chain, link.hash, report);
    if (chain->count == chain->capacity) {
        chain->capacity = chain->capacity ? chain->capacity + chain->capacity / 2 : 64;
        chain->links = memory_realloc(chain->links, chain->capacity * sizeof *chain->links);
    }
    struct link *added = &chain->links[chain->count++];
    memcpy(added->hash, link.hash, NSEC3_HASH_SIZE);
    added->node = node;
    memcpy(chain->next, link.rdata.next, NSEC3_HASH_SIZE);
}

void
verify_chain_end(struct verify_chain *chain, struct verify_report *report)
{
    chain->claimed = memory_zalloc((chain->count / 64 + 1) * sizeof *chain->claimed);
    if (chain->count > 0)
        next_check(chain, chain->links[0].hash, report);
}

size_t
verify_chain_count(const struct verify_chain *chain)
{
    return chain->count;
}

// The first link that is not before hash.
static size_t
lower_bound(const struct verify_chain *chain, const uint8_t *hash)
{
    size_t low = 0, high = chain->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (memcmp(chain->links[middle].hash, hash, NSEC3_HASH_SIZE) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void
verify_chain_find(void *context, const uint8_t hash[static NSEC3_HASH_SIZE], bool claim,
                  bool want_cover, struct verify_denier *ret_denier)
{
    struct verify_chain *chain = context;
    size_t at = lower_bound(chain, hash);
    *ret_denier = (struct verify_denier){0};
    if (at < chain->count && memcmp(chain->links[at].hash, hash, NSEC3_HASH_SIZE) == 0) {
        ret_denier->match = chain->links[at].node;
        if (claim)
            __atomic_fetch_or(&chain->claimed[at / 64], UINT64_C(1) << at % 64, __ATOMIC_RELAXED);
    } else if (want_cover && chain->count > 0) {
        ret_denier->cover = chain->links[at > 0 ? at - 1 : chain->count - 1].node;
    }
}

void
verify_chain_unclaimed(const struct verify_chain *chain, struct verify_report *report)
{
    for (size_t i = 0; i < chain->count; i++)
        if (!(chain->claimed[i / 64] & UINT64_C(1) << i % 64))
            verify_report_add(report, node_owner(chain->links[i].node), RRTYPE_NSEC3, "extra-nsec3",
                              "no name of the zone has this hash");
}
