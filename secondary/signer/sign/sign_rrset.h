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
    SIGN_KEPT,   // every signature of the old one stays
    SIGN_MADE,   // at least one signature is new
    SIGN_FAILED, // libcrypto failed
};
// Octets that rrset has with its signatures.
size_t sign_rrset_size(const struct sign_context *context, const struct rrset *rrset);
// True when sign_rrset would keep every signature of old and old has no others.
bool sign_rrset_is_settled(const struct sign_context *context, const struct rrset *rrset,
                           const struct rrset *old, int64_t now);
// Appends the signatures of rrset at owner to run, in canonical order: those of old (the same
// RRset, or NULL) that an active key made and that are not due, and fresh ones for the keys that
// have none. force: keeps none.
enum sign_outcome sign_rrset(struct sign_context *context, const uint8_t *owner,
                             const struct rrset *rrset, const struct rrset *old, bool force,
                             int64_t now, struct octets_buffer *run, uint16_t *ret_count);

// What a context has done since it was made.
struct sign_tally {
    size_t made, kept;
    uint32_t first_expiration; // of all that were made or kept; 0: none
    uint32_t newest_inception;
    bool first_of_key; // a signature since the last sign_context_mark was among the first
                       // SIGN_FIRST_OF_KEY of its key
};
#define SIGN_FIRST_OF_KEY                                                                          \
    100 // of each thread and key: verified before publishing, whatever the sample
const struct sign_tally *sign_context_tally(const struct sign_context *context);
void sign_context_mark(struct sign_context *context); // clears first_of_key

#endif
