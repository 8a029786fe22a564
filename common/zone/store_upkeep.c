// Upkeep of a store: nothing here changes what the zone says.
//
// Compaction copies into the next generation, at most so many octets a call. Until all is copied
// the index refers to two generations (the older by HEAP_OLD), new records go to the younger, and
// the older one's file goes when neither kept version needs it.
#include "common/zone/freeze.h"
#include "common/zone/journal_write.h"
#include "common/zone/store.h"
#include "common/zone/store_inside.h"
#include "common/zone/version_inside.h"

#define COMPACT_DEAD_MIN (UINT64_C(1) << 20) // less is not worth a copy of the zone
// Octets of an index for each name at most: a slot at the lowest load twice over, places, samples.
#define INDEX_NAME_OCTETS 80

bool
store_wants_merge(const struct store *store)
{
    const struct version *version = store->current;
    // Half of what an overlay may hold, so that a publish rarely has to write a full index itself.
    return version && version->overlay &&
           index_names(version->overlay) > store->overlay_entries_max / 2;
}

bool
store_merge(struct store *store, struct fault *fault)
{
    if (!store->current)
        return store_fault_nothing(store, fault);
    if (!store->current->overlay)
        return true;
    struct vector items;
    vector_init(&items, sizeof(struct index_item));
    bool merged = freeze_whole(store->current, NULL, &items, fault);
    if (merged) {
        struct version_facts facts = store_facts_again(store);
        struct index_plan plan = store_plan(store, INDEX_FULL, &facts);
        plan.heap_length = store->current->header->heap_length;
        merged = store_index_publish(store, &plan, &items, fault);
    }
    vector_close(&items);
    return store_wrap(store, merged, fault);
}

static uint64_t
heap_octets(const struct version *version)
{
    return version->header->heap_length + version->header->old_heap_length;
}

// What the next generation would hold.
static uint64_t
living_octets(const struct version *version)
{
    return version->header->living_octets + version->header->journal.octets;
}

bool
store_wants_compact(const struct store *store)
{
    if (!store->current)
        return false;
    if (store->pooled)
        return store_pool_moved(store);
    const struct index_header *header = store->current->header;
    if (store_takes_pool(store, header->living_octets))
        return true;
    uint64_t octets = heap_octets(store->current), living = living_octets(store->current);
    uint64_t dead = octets > living ? octets - living : 0;
    return header->old_generation != 0 || (dead > living && dead > COMPACT_DEAD_MIN);
}

// Copies items of the old generation until the limit; gives whether none is left.
static bool
items_copy(struct heap_writer *heap, struct vector *items, uint64_t octets_max, bool *ret_all,
           struct fault *fault)
{
    uint64_t octets = 0;
    size_t count = 0;
    for (; count < items->count && octets < octets_max; count++) {
        const struct index_item *item = vector_at(items, count);
        if (item->reference & HEAP_OLD)
            octets += node_size(item->node);
    }
    if (!heap_writer_reserve(heap, octets, fault))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct index_item *item = vector_at(items, i);
        if ((item->reference & HEAP_OLD) &&
            !heap_writer_add(heap, item->node, &item->reference, fault))
            return false;
    }
    *ret_all = true;
    for (size_t i = count; i < items->count; i++) {
        const struct index_item *item = vector_at(items, i);
        *ret_all = *ret_all && !(item->reference & HEAP_OLD);
    }
    return heap_writer_sync(heap, fault);
}

static bool
items_compact(struct store *store, struct heap_writer *heap, struct vector *items,
              uint64_t octets_max, struct index_plan *plan, struct fault *fault)
{
    bool all;
    if (!items_copy(heap, items, octets_max, &all, fault))
        return false;
    plan->heap_length = heap->end;
    if (all) {
        plan->old_generation = 0;
        plan->old_heap_length = 0;
    }
    return store_index_publish(store, plan, items, fault);
}

// The steps of the journal go first and in one call, so that they never lead from one generation to
// another; what is more than a call may copy is dropped.
static bool
journal_compact(const struct store *store, struct heap_writer *heap, struct index_journal *journal,
                struct fault *fault)
{
    uint64_t octets_max = store->journal_octets_max < store->compact_octets_max
                              ? store->journal_octets_max
                              : store->compact_octets_max;
    *journal = journal_keep(store->current, NULL, octets_max);
    return heap_writer_reserve(heap, journal->octets, fault) &&
           journal_copy(store->current, heap, journal, fault);
}

// The first step: everything is old now.
static bool
compact_begin(struct store *store, struct vector *items, struct index_plan *plan,
              struct fault *fault)
{
    struct heap_writer heap;
    if (!store_heap_create(store, &heap, fault))
        return false;
    for (size_t i = 0; i < items->count; i++) {
        struct index_item *item = vector_at(items, i);
        item->reference |= HEAP_OLD;
    }
    plan->old_generation = plan->generation;
    plan->old_heap_length = store->current->header->heap_length;
    plan->generation = heap.generation;
    bool compacted = journal_compact(store, &heap, &plan->journal, fault) &&
                     items_compact(store, &heap, items,
                                   store->compact_octets_max - plan->journal.octets, plan, fault);
    if (compacted)
        store_heap_adopt(store, &heap);
    else
        store_heap_abandon(store, &heap);
    return compacted;
}

