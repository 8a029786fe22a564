// Sealing puts what came late to its owner's record, the records in canonical order (draft_sort;
// not at all where they came in it) and the empty non-terminals between them.
//
// Empty non-terminals fall out of the order: of two neighbours a < b the ancestors of b that lie
// deeper than what a and b have in common cannot exist, or they would stand between a and b.
#include "common/zone/draft_inside.h"

#include <stdlib.h>

#define NODES_FIRST 64

// The owner's record with what came late. An owner with nothing but orphan signatures has none.
static bool
owner_finish(struct draft *draft, struct draft_owner *owner, struct draft_findings *findings,
             struct fault *fault)
{
    draft_maker_clear(draft->maker);
    for (unsigned i = 0; i < node_rrset_count(owner->node); i++) {
        struct rrset rrset;
        node_rrset_at(owner->node, i, &rrset);
        draft_maker_add(draft->maker, rrset.wire, rrset.wire_length);
        draft_maker_add(draft->maker, rrset.signatures, rrset.signatures_length);
    }
    for (const struct draft_late *late = owner->late; late; late = late->next)
        draft_maker_add(draft->maker, late->run, late->length);
    const struct node *node =
        draft_maker_make(draft->maker, node_owner(owner->node), draft->records, findings, fault);
    if (!node)
        return false;
    owner->node = node;
    return true;
}

static bool
owners_finish(struct draft *draft, struct draft_findings *findings, struct fault *fault)
{
    for (size_t i = 0; i < draft->owners.count; i++) {
        struct draft_owner *owner = draft_owner_at(draft, i);
        if (owner->late && !owner_finish(draft, owner, findings, fault))
            return false;
    }
    return true;
}

static void
node_put(struct draft *draft, const struct node *node)
{
    if (draft->node_count == draft->node_room) {
        draft->node_room += draft->node_room / 2 + NODES_FIRST;
        draft->nodes = memory_realloc(draft->nodes, draft->node_room * sizeof *draft->nodes);
    }
    draft->nodes[draft->node_count++] = node;
}

// The empty non-terminals between what the last record and name have in common, and name.
static void
empty_put(struct draft *draft, const uint8_t *name, unsigned labels)
{
    const struct node *last = draft->node_count ? draft->nodes[draft->node_count - 1] : NULL;
    unsigned depth = last ? name_common_labels(node_owner(last), name) + 1 : draft->apex_labels;
    for (; depth < labels; depth++)
        node_put(draft, node_build(draft->records, name_skip(name, labels - depth), NULL, 0));
}

// ranks: of each owner's place the place of its record; NULL where owners are in order.
static void
nodes_fill(struct draft *draft, const uint32_t *sorted, uint32_t *ranks)
{
    for (size_t i = 0; i < draft->owners.count; i++) {
        size_t place = sorted ? sorted[i] : i;
        const struct node *node = draft_owner_at(draft, place)->node;
        if (node_rrset_count(node) == 0)
            continue;
        unsigned labels = node_owner_labels(node);
        // A neighbour one label below the apex brings none: so it is with most names.
        if (draft->node_count == 0 || labels > draft->apex_labels + 1)
            empty_put(draft, node_owner(node), labels);
        if (ranks)
            ranks[place] = (uint32_t)draft->node_count;
        node_put(draft, node);
    }
    if (draft->node_count == 0) // nothing at all: the apex alone, empty
        node_put(draft, node_build(draft->records, draft->apex, NULL, 0));
}

// All records, or the empty ones only.
static void
nodes_enter(struct draft *draft, bool all)
{
    draft_table_room(draft, draft->node_count);
    if (all)
        draft_table_enter_all(draft, draft->nodes, draft->node_count);
    for (size_t i = 0; !all && i < draft->node_count; i++)
        if (node_rrset_count(draft->nodes[i]) == 0)
            draft_table_enter(draft, draft->nodes[i], i);
}

// The table of owners becomes that of records: each name stays in its slot.
static void
table_follow(struct draft *draft, const uint32_t *ranks)
{
    for (size_t i = 0; i < draft->slot_count; i++)
        if (draft->slots[i].place)
            draft->slots[i].place = ranks[draft->slots[i].place - 1] + 1;
    nodes_enter(draft, false);
}

static bool
has_bare_owner(const struct draft *draft)
{
    for (size_t i = 0; i < draft->owners.count; i++)
        if (node_rrset_count(draft_owner_at(draft, i)->node) == 0)
            return true;
    return false;
}

static void
order_make(struct draft *draft)
{
    bool follow = !draft->in_order && !has_bare_owner(draft); // such an owner would have to leave
    uint32_t *sorted = draft->in_order ? NULL : draft_sort(draft);
    uint32_t *ranks = follow ? memory_alloc(draft->owners.count * sizeof *ranks) : NULL;
    if (!follow) {
        free(draft->slots);
        draft->slots = NULL;
    }
    nodes_fill(draft, sorted, ranks);
    vector_close(&draft->owners);
    if (follow)
        table_follow(draft, ranks);
    else
        nodes_enter(draft, true);
    free(ranks);
    free(sorted);
}

bool
draft_seal(struct draft *draft, struct draft_findings *ret_findings, struct fault *fault)
{
    ENSURE(!draft->sealed);
    struct draft_findings findings = {0};
    draft_group_close(draft);
    if (!owners_finish(draft, &findings, fault))
        return false;
    findings.duplicates += draft->duplicates;
    // What came late is in the records now; it goes before sorting, which is the largest need.
    arena_free(&draft->intake);
    draft_maker_free(&draft->maker);
    octets_buffer_close(&draft->group.run);
    order_make(draft);
    draft->sealed = true;
    if (ret_findings)
        *ret_findings = findings;
    return true;
}
