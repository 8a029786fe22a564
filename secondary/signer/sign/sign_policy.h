// How a zone is signed: the signature part of a `policy:` in the configuration (interface.md), the
// arithmetic of signature times, and what is due. Pure: `now` is an argument, nothing random. Two
// signers with the same policy and content choose the same times (signing.md, jitter and
// quantisation by owner and key).
#ifndef TANDEM_SIGN_SIGN_POLICY_H
#define TANDEM_SIGN_SIGN_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/dns/nsec3_hash.h"
#include "common/zone/serial.h"
#include "secondary/signer/keys/key_policy.h"

enum verify_mode { VERIFY_CHANGES, VERIFY_EVERYTHING, VERIFY_OFF }; // verify: changes | all | off

struct sign_policy {
    int64_t rrsig_lifetime_seconds, rrsig_refresh_seconds, rrsig_jitter_seconds;
    enum serial_policy serial_policy; // SERIAL_KEEP: the source's, moved on where it must
    enum verify_mode verify;
    uint32_t dnskey_ttl_seconds; // as in the key policy
    // Denial: NSEC3 with these parameters (flags: opt-out), else NSEC. A change of either makes a
    // whole new chain in one version (README.md, decision 14).
    bool nsec3;
    struct nsec3_parameters nsec3_parameters;
    bool zonemd; // a ZONEMD at the apex: SIMPLE, SHA-384 (RFC 8976)
    // Of one refresh only (refresh_load.h): signatures that expire up to renew_until are renewed
    // ahead of their time, and those that expire after renew_after, which the policy would not make
    // today. 0: not.
    uint32_t renew_until, renew_after;
};
#define SIGN_BACKDATE_SECONDS                                                                      \
    3600 // an inception lies at least so far back: clocks of validators differ
#define SIGN_QUANTUM_SECONDS                                                                       \
    7200 // times move in steps of at most this: inception 1 to 3 hours back
#define SIGN_PUBLISH_GAP_SECONDS 900   // a refresh publishes at most so often for a zone ...
#define SIGN_URGENT_SECONDS      86400 // ... unless something expires within this

void sign_policy_default(struct sign_policy *ret_policy);
// Refuses what cannot hold: rrsig-refresh must be longer than largest_ttl (the zone's) +
// propagation-delay, and rrsig-lifetime longer than rrsig-refresh + rrsig-jitter. largest_ttl 0:
// not known yet.
bool sign_policy_check(const struct sign_policy *policy, const struct key_policy *keys,
                       uint32_t largest_ttl, struct fault *fault);

// RFC 4034 section 3.1.5; from (owner, key tag) and now only.
struct sign_times {
    uint32_t inception, expiration;
};
void sign_times(const struct sign_policy *policy, const uint8_t *owner, uint16_t key_tag,
                int64_t now, struct sign_times *ret_times);
// True when a signature that expires then must be renewed at now.
bool sign_is_due(const struct sign_policy *policy, uint32_t expiration, int64_t now);
// A signature that expires up to then would be followed by one that expires a step later at least,
// were it renewed at now: before that a refresh ahead of time gains little, and none comes in the
// first hours of a zone.
int64_t sign_ahead_until(const struct sign_policy *policy, int64_t now);
// When the next refresh of a zone should be published: first_expiration is the least of the zone
// (0: nothing is signed), last_publish the time of the last refresh (0: none). Unix seconds; <= now
// means now.
int64_t sign_refresh_at(const struct sign_policy *policy, uint32_t first_expiration,
                        int64_t last_publish, int64_t now);
// Whether the clock may be believed: not more than an hour before the newest inception seen plus
// the back-dating, nor more than 10 years after it (newest_inception 0: only that now is after
// 2024). Fault with the cure.
bool sign_clock_check(uint32_t newest_inception, int64_t now, struct fault *fault);

#endif