bool
store_compact(struct store *store, struct fault *fault)
{
    if (!store->current)
        return store_fault_nothing(store, fault);
    if (store->pooled)
        return store_wrap(store, store_pool_follow(store, fault), fault);
    struct vector items;
    vector_init(&items, sizeof(struct index_item));
    bool compacted = freeze_whole(store->current, NULL, &items, fault);
    if (compacted) {
        struct version_facts facts = store_facts_again(store);
        struct index_plan plan = store_plan(store, INDEX_FULL, &facts);
        if (store_takes_pool(store, plan.living_octets))
            compacted = store_pool_publish(store, &items, NULL, &plan, fault);
        else if (plan.old_generation == 0)
            compacted = compact_begin(store, &items, &plan, fault);
        else
            compacted =
                store_heap_ready(store, fault) &&
                items_compact(store, &store->heap, &items, store->compact_octets_max, &plan, fault);
    }
    vector_close(&items);
    heap_writer_rest(&store->heap);
    return store_wrap(store, compacted, fault);
}

// The record of each slot in turn, overlay behind base; the bits of what was checked before are not
// asked.
static bool
scrub_slot(const struct version *version, size_t position, bool *ret_end)
{
    const struct index *index = version->base;
    *ret_end = false;
    if (position > index->slot_mask) {
        position -= (size_t)index->slot_mask + 1;
        index = version->overlay;
    }
    if (!index || position > index->slot_mask) {
        *ret_end = true;
        return true;
    }
    uint64_t reference = index->slots[position].reference;
    return reference == 0 || (heap_may_hold(&version->heaps, reference) &&
                              node_check(heap_at(&version->heaps, reference),
                                         (size_t)heap_left(&version->heaps, reference)));
}

static bool
scrub_fault(const struct store *store, struct fault *fault)
{
    index_forget(store->current->base);
    if (store->current->overlay)
        index_forget(store->current->overlay);
    char text[NAME_TEXT_MAX];
    return fault_set(fault, FAULT_CORRUPT,
                     "zone %s: store %s: a record in %s.%u is damaged; publish the whole zone "
                     "anew from its source and look at the disk",
                     name_to_text_short(store->apex, text), store->path,
                     store->pooled ? "pool" : "heap",
                     store->pooled ? store->place.segment : store->current->header->generation);
}

bool
store_scrub(const struct store *store, size_t *position, size_t count, struct fault *fault)
{
    if (!store->current)
        return store_fault_nothing(store, fault);
    for (; count; count--) {
        bool end;
        if (!scrub_slot(store->current, (*position)++, &end))
            return scrub_fault(store, fault);
        if (end) {
            *position = 0;
            break;
        }
    }
    return true;
}

void
store_sizes(const struct store *store, struct store_sizes *ret_sizes)
{
    *ret_sizes = (struct store_sizes){0};
    if (!store->current)
        return;
    const struct version *version = store->current;
    ret_sizes->heap_octets = heap_octets(version);
    ret_sizes->living_octets = living_octets(version);
    ret_sizes->index_octets = version->base->header->length;
    ret_sizes->generation = version->header->generation;
    if (version->overlay) {
        ret_sizes->index_octets += version->overlay->header->length;
        ret_sizes->overlay_entries = index_names(version->overlay);
    }
}

// Of the record that an entry replaces or takes away.
static uint64_t
old_octets(const struct store *store, const struct diff_entry *entry)
{
    struct version_hit hit;
    if (entry->old_node)
        return node_size(entry->old_node);
    if (!store->current || !entry->new_node)
        return 0;
    const uint8_t *owner = node_owner(entry->new_node);
    uint64_t hash = name_hash(owner, version_hash_key(store->current));
    return version_probe(store->current, owner, name_length(owner), hash, &hit) == INDEX_FOUND
               ? node_size(hit.node)
               : 0;
}

uint64_t
store_room_needed(const struct store *store, const struct diff *diff)
{
    uint64_t records = 0, names = 0, told = 0;
    for (size_t i = 0; i < diff->count; i++) {
        const struct node *node = diff->entries[i].new_node;
        told += store->journal_octets_max ? old_octets(store, diff->entries + i) : 0;
        if (!node)
            continue;
        unsigned labels = name_labels(node_owner(node));
        records += node_size(node);
        // Empty non-terminals above it: a header and an owner each.
        records += (uint64_t)labels * (16 + 256);
        names += labels;
    }
    if (store->current)
        names += version_facts(store->current)->node_count;
    records += journal_octets_needed(records + told, store->journal_octets_max);
    return records + records / 8 + sizeof(struct index_header) + INDEX_NSEC3_MAX +
           names * INDEX_NAME_OCTETS;
}
