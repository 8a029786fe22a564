// Public keys as a validator has them: built from the DNSKEY RRs of the record that is to be
// published, and nothing else. Verifies all algorithms of RFC 8624 that a zone may use, also those
// that this version does not sign with.
#ifndef TANDEM_SIGN_VERIFY_KEYS_H
#define TANDEM_SIGN_VERIFY_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/zone/node.h"

#define VERIFY_KEYS_MAX 64 // of one DNSKEY RRset; more are not looked at

struct verify_keys; // shared by threads, read-only
struct verify_hand; // one thread's scratch

struct verify_keys *verify_keys_new(const struct rrset *dnskey);
void verify_keys_free(struct verify_keys **keys);
// The algorithms of the set, each once. Gives how many.
unsigned verify_keys_algorithms(const struct verify_keys *keys,
                                uint8_t ret_algorithms[static VERIFY_KEYS_MAX]);
// A zone key, not revoked, with this tag and algorithm.
bool verify_keys_have(const struct verify_keys *keys, uint16_t tag, uint8_t algorithm);

struct verify_hand *verify_hand_new(const struct verify_keys *keys);
void verify_hand_free(struct verify_hand **hand);

enum verify_outcome { VERIFY_GOOD, VERIFY_NO_KEY, VERIFY_BAD };
// One RRSIG (its RDATA) over the RRset at owner.
enum verify_outcome verify_signature(struct verify_hand *hand, const uint8_t *owner,
                                     const struct rrset *rrset, const uint8_t *rrsig,
                                     size_t length);

#endif
