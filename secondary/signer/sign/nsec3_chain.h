// The NSEC3 chain (RFC 5155 section 7.1): which names are in it, bitmaps, one hash for each name,
// and how the old chain is read. Pure; the hash is the only work that grows with iterations.
#ifndef TANDEM_SIGN_NSEC3_CHAIN_H
#define TANDEM_SIGN_NSEC3_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/dns/nsec3_hash.h"
#include "common/zone/node.h"
#include "common/zone/version.h"
#include "secondary/signer/sign/chain_repair.h"
#include "secondary/signer/sign/nsec_chain.h"

// One NSEC3 that is to be made: 32 octets for each name of a zone that is signed whole.
struct nsec3_link {
    uint8_t hash[NSEC3_HASH_SIZE];
    uint32_t item; // index of the name's item in the plan: its types are the bitmap; or
#define NSEC3_LINK_EMPTY UINT32_MAX       // an empty non-terminal: no types
#define NSEC3_LINK_OLD   (UINT32_MAX - 1) // flags and bitmap of the served one stay
    const uint8_t *next; // hash of the next one; while links are gathered: the name
};

// Whether a name whose record is content (not NODE_EMPTY) is in the chain: all but what is occluded
// and, with opt-out, delegations without DS. Empty non-terminals are where a name below them is.
bool nsec3_is_member(const struct node *content, enum node_standing standing, bool opt_out);

// NSEC3 RDATA: the bitmap shows the RRsets given (ascending types), RRSIG where one of them is
// signed, and nothing of what an NSEC3 at the same owner would add. Gives its length.
#define NSEC3_BITMAP_MAX (256 * 34) // 256 windows of 34 octets
#define NSEC3_RDATA_MAX  (6 + NSEC3_SALT_MAX + NSEC3_HASH_SIZE + NSEC3_BITMAP_MAX)
size_t nsec3_rdata(const struct nsec3_parameters *parameters, const uint8_t *next,
                   const struct rrset *rrsets, unsigned count, enum node_standing standing,
                   uint8_t ret_rdata[static NSEC3_RDATA_MAX]);
// The same with flags and bitmap of the NSEC3 in a served record. False: it has none.
bool nsec3_rdata_again(const struct node *old, const uint8_t *next,
                       uint8_t ret_rdata[static NSEC3_RDATA_MAX], size_t *ret_length);
// The NSEC3 that a record holds; false: none.
bool nsec3_of(const struct node *node, struct nsec3_rdata *ret_nsec3);

// Ascending hashes; then next becomes the hash of the next link, the last one's that of the first.
// False: two names have one hash, told in ret_names; links are then of no use.
bool nsec3_links_close(struct nsec3_link *links, size_t count, const uint8_t *ret_names[static 2]);

// chain_repair on a version with NSEC3; keys are hashes, in order from apex_hash on and round to
// it. arena: for keys that are added.
size_t nsec3_chain_repair(const struct version *old, const uint8_t *apex_hash, struct arena *arena,
                          struct chain_change *changes, size_t count);

// The hash that the signer's chain is made with: nsec3_hash. A variable, so that a test may put a
// weak one in its place and see what becomes of collisions; nobody else writes it.
typedef void nsec3_hash_function(const struct nsec3_parameters *parameters, const uint8_t *name,
                                 uint8_t ret_hash[static NSEC3_HASH_SIZE]);
extern nsec3_hash_function *nsec3_chain_hash;

#endif
