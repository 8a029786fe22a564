// The zones that a process holds: from a name to the closest enclosing zone. Keyed hash by apex and label depth;
// lookups allocate nothing. One thread.
#ifndef TANDEM_ZONE_ZONE_SET_H
#define TANDEM_ZONE_ZONE_SET_H

#include <stddef.h>
#include <stdint.h>

#include "common/dns/name.h"

struct zone_set;

struct zone_set *zone_set_new(void);
void zone_set_free(struct zone_set **set);
uint64_t zone_set_hash_key(const struct zone_set *set);
// Puts or replaces; gives the former value or NULL. value is borrowed and not NULL.
void *zone_set_put(struct zone_set *set, const uint8_t *apex, void *value);
void *zone_set_remove(struct zone_set *set, const uint8_t *apex);
void *zone_set_get(const struct zone_set *set, const uint8_t *apex); // exactly this apex
// The zone with the longest apex at or above the name (suffixes by zone_set_hash_key; any case) with at most
// max_labels labels (RFC 4035 section 3.1.4.1: a DS question is the parent's); NULL: none.
void *zone_set_find(const struct zone_set *set, const uint8_t *name,
                    const struct name_suffixes *suffixes, unsigned max_labels);
// The same for a lower-case name without suffixes: it hashes only at depths where there are apexes.
void *zone_set_closest(const struct zone_set *set, const uint8_t *name, unsigned max_labels);
size_t zone_set_count(const struct zone_set *set);
// Values in order of insertion; index below the count.
void *zone_set_at(const struct zone_set *set, size_t index);

#endif
