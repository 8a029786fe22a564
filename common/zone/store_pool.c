// A store whose content is small: its version is an entry of the pool, written whole each time.
// When the pool has one it alone counts, whatever a crash left in the directory; so going in is one
// put, after which the directory's files are only in the way, and going out is one put, before
// which they count for nothing (store_whole.c).
#include "common/zone/store.h"

#include "common/base/arena.h"
#include "common/zone/index_build.h"
#include "common/zone/journal_write.h"
#include "common/zone/store_inside.h"
#include "common/zone/version_inside.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool
store_takes_pool(const struct store *store, uint64_t living_octets)
{
    return store->pool && living_octets <= (store->pooled ? 2 : 1) * ZONE_POOL_RECORDS_MAX;
}

uint64_t
store_journal_limit(const struct store *store, uint64_t living_octets)
{
    uint64_t limit = living_octets > ZONE_POOL_JOURNAL_MIN ? living_octets : ZONE_POOL_JOURNAL_MIN;
    bool limited = store_takes_pool(store, living_octets) && limit < store->journal_octets_max;
    return limited ? limit : store->journal_octets_max;
}

static bool
place_map(const struct store *store, const struct zone_pool_place *at,
          const struct version **ret_version, struct fault *fault)
{
    const struct version_place place =
        version_place_pooled(zone_pool_map(store->pool, at->segment), at);
    return version_map(&place, store->current, ret_version, fault);
}

bool
store_pool_open(struct store *store, struct fault *fault)
{
    struct zone_pool_place place;
    if (!store->pool || zone_pool_find(store->pool, store->apex, &place) != ZONE_POOL_FOUND ||
        !place_map(store, &place, &store->current, fault))
        return false;
    store->pooled = true;
    store->place = place;
    store->last_sequence = version_facts(store->current)->sequence;
    store->hash_key = version_hash_key(store->current);
    return true;
}

bool
store_pool_moved(const struct store *store)
{
    struct zone_pool_place place;
    return zone_pool_find(store->pool, store->apex, &place) == ZONE_POOL_FOUND &&
           (place.segment != store->place.segment || place.heap_offset != store->place.heap_offset);
}

static void
version_take(struct store *store, const struct version *version,
             const struct zone_pool_place *place)
{
    version_drop(&store->current);
    store->current = version;
    store->place = *place;
    store->pooled = true;
}

bool
store_pool_follow(struct store *store, struct fault *fault)
{
    struct zone_pool_place place;
    const struct version *version;
    if (!store_pool_moved(store))
        return true;
    zone_pool_find(store->pool, store->apex, &place);
    if (!place_map(store, &place, &version, fault))
        return false;
    version_take(store, version, &place);
    return true;
}

// Also what a crash left of it. Best effort: it counts for nothing.
void
store_directory_leave(struct store *store)
{
    const struct store_kept none = {0};
    heap_writer_close(&store->heap);
    if (store->directory < 0)
        store->directory = open(store->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->directory < 0)
        return;
    store_files_clean(store->directory, &none, 1);
    store->kept[0] = store->kept[1] = none;
    close(store->directory);
    store->directory = -1;
    rmdir(store->path); // refused where something else stands in it
}

// The entry's heap: records, then the steps of the journal.
static bool
heap_write(const struct store *store, struct vector *items, const struct journal_draft *step,
           struct heap_writer *heap, struct index_plan *plan, struct fault *fault)
{
    for (size_t i = 0; i < items->count; i++) {
        struct index_item *item = vector_at(items, i);
        if (!heap_writer_add(heap, item->node, &item->reference, fault))
            return false;
    }
    plan->journal =
        journal_keep(store->current, step, store_journal_limit(store, plan->living_octets));
    plan->heap_length = heap->end;
    if (!journal_copy(store->current, heap, &plan->journal, fault) ||
        (step && !journal_append(step, heap, &plan->journal, fault)))
        return false;
    plan->heap_length = heap->end;
    return true;
}

static bool
entry_put(struct store *store, struct vector *items, const struct journal_draft *step,
          struct index_plan *plan, struct zone_pool_place *ret_place, struct fault *fault)
{
    struct heap_writer heap;
    struct octets_buffer index;
    heap_writer_memory(&heap);
    octets_buffer_init(&index);
    plan->generation = 1;
    plan->old_generation = 0;
    plan->old_heap_length = 0;
    bool put = heap_write(store, items, step, &heap, plan, fault);
    if (put) {
        index_build(plan, items->items, items->count, &index);
        put = zone_pool_put(store->pool, store->apex, &heap, &index, ret_place, fault);
    }
    octets_buffer_close(&index);
    heap_writer_close(&heap);
    return put;
}

bool
store_pool_publish(struct store *store, struct vector *items, const struct journal_draft *step,
                   struct index_plan *plan, struct fault *fault)
{
    struct version_facts facts = *plan->facts;
    struct zone_pool_place place;
    const struct version *version;
    facts.sequence = ++store->last_sequence;
    plan->facts = &facts;
    plan->apex = store->apex;
    plan->hash_key = store->hash_key;
    if (!entry_put(store, items, step, plan, &place, fault) ||
        !place_map(store, &place, &version, fault))
        return false;
    bool was_pooled = store->pooled;
    version_take(store, version, &place);
    if (!was_pooled)
        store_directory_leave(store);
    return true;
}
