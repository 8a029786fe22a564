// Addresses of the names that an RRset points to (RFC 1034 section 4.3.2 step 6): targets of NS,
// MX, SRV, SVCB and HTTPS as far as this zone has them. Private to the answer room.
#ifndef TANDEM_ANSWER_ADDITIONAL_H
#define TANDEM_ANSWER_ADDITIONAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/answer/reply.h"
#include "common/zone/version.h"

#define ADDITIONAL_TARGETS_MAX                                                                     \
    16 // of one RRset whose addresses are looked for; they are a courtesy

// An RRset that stands in the message, whose targets' addresses may follow in the additional
// section.
struct additional {
    const struct version *version; // NULL: nothing
    struct rrset rrset;
    const uint8_t *owner; // for SVCB's "." (RFC 9460 section 2.5.2)
    size_t offset;        // of reply_add
};

// The addresses as far as they fit and can be read: nothing is wrong with an answer without them.
void additional_add(struct reply *reply, const struct additional *additional);
// Glue of a referral: in-domain glue (at or below cut) is needed (RFC 9471 section 3.1), the rest
// as far as it fits. False: needed glue is damaged; a referral without it might lead nowhere, while
// another server of the zone has it.
bool additional_add_glue(struct reply *reply, const struct additional *additional,
                         const uint8_t *cut);

#endif
