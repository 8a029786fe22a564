// Lookups in a version: what RFC 1034 section 4.3.2 asks of the tree, by hash, without walking labels.
#ifndef TANDEM_ZONE_FIND_H
#define TANDEM_ZONE_FIND_H

#include <stdbool.h>

#include "common/dns/nsec3_hash.h"
#include "common/zone/fetch.h"
#include "common/zone/version.h"

struct zone_match {
    const struct node *node;     // the record at the name; NULL: the name does not exist
    const struct node *encloser; // closest encloser (RFC 4592 section 3.3.1); the node itself where it exists
    unsigned encloser_labels;
    // The topmost zone cut at or above the name, or DNAME above it; NULL: the name is authoritative
    // data of this zone. A DNAME at the name itself is not above it.
    const struct node *cut;
    bool cut_is_dname;
    // A record on the way failed its check (README.md, decision 3); all pointers are NULL: answer SERVFAIL.
    bool damaged;
};

// A record that holds nothing but NSEC3 is no name of the zone (RFC 5155 section 7.2.8): zone_find, zone_find_exact
// and zone_find_wildcard do not see it. zone_find_record, the cursors and diffs do.
//
// name: at or below the apex, lower case, suffixes made with version_hash_key.
void zone_find(const struct version *version, const uint8_t *name,
               const struct name_suffixes *suffixes, struct zone_match *ret_match);
// The same with hash = name_hash(name, version_hash_key(version)), known already; the suffixes are made only where
// one probe does not do, that is where match.node is NULL or match.cut is not.
void zone_find_hashed(const struct version *version, const uint8_t *name, uint64_t hash,
                      struct name_suffixes *ret_suffixes, struct zone_match *ret_match);
// The same where the hash of the name's parent is known, too: most often it is the closest encloser of a name that does
// not exist. name: below the apex. The suffixes are made only where that probe does not do either.
void zone_find_beside(const struct version *version, const uint8_t *name, uint64_t hash,
                      uint64_t parent_hash, struct name_suffixes *ret_suffixes,
                      struct zone_match *ret_match);
// The record at exactly this lower-case name, or NULL (also where it is damaged).
const struct node *zone_find_exact(const struct version *version, const uint8_t *name);
// The record "*." + the owner of encloser, or NULL (the source of synthesis). *ret_damaged: it is there and cannot be
// read: answer SERVFAIL, it is not proven that there is none.
const struct node *zone_find_wildcard(const struct version *version, const struct node *encloser,
                                      bool *ret_damaged);
// The same with hash = name_hash of that name, known already.
const struct node *zone_find_wildcard_hashed(const struct version *version, const struct node *encloser,
                                             uint64_t hash, bool *ret_damaged);
// The owner of the NSEC that matches or covers name: the last chain owner not after it in canonical order (RFC
// 4034 section 6.1); NULL in a version without a chain, where none is before (no ring: of NSEC that cannot be, for the
// apex has one), or where a damaged record is in the way. In a version with NSEC3 the chain's owners are those of
// the NSEC3s of version_nsec3, so name is then a hashed name (nsec3_owner).
const struct node *zone_find_nsec(const struct version *version, const uint8_t *name);
// The same where zone_near_find was asked for this name in this version before.
const struct node *zone_find_nsec_near(const struct version *version, const uint8_t *name,
                                       const struct zone_near *near);
// Any record at exactly this lower-case name, one that holds only NSEC3 too; NULL: none. *ret_damaged: it is there and
// cannot be read.
const struct node *zone_find_record(const struct version *version, const uint8_t *name, bool *ret_damaged);
// In a version with NSEC3: the record of the NSEC3 that matches hash; NULL: none does. *ret_damaged: it is there and
// cannot be read.
const struct node *zone_find_nsec3_match(const struct version *version,
                                         const uint8_t hash[static NSEC3_HASH_SIZE],
                                         bool *ret_damaged);
// The same with key = name_hash of its owner, known already (zone_fetch_nsec3_slot).
const struct node *zone_find_nsec3_match_hashed(const struct version *version,
                                                const uint8_t hash[static NSEC3_HASH_SIZE],
                                                uint64_t key, bool *ret_damaged);
// In a version with NSEC3: the record of the NSEC3 that matches or covers hash, the last one not after it in hash
// order, or the last of all where it is before the first (the order is a ring). *ret_matches: its hash is this one.
// NULL in a version without NSEC3, or where a damaged record is in the way.
const struct node *zone_find_nsec3(const struct version *version,
                                   const uint8_t hash[static NSEC3_HASH_SIZE], bool *ret_matches);
// The same for the owner that stands for the hash (nsec3_owner), where zone_near_find was asked for it before.
const struct node *zone_find_nsec3_near(const struct version *version, const uint8_t *owner,
                                        const struct zone_near *near, bool *ret_matches);

#endif
