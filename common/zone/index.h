// The index of a version (architecture.md section 2): from a name to the place of its record, as one run of octets
// that is position-independent, 8-aligned, little-endian and ends in no pointer. A full index names every
// record of the zone; an overlay names what changed since a full one, its base, and is probed first. Inner
// to the room; several processes map the same file read-only.
#ifndef TANDEM_ZONE_INDEX_H
#define TANDEM_ZONE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/fault.h"
#include "common/base/octets.h"
#include "common/zone/chain.h"
#include "common/zone/heap.h"

// 2 brought INDEX_HIDDEN and the parameters of NSEC3. Format 1 is the same without them, so its indexes are still
// read where the zone has no NSEC3 (README.md, decision 12).
#define INDEX_FORMAT       2
#define INDEX_FORMAT_FIRST 1
#define INDEX_MAGIC        {'T', 'D', 'M', 'I', 'N', 'D', 'X', '\n'}
#define INDEX_SAMPLE_EVERY 8    // chain owners for each sampled key: 3 or 4 heap reads end a search
#define INDEX_SAMPLE_SIZE  32   // octets of a key behind the apex's part: most owners differ in fewer
#define INDEX_NO_CUT       0xFF // cut_depth of authoritative data
#define INDEX_NAMES_MAX    (UINT32_C(1) << 30) // places have 32 bits, the table twice the names

enum index_kind { INDEX_FULL = 1, INDEX_OVERLAY = 2 };

// One name. reference 0: an empty slot.
struct index_slot {
    uint64_t reference; // heap.h; of a deleted name: its last record
    uint32_t tag;       // the upper half of the name's hash; the lower chooses the slot
    uint8_t cut_depth;  // labels of the topmost zone cut or DNAME at or above the name
    uint8_t flags;
    uint16_t spare; // 0
};
#define INDEX_CUT_IS_DNAME  0x01
#define INDEX_IN_CHAIN      0x02 // the record is an owner of the chain (chain.h)
#define INDEX_DELETED       0x04 // overlay: the base has the name, this version does not
#define INDEX_IN_BASE       0x08 // overlay: the base has the name
#define INDEX_BASE_IN_CHAIN 0x10 // overlay: the base's record is an owner of the chain
#define INDEX_HIDDEN        0x20 // nothing but NSEC3 and nothing below: no name of the zone

// Overlay: where a name stands against the base.
struct index_place {
    uint32_t node; // first in the base's order that is not before the name
    uint32_t chain; // the same among the base's chain owners
};
// Overlay: positions first to last among the base's chain owners that this version replaces or lacks. Runs do
// not touch, so the position before first holds: a predecessor is one step away.
struct index_run {
    uint32_t first, last;
};
struct index_section {
    uint64_t offset; // from the header, a multiple of 8
    uint64_t count;  // items
};
// The steps of the journal (journal.h), in the heap of the current generation. All 0: none, which is also what
// programs write that know no journal.
struct index_journal {
    uint64_t newest; // offset of the newest step, which names the one before
    uint64_t octets; // of all steps that count
    uint32_t steps;
    uint32_t from_serial; // of the oldest
};
struct index_header {
    uint8_t magic[8];
    uint32_t format;
    uint32_t crc; // CRC32C of all octets behind this field
    uint64_t length;
    uint32_t kind; // enum index_kind
    uint32_t flags;
    uint64_t hash_key;
    uint64_t sequence;
    uint32_t unsigned_serial, signed_serial;
    int64_t published_seconds;
    uint32_t soa_expire_seconds;
    uint32_t generation;     // of the heap
    uint32_t old_generation; // 0: the index refers to one heap
    uint32_t base_crc;       // overlay: the base's crc
    uint64_t heap_length, old_heap_length;
    uint64_t node_count, rr_count, signature_count;
    uint64_t living_octets; // of the records that the version names, without the journal's
    uint64_t base_sequence, base_length;
    struct index_section slots;       // struct index_slot, a power of two
    struct index_section order;       // u32: slots of the names in canonical order
    struct index_section places;      // struct index_place beside each of order; overlay
    struct index_section chain;       // u32: slots of the chain owners in canonical order
    struct index_section chain_places; // u32: index_place.chain of each of chain; overlay
    struct index_section samples;     // INDEX_SAMPLE_SIZE octets: key of every eighth of chain
    struct index_section dead;        // struct index_run; overlay
    struct index_section nsec3;       // octets: parameters of the chain as at the start of an NSEC3's RDATA
    struct index_journal journal;
    uint8_t spare[52];         // 0
    uint32_t first_expiration; // version_facts
    uint8_t apex[256];
};
#define INDEX_IS_SIGNED 0x01
#define INDEX_NSEC3     0x02
#define INDEX_NSEC3_MAX (5 + NSEC3_SALT_MAX)

