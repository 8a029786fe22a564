// What a diff means for the tree: the owners of the diff, the empty non-terminals that come and go with them, and
// the names below a cut that is new or gone, whose index entries must say so. Inner to the room.
#ifndef TANDEM_ZONE_CHANGE_H
#define TANDEM_ZONE_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/vector.h"
#include "common/zone/diff.h"
#include "common/zone/version_inside.h"

// One name whose entry in the index changes.
struct change {
    const uint8_t *name;
    const struct node *node; // its record afterwards; NULL: the name goes
    struct version_hit old;  // old.node NULL: the version has no such name
    const uint8_t *next;     // while resolving, of a name that goes: the next name that stays
    uint64_t reference;      // of node, once it stands in the heap
    bool kept;               // the record stays where it is, only cut_depth or INDEX_HIDDEN changes
    uint8_t cut_depth;
    uint8_t flags; // INDEX_CUT_IS_DNAME, INDEX_IN_CHAIN, INDEX_HIDDEN
};
struct change_set {
    const struct version *version;
    struct vector changes; // struct change, in canonical order
    struct arena *arena;   // records of new empty non-terminals
    struct chain chain;   // of the version to come
    // Only a full index will do: the chain is another one, the base of an old format, or the changes are too many
    // (then names below a cut are left out, and neither depths nor flags are set).
    bool whole;
    int64_t node_count, rr_count, signature_count, living_octets; // what they grow by
};
// names_max: how many changes may be for an overlay to be written. Faults: FAULT_CORRUPT where a damaged record is
// in the way.
bool change_set_make(const struct version *version, const struct diff *diff, size_t names_max,
                     struct change_set *ret_set, struct fault *fault);
void change_set_close(struct change_set *set);

#endif
