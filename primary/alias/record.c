#include "primary/alias/record.h"

#include "common/dns/name.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"

static void
node_records(const struct node *node, struct vector *records)
{
    struct rrset rrset;
    struct rr rr;
    uint32_t position = 0;
    if (!node_rrset_find(node, RRTYPE_ALIAS, &rrset))
        return;
    while (rrset_next(rrset.wire, rrset.wire_length, &position, &rr)) {
        struct alias_record record = {.owner = node_owner(node),
                                      .target = rdata_target(RRTYPE_ALIAS, rr.rdata, rr.rdlength),
                                      .ttl = rr.ttl};
        if (record.target)
            vector_add(records, &record);
    }
}

void
record_find(const struct draft *source, struct vector *ret_records)
{
    const uint8_t *cut = NULL; // the last one; what is below it follows it in canonical order
    for (size_t i = 0; i < draft_node_count(source); i++) {
        const struct node *node = draft_node_at(source, i);
        const uint8_t *owner = node_owner(node);
        if (cut && name_is_at_or_below(owner, cut))
            continue;
        if (i > 0 && node_has(node, RRTYPE_NS))
            cut = owner; // what stands at the cut is the child's, too
        else
            node_records(node, ret_records);
        if (node_has(node, RRTYPE_DNAME))
            cut = owner;
    }
}
