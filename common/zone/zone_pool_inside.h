// What a pool is made of. Inner to the room: pool.c opens and finds, pool_write.c writes.
#ifndef TANDEM_ZONE_POOL_INSIDE_H
#define TANDEM_ZONE_POOL_INSIDE_H

#include "common/base/vector.h"
#include "common/zone/zone_pool.h"
#include "common/zone/zone_pool_segment.h"

// The newest entry of a zone.
struct zone_pool_known {
    uint64_t number;
    struct zone_pool_place place; // index_length 0: the zone left
    uint32_t length;
};

struct zone_pool {
    int directory, lock;
    uint64_t segment_octets;
    struct vector
        segments; // of struct zone_pool_segment, numbers ascending; the last one takes entries
    uint32_t last_segment; // number ever used
    uint64_t last_number;
    struct vector known; // of struct zone_pool_known, in any order
    uint64_t key;        // of hashes of names
    uint32_t *slots;     // place in known + 1; 0: empty
    size_t slot_count;
    struct heap_writer writer; // of the last segment, opened during a put
    bool fresh_segment;        // the last put failed: the next one begins a file
    uint32_t emptied;          // the segment that is being emptied; 0: none
    uint64_t emptied_offset;   // its entries up to here were looked at
};

static inline struct zone_pool_segment *
zone_pool_segment_of(const struct zone_pool *pool, size_t index)
{
    return (struct zone_pool_segment *)pool->segments.items + index;
}
// NULL: there is none of this number / none at all.
struct zone_pool_segment *zone_pool_segment_find(const struct zone_pool *pool, uint32_t number);
struct zone_pool_segment *zone_pool_segment_last(const struct zone_pool *pool);
// The newest entry of a zone; NULL: none.
struct zone_pool_known *zone_pool_known_find(const struct zone_pool *pool, const uint8_t *apex);
// The entry at offset is on the disk, or was found there: it is its zone's newest, unless a later
// one is known, or the same one whole.
void zone_pool_entry_note(struct zone_pool *pool, struct zone_pool_segment *segment,
                          uint64_t offset, bool whole);

#endif
