// What happened to an ALIAS owner, handed up as plain facts: the daemon logs it, mails it and keeps
// it for `alias history`. Everything is borrowed during the call.
#ifndef TANDEM_ALIAS_EVENT_H
#define TANDEM_ALIAS_EVENT_H

#include <stdint.h>

#include "primary/alias/address_set.h"

enum event_what {
    EVENT_CHANGED,    // the owner's addresses of this type are others: added, removed
    EVENT_HELD,       // the target gives no set, the last good one stands in until `until`
    EVENT_FAILING,    // the same without a set, or `hold` has ended
    EVENT_LOOP,       // the way from the owner leads back to it, or is too long
    EVENT_RECOVERED,  // the target gives a set again
    EVENT_DROPPED,    // after-hold: drop: the owner's addresses of this target are gone
    EVENT_RETARGETED, // the zone file names other targets
    EVENT_LIMITED,    // more addresses than max-addresses: the lowest were taken
    EVENT_REMINDER,   // still failing after a day
    EVENT_WHAT_COUNT,
};
// "changed", "held", ... as in common/tandemctl/README.md.
const char *event_word(enum event_what what);

struct event {
    enum event_what what;
    int64_t at_seconds;
    const uint8_t *apex, *owner;
    const uint8_t *target;                     // NULL: of the owner as a whole
    uint16_t type;                             // A or AAAA; 0: both
    const struct address_set *added, *removed; // EVENT_CHANGED; else NULL
    const char *text;     // a sentence with RCODE or timeout and resolver; NULL
    int64_t since, until; // of a trouble; 0: none, or no end
};

#endif
