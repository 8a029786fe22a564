// The chain of denial as a ring of keys, whichever kind it is (owners of NSECs in canonical order,
// hashes of NSEC3s in hash order): who must be rewritten when members come and go. Pure; allocates
// nothing that outlives a call but what a kind makes in its own arena.
#ifndef TANDEM_SIGN_CHAIN_REPAIR_H
#define TANDEM_SIGN_CHAIN_REPAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// One member whose place in the chain may have changed.
struct chain_change {
    const uint8_t *key;
    bool was, is;        // is in the old chain, in the new one
    const uint8_t *next; // filled by chain_repair where `is`
};
// How a chain of one kind is read in the old version. Keys stay as they are until the caller is
// done with what came of the repair.
struct chain_kind {
    // <0, 0, >0 in the ring as it is cut open before the apex's key, which every chain has.
    int (*order)(const void *context, const uint8_t *a, const uint8_t *b);
    // The last member before a key that is not the apex's; NULL: a damaged record is in the way.
    const uint8_t *(*before)(const void *context, const uint8_t *key);
    // What the last member not after key says is next; NULL: damaged.
    const uint8_t *(*next)(const void *context, const uint8_t *key);
    const void *context;
};
// changes: in the kind's order, one for each key, the apex's first (was and is), room for as many
// again. Adds the unchanged members whose next key changes (was and is true), fills every next.
// Gives the new count; 0: a damaged record is in the way.
size_t chain_repair(const struct chain_kind *kind, struct chain_change *changes, size_t count);

#endif
