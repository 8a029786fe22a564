// One walk over a whole content: every record by verify_record, the chain from the last owner to
// the next, ZONEMD. Inner to the second path; verify.h's functions for whole zones stand on it.
#ifndef TANDEM_SIGN_VERIFY_WALK_H
#define TANDEM_SIGN_VERIFY_WALK_H

#include "secondary/signer/sign/verify_source.h"
#include "secondary/signer/sign/verify.h"

#define VERIFY_PORTION 4096 // records in memory at once

struct verify_walk_options {
    // Borrowed. Where it has a diff, only what the diff brings is verified by its signatures;
    // of the rest, what can be read off them.
    struct verify_source source;
    const uint8_t *apex;
    int64_t now;
    bool strict;         // verify_zone.h
    bool wants_zonemd;   // none is a finding
    bool anew;           // all is verified, what did not change, too
    const uint8_t *some; // parallel to the diff: 0 = out of the sample; NULL: all are in it
    const atomic_bool *stop;
};
struct verify_walk *verify_walk_open(const struct verify_walk_options *options);
// At most count records (and at most VERIFY_PORTION); *ret_looked: how many it were. False: the
// end.
bool verify_walk_portion(struct verify_walk *walk, struct pool *pool, size_t count,
                         size_t *ret_looked, struct verify_report *report);

#endif
