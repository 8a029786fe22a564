// What a store is made of. Inner to the room: store.c opens, publishes and closes, store_upkeep.c merges, compacts
// and scrubs.
#ifndef TANDEM_ZONE_STORE_INSIDE_H
#define TANDEM_ZONE_STORE_INSIDE_H

#include "common/base/vector.h"
#include "common/zone/heap.h"
#include "common/zone/index_build.h"
#include "common/zone/journal_write.h"
#include "common/zone/zone_pool.h"
#include "common/zone/store.h"
#include "common/zone/store_files.h"

struct store {
    char *path;
    int directory; // -1: not open, the version stands in the pool
    uint8_t *apex;
    struct zone_pool *pool;       // NULL: every content goes into the directory
    bool pooled;             // current stands in the pool ...
    struct zone_pool_place place; // ... here
    size_t overlay_entries_max;
    uint64_t compact_octets_max;
    uint64_t journal_octets_max;
    uint64_t hash_key;
    uint64_t last_sequence;        // ever tried: none is used twice
    uint32_t last_generation;      // the same
    const struct version *current; // NULL: nothing was published yet
    struct store_kept kept[2];     // the files of the current and of the previous version
    struct heap_writer heap;       // of the current generation; open during a publish only
    bool unsynced;                 // the current version may not be on the disk yet
    bool tidy;                     // what a crash left is gone, kept[1] was looked for
};

// Done, or the fault with zone and path in front.
bool store_wrap(const struct store *store, bool done, struct fault *fault);
bool store_fault_nothing(const struct store *store, struct fault *fault);
// Opens or makes the directory, locks it, and sees to it that no number in it is used again.
bool store_directory_open(struct store *store, struct fault *fault);
// A content with so many octets of records goes into the pool.
bool store_takes_pool(const struct store *store, uint64_t living_octets);
// Octets that the journal beside it may have.
uint64_t store_journal_limit(const struct store *store, uint64_t living_octets);
// Publishes items, a whole content in canonical order with its flags, where it belongs. plan: kind, facts, chain, living
// octets. step NULL: the content stays.
bool store_items_publish(struct store *store, struct vector *items, const struct journal_draft *step,
                         struct index_plan *plan, struct fault *fault);
// Maps again what the pool has moved.
bool store_pool_follow(struct store *store, struct fault *fault);
bool store_pool_moved(const struct store *store);
// The newest version of the zone in the pool, where there is one; false with FAULT_NONE where not.
bool store_pool_open(struct store *store, struct fault *fault);
bool store_pool_publish(struct store *store, struct vector *items, const struct journal_draft *step,
                        struct index_plan *plan, struct fault *fault);
// What the directory held is the pool's now.
void store_directory_leave(struct store *store);

// Facts of the next version of the same content.
struct version_facts store_facts_again(const struct store *store);
// Writes the index, maps it and makes it the current version. plan: kind, facts (all but the sequence), heaps,
// living octets. heap: of plan's generation, synced. On a fault nothing has changed.
bool store_index_publish(struct store *store, struct index_plan *plan, const struct vector *items,
                         struct fault *fault);
// The writer of the current generation, opened and behind the end of its file.
bool store_heap_ready(struct store *store, struct fault *fault);
// A heap of the next generation.
bool store_heap_create(struct store *store, struct heap_writer *ret_heap, struct fault *fault);
// Ends a new generation's writer after its index is published / gives it up.
void store_heap_adopt(struct store *store, struct heap_writer *heap);
void store_heap_abandon(struct store *store, struct heap_writer *heap);
// The plan of an index into the current heaps, of the same content: its journal stays.
struct index_plan store_plan(const struct store *store, enum index_kind kind,
                             const struct version_facts *facts);

// The SOA's EXPIRE of an apex record.
void store_expire_fill(struct version_facts *facts, const struct node *apex);

#endif
