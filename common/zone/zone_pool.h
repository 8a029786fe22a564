// The pool: the versions of all small zones, one behind the other in a few files that only grow, so
// that ten thousand zones are some files, maps and descriptors and not some ten thousands of each.
// A store (store.h) whose content is small puts it here; the newest whole entry of a zone is that
// zone's truth, and only where there is none, or it says so, the zone's own directory is.
// README.md, decision 23. One thread of one process; servers map the files read-only.
#ifndef TANDEM_ZONE_POOL_H
#define TANDEM_ZONE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/octets.h"
#include "common/zone/heap.h"
#include "common/zone/version.h"

// A file that is larger gets no entry more. Large enough that ten thousand zones are four files,
// small enough that what is copied when one is emptied does not show.
#define ZONE_POOL_SEGMENT_OCTETS (UINT64_C(16) << 20)
// Octets of records up to which a zone comes into the pool: each publish writes all of them. One
// that is there stays up to twice as much, so that nobody goes in and out with each change.
#define ZONE_POOL_RECORDS_MAX (UINT64_C(32) << 10)
// Of the journal's steps beside them, where the zone itself is smaller: a difference that is larger
// than the zone serves nobody, and every publish copies it.
#define ZONE_POOL_JOURNAL_MIN (UINT64_C(4) << 10)
#define ZONE_POOL_ENTRY_MAX   (UINT64_C(1) << 20)

struct zone_pool;

struct zone_pool_opening {
    unsigned zones;            // that are here
    unsigned torn_entries;     // a crash came before they were synced: left out
    unsigned damaged_entries;  // rotten: left out, or in use where only records have gone
    unsigned damaged_segments; // files that cannot be a pool's: set aside as torn.pool.N
};

struct zone_pool_options {
    uint64_t segment_octets; // 0 = ZONE_POOL_SEGMENT_OCTETS (tests use small ones)
};

// Opens or makes the directory (0700; its parent exists), reads every file through once, for its
// checksums, and makes durable what was found. Faults: FAULT_IO; FAULT_BUSY, another process has
// the pool open.
bool zone_pool_open(const char *path, const struct zone_pool_options *options,
                    struct zone_pool **ret_pool, struct zone_pool_opening *ret_opening,
                    struct fault *fault);
void zone_pool_close(struct zone_pool **pool);

enum zone_pool_answer {
    ZONE_POOL_ABSENT, // the pool knows nothing of the zone
    ZONE_POOL_FOUND,
    ZONE_POOL_LEFT, // it was here and went to its directory
};
// The newest whole version of the zone. It may stand elsewhere after any zone_pool_put: files that
// are mostly dead are emptied.
enum zone_pool_answer zone_pool_find(const struct zone_pool *pool, const uint8_t *apex,
                                     struct zone_pool_place *ret_place);
// Adds a version: heap, a heap_writer_memory, and a full index into it. It is on the disk when this
// returns true; on a fault the former one stays. Copies some other zones' entries out of a file
// that is to go.
bool zone_pool_put(struct zone_pool *pool, const uint8_t *apex, const struct heap_writer *heap,
                   const struct octets_buffer *index, struct zone_pool_place *ret_place,
                   struct fault *fault);
// From now on the zone is in its directory.
bool zone_pool_leave(struct zone_pool *pool, const uint8_t *apex, struct fault *fault);

// The map and the read-only descriptor of a segment; both borrowed until the next zone_pool_put.
// NULL and -1: there is none.
struct heap_map *zone_pool_map(const struct zone_pool *pool, uint32_t segment);
int zone_pool_descriptor(const struct zone_pool *pool, uint32_t segment);
// The segments there are, in the order of their numbers; index below zone_pool_segments.
size_t zone_pool_segments(const struct zone_pool *pool);
uint32_t zone_pool_segment_at(const struct zone_pool *pool, size_t index);
// What was read of the files leaves this process's memory; the system keeps it as long as it likes.
void zone_pool_rest(const struct zone_pool *pool);

#endif
