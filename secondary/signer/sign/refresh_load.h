// How much of a zone a refresh renews, so that the load of a year is even: owners by the thousand
// that were signed at one moment must not all fall due at one moment. Pure: the queue says how much
// comes when, `now` is an argument.
#ifndef TANDEM_SIGN_REFRESH_LOAD_H
#define TANDEM_SIGN_REFRESH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "secondary/signer/sign/expiry_queue.h"
#include "secondary/signer/sign/sign_policy.h"

// Owners of one refresh below which nothing is renewed ahead of its time: so few are no load, and a
// small zone is not published every quarter of an hour.
#define REFRESH_AHEAD_LEAST 16
#define REFRESH_DUE_LEAST   100 // of such a zone so many that are due are renewed at a time
// Signatures that outlive what the policy would give by more than this are left from another
// policy: by less, the clock was set.
#define REFRESH_LATE_SLACK_SECONDS 86400

struct refresh_load {
    double pace;  // owners a second that keep up with all that is to come
    size_t late;  // hints of signatures from a policy of longer lifetime
    bool goes_on; // a portion is renewed after each SIGN_PUBLISH_GAP_SECONDS
};
void refresh_load_measure(const struct expiry_queue *queue, const struct sign_policy *policy,
                          uint32_t first_expiration, int64_t now, struct refresh_load *ret_load);

// False where goes_on cannot be, whatever a queue of so many hints looks like, the last of them in
// the bucket that begins at last_from: what a zone is asked that has no queue at hand.
bool refresh_load_may_go_on(size_t hints, uint32_t last_from, const struct sign_policy *policy,
                            int64_t now);

// Takes the owners of one refresh out of the queue (vector of const uint8_t *, copied into the
// arena), and gives the policy for signing them: the zone's with renew_until and renew_after.
void refresh_load_take(struct expiry_queue *queue, const struct expiry_source *source,
                       const struct sign_policy *policy, int64_t now, struct arena *arena,
                       struct vector *ret_owners, struct sign_policy *ret_policy);

#endif
