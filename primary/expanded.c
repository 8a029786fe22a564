#include "primary/expanded.h"

#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"

// All RRsets of a record, in ascending order of type.
struct rrset_list {
    struct rrset items[NODE_RRSETS_MAX + 2];
    unsigned count;
};

static void
list_add(struct rrset_list *list, const struct rrset *rrset)
{
    unsigned at = list->count++;
    for (; at > 0 && list->items[at - 1].type > rrset->type; at--)
        list->items[at] = list->items[at - 1];
    list->items[at] = *rrset;
}

const struct node *
expanded_node(struct arena *arena, const struct node *source, const struct node *addresses)
{
    struct rrset_list list = {.count = 0};
    struct rrset rrset;
    for (unsigned i = 0; source && i < node_rrset_count(source); i++) {
        node_rrset_at(source, i, &rrset);
        if (rrset.type != RRTYPE_ALIAS)
            list_add(&list, &rrset);
    }
    static const uint16_t types[] = {RRTYPE_A, RRTYPE_AAAA};
    for (unsigned i = 0; addresses && i < 2; i++)
        if (node_rrset_find(addresses, types[i], &rrset) && !(source && node_has(source, types[i])))
            list_add(&list, &rrset);
    if (list.count == 0)
        return NULL;
    return node_build(arena, node_owner(source ? source : addresses), list.items, list.count);
}

// The SOA's run with another serial, in the arena.
static void
serial_set(struct arena *arena, struct rrset *soa, uint32_t serial)
{
    struct rr rr;
    uint32_t position = 0;
    bool has = rrset_next(soa->wire, soa->wire_length, &position, &rr);
    ENSURE(has);
    uint8_t *wire = arena_copy(arena, soa->wire, soa->wire_length);
    rdata_soa_set_serial(wire + (rr.rdata - soa->wire), rr.rdlength, serial);
    soa->wire = wire;
}

const struct node *
expanded_with_serial(struct arena *arena, const struct node *apex_node, uint32_t serial)
{
    struct rrset_list list = {.count = node_rrset_count(apex_node)};
    for (unsigned i = 0; i < list.count; i++) {
        node_rrset_at(apex_node, i, &list.items[i]);
        if (list.items[i].type == RRTYPE_SOA)
            serial_set(arena, &list.items[i], serial);
    }
    return node_build(arena, node_owner(apex_node), list.items, list.count);
}

struct draft *
expanded_draft(const struct draft *source, const struct draft *addresses, uint32_t serial,
               struct fault *fault)
{
    struct draft *draft = draft_new(draft_apex(source));
    struct arena *arena = arena_new();
    struct draft_findings findings;
    for (size_t i = 0; i < draft_node_count(source); i++) {
        const struct node *of_source = draft_node_at(source, i), *node = of_source;
        if (node_has(node, RRTYPE_ALIAS))
            node = expanded_node(arena, node,
                                 addresses ? draft_find(addresses, node_owner(node)) : NULL);
        if (node && i == 0)
            node = expanded_with_serial(arena, node, serial);
        if (node == of_source)
            draft_borrow_node(draft, node);
        else if (node)
            draft_add_node(draft, node);
    }
    arena_free(&arena);
    if (!draft_seal(draft, &findings, fault))
        draft_free(&draft);
    return draft;
}

uint32_t
expanded_serial(const struct node *apex_node)
{
    struct rrset soa;
    struct rr rr;
    struct rdata_soa rdata;
    uint32_t position = 0;
    bool has = node_rrset_find(apex_node, RRTYPE_SOA, &soa) &&
               rrset_next(soa.wire, soa.wire_length, &position, &rr) &&
               rdata_soa_read(rr.rdata, rr.rdlength, &rdata);
    ENSURE(has);
    return rdata.serial;
}
