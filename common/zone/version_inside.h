// What a version is made of. Inner to the room.
#ifndef TANDEM_ZONE_VERSION_INSIDE_H
#define TANDEM_ZONE_VERSION_INSIDE_H

#include "common/zone/heap.h"
#include "common/zone/index.h"
#include "common/zone/version.h"

struct version {
    unsigned holds;
    uint64_t identity;
    bool shares_map; // heap and index stand in a pool's segment
    struct heap_map *heap, *old_heap; // old_heap: NULL unless two generations are referred to
    struct heap_view heaps;
    struct index *base;               // the full index
    struct index *overlay;            // NULL: none
    const struct index_header *header; // of the newer of them: the version's own
    struct version_facts facts;
    const uint8_t *apex;
    unsigned apex_labels;
    const struct chain *chain; // of its own where it is of NSEC3: a salt may be long, and zones are many
    const struct node *apex_node;
    const struct index_slot *apex_slot;
};

// A name that the version has.
struct version_hit {
    const struct node *node;
    const struct index_slot *slot;
    bool in_overlay;
};
// name: lower case, length octets; hash with the version's key. A name that the overlay deletes is absent.
enum index_answer version_probe(const struct version *version, const uint8_t *name, size_t length,
                                uint64_t hash, struct version_hit *ret_hit);
// As version_cursor_next, with the slot.
bool version_cursor_hit(struct version_cursor *cursor, struct version_hit *ret_hit);

#endif
