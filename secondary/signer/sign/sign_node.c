#include "secondary/signer/sign/sign_node.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/fault.h"
#include "common/dns/rrtype.h"

#define RRSETS_ROOM (NODE_RRSETS_MAX + SIGN_ADDED_MAX)

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
        return type == RRTYPE_DS || type == RRTYPE_NSEC || type == RRTYPE_NSEC3;
    return standing == NODE_AUTHORITATIVE || type == RRTYPE_NSEC3;
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
denial_put(struct sign_hand *hand, const struct sign_common *common, uint16_t type,
           const uint8_t *rdata, size_t length, unsigned count)
{
    hand->nsec.length = 0;
    rrset_append(&hand->nsec, type, common->nsec_ttl, rdata, (uint16_t)length);
    struct rrset denial = {.type = type,
                           .rr_count = 1,
                           .ttl = common->nsec_ttl,
                           .wire = hand->nsec.data,
                           .wire_length = (uint32_t)hand->nsec.length};
    return rrset_put(hand->rrsets, count, &denial);
}

static unsigned
nsec_put(struct sign_hand *hand, const struct sign_common *common, const struct sign_item *item,
         unsigned count)
{
    uint8_t rdata[NSEC_RDATA_MAX];
    size_t length = nsec_rdata(item->next, hand->rrsets, count, item->standing, rdata);
    return denial_put(hand, common, RRTYPE_NSEC, rdata, length, count);
}

// What the name has without denial, into hand->rrsets.
static unsigned
content_gather(struct sign_hand *hand, const struct sign_common *common,
               const struct sign_item *item, bool apex)
{
    if (!item->content)
        return 0;
    unsigned count = node_unsigned_rrsets(item->content, apex, hand->rrsets, NODE_RRSETS_MAX);
    ENSURE(count <= NODE_RRSETS_MAX);
    for (unsigned i = 0; apex && i < common->added_count; i++)
        count = rrset_put(hand->rrsets, count, common->added[i]);
    return count;
}

// The RDATA of the NSEC3 at the item's owner, whose bitmap is that of another name; hand->rrsets is
// scratch.
static size_t
nsec3_make(struct sign_hand *hand, const struct sign_common *common, const struct sign_item *item,
           uint8_t ret_rdata[static NSEC3_RDATA_MAX])
{
    const struct nsec3_link *link = &common->links[item->link - 1];
    size_t length;
    if (link->item == NSEC3_LINK_OLD) {
        ENSURE(nsec3_rdata_again(item->old, link->next, ret_rdata, &length));
        return length;
    }
    const struct sign_item *named =
        link->item == NSEC3_LINK_EMPTY ? NULL : &common->items[link->item];
    unsigned count = named ? content_gather(hand, common, named, link->item == 0) : 0;
    return nsec3_rdata(common->nsec3, link->next, hand->rrsets, count,
                       named ? named->standing : NODE_EMPTY, ret_rdata);
}

// All RRsets that the record shall have, without signatures, into hand->rrsets.
static unsigned
rrsets_gather(struct sign_hand *hand, const struct sign_common *common,
              const struct sign_item *item, bool apex)
{
    uint8_t rdata[NSEC3_RDATA_MAX];
    size_t length = item->link ? nsec3_make(hand, common, item, rdata) : 0;
    unsigned count = content_gather(hand, common, item, apex);
    if (apex)
        count = rrset_put(hand->rrsets, count, common->soa);
    if (item->link)
        count = denial_put(hand, common, RRTYPE_NSEC3, rdata, length, count);
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
    return is_settled(hand, common, item, rrsets_gather(hand, common, item, apex));
}

// The owner of a record that may hold nothing but another name's NSEC3.
static const uint8_t *
item_owner(const struct sign_common *common, const struct sign_item *item,
           uint8_t name[static NAME_SIZE_MAX])
{
    if (item->content || item->old)
        return node_owner(item->content ? item->content : item->old);
    ENSURE(nsec3_owner(common->links[item->link - 1].hash, common->apex, name));
    return name;
}

// The run grows while signatures are added: places first, pointers at the end.
static bool
rrsets_sign(struct sign_hand *hand, const struct sign_common *common, const struct sign_item *item,
            const uint8_t *owner, unsigned count, bool apex)
{
    hand->run.length = 0;
    for (unsigned i = 0; i < count; i++) {
        struct rrset *rrset = &hand->rrsets[i], old;
        hand->run_at[i] = hand->run.length;
        bool waits = common->unsigned_yet && rrset->type == common->unsigned_yet->type;
        if (!sign_standing_signs(item->standing, rrset->type) || (apex && waits))
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
    uint8_t name[NAME_SIZE_MAX];
    item->result = NULL;
    unsigned count = rrsets_gather(hand, common, item, apex);
    if (count == 0)
        return true; // it goes; the store makes and removes empty non-terminals
    if (is_settled(hand, common, item, count)) {
        item->result = item->old;
        return true;
    }
    const uint8_t *owner = item_owner(common, item, name);
    sign_context_mark(hand->context);
    if (!rrsets_sign(hand, common, item, owner, count, apex))
        return false;
    item->must_verify = apex || sign_context_tally(hand->context)->first_of_key;
    item->result = node_build(hand->arena, owner, hand->rrsets, count);
    return true;
}

bool
sign_node_finish(struct sign_hand *hand, const struct sign_common *common, struct sign_item *item,
                 const struct rrset *rrset)
{
    const uint8_t *owner = node_owner(item->result);
    unsigned count = node_rrset_count(item->result);
    for (unsigned i = 0; i < count; i++)
        node_rrset_at(item->result, i, &hand->rrsets[i]);
    struct rrset complete = *rrset;
    hand->run.length = 0;
    if (sign_rrset(hand->context, owner, rrset, NULL, common->force, common->now, &hand->run,
                   &complete.signature_count) == SIGN_FAILED)
        return false;
    complete.signatures = hand->run.data;
    complete.signatures_length = (uint32_t)hand->run.length;
    count = rrset_put(hand->rrsets, count, &complete);
    item->result = node_build(hand->arena, owner, hand->rrsets, count);
    return true;
}
