// One file of the pool: how it begins, and what an entry looks like. Inner to the room.
//
//   0       struct zone_pool_header, and once more at ZONE_POOL_HEADER_COPY: who loses one sector
//   loses no zone 8192    entries, each at a multiple of ZONE_POOL_ALIGN: a struct zone_pool_entry,
//   which stands where a heap has its
//           header, records and steps of the journal, the full index, zeros up to the next multiple
//
// All numbers are little-endian, as in an index. A mark that only the file's own random octets give
// tells an entry from what a zone's content may imitate, and from what another file left in the
// same blocks of the disk.
#ifndef TANDEM_ZONE_POOL_SEGMENT_H
#define TANDEM_ZONE_POOL_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/zone/zone_pool.h"

#define ZONE_POOL_FORMAT      1
#define ZONE_POOL_HEADER_COPY 4096
#define ZONE_POOL_FIRST       8192
#define ZONE_POOL_ALIGN       64
#define ZONE_POOL_NAME_MAX    32

struct zone_pool_header {
    uint8_t magic[8];
    uint32_t format;
    uint32_t number; // of the file's name
    uint8_t secret[16];
    uint32_t crc; // CRC32C of the octets before this field
    uint8_t spare[28];
};

// ZONE_POOL_SYNCED: all entries whose number is not greater were synced when this one was written,
// which itself waits for the next sync. What is damaged and numbered so has rotted; of what is
// numbered later a crash may have torn any part.
enum zone_pool_kind { ZONE_POOL_CONTENT = 1, ZONE_POOL_GONE = 2, ZONE_POOL_SYNCED = 3 };
struct zone_pool_entry {
    uint8_t magic[8];
    uint32_t crc;         // CRC32C of the header behind this field
    uint32_t content_crc; // of all octets behind the header
    uint64_t mark;
    uint64_t number; // the greater one of a zone's entries is the later one
    uint32_t length; // with this header and the zeros at the end
    uint32_t kind;
    uint32_t heap_length; // with this header
    uint32_t index_offset,
        index_length; // from this header; of ZONE_POOL_GONE: the apex's name stands there
    uint8_t spare[12];
};

struct zone_pool_segment {
    uint32_t number;
    int file; // read-only
    struct heap_map *map;
    uint8_t secret[16];
    uint64_t end;    // where the next entry may stand
    uint64_t living; // octets of entries that are their zone's newest
    bool stuck;      // all of it was copied elsewhere that could be
};

const char *zone_pool_segment_name(uint32_t number, char name[static ZONE_POOL_NAME_MAX]);
// True where name is that of a segment.
bool zone_pool_segment_number(const char *name, uint32_t *ret_number);
// Makes the file with its header, on the disk when this returns.
bool zone_pool_segment_create(int directory, uint32_t number, uint64_t reserve,
                              struct zone_pool_segment *ret_segment, struct fault *fault);
// FAULT_CORRUPT: it does not begin as a segment does.
bool zone_pool_segment_open(int directory, uint32_t number, uint64_t reserve,
                            struct zone_pool_segment *ret_segment, struct fault *fault);
void zone_pool_segment_close(struct zone_pool_segment *segment);

// The entry at or behind *offset whose header is whole, and leaves *offset behind it; NULL: none is
// left.
const struct zone_pool_entry *zone_pool_segment_next(const struct zone_pool_segment *segment,
                                                     uint64_t *offset);
// Its content has its checksum right.
bool zone_pool_entry_is_whole(const struct zone_pool_entry *entry);
// Of an entry that is not: its index is whole all the same, and so the version can be mapped;
// records have checksums of their own.
bool zone_pool_entry_is_usable(const struct zone_pool_entry *entry);
// Completes the header of an entry that will stand at offset; all but magic, checksums and mark is
// filled, and its content follows it.
void zone_pool_segment_seal(const struct zone_pool_segment *segment, uint64_t offset,
                            struct zone_pool_entry *entry);
// The apex of an entry that is whole.
const uint8_t *zone_pool_entry_apex(const struct zone_pool_entry *entry);

#endif
