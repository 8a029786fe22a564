#include "common/zone/freeze.h"

#include "common/zone/index_chain.h"

static const struct change *
change_at(const struct change_set *set, size_t place)
{
    return (const struct change *)set->changes.items + place;
}

static bool
fault_damaged(struct fault *fault)
{
    return fault_set(fault, FAULT_CORRUPT,
                     "heap: a record is damaged; publish the whole zone anew from its source");
}

static void
item_add(struct vector *items, const struct node *node, uint64_t reference)
{
    struct index_item item = {.node = node, .reference = reference};
    vector_add(items, &item);
}

static void
change_add(struct vector *items, const struct change *change)
{
    if (change->node)
        item_add(items, change->node, change->reference);
}

bool
freeze_whole(const struct version *version, const struct change_set *set, struct vector *ret_items,
             struct fault *fault)
{
    struct version_cursor cursor;
    struct version_hit hit;
    size_t next = 0, count = set ? set->changes.count : 0;
    version_cursor_first(&cursor, version);
    while (version_cursor_hit(&cursor, &hit)) {
        int order = -1;
        while (next < count &&
               (order = name_compare(node_owner(hit.node), change_at(set, next)->name)) > 0)
            change_add(ret_items, change_at(set, next++));
        if (next < count && order == 0)
            change_add(ret_items, change_at(set, next++));
        else
            item_add(ret_items, hit.node, hit.slot->reference);
    }
    for (; next < count; next++)
        change_add(ret_items, change_at(set, next));
    if (cursor.damaged)
        return fault_damaged(fault);
    index_items_flag(ret_items->items, ret_items->count, set ? &set->chain : version->chain);
    return true;
}

// ---- overlay ----

struct overlay_freeze {
    const struct version *version;
    struct vector *items;
};

// A name that the former overlay has and that does not change again.
static bool
former_add(const struct overlay_freeze *freeze, size_t position)
{
    const struct index *overlay = freeze->version->overlay;
    const struct index_slot *slot = overlay->slots + overlay->order[position];
    struct index_item item = {
        .node = index_node(overlay, &freeze->version->heaps, overlay->order[position]),
        .reference = slot->reference,
        .place = overlay->places[position],
        .cut_depth = slot->cut_depth,
        .flags = slot->flags,
    };
    vector_add(freeze->items, &item);
    return item.node != NULL;
}

// Where a name that comes into the overlay stands against the base.
static bool
base_place(const struct version *version, const struct change *change, struct index_item *item)
{
    size_t node, owner;
    if (!index_lower_bound(version->base, &version->heaps, change->name, &node) ||
        !index_chain_bound(version->base, &version->heaps, change->name, false, &owner))
        return false;
    item->place = (struct index_place){.node = (uint32_t)node, .chain = (uint32_t)owner};
    if (change->old.node)
        item->flags |= INDEX_IN_BASE;
    if (change->old.node && (change->old.slot->flags & INDEX_IN_CHAIN))
        item->flags |= INDEX_BASE_IN_CHAIN;
    return true;
}

// former: the position of the name in the former overlay, or -1.
static bool
changed_add(const struct overlay_freeze *freeze, const struct change *change, ptrdiff_t former)
{
    const struct version *version = freeze->version;
    struct index_item item = {.node = change->node,
                              .reference = change->reference,
                              .cut_depth = change->cut_depth,
                              .flags = change->flags};
    if (former >= 0) {
        const struct index *overlay = version->overlay;
        uint32_t slot = overlay->order[former];
        item.place = overlay->places[former];
        item.flags |= overlay->slots[slot].flags & (INDEX_IN_BASE | INDEX_BASE_IN_CHAIN);
        if (!item.node) {
            item.node = index_node(overlay, &version->heaps, slot);
            item.reference = overlay->slots[slot].reference;
        }
    } else {
        if (!base_place(version, change, &item))
            return false;
        if (!item.node && change->old.node) {
            item.node = change->old.node;
            item.reference = change->old.slot->reference;
        }
    }
    if (!change->node && !(item.flags & INDEX_IN_BASE))
        return true; // it came since the base, and goes without a trace
    if (!change->node)
        item.flags |= INDEX_DELETED;
    vector_add(freeze->items, &item);
    return item.node != NULL;
}

bool
freeze_overlay(const struct version *version, const struct change_set *set,
               struct vector *ret_items, struct fault *fault)
{
    struct overlay_freeze freeze = {.version = version, .items = ret_items};
    const struct index *overlay = version->overlay;
    size_t former = 0, formers = overlay ? index_names(overlay) : 0;
    bool whole = true;
    for (size_t i = 0; i < set->changes.count && whole; i++) {
        const struct change *change = change_at(set, i);
        ptrdiff_t same = -1;
        for (; former < formers && whole; former++) {
            const struct node *node = index_node(overlay, &version->heaps, overlay->order[former]);
            int order = node ? name_compare(node_owner(node), change->name) : 0;
            whole = node != NULL;
            if (order >= 0) {
                same = order == 0 ? (ptrdiff_t)former++ : -1;
                break;
            }
            whole = former_add(&freeze, former);
        }
        whole = whole && changed_add(&freeze, change, same);
    }
    for (; former < formers && whole; former++)
        whole = former_add(&freeze, former);
    return whole || fault_damaged(fault);
}

void
freeze_count(const struct vector *items, struct version_facts *facts, uint64_t *ret_living_octets)
{
    const struct index_item *item = items->items;
    facts->node_count = items->count;
    facts->rr_count = facts->signature_count = *ret_living_octets = 0;
    for (size_t i = 0; i < items->count; i++) {
        *ret_living_octets += node_size(item[i].node);
        for (unsigned k = 0; k < node_rrset_count(item[i].node); k++) {
            struct rrset rrset;
            node_rrset_at(item[i].node, k, &rrset);
            facts->rr_count += rrset.rr_count;
            facts->signature_count += rrset.signature_count;
        }
    }
}
