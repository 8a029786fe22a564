#include "common/answer/additional.h"

#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "common/zone/find.h"

// The record with the target's addresses: the zone's own data or glue; NULL when the zone has none
// or a DNAME hides it. *ret_damaged: it has one that cannot be read.
static const struct node *
target_find(const struct version *version, const uint8_t *target, bool *ret_damaged)
{
    struct name_suffixes suffixes;
    struct zone_match match;
    *ret_damaged = false;
    if (!name_is_at_or_below(target, version_apex(version)))
        return NULL;
    uint64_t hash = name_hash_lower(target, version_hash_key(version));
    zone_find_hashed(version, target, hash, &suffixes, &match);
    *ret_damaged = match.damaged;
    return match.cut && match.cut_is_dname ? NULL : match.node;
}

static void
address_add(struct reply *reply, const struct node *node, uint16_t type, bool optional)
{
    struct rrset rrset;
    struct reply_rrset add = {.section = MESSAGE_ADDITIONAL,
                              .owner = node_owner(node),
                              .rrset = &rrset,
                              .signatures = true,
                              .optional = optional};
    if (node_rrset_find(node, type, &rrset))
        reply_add(reply, &add, NULL);
}

// The name whose addresses a client will want next; NULL: none.
static const uint8_t *
rr_target(const struct rr *rr, const uint8_t *owner)
{
    const uint8_t *target = rdata_target(rr->type, rr->rdata, rr->rdlength);
    if (!target)
        return NULL;
    bool service = rr->type == RRTYPE_SVCB || rr->type == RRTYPE_HTTPS;
    if (service && target[0] == 0)
        return octets_get_u16(rr->rdata) > 0 ? owner : NULL;
    return target;
}

// False: damaged.
static bool
addresses_add(struct reply *reply, const struct additional *additional, const uint8_t *target,
              bool optional)
{
    bool damaged;
    const struct node *node = target_find(additional->version, target, &damaged);
    if (!node)
        return !damaged;
    // The target stands in the message already: its addresses can point there.
    const uint8_t *wire = additional->rrset.wire;
    bool inside = target >= wire && target < wire + additional->rrset.wire_length;
    if (inside && additional->offset > 0)
        reply_anchor(reply, target, additional->offset + (size_t)(target - wire));
    address_add(reply, node, RRTYPE_A, optional);
    address_add(reply, node, RRTYPE_AAAA, optional);
    return true;
}

// But those at or below cut (NULL: none).
static void
courtesies_add(struct reply *reply, const struct additional *additional, const uint8_t *cut)
{
    const struct rrset *rrset = &additional->rrset;
    uint32_t position = 0;
    struct rr rr;
    for (unsigned i = 0; i < ADDITIONAL_TARGETS_MAX && !reply->truncated; i++) {
        if (!rrset_next(rrset->wire, rrset->wire_length, &position, &rr))
            return;
        const uint8_t *target = rr_target(&rr, additional->owner);
        if (target && !(cut && name_is_at_or_below(target, cut)))
            addresses_add(reply, additional, target, true);
    }
}

void
additional_add(struct reply *reply, const struct additional *additional)
{
    courtesies_add(reply, additional, NULL);
}

bool
additional_add_glue(struct reply *reply, const struct additional *additional, const uint8_t *cut)
{
    const struct rrset *rrset = &additional->rrset;
    uint32_t position = 0;
    struct rr rr;
    while (rrset_next(rrset->wire, rrset->wire_length, &position, &rr) && !reply->truncated) {
        const uint8_t *target = rr_target(&rr, additional->owner);
        if (target && name_is_at_or_below(target, cut) &&
            !addresses_add(reply, additional, target, false))
            return false;
    }
    courtesies_add(reply, additional, cut);
    return true;
}
