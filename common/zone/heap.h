// The heap: a file of node records that only grows (architecture.md section 2), seen from both sides. A reader maps
// it once with reserved address space: the file may grow under the map, and each version carries the length
// up to which it may look. The one writer appends behind the end of the file, whatever stands there.
#ifndef TANDEM_ZONE_HEAP_H
#define TANDEM_ZONE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/fault.h"
#include "common/zone/node.h"

#define HEAP_FORMAT 1
#define HEAP_FIRST  64 // offset of the first record, behind the header

// ---- reading ----

// One mapped heap file, shared by the versions that look into it.
struct heap_map {
    unsigned holds;
    dev_t device;
    ino_t inode;
    const uint8_t *octets;
    size_t reserve;  // octets of address space from octets on
    uint64_t length; // of the file, as far as heap_map_segment and heap_map_reaches have seen it
};
// A map in which the first length octets of the file can be read; former maps are asked first (either may be NULL)
// and held once more where they are of the same file and long enough. Faults: I/O, or the file is no heap.
bool heap_map_open(int file, uint64_t length, struct heap_map *former, struct heap_map *other,
                   struct heap_map **ret_map, struct fault *fault);
// A map of a pool's segment (zone_pool.h), which holds the heaps of many zones: nothing of it is looked at, and reserve is what
// the file may grow to.
bool heap_map_segment(int file, uint64_t reserve, struct heap_map **ret_map, struct fault *fault);
// The file, which the map is of, and the map reach so far: what is behind the end of a file must not be touched.
bool heap_map_reaches(struct heap_map *map, int file, uint64_t end);
struct heap_map *heap_map_hold(struct heap_map *map);
void heap_map_drop(struct heap_map **map);
void heap_map_rest(struct heap_map *map); // version_rest

// A place in one of the two heaps that a version may refer to: the offset, and HEAP_OLD for the older generation.
// 0 is no place (the header stands there).
#define HEAP_OLD    (UINT64_C(1) << 63)
#define HEAP_OFFSET (HEAP_OLD - 1)

// Both heaps of a version, [0] the current generation, [1] the old one (NULL and 0 without).
struct heap_view {
    const uint8_t *octets[2];
    uint64_t length[2];
};
static inline const uint8_t *
heap_at(const struct heap_view *view, uint64_t reference)
{
    return view->octets[reference >> 63] + (reference & HEAP_OFFSET);
}
// Octets from the place to the end of its heap.
static inline uint64_t
heap_left(const struct heap_view *view, uint64_t reference)
{
    return view->length[reference >> 63] - (reference & HEAP_OFFSET);
}
// True where a place is aligned and at least a record's header stands there.
bool heap_may_hold(const struct heap_view *view, uint64_t reference);

// ---- writing ----

struct heap_writer {
    int file; // -1: none
    uint32_t generation;
    uint64_t end;       // where the next record goes
    uint64_t allocated; // octets asked from the file system
    uint64_t flushed;   // octets up to here were written
    uint8_t *buffer;    // the octets from flushed to end
};
void heap_writer_init(struct heap_writer *writer);
void heap_writer_close(struct heap_writer *writer);
// Closes the file until heap_writer_open, which for the same generation asks for no room that was asked for before.
void heap_writer_rest(struct heap_writer *writer);
// Makes the file name (it must not exist) with its header / opens an existing one for appending.
bool heap_writer_create(struct heap_writer *writer, int directory, const char *name,
                        uint32_t generation, struct fault *fault);
bool heap_writer_open(struct heap_writer *writer, int directory, const char *name,
                      uint32_t generation, struct fault *fault);
// A heap that grows in memory only, at most HEAP_MEMORY_MAX octets: its octets are writer->buffer up to writer->end, the
// header left zero.
#define HEAP_MEMORY_MAX (UINT64_C(1) << 20)
void heap_writer_memory(struct heap_writer *writer);
// Forgets what was not flushed and goes behind the end of the file: before each publish, because the last one may
// have failed half-way.
bool heap_writer_rewind(struct heap_writer *writer, struct fault *fault);
// Asks the file system for room for length octets more, so that a full disk is known before anything is written.
bool heap_writer_reserve(struct heap_writer *writer, uint64_t length, struct fault *fault);
bool heap_writer_add(struct heap_writer *writer, const struct node *node, uint64_t *ret_reference,
                     struct fault *fault);
// The same of any octets: what is to be found by its offset begins where a multiple of 8 octets was written before.
bool heap_writer_append(struct heap_writer *writer, const void *octets, size_t length,
                        uint64_t *ret_offset, struct fault *fault);
// Writes what is left and syncs.
bool heap_writer_sync(struct heap_writer *writer, struct fault *fault);

#endif
