// What the apex says about all records of a zone under verification (keys, TTL of denial, kind and
// parameters of the chain), and what a record is by its place in the zone.
#ifndef TANDEM_SIGN_VERIFY_ZONE_H
#define TANDEM_SIGN_VERIFY_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/dns/nsec3_hash.h"
#include "secondary/signer/sign/verify.h"
#include "secondary/signer/sign/verify_keys.h"
#include "secondary/signer/sign/verify_source.h"

// RFC 5155 section 10.3: the most that any key size allows. A chain that asks for more is none.
#define VERIFY_ITERATIONS_MAX 2500

// Which NSEC3 of the chain denies a hash.
struct verify_denier {
    const struct node *match; // at exactly this hash; NULL: none
    const struct node *cover; // else the one before it; only where it was asked for
};
// claim: the hash is that of a name which may have an NSEC3. Called by several threads.
typedef void verify_find(void *context, const uint8_t hash[static NSEC3_HASH_SIZE], bool claim,
                         bool want_cover, struct verify_denier *ret_denier);

struct verify_zone {
    const uint8_t *apex;
    const struct node *apex_node;
    const struct verify_source *source;
    const struct verify_keys *keys;
    uint8_t algorithms[VERIFY_KEYS_MAX];
    unsigned algorithm_count;
    uint32_t nsec_ttl, soa_minimum, serial;
    enum verify_denial denial;
    struct nsec3_parameters parameters; // of the chain; flags as in the apex's own NSEC3
    bool
        strict; // our own work: no signature but good ones, RFC 9077's TTL to the second, one chain
    int64_t now;
    verify_find *find; // with VERIFY_NSEC3: set by whoever knows the chain
    void *find_context;
};
// Fills it from the apex record of source; reports a missing SOA or DNSKEY (then false). *ret_keys
// is the caller's to free.
bool verify_zone_init(struct verify_zone *zone, const struct verify_source *source,
                      const uint8_t *apex, int64_t now, bool strict, struct verify_keys **ret_keys,
                      struct verify_report *report);

enum verify_place {
    PLACE_APEX,
    PLACE_INSIDE,
    PLACE_CUT,
    PLACE_HIDDEN, // below a cut or DNAME
    PLACE_EMPTY,  // an empty non-terminal: no record
    PLACE_HASH,   // a record that holds an NSEC3 and nothing else: no name
};
// below: a cut or DNAME is above it.
enum verify_place verify_place_of(const struct node *node, bool apex, bool below);
bool verify_place_denies(enum verify_place place);           // has an NSEC
bool verify_place_hides(const struct node *node, bool apex); // names below are hidden
// True where source has a cut or DNAME above owner.
bool verify_is_hidden(const struct verify_source *source, const uint8_t *apex,
                      const uint8_t *owner);

// The first RR of a type at a record. False: none.
bool verify_first_rr(const struct node *node, uint16_t type, struct rrset *ret_rrset,
                     struct rr *ret_rr);
// The next owner of its NSEC, or NULL.
const uint8_t *verify_next_of(const struct node *node);

#endif