// A mapped index, shared by the versions that look into it.
struct index {
    unsigned holds;
    dev_t device;
    ino_t inode;
    uint64_t offset; // of the index in its file
    void *map;         // or memory of its own; NULL: another's
    size_t map_length; // 0: of its own
    const struct index_header *header;
    const struct index_slot *slots;
    uint64_t slot_mask;
    unsigned apex_labels;
    const uint32_t *order;
    const struct index_place *places;
    const uint32_t *chain;
    const uint32_t *chain_places;
    const uint8_t *samples;
    const struct index_run *dead;
    uint64_t *checked; // a bit for each slot: this process found its record whole
};

// It begins an index of a format that is read here.
bool index_header_known(const struct index_header *header);
// Maps length octets at offset of the file and checks magic, format, the sections and, unless it is known to be
// whole, the checksum, which reads all of it. former (NULL: none) is held once more where it is the same. Faults: I/O,
// FAULT_CORRUPT.
bool index_map(int file, uint64_t offset, uint64_t length, bool whole, struct index *former,
               struct index **ret_index, struct fault *fault);
// The same of an index in memory that stays as long as somebody holds the index: in a map of many zones.
bool index_map_in(const uint8_t *octets, uint64_t length, bool whole, struct index *former,
                  struct index **ret_index, struct fault *fault);
void index_drop(struct index **index);
// An overlay against the heaps and its base. A full index is checked slot by slot as it is used (index_node): a
// million names are not looked at before the first answer.
bool index_check(const struct index *index, const struct heap_view *heaps, const struct index *base,
                 struct fault *fault);
size_t index_names(const struct index *index);      // deleted ones included
// The chain that the index is made for; kept is its owners' order.
void index_chain(const struct index_header *header, struct chain *ret_chain);
size_t index_chain_count(const struct index *index);

// The record of a slot, or NULL where it or its place is damaged. Checked at first touch.
const struct node *index_node(const struct index *index, const struct heap_view *heaps, uint32_t slot);

// What was found whole counts no more: every record is checked again at its next touch.
void index_forget(const struct index *index);

enum index_answer { INDEX_ABSENT, INDEX_FOUND, INDEX_DAMAGED };
// name: lower case, length octets; hash: name_hash with the index's key.
enum index_answer index_probe(const struct index *index, const struct heap_view *heaps,
                              const uint8_t *name, size_t length, uint64_t hash, uint32_t *ret_slot,
                              const struct node **ret_node);
// Halves list[*low .. high), slots in canonical order, by names: *low becomes the place of the first that is not before
// name, or (after) that is after it. False: a damaged record is in the way.
bool index_list_bound(const struct index *index, const struct heap_view *heaps, const uint32_t *list,
                      const uint8_t *name, bool after, size_t *low, size_t high);
// The first in canonical order that is not before the name. False: a damaged record is in the way.
bool index_lower_bound(const struct index *index, const struct heap_view *heaps,
                       const uint8_t *name, size_t *ret_position);

// The sampled part of a name's key: what follows the apex's part.
void index_sample_key(const uint8_t *name, unsigned apex_labels,
                      uint8_t ret_key[static INDEX_SAMPLE_SIZE]);

#endif
