// What a zone should do next, and when: a pure function of its state and the time, so that a test
// lives through years of a zone in seconds.
#ifndef TANDEM_SIGNER_UPKEEP_H
#define TANDEM_SIGNER_UPKEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "secondary/signer/sign/sign_policy.h"

#define UPKEEP_LATEST_SECONDS                                                                      \
    3600                        // looks again at least so often, whatever was computed: clocks jump
#define UPKEEP_RETRY_SECONDS 60 // after something failed
// The slow scrub reads a portion of the records so often, and rests after the last: a disk that
// rots is found out in days, and nobody feels the reading.
#define UPKEEP_SCRUB_SECONDS      10
#define UPKEEP_SCRUB_REST_SECONDS 86400

enum upkeep_action {
    UPKEEP_WAIT,
    UPKEEP_EXPIRE,  // stop answering: the primary was silent for too long
    UPKEEP_REVIVE,  // answer again: it was heard
    UPKEEP_REFRESH, // renew signatures
    UPKEEP_MERGE,
    UPKEEP_COMPACT,
    UPKEEP_SCRUB, // look for damage among the next records
};
struct upkeep_state {
    bool has_version, is_signed, busy; // busy: a change is under way
    bool expired;                      // it was told to the servers
    int64_t expires_seconds;           // 0: never
    uint32_t first_expiration;         // of signatures, 0: none
    int64_t last_refresh_seconds;      // publish of a refresh, 0: none
    bool refresh_goes_on;              // the next portion comes with the next gap (refresh_load.h)
    int64_t not_before_seconds;        // a failed action is not tried before
    bool wants_merge, wants_compact;
    int64_t scrub_seconds; // when the next records are looked at, 0: not at all
};
struct upkeep_plan {
    enum upkeep_action action;
    int64_t at_seconds; // when to ask again (UPKEEP_WAIT); now otherwise
};
struct upkeep_plan upkeep_next(const struct upkeep_state *state, const struct sign_policy *policy,
                               int64_t now);

#endif
