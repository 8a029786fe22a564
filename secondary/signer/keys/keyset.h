// All keys of one zone, and which of them sign what: the DNSKEY RRset by active KSKs and CSKs,
// everything else by active ZSKs and CSKs. Main thread of the signer. Key tags are unique over all
// keys of the set and the foreign ones it was told of.
#ifndef TANDEM_KEYS_KEYSET_H
#define TANDEM_KEYS_KEYSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "secondary/signer/keys/key_pair.h"
#include "secondary/signer/keys/key_policy.h"

#define KEYSET_KEYS_MAX 32 // keys of one zone: more would not fit a DNSKEY answer

struct keyset;

// memory is borrowed and outlives the keyset.
struct keyset *keyset_new(const uint8_t *apex, struct key_memory *memory);
void keyset_free(struct keyset **keyset); // forgets the private parts
const uint8_t *keyset_apex(const struct keyset *keyset);
struct key_memory *keyset_memory(const struct keyset *keyset);

size_t keyset_count(const struct keyset *keyset);
// In the order: KSK and CSK before ZSK, then by tag.
const struct key_pair *keyset_at(const struct keyset *keyset, size_t index);
const struct key_pair *keyset_find(const struct keyset *keyset, uint16_t tag); // NULL
// Takes the key over (its slot; *key is cleared). Faults: another zone, tag taken, too many.
bool keyset_add(struct keyset *keyset, struct key_pair *key, struct fault *fault);
// Forgets a key with its private part.
bool keyset_remove(struct keyset *keyset, uint16_t tag, struct fault *fault);
// Tags that keys of others have in this zone (multi-signer; later): avoided by keyset_generate.
void keyset_avoid_tag(struct keyset *keyset, uint16_t tag);
bool keyset_tag_taken(const struct keyset *keyset, uint16_t tag);

// Moves one key by an event; the caller then saves it.
bool keyset_move(struct keyset *keyset, uint16_t tag, enum key_event event, int64_t now,
                 struct fault *fault);
// Puts a key back to where it was: for the caller who could not save a move.
void keyset_move_back(struct keyset *keyset, uint16_t tag, enum key_state state,
                      const struct key_times *times);
// A fresh key with a free tag (drawn again until it is), in state generated; borrowed, in the set.
bool keyset_generate(struct keyset *keyset, enum key_role role, uint8_t algorithm, int64_t now,
                     const struct key_pair **ret_key, struct fault *fault);
// The same of a secret that was made before (as in key_pair_from_parts). Where its tag is taken,
// which one in thirty thousand is, another one is drawn here.
bool keyset_generate_of(struct keyset *keyset, enum key_role role, uint8_t algorithm,
                        struct octets secret, int64_t now, const struct key_pair **ret_key,
                        struct fault *fault);
// The roles that policy asks for and no published key fills: at a first start KSK and ZSK, or CSK.
// Gives how many.
unsigned keyset_missing(const struct keyset *keyset, const struct key_policy *policy,
                        enum key_role ret_roles[static 2]);
// The algorithm that a further key of this zone is made of: wanted (the policy's) where no key is
// published or one of that algorithm is, else that of the keys at hand. Another one beside them
// would be the first step of an algorithm rollover.
uint8_t keyset_algorithm(const struct keyset *keyset, uint8_t wanted);
// A sentence for operators where the published keys are of another algorithm than wanted, which
// changes nothing. False: they are not.
#define KEYSET_NOTE_MAX 320
bool keyset_differs(const struct keyset *keyset, uint8_t wanted,
                    char ret_note[static KEYSET_NOTE_MAX]);
// True when the zone can be signed: an active key for the DNSKEY RRset and one for the rest,
// private parts at hand, for every algorithm that is published. The fault says what is missing and
// the cure.
bool keyset_can_sign(const struct keyset *keyset, struct fault *fault);
// Whether some key of the set that signs DNSKEY matches a DS (RDATA of the parent's). For ds-check.
bool keyset_matches_ds(const struct keyset *keyset, const uint8_t *ds, size_t length);

// The DNSKEY RRset to publish: the keys whose state puts them in the zone, in canonical order of
// RDATA. Gives how many.
unsigned keyset_published(const struct keyset *keyset,
                          const struct key_pair *ret_keys[static KEYSET_KEYS_MAX]);
// The keys that sign the DNSKEY RRset (dnskey true) or the rest, by tag. Gives how many.
unsigned keyset_signing(const struct keyset *keyset, bool dnskey,
                        const struct key_pair *ret_keys[static KEYSET_KEYS_MAX]);

// When every cache that holds DNSKEYs of the zone holds this published key (RFC 7583 section 3.2.1:
// publication, propagation, TTL), in unix seconds; its publication where every other key that does
// its work was published later, so that no cache can have a set without it.
int64_t keyset_known_at(const struct keyset *keyset, const struct key_pair *key,
                        const struct key_policy *policy);
// When the work of a signing key (dnskey: signing the DNSKEY RRset; else the rest) may be left to
// the others that sign with its algorithm; INT64_MAX: there are none. ret_other: the one that is
// known first, or NULL.
int64_t keyset_spare_at(const struct keyset *keyset, const struct key_pair *key, bool dnskey,
                        const struct key_policy *policy, const struct key_pair **ret_other);

#endif
