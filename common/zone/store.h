// The store: the directory of one zone's versions on disk and its only writer. Heap files only grow; an index is
// written, synced, renamed into place and the directory synced before a version counts as published (the order
// is tested by tests/support's recording shim). One thread of one process.
//
// Files: heap.GENERATION, index.SEQUENCE (full or overlay), current is the greatest valid index; the previous one
// is kept.
#ifndef TANDEM_ZONE_STORE_H
#define TANDEM_ZONE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/zone/diff.h"
#include "common/zone/draft.h"
#include "common/zone/zone_pool.h"
#include "common/zone/version.h"

#define STORE_OVERLAY_ENTRIES_MAX 4096 // more changed names than this: the next publish writes a full index
// Octets of records that one store_compact copies at most (about a second on a slow disk); a larger zone is
// compacted in several calls, between which its index refers to two generations and the zone may change.
#define STORE_COMPACT_OCTETS_MAX (UINT64_C(128) << 20)

struct store;

struct store_options {
    bool lost_state_allowed; // reserved
    // What a crash left is taken away by store_tidy, or else by the first publish, and not before the zone is served.
    bool tidy_later;
    // The caller calls store_sync_all before it tells anybody of the version.
    bool sync_later;
    size_t overlay_entries_max; // 0 = STORE_OVERLAY_ENTRIES_MAX (tests use small ones)
    uint64_t compact_octets_max; // 0 = STORE_COMPACT_OCTETS_MAX (the same)
    // Octets of steps that the journal may hold (journal.h); 0: no journal is kept. Each publish that moves the serial
    // in the SOA forward (RFC 1982) adds a step; what is too much goes from the oldest on, a step that is too large by itself
    // empties the journal, and so does content that changes under a serial that stays or goes back.
    uint64_t journal_octets_max;
    // Not NULL: a small content goes there, and its zone's directory is left. Borrowed as long as the store is open.
    struct zone_pool *pool;
    uint64_t hash_key; // 0 = drawn; of a new store's indexes (fuzzing wants the same octets each time)
};
struct store_opening {
    bool fresh;            // the directory was made or held nothing
    unsigned torn_indexes; // newer indexes that were not whole and were set aside
    unsigned torn_heap_octets;
};

// Opens or makes the directory (0700), finds the newest whole version. path's parent exists. Faults: FAULT_IO;
// FAULT_BUSY, another store has the directory open; FAULT_CONFIG, it holds another zone.
bool store_open(const char *path, const uint8_t *apex, const struct store_options *options,
                struct store **ret_store, struct store_opening *ret_opening, struct fault *fault);
void store_close(struct store **store);
// Makes durable what was opened with sync_later, once for all on a file system. A sync of each directory flushes the
// disk each time (0.5 to 3 ms): for ten thousand zones that is most of a start. Nothing the second time.
void store_sync_all(struct store *const *stores, size_t count);
// Removes what a crash left, keeps the newest whole version before the current one. Nothing the second time.
void store_tidy(struct store *store);
// Borrowed; NULL when nothing was published yet.
const struct version *store_current(const struct store *store);

// Publishes a whole content (sealed draft): freeze. facts: serials, time, is_signed; counts and sequence are the
// store's. On a fault (disk full, I/O) the current version stays and the store goes on working.
bool store_publish_draft(struct store *store, const struct draft *draft,
                         const struct version_facts *facts, struct fault *fault);
// The same from the new records of a diff against nothing, in canonical order, the apex first; they are written from where
// they stand. Empty non-terminals are made here.
bool store_publish_records(struct store *store, const struct diff *diff,
                           const struct version_facts *facts, struct fault *fault);
// Publishes the current version with a diff applied (entries in canonical order, old_node may be NULL when not
// known: it is looked up by owner; empty non-terminals are made and removed by the store): apply.
bool store_publish_diff(struct store *store, const struct diff *diff,
                        const struct version_facts *facts, struct fault *fault);
// From the next publish on (a reload may change the limit).
void store_set_journal_max(struct store *store, uint64_t octets_max);
// Octets that publishing this diff may need on disk at most, the journal's step included.
uint64_t store_room_needed(const struct store *store, const struct diff *diff);

// Descriptors of the current version, fresh duplicates opened read-only (the caller closes them).
// Where the version stands in the pool no descriptor is given, and the map is borrowed from it.
bool store_place(const struct store *store, struct version_place *ret_place, struct fault *fault);
// Where the current version stands in the pool; false: it does not.
bool store_pool_place(struct store *store, struct zone_pool_place *ret_place);

// Upkeep. merge: folds the overlay into a full index (content and serials unchanged, same sequence number is not
// reused). compact: copies living records to the next heap generation. Each is a publish of the same content.
bool store_wants_merge(const struct store *store);
bool store_merge(struct store *store, struct fault *fault);
// Dead octets > living octets and > 1 MiB, or begun; or it belongs into the pool; or the pool has moved it.
bool store_wants_compact(const struct store *store);
bool store_compact(struct store *store, struct fault *fault);
// Slow scrub: checks the CRC of up to count records from *position on; *position becomes 0 at the end.
// FAULT_CORRUPT: a record is damaged; all others are checked again at their next touch, too, so that what is compared
// from now on with the current version is told about the damage, not about its octets.
bool store_scrub(const struct store *store, size_t *position, size_t count, struct fault *fault);

struct store_sizes {
    uint64_t heap_octets, living_octets, index_octets, overlay_entries;
    unsigned generation;
};
void store_sizes(const struct store *store, struct store_sizes *ret_sizes);

#endif
