// A zone version: frozen content, read-only, mapped from a heap of node records and an index (full, or an overlay
// over a full one). Any number of processes map the same files; nothing here writes. A version is reference
// counted within a process (one thread); lookups and walks allocate nothing and take no lock.
#ifndef TANDEM_ZONE_VERSION_H
#define TANDEM_ZONE_VERSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/dns/name.h"
#include "common/dns/nsec3_hash.h"
#include "common/zone/node.h"

struct version;
struct heap_map;

// What the index header says of a version besides its records.
struct version_facts {
    uint64_t sequence;         // 1, 2, 3 ... within the store
    uint32_t unsigned_serial;  // of the content that came in
    uint32_t signed_serial;    // of the SOA in this version (the same where nothing is signed)
    int64_t published_seconds; // unix time
    bool is_signed;
    // Denial by NSEC3; else NSEC where signed. The store reads it off the apex as it publishes (NSEC3PARAM and no
    // NSEC there), whatever the caller says.
    bool nsec3;
    uint32_t soa_expire_seconds;
    // No signature ends before this; 0: not known. What tells a restart, without reading a million records, that it may
    // serve at once. It may be too early: a record that was renewed since may have ended then.
    uint32_t first_expiration;
    uint64_t node_count, rr_count, signature_count; // rr_count without RRSIGs; kept by the store
};

// The descriptors of one published version, as the signer sends them and the supervisor keeps them: read-only
// files with the range in which the version's part stands (small zones may share files). base is -1 for a full
// index; else index is an overlay over base. old_heap is -1 unless the index refers to two heap generations.
struct version_place {
    int heap, old_heap, base, index;
    uint64_t heap_length, old_heap_length, base_offset, base_length, index_offset, index_length;
    // Not NULL: no descriptor is given. Heap and index stand in this map of a pool's segment (zone_pool.h), the heap
    // heap_offset octets from its start. Borrowed until the version is mapped.
    struct heap_map *shared;
    uint64_t heap_offset;
    // The indexes' checksums were found right by who gives the place: they are not read through again.
    bool whole;
};
#define VERSION_DESCRIPTORS_MAX 4
void version_place_close(struct version_place *place); // closes what is not -1

// Where a version stands in a pool (zone_pool.h): in the file pool.SEGMENT, octets from its start.
struct zone_pool_place {
    uint32_t segment; // never used again for another file
    uint32_t heap_offset, heap_length;
    uint32_t index_offset, index_length;
};
// The same for version_map, in a map of that segment. The checksums were found right by who gave the place.
struct version_place version_place_pooled(struct heap_map *map, const struct zone_pool_place *place);

// Maps a version; the descriptors may be closed afterwards. Checks magic, format, lengths, the index checksum (unless
// place->whole) and the apex; every other offset is checked when it is first followed. share: a version of the same
// zone already mapped here, whose heap and base maps are reused where they are the same files (NULL: none).
bool version_map(const struct version_place *place, const struct version *share,
                 const struct version **ret_version, struct fault *fault);
const struct version *version_hold(const struct version *version);
void version_drop(const struct version **version);
// After a walk over all of it: what was read leaves this process's memory; the system keeps it as long as it likes.
// Nothing where the map is shared with other zones.
void version_rest(const struct version *version);

// A number that no other version that this process maps has or had, not 0: to remember things of a version by, where
// its address may come again.
uint64_t version_identity(const struct version *version);
const uint8_t *version_apex(const struct version *version);
const struct version_facts *version_facts(const struct version *version);
// The key of name_suffixes_init for lookups in this version.
uint64_t version_hash_key(const struct version *version);
const struct node *version_apex_node(const struct version *version);
// The parameters of the chain of a version with NSEC3, flags as in the apex's NSEC3; NULL in any other.
const struct nsec3_parameters *version_nsec3(const struct version *version);

// Walks all records in canonical order, empty non-terminals and glue included.
struct version_cursor {
    const struct version *version;
    size_t base_position, overlay_position; // where the next record of each is
    // A record failed its check and was left out (README.md, decision 3): a transfer must not go on as if
    // nothing were missing.
    bool damaged;
};
void version_cursor_first(struct version_cursor *cursor, const struct version *version);
// At the first record whose owner is not before name.
void version_cursor_seek(struct version_cursor *cursor, const struct version *version,
                         const uint8_t *name);
const struct node *version_cursor_next(struct version_cursor *cursor); // NULL at the end

#endif
