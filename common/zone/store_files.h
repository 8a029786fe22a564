// The files of a store's directory: how they are named, found, written whole and taken away. Inner to the room.
//
//   heap.GENERATION   records (heap.h)
//   index.SEQUENCE    a version (index.h)
//   index.SEQUENCE.tmp  an index that was being written: no part of any version
//   torn.SEQUENCE     an index that was not whole at a start: kept for the curious until the next such start
#ifndef TANDEM_ZONE_STORE_FILES_H
#define TANDEM_ZONE_STORE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/octets.h"
#include "common/base/vector.h"
#include "common/zone/version.h"

#define STORE_FILE_NAME_MAX 48

const char *store_heap_name(uint32_t generation, char name[static STORE_FILE_NAME_MAX]);

// What stands in the directory.
struct store_listing {
    struct vector sequences;   // uint64_t, greatest first
    struct vector generations; // uint32_t, in any order
    uint64_t greatest_sequence; // torn ones included; 0: none
    uint32_t greatest_generation;
    bool has_torn;
};
bool store_listing_read(int directory, struct store_listing *ret_listing, struct fault *fault);
void store_listing_close(struct store_listing *listing);

// Writes index.SEQUENCE so that it is there whole or not at all, and on the disk when this returns.
bool store_index_write(int directory, uint64_t sequence, const struct octets_buffer *octets,
                       struct fault *fault);
void store_index_remove(int directory, uint64_t sequence);
void store_heap_remove(int directory, uint32_t generation);
// index.SEQUENCE -> torn.SEQUENCE.
void store_index_set_aside(int directory, uint64_t sequence);
void store_torn_remove(int directory);

// The files that a version needs; what is not used is 0.
struct store_kept {
    uint64_t sequence, base_sequence;
    uint32_t generation, old_generation;
};
// Removes every index and heap that none of the kept versions needs, and half-written files. Best effort: what
// stays is removed the next time.
void store_files_clean(int directory, const struct store_kept *kept, size_t count);

// Opens the files of a version read-only. Faults: FAULT_CORRUPT where one is missing or is none of ours, FAULT_IO.
bool store_place_open(int directory, uint64_t sequence, struct version_place *ret_place,
                      struct store_kept *ret_kept, struct fault *fault);

#endif
