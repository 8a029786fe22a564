#include "secondary/signer/sign/sign_node.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/fault.h"
#include "common/dns/rrtype.h"

#define RRSETS_ROOM (NODE_RRSETS_MAX + 2) // NSEC and DNSKEY are added

void
sign_hand_init(struct sign_hand *hand, struct sign_context *context)
{
    *hand = (struct sign_hand){
        .context = context,
        .arena = arena_new(),
        .rrsets = memory_alloc(RRSETS_ROOM * sizeof *hand->rrsets),
        .run_at = memory_alloc(RRSETS_ROOM * sizeof *hand->run_at),
    };
    octets_buffer_init(&hand->run);
    octets_buffer_init(&hand->nsec);
}

void
sign_hand_close(struct sign_hand *hand)
{
    arena_free(&hand->arena);
    free(hand->rrsets);
    free(hand->run_at);
    octets_buffer_close(&hand->run);
    octets_buffer_close(&hand->nsec);
}

bool
sign_standing_signs(enum node_standing standing, uint16_t type)
{
    if (standing == NODE_DELEGATION)
        return type == RRTYPE_DS || type == RRTYPE_NSEC;
    return standing == NODE_AUTHORITATIVE;
}

// Puts an RRset at its place by type, over one of the same type.
static unsigned
rrset_put(struct rrset *rrsets, unsigned count, const struct rrset *rrset)
{
    unsigned at = count;
    while (at > 0 && rrsets[at - 1].type >= rrset->type)
        at--;
    if (at == count || rrsets[at].type != rrset->type) {
        memmove(rrsets + at + 1, rrsets + at, (count - at) * sizeof *rrsets);
        count++;
    }
    rrsets[at] = *rrset;
    return count;
}

static unsigned
nsec_put(struct sign_hand *hand, const struct sign_common *common, const struct sign_item *item,
         unsigned count)
{
    uint8_t rdata[NSEC_RDATA_MAX];
    size_t length = nsec_rdata(item->next, hand->rrsets, count, item->standing, rdata);
    hand->nsec.length = 0;
    rrset_append(&hand->nsec, RRTYPE_NSEC, common->nsec_ttl, rdata, (uint16_t)length);
    struct rrset nsec = {.type = RRTYPE_NSEC,
                         .rr_count = 1,
                         .ttl = common->nsec_ttl,
                         .wire = hand->nsec.data,
                         .wire_length = (uint32_t)hand->nsec.length};
    return rrset_put(hand->rrsets, count, &nsec);
}

// All RRsets that the record shall have, without signatures, into hand->rrsets.
static unsigned
rrsets_gather(struct sign_hand *hand, const struct sign_common *common,
              const struct sign_item *item, bool apex)
{
    unsigned count = node_unsigned_rrsets(item->content, apex, hand->rrsets, NODE_RRSETS_MAX);
    ENSURE(count <= NODE_RRSETS_MAX);
    if (apex) {
        count = rrset_put(hand->rrsets, count, common->soa);
        count = rrset_put(hand->rrsets, count, common->dnskey);
    }
    return item->next ? nsec_put(hand, common, item, count) : count;
}

static bool
is_settled(const struct sign_hand *hand, const struct sign_common *common,
           const struct sign_item *item, unsigned count)
{
    if (!item->old || common->force || node_rrset_count(item->old) != count)
        return false;
    for (unsigned i = 0; i < count; i++) {
        struct rrset old;
        node_rrset_at(item->old, i, &old);
        const struct rrset *rrset = &hand->rrsets[i];
        bool same = sign_standing_signs(item->standing, rrset->type)
                        ? old.type == rrset->type &&
                              sign_rrset_is_settled(hand->context, rrset, &old, common->now)
                        : rrset_equal(rrset, &old, false) && old.signature_count == 0;
        if (!same)
            return false;
    }
    return true;
}

bool
sign_node_is_settled(struct sign_hand *hand, const struct sign_common *common,
                     const struct sign_item *item, bool apex)
{
    return item->content && is_settled(hand, common, item, rrsets_gather(hand, common, item, apex));
}

// The run grows while signatures are added: places first, pointers at the end.
static bool
rrsets_sign(struct sign_hand *hand, const struct sign_common *common, const struct sign_item *item,
            unsigned count)
{
    const uint8_t *owner = node_owner(item->content);
    hand->run.length = 0;
    for (unsigned i = 0; i < count; i++) {
        struct rrset *rrset = &hand->rrsets[i], old;
        hand->run_at[i] = hand->run.length;
        if (!sign_standing_signs(item->standing, rrset->type))
            continue;
        bool has_old = item->old && node_rrset_find(item->old, rrset->type, &old);
        if (sign_rrset(hand->context, owner, rrset, has_old ? &old : NULL, common->force,
                       common->now, &hand->run, &rrset->signature_count) == SIGN_FAILED)
            return false;
        rrset->signatures_length = (uint32_t)(hand->run.length - hand->run_at[i]);
    }
    for (unsigned i = 0; i < count; i++)
        if (hand->rrsets[i].signature_count)
            hand->rrsets[i].signatures = hand->run.data + hand->run_at[i];
    return true;
}

bool
sign_node(struct sign_hand *hand, const struct sign_common *common, struct sign_item *item,
          bool apex)
{
    item->result = NULL;
    if (!item->content || item->standing == NODE_EMPTY)
        return true; // the store makes and removes empty non-terminals
    unsigned count = rrsets_gather(hand, common, item, apex);
    if (is_settled(hand, common, item, count)) {
        item->result = item->old;
        return true;
    }
    sign_context_mark(hand->context);
    if (!rrsets_sign(hand, common, item, count))
        return false;
    item->must_verify = apex || sign_context_tally(hand->context)->first_of_key;
    item->result = node_build(hand->arena, node_owner(item->content), hand->rrsets, count);
    return true;
}
