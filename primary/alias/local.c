#include "primary/alias/local.h"

#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"

// The one name in the first RR of the type, or NULL.
static const uint8_t *
first_target(const struct node *node, uint16_t type)
{
    struct rrset rrset;
    struct rr rr;
    uint32_t position = 0;
    if (!node_rrset_find(node, type, &rrset) ||
        !rrset_next(rrset.wire, rrset.wire_length, &position, &rr))
        return NULL;
    return rdata_target(type, rr.rdata, rr.rdlength);
}

static void
node_answer(const struct node *node, uint16_t type, struct local_answer *answer)
{
    const uint8_t *renamed = first_target(node, RRTYPE_CNAME);
    answer->node = node;
    if (renamed) {
        answer->kind = LOCAL_RENAMED;
        name_copy_lower(answer->next, renamed);
    } else if (node_has(node, RRTYPE_ALIAS)) {
        answer->kind = LOCAL_ALIAS;
    } else {
        answer->kind = node_has(node, type) ? LOCAL_RRSET : LOCAL_NODATA;
    }
}

static void
dname_answer(const struct node *node, const uint8_t *name, const uint8_t *target,
             struct local_answer *answer)
{
    uint8_t next[NAME_SIZE_MAX];
    answer->kind = LOCAL_TOO_LONG;
    if (!name_replace_suffix(name, node_owner(node), target, next))
        return;
    name_copy_lower(answer->next, next);
    answer->kind = LOCAL_RENAMED;
}

// A cut at the name or above, or a DNAME above it, is met on the way down. True: answered.
static bool
met_above(const struct node *node, bool is_apex, const uint8_t *name, struct local_answer *answer)
{
    bool above = !name_equal(node_owner(node), name);
    const uint8_t *target;
    if (!is_apex && node_has(node, RRTYPE_NS)) {
        answer->kind = LOCAL_DELEGATED;
        return true;
    }
    if (above && (target = first_target(node, RRTYPE_DNAME))) {
        dname_answer(node, name, target, answer);
        return true;
    }
    return false;
}

void
local_step(const struct draft *zone, const uint8_t *name, uint16_t type,
           struct local_answer *ret_answer)
{
    unsigned labels = name_labels(name), apex_labels = name_labels(draft_apex(zone));
    uint8_t wildcard[NAME_SIZE_MAX];
    const struct node *encloser = NULL;
    *ret_answer = (struct local_answer){.kind = LOCAL_NXDOMAIN};
    for (unsigned depth = apex_labels; depth <= labels; depth++) {
        const struct node *node = draft_find(zone, name_skip(name, labels - depth));
        if (!node)
            break;
        if (met_above(node, depth == apex_labels, name, ret_answer))
            return;
        encloser = node;
    }
    if (encloser && name_equal(node_owner(encloser), name)) {
        node_answer(encloser, type, ret_answer);
        return;
    }
    const struct node *source = NULL;
    if (encloser && name_wildcard_of(node_owner(encloser), wildcard))
        source = draft_find(zone, wildcard);
    if (source)
        node_answer(source, type, ret_answer);
}
