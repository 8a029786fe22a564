// From a version and what changes in it to the names of the next index. Inner to the room.
#ifndef TANDEM_ZONE_FREEZE_H
#define TANDEM_ZONE_FREEZE_H

#include <stdbool.h>

#include "common/base/vector.h"
#include "common/zone/change.h"
#include "common/zone/draft.h"
#include "common/zone/index_build.h"

// All give a vector of struct index_item in canonical order, initialised by the caller. References of changes are
// those in the set. Faults: FAULT_CORRUPT where a damaged record is in the way.

// Every name of the version, with the changes applied (NULL: none); cuts are computed anew.
bool freeze_whole(const struct version *version, const struct change_set *set,
                  struct vector *ret_items, struct fault *fault);
// The names in which the next version differs from the base index.
bool freeze_overlay(const struct version *version, const struct change_set *set,
                    struct vector *ret_items, struct fault *fault);
// Counts of a whole zone's items.
void freeze_count(const struct vector *items, struct version_facts *facts,
                  uint64_t *ret_living_octets);

#endif
