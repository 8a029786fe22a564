// Hands a signed diff to the store: as a diff over what is served, or, where nothing is served yet
// or what is served is damaged (diff->damaged), as a whole content.
#ifndef TANDEM_SIGN_SIGN_PUBLISH_H
#define TANDEM_SIGN_SIGN_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/zone/diff.h"
#include "common/zone/store.h"

// The records of diff stay the caller's. After it, old_node of the entries may no longer be read:
// the store has let the former version go. facts->first_expiration: of what is served now, 0: not known better than the
// store does. Faults: the store's.
bool sign_publish(struct store *store, const uint8_t *apex, const struct diff *diff,
                  const struct version_facts *facts, struct fault *fault);

#endif
