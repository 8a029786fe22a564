// A whole content becomes a version: items in canonical order, a heap of its own, a full index. It
// comes as a sealed draft, or as records that somebody else put in order (a zone that was signed as
// a whole): those are written from where they stand, for a copy of a million of them would be the
// largest thing in memory.
#include "common/zone/store.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/vector.h"
#include "common/zone/chain.h"
#include "common/zone/freeze.h"
#include "common/zone/index_build.h"
#include "common/zone/journal_write.h"
#include "common/zone/store_inside.h"
#include "common/zone/version_inside.h"

// Octets of records for each octet of a step, at most. An RR takes some 5 times as much in a
// record; the worst is an owner of 127 labels with an empty non-terminal at each, all of which its
// one RR brings along: 75.
#define RECORD_PER_STEP_OCTET 128U

// Room is asked for first, so that a full disk is known before anything is written.
static bool
items_write(struct heap_writer *heap, struct vector *items, uint64_t octets, struct fault *fault)
{
    if (!heap_writer_reserve(heap, octets, fault))
        return false;
    for (size_t i = 0; i < items->count; i++) {
        struct index_item *item = vector_at(items, i);
        if (!heap_writer_add(heap, item->node, &item->reference, fault))
            return false;
    }
    return true;
}

// The former steps that stay, and the one that this content makes.
static bool
journal_write(const struct store *store, const struct journal_draft *step, struct heap_writer *heap,
              struct index_journal *ret_journal, struct fault *fault)
{
    *ret_journal = journal_keep(store->current, step, store->journal_octets_max);
    return heap_writer_reserve(heap, ret_journal->octets + journal_draft_octets(step), fault) &&
           journal_copy(store->current, heap, ret_journal, fault) &&
           journal_append(step, heap, ret_journal, fault);
}

// A whole content goes into a generation of its own: dense, in canonical order, and nothing in it
// is dead.
static bool
directory_publish(struct store *store, struct vector *items, const struct journal_draft *step,
                  struct index_plan *plan, struct fault *fault)
{
    struct heap_writer heap;
    if (!store_heap_create(store, &heap, fault))
        return false;
    bool published = items_write(&heap, items, plan->living_octets, fault) &&
                     journal_write(store, step, &heap, &plan->journal, fault) &&
                     heap_writer_sync(&heap, fault);
    plan->generation = heap.generation;
    plan->heap_length = heap.end;
    published = published && store_index_publish(store, plan, items, fault);
    if (published)
        store_heap_adopt(store, &heap);
    else
        store_heap_abandon(store, &heap);
    return published;
}

// A zone that has become too large goes from the pool into a directory of its own: it has gone when
// the pool says so on the disk, until then what stands in the directory counts for nothing.
static bool
leave_publish(struct store *store, struct vector *items, const struct journal_draft *step,
              struct index_plan *plan, struct fault *fault)
{
    const struct version *former = version_hold(store->current);
    if (!store_directory_open(store, fault)) {
        version_drop(&former);
        return false;
    }
    bool published = directory_publish(store, items, step, plan, fault);
    bool left = published && zone_pool_leave(store->pool, store->apex, fault);
    if (published && !left) {
        version_drop(&store->current);
        store->current = version_hold(former);
    }
    version_drop(&former);
    if (left)
        store->pooled = false;
    else
        store_directory_leave(store);
    return left;
}

bool
store_items_publish(struct store *store, struct vector *items, const struct journal_draft *step,
                    struct index_plan *plan, struct fault *fault)
{
    if (store_takes_pool(store, plan->living_octets))
        return store_pool_publish(store, items, step, plan, fault);
    if (store->pooled)
        return leave_publish(store, items, step, plan, fault);
    return directory_publish(store, items, step, plan, fault);
}

// Record against record in one merge walk, until the rest can make no difference: where most of it
// is another (a zone signed anew) that is soon.
static void
items_compare(const struct version *old, const struct vector *items, struct journal_draft *step)
{
    struct version_cursor cursor;
    version_cursor_first(&cursor, old);
    const struct node *old_node = version_cursor_next(&cursor);
    size_t next = 0;
    bool matters = true;
    while (matters && (old_node || next < items->count)) {
        const struct index_item *item = next < items->count ? vector_at(items, next) : NULL;
        int order = !old_node ? 1
                    : !item   ? -1
                              : name_compare(node_owner(old_node), node_owner(item->node));
        matters =
            journal_draft_add(step, order <= 0 ? old_node : NULL, order >= 0 ? item->node : NULL);
        next += order >= 0;
        if (order <= 0)
            old_node = version_cursor_next(&cursor);
    }
    if (cursor.damaged)
        journal_draft_lose(step);
}

