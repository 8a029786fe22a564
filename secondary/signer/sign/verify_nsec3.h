// The rules of NSEC3 (RFC 5155): what each RR must be, and which NSEC3 a name must have. How the
// NSEC3 of a name is found is verify_zone's `find`: a table of the whole chain, or what is served
// with a change laid over it.
#ifndef TANDEM_SIGN_VERIFY_NSEC3_H
#define TANDEM_SIGN_VERIFY_NSEC3_H

#include <stdbool.h>
#include <stdint.h>

#include "secondary/signer/sign/verify_zone.h"

// The chain in force: that of the NSEC3PARAM which has an NSEC3 for the apex, or where none has, of
// the first usable one (no flags, SHA-1, not too many iterations). False: there is none.
bool verify_nsec3_choose(const struct verify_source *source, const struct node *apex_node,
                         struct nsec3_parameters *ret_parameters);

// An NSEC3 of the chain: the record's RR with its parameters and no unknown flag (RFC 5155 section
// 8.2: others are to be ignored), at a name that is a hash.
struct verify_link {
    uint8_t hash[NSEC3_HASH_SIZE];
    struct nsec3_rdata rdata; // borrows the record's octets
};
// node may be NULL.
bool verify_link_read(const uint8_t *apex, const struct nsec3_parameters *parameters,
                      const struct node *node, struct verify_link *ret_link);
// x strictly behind a and before b on the ring of hashes; where a and b are the same hash, every
// other one is.
bool verify_hash_between(const uint8_t *a, const uint8_t *x, const uint8_t *b);
// "2t7b4g4vsa5smi47k61mv5bv1a22bojr", for sentences.
const char *verify_hash_text(const uint8_t hash[static NSEC3_HASH_SIZE],
                             char ret_text[static NSEC3_LABEL_SIZE + 1]);

// The NSEC3 RRset of a record: parameters, flags, TTL, one for each chain.
void verify_nsec3_rrset(const struct verify_zone *zone, const struct node *node,
                        const struct rrset *rrset, struct verify_report *report);
// The name has its NSEC3 with the right types, or opt-out lets it have none. node NULL: an empty
// non-terminal.
void verify_nsec3_name(const struct verify_zone *zone, const uint8_t *owner,
                       const struct node *node, enum verify_place place,
                       struct verify_report *report);
// No NSEC3 stands for this name.
void verify_nsec3_absent(const struct verify_zone *zone, const uint8_t *owner,
                         struct verify_report *report);
// owner is an empty non-terminal that opt-out lets go without an NSEC3: everything below is
// unsigned delegations (RFC 5155 section 7.1).
bool verify_nsec3_may_lack(const struct verify_source *source, const uint8_t *owner);

#endif
