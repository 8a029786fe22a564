// What the fetcher does for a zone as a digest of its settings: equal means that a reload changes
// nothing here, so polls, servers to tell and look-ups go on as they are.
#ifndef TANDEM_FETCHER_ZONE_DIGEST_H
#define TANDEM_FETCHER_ZONE_DIGEST_H

#include "common/base/hash.h"
#include "common/daemon/settings_secondary.h"

// Addresses, keys and sources of the primaries and of notify, times, limits, ds-check. Never leaves
// the process.
void zone_digest(const struct secondary_settings *settings,
                 const struct secondary_zone_settings *zone, struct hash_digest *ret_digest);

#endif