// The difference to the current version, where a journal is kept.
static void
items_tell(const struct store *store, const struct vector *items, uint64_t living,
           struct journal_draft *step)
{
    const struct index_item *apex = vector_at(items, 0);
    const struct version *old = store->current;
    uint64_t octets_max = store_journal_limit(store, living);
    journal_draft_open(step, old ? version_apex_node(old) : NULL, apex->node, octets_max);
    if (!old || octets_max == 0)
        return;
    uint64_t former = old->header->living_octets;
    uint64_t grown = living > former ? living - former : former - living;
    if (grown / RECORD_PER_STEP_OCTET > octets_max)
        journal_draft_lose(step); // as much cannot come or go in so few octets
    else
        items_compare(old, items, step);
}

// items get their flags here.
static bool
items_publish(struct store *store, struct vector *items, const struct version_facts *facts,
              const struct chain *chain, struct fault *fault)
{
    const struct index_item *apex = vector_at(items, 0);
    struct version_facts counted = *facts;
    struct index_plan plan = {.kind = INDEX_FULL, .facts = &counted, .chain = chain};
    struct journal_draft step;
    index_items_flag(items->items, items->count, chain);
    freeze_count(items, &counted, &plan.living_octets);
    store_expire_fill(&counted, apex->node);
    items_tell(store, items, plan.living_octets, &step);
    bool published = store_items_publish(store, items, &step, &plan, fault);
    journal_draft_close(&step);
    return store_wrap(store, published, fault);
}

static void
item_add(struct vector *items, const struct node *node)
{
    struct index_item item = {.node = node};
    vector_add(items, &item);
}

static const struct node *
draft_record(const void *content, const uint8_t *name)
{
    return draft_find(content, name);
}

bool
store_publish_draft(struct store *store, const struct draft *draft,
                    const struct version_facts *facts, struct fault *fault)
{
    ENSURE(name_equal(draft_apex(draft), store->apex));
    struct vector items;
    struct chain chain;
    chain_choose(draft_node_at(draft, 0), draft_record, draft, &chain);
    vector_init(&items, sizeof(struct index_item));
    for (size_t i = 0; i < draft_node_count(draft); i++)
        item_add(&items, draft_node_at(draft, i));
    bool published = items_publish(store, &items, facts, &chain, fault);
    vector_close(&items);
    return published;
}

// The record at this name among the items.
static const struct node *
item_record(const void *content, const uint8_t *name)
{
    const struct vector *items = content;
    size_t low = 0, high = items->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct index_item *item = (const struct index_item *)items->items + middle;
        int order = name_compare(node_owner(item->node), name);
        if (order == 0)
            return item->node;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

// A record behind the empty non-terminals between it and the one before.
static void
record_add(struct vector *items, const struct node *last, const struct node *node,
           struct arena *arena)
{
    const uint8_t *owner = node_owner(node);
    unsigned labels = name_labels(owner);
    unsigned depth = name_common_labels(node_owner(last), owner) + 1;
    for (; depth < labels; depth++)
        item_add(items, node_build(arena, name_skip(owner, labels - depth), NULL, 0));
    item_add(items, node);
}

bool
store_publish_records(struct store *store, const struct diff *diff,
                      const struct version_facts *facts, struct fault *fault)
{
    struct vector items;
    struct arena *arena = arena_new();
    struct chain chain;
    const struct node *last = NULL;
    vector_init(&items, sizeof(struct index_item));
    for (size_t i = 0; i < diff->count; i++) {
        const struct node *node = diff->entries[i].new_node;
        if (!node || (last && node_rrset_count(node) == 0))
            continue; // what is empty is made where it is needed
        ENSURE(last || name_equal(node_owner(node), store->apex));
        ENSURE(!last || name_compare(node_owner(last), node_owner(node)) < 0);
        if (last)
            record_add(&items, last, node, arena);
        else
            item_add(&items, node);
        last = node;
    }
    ENSURE(last);
    chain_choose(((const struct index_item *)vector_at(&items, 0))->node, item_record, &items,
                 &chain);
    bool published = items_publish(store, &items, facts, &chain, fault);
    vector_close(&items);
    arena_free(&arena);
    return published;
}
