// The whole chain of NSEC3 as a table in hash order: whether it is a ring, which NSEC3 denies a
// hash, and which stand for no name. 32 octets for each NSEC3, whatever the zone.
#ifndef TANDEM_SIGN_VERIFY_CHAIN_H
#define TANDEM_SIGN_VERIFY_CHAIN_H

#include "secondary/signer/sign/verify_nsec3.h"

struct verify_chain;

struct verify_chain *verify_chain_new(const struct verify_zone *zone);
void verify_chain_free(struct verify_chain **chain);
// Records in canonical order, which is the order of the hashes; those without an NSEC3 of the chain
// are passed over. Reports one whose next hash is not the next.
void verify_chain_add(struct verify_chain *chain, const struct node *node,
                      struct verify_report *report);
// After the last: the ring closes.
void verify_chain_end(struct verify_chain *chain, struct verify_report *report);
size_t verify_chain_count(const struct verify_chain *chain);
// A verify_find, for any number of threads after verify_chain_end.
void verify_chain_find(void *chain, const uint8_t hash[static NSEC3_HASH_SIZE], bool claim,
                       bool want_cover, struct verify_denier *ret_denier);
// After all names were looked for: those that none claimed.
void verify_chain_unclaimed(const struct verify_chain *chain, struct verify_report *report);

#endif
