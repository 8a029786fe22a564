// Ahead of a lookup: what it will touch is on its way from memory while the caller looks at
// something else. At a million names nearly every probe and every record waits for memory, 100 ns
// each; a batch of questions waits together. Hints only: nothing is read that may fail, nothing is
// found.
#ifndef TANDEM_ZONE_FETCH_H
#define TANDEM_ZONE_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/zone/version.h"

// The slot where the probe for a name begins; hash: name_hash with version_hash_key.
void zone_fetch_slot(const struct version *version, uint64_t hash);
// Later, when the slot is there: the record that it names. False: the name is not there.
bool zone_fetch_record(const struct version *version, uint64_t hash);

#endif
