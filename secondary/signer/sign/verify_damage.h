// A seam for journeys: a signing path that errs. In builds with sanitizers, and only there, one
// record of a signed diff is damaged before it is verified, where the environment names a file
// (VERIFY_DAMAGE_VARIABLE) and the file says how: "signature", "data", "ttl", "next", "bitmap",
// "key" or "zonemd". A release has no trace of it.
#ifndef TANDEM_SIGN_VERIFY_DAMAGE_H
#define TANDEM_SIGN_VERIFY_DAMAGE_H

#include "common/zone/diff.h"

#define VERIFY_DAMAGE_VARIABLE "TANDEM_TEST_DAMAGE"

#ifdef TANDEM_SANITIZED
void verify_damage(const struct diff *diff);
#else
static inline void
verify_damage(const struct diff *diff)
{
    (void)diff;
}
#endif

#endif
