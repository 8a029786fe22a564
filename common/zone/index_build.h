// Writes an index: from names in canonical order to the octets of index.h. Inner to the room.
#ifndef TANDEM_ZONE_INDEX_BUILD_H
#define TANDEM_ZONE_INDEX_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/octets.h"
#include "common/zone/index.h"
#include "common/zone/version.h"

// One name on its way into an index.
struct index_item {
    const struct node *node; // its record; of a deleted name the last one
    uint64_t reference;
    struct index_place place; // overlay
    uint8_t cut_depth;
    uint8_t flags; // INDEX_...
};
struct index_plan {
    enum index_kind kind;
    const uint8_t *apex;
    uint64_t hash_key;
    const struct version_facts *facts;
    uint32_t generation, old_generation;
    uint64_t heap_length, old_heap_length;
    uint64_t living_octets;
    struct index_journal journal;
    const struct index *base; // overlay
    const struct chain *chain;
};

// True where the record cuts the zone below it: NS but at the apex, or DNAME.
bool index_item_cuts(const struct node *node, bool apex, bool *ret_dname);
// True where the record holds nothing but NSEC3: hidden, unless something is below it.
bool index_item_bare(const struct node *node);
// Fills cut_depth and the flags of the items of a whole zone.
void index_items_flag(struct index_item *items, size_t count, const struct chain *chain);
// items: in canonical order. octets: empty; gets the whole index.
void index_build(const struct index_plan *plan, const struct index_item *items, size_t count,
                 struct octets_buffer *octets);

#endif
