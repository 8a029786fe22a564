// Ahead of a lookup: what it will touch is on its way from memory while the caller looks at
// something else. At a million names nearly every probe and every record waits for memory, 100 ns
// each; a batch of questions waits together. Hints only: nothing is read that may fail, nothing is
// found.
#ifndef TANDEM_ZONE_FETCH_H
#define TANDEM_ZONE_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/dns/nsec3_hash.h"
#include "common/zone/chain.h"
#include "common/zone/version.h"

// The slot where the probe for a name begins; hash: name_hash with version_hash_key.
void zone_fetch_slot(const struct version *version, uint64_t hash);
// All of a record that is there.
void zone_fetch_node(const struct node *node);
// Later, when the slot is there: the record that it names. False: the name is not there.
bool zone_fetch_record(const struct version *version, uint64_t hash);
// That record where it was found whole before, so that it may be looked into; NULL: who knows. It
// is the name's by 32 bits of its hash and no more.
const struct node *zone_fetched_node(const struct version *version, uint64_t hash);
// Hashed owners: name_hash of the NSEC3 owner for a hash, whose slot is on its way then. False:
// this version can have no such owner.
bool zone_fetch_nsec3_slot(const struct version *version,
                           const uint8_t hash[static NSEC3_HASH_SIZE], uint64_t *ret_key);
// The same as zone_fetch_record; false also where a zone cut or a DNAME is at the name or above it.
bool zone_fetch_encloser(const struct version *version, uint64_t hash);

// Where a name stands in the chain of NSEC or NSEC3, as far as the sampled keys tell:
// zone_find_nsec_near and its kin go on from there. Of the version that it was made with, and of no
// other.
struct zone_near {
    struct chain_group base, overlay;
};
// name: as for zone_find_nsec. The places of the owners nearby are on their way then.
void zone_near_find(const struct version *version, const uint8_t *name, struct zone_near *ret_near);
// The same for several names of one version, at most ZONE_NEAR_MAX.
#define ZONE_NEAR_MAX 64
void zone_near_find_all(const struct version *version, const uint8_t *const *names, size_t count,
                        struct zone_near *ret_nears);
// Later, one after the other: the slots of these owners, their records.
void zone_near_fetch_slots(const struct version *version, const struct zone_near *near);
void zone_near_fetch_records(const struct version *version, const struct zone_near *near);

#endif
