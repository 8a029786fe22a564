// The verification of what was published by sample: every record of a version, portion after
// portion, each in a worker thread for half a second or so, so that neither the loop nor the other
// zones' work waits for it. Belongs to the loop's thread.
#ifndef TANDEM_SIGNER_ZONE_WALK_H
#define TANDEM_SIGNER_ZONE_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/zone/version.h"
#include "secondary/signer/sign/verify.h"

#define ZONE_WALK_RECORDS 2000 // of a portion

struct loop;
struct zone_walk;

struct zone_walk *zone_walk_new(struct loop *loop, const struct version *version,
                                int64_t now); // holds version
// Begins the next portion unless one runs. False: the end, or something was found.
bool zone_walk_more(struct zone_walk *walk);
// After the end; borrowed. Its owner and word say what was found.
const struct verify_report *zone_walk_report(const struct zone_walk *walk);
void zone_walk_free(struct zone_walk **walk); // at any time

#endif
