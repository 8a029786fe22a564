// Where a name stands among an index's chain owners (chain.h): what finds the NSEC or NSEC3 that covers it. Inner to the
// room. A search may be done in steps, so that several of them wait for memory together.
#ifndef TANDEM_ZONE_INDEX_CHAIN_H
#define TANDEM_ZONE_INDEX_CHAIN_H

#include "common/zone/index.h"

// The few owners whose order against a name the samples do not tell.
void index_chain_group(const struct index *index, const uint8_t *name, struct chain_group *ret_group);
// The same for several names, whose searches wait for memory together.
#define INDEX_CHAIN_NAMES_MAX 64
void index_chain_groups(const struct index *index, const uint8_t *const *names, size_t count,
                        struct chain_group *ret_groups);
// Hints, each when what the one before it asked for is there: the group's places, its slots, its records. The owner in
// front of the group may be the one that is wanted and comes along.
void index_group_fetch_places(const struct index *index, const struct chain_group *group);
void index_group_fetch_slots(const struct index *index, const struct chain_group *group);
void index_group_fetch_records(const struct index *index, const struct heap_view *heaps,
                               const struct chain_group *group);
// Chain owners that are not after the name (inclusive) or before it; group: that of the name. False: a damaged record
// is in the way.
bool index_group_bound(const struct index *index, const struct heap_view *heaps, const uint8_t *name, bool inclusive,
                       const struct chain_group *group, size_t *ret_count);
// The same without a group.
bool index_chain_bound(const struct index *index, const struct heap_view *heaps, const uint8_t *name,
                      bool inclusive, size_t *ret_count);
// Overlay: the number of base chain owners up to and with the nearest one at or before count - 1 that holds.
size_t index_chain_living(const struct index *overlay, size_t count);

#endif
