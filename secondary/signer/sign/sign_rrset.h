// Signs one RRset: the canonical input of RFC 4034 section 3.1.8.1 from the stored wire (owner
// slots replaced by the owner), one RRSIG by one key. A context belongs to one thread at a time; it
// holds the prepared keys.
#ifndef TANDEM_SIGN_SIGN_RRSET_H
#define TANDEM_SIGN_SIGN_RRSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/zone/node.h"
#include "secondary/signer/keys/keyset.h"
#include "secondary/signer/sign/sign_policy.h"

struct sign_context; // one thread's: prepared signers of all active keys of a zone, scratch

// Main thread (touches key memory). Faults: a key that libcrypto refuses.
bool sign_context_new(const struct keyset *keyset, const struct sign_policy *policy,
                      struct sign_context **ret_context, struct fault *fault);
void sign_context_free(struct sign_context **context);

// What came of one RRset.
enum sign_outcome {
    SIGN_KEPT,     // every signature of the old one stays
    SIGN_MADE,     // at least one signature is new
    SIGN_TOO_LONG, // RRset and signatures exceed NODE_RRSET_OCTETS_MAX
    SIGN_FAILED,   // libcrypto failed
};
struct sign_counts {
    size_t made, kept;
};
// Fills rrset->signatures (in run, valid until run changes) for owner: keeps those of old (same
// RRset, NULL none) that an active key made and that are not due, makes the missing ones. force:
// keeps none.
enum sign_outcome sign_rrset(struct sign_context *context, const uint8_t *owner,
                             struct rrset *rrset, const struct rrset *old, bool force, int64_t now,
                             struct octets_buffer *run, struct sign_counts *counts);

#endif
