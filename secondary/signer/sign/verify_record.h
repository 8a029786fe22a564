// The rules that one record must keep, by its standing in the zone: which RRsets are signed and by
// whom, times, TTLs, its NSEC's bitmap. The chain between records is verify.c's.
#ifndef TANDEM_SIGN_VERIFY_RECORD_H
#define TANDEM_SIGN_VERIFY_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/zone/node.h"
#include "secondary/signer/sign/verify.h"
#include "secondary/signer/sign/verify_keys.h"

struct verify_zone { // what the apex says about all of them
    const uint8_t *apex;
    const struct verify_keys *keys;
    uint8_t algorithms[VERIFY_KEYS_MAX];
    unsigned algorithm_count;
    uint32_t nsec_ttl, soa_minimum;
    bool nsec3;  // denial is by NSEC3: the chain is not looked at in this version
    bool strict; // our own work: no signature but good ones, RFC 9077's TTL to the second
    int64_t now;
};
// Fills it from the apex record; reports a missing SOA or DNSKEY (then false). *ret_keys is the
// caller's to free.
bool verify_zone_init(struct verify_zone *zone, const struct node *apex_node, const uint8_t *apex,
                      int64_t now, bool strict, struct verify_keys **ret_keys,
                      struct verify_report *report);

enum verify_place { PLACE_APEX, PLACE_INSIDE, PLACE_CUT, PLACE_HIDDEN, PLACE_EMPTY };
// below: a cut or DNAME is above it.
enum verify_place verify_place_of(const struct node *node, bool apex, bool below);
bool verify_place_denies(enum verify_place place);           // has an NSEC
bool verify_place_hides(const struct node *node, bool apex); // names below are hidden

struct verify_record {
    const struct node *node;
    const struct node
        *old; // signatures that this record has over the same RRset count as verified; NULL
    enum verify_place place;
    bool crypto; // verify signatures; else only what can be read off them
};
void verify_record(const struct verify_zone *zone, struct verify_hand *hand,
                   const struct verify_record *record, struct verify_report *report);
// The next owner of its NSEC, or NULL.
const uint8_t *verify_next_of(const struct node *node);
// Signatures of a record that old does not have as they are.
size_t verify_fresh_signatures(const struct node *node, const struct node *old);

#endif
