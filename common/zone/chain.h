// Which records deny names in a version: the owners of NSEC, or those of the NSEC3s of one set of parameters. What an
// index keeps beside all names is the order of these. Inner to the room.
#ifndef TANDEM_ZONE_CHAIN_H
#define TANDEM_ZONE_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/dns/nsec3_hash.h"
#include "common/zone/node.h"

// RFC 5155 section 10.3 allows no more with the longest keys. A chain that asks for more is not used (its records are
// data like others): each denial would cost the server milliseconds, at the cost of its other zones.
#define CHAIN_ITERATIONS_MAX 2500

struct chain {
    bool nsec3;                         // else NSEC, or there is no chain
    struct nsec3_parameters parameters; // flags: NSEC3_FLAG_OPT_OUT as in the NSEC3 of the apex's hash
};

// Of the chain's owners in canonical order, by number, those whose order against some name is open: all before first are
// before it, all from end on are after it.
struct chain_group {
    uint32_t first, end;
};

// The record at exactly this name in the content that is judged, or NULL.
typedef const struct node *chain_record(const void *content, const uint8_t *name);

// NSEC3 where the apex holds NSEC3PARAM and no NSEC: the first NSEC3PARAM whose chain has an NSEC3 for the apex, or where
// none has, the first of all. One with flags (RFC 5155 section 4.1.2), of an unknown hash or with too many
// iterations is passed over.
void chain_choose(const struct node *apex, chain_record *record, const void *content,
                  struct chain *ret_chain);
// The record is an owner of the chain.
bool chain_has(const struct chain *chain, const uint8_t *apex, const struct node *node);
// The same records are its owners (flags may differ).
bool chain_same(const struct chain *a, const struct chain *b);

#endif
