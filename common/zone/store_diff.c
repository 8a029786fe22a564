// A diff becomes a version. In a directory only what changes is written, records behind those in
// the heap and an overlay over the index; in the pool, where a zone is small, all of it.
#include "common/zone/store.h"

#include "common/zone/freeze.h"
#include "common/zone/journal_write.h"
#include "common/zone/store_inside.h"
#include "common/zone/version_inside.h"

static uint64_t
living_afterwards(const struct store *store, const struct change_set *set)
{
    return store->current->header->living_octets + (uint64_t)set->living_octets;
}

// What the changes say RR by RR, made while their records are at hand.
static void
changes_tell(const struct store *store, const struct change_set *set, struct journal_draft *step)
{
    const struct node *old_apex = version_apex_node(store->current), *new_apex = old_apex;
    const struct change *first = set->changes.items; // the apex, where it changes
    if (set->changes.count && name_equal(first->name, store->apex))
        new_apex = first->node;
    journal_draft_open(step, old_apex, new_apex,
                       store_journal_limit(store, living_afterwards(store, set)));
    for (size_t i = 0; i < set->changes.count; i++) {
        const struct change *change = vector_at(&set->changes, i);
        if (!change->kept && !journal_draft_add(step, change->old.node, change->node))
            break;
    }
}

// Appends the records that the changes bring, and the journal's step.
static bool
changes_write(struct store *store, struct change_set *set, const struct journal_draft *step,
              struct index_journal *journal, struct fault *fault)
{
    uint64_t octets = journal_draft_octets(step);
    for (size_t i = 0; i < set->changes.count; i++) {
        const struct change *change = vector_at(&set->changes, i);
        if (change->node && !change->kept)
            octets += node_size(change->node);
    }
    if (!store_heap_ready(store, fault) || !heap_writer_reserve(&store->heap, octets, fault))
        return false;
    for (size_t i = 0; i < set->changes.count; i++) {
        struct change *change = vector_at(&set->changes, i);
        if (change->kept)
            change->reference = change->old.slot->reference;
        else if (change->node &&
                 !heap_writer_add(&store->heap, change->node, &change->reference, fault))
            return false;
    }
    return journal_append(step, &store->heap, journal, fault) &&
           (octets == 0 || heap_writer_sync(&store->heap, fault));
}

static struct version_facts
facts_changed(const struct store *store, const struct version_facts *facts,
              const struct change_set *set)
{
    const struct version_facts *old = version_facts(store->current);
    struct version_facts changed = *facts;
    changed.node_count = old->node_count + (uint64_t)set->node_count;
    changed.rr_count = old->rr_count + (uint64_t)set->rr_count;
    changed.signature_count = old->signature_count + (uint64_t)set->signature_count;
    changed.soa_expire_seconds = old->soa_expire_seconds;
    for (size_t i = 0; i < set->changes.count; i++) {
        const struct change *change = vector_at(&set->changes, i);
        if (change->node && name_equal(change->name, store->apex))
            store_expire_fill(&changed, change->node);
    }
    return changed;
}

// The overlay while it is small enough, else a full index.
static bool
changes_freeze(const struct store *store, const struct change_set *set, struct vector *items,
               enum index_kind *ret_kind, struct fault *fault)
{
    *ret_kind = INDEX_OVERLAY;
    if (!set->whole) {
        if (!freeze_overlay(store->current, set, items, fault))
            return false;
        if (items->count <= store->overlay_entries_max)
            return true;
        vector_clear(items);
    }
    *ret_kind = INDEX_FULL;
    return freeze_whole(store->current, set, items, fault);
}

static bool
set_publish(struct store *store, struct change_set *set, const struct journal_draft *step,
            const struct version_facts *facts, struct fault *fault)
{
    struct vector items;
    enum index_kind kind;
    struct index_journal journal = journal_keep(store->current, step, store->journal_octets_max);
    if (!changes_write(store, set, step, &journal, fault))
        return false;
    vector_init(&items, sizeof(struct index_item));
    bool published = changes_freeze(store, set, &items, &kind, fault);
    if (published) {
        struct version_facts changed = facts_changed(store, facts, set);
        struct index_plan plan = store_plan(store, kind, &changed);
        plan.living_octets += (uint64_t)set->living_octets;
        plan.chain = &set->chain;
        plan.journal = journal;
        published = store_index_publish(store, &plan, &items, fault);
    }
    vector_close(&items);
    return published;
}

// Every octet is written anew: into the pool, or out of it.
static bool
set_publish_whole(struct store *store, const struct change_set *set,
                  const struct journal_draft *step, const struct version_facts *facts,
                  struct fault *fault)
{
    struct vector items;
    vector_init(&items, sizeof(struct index_item));
    bool published = freeze_whole(store->current, set, &items, fault);
    if (published) {
        struct version_facts changed = facts_changed(store, facts, set);
        struct index_plan plan = {.kind = INDEX_FULL,
                                  .facts = &changed,
                                  .chain = &set->chain,
                                  .living_octets = living_afterwards(store, set)};
        published = store_items_publish(store, &items, step, &plan, fault);
    }
    vector_close(&items);
    return published;
}

bool
store_publish_diff(struct store *store, const struct diff *diff, const struct version_facts *facts,
                   struct fault *fault)
{
    ENSURE(store->current != NULL);
    struct change_set set;
    bool published = false;
    if (change_set_make(store->current, diff, store->overlay_entries_max, &set, fault)) {
        struct journal_draft step;
        changes_tell(store, &set, &step);
        bool whole = store->pooled || store_takes_pool(store, living_afterwards(store, &set));
        published = whole ? set_publish_whole(store, &set, &step, facts, fault)
                          : set_publish(store, &set, &step, facts, fault);
        journal_draft_close(&step);
        change_set_close(&set);
    }
    heap_writer_rest(&store->heap); // ten thousand zones must not hold ten thousand descriptors
    return store_wrap(store, published, fault);
}
