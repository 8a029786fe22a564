// How a keeper speaks with the ALIAS engine (primary/alias), as a table that main fills in: the
// engine learns which ALIAS owners a zone has, and gives the addresses that stand in for them. In
// the other direction the program calls keeper_alias_changed. Loop's thread.
#ifndef TANDEM_PRIMARY_ALIAS_LINK_H
#define TANDEM_PRIMARY_ALIAS_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/vector.h"
#include "common/daemon/settings_primary.h"
#include "common/zone/draft.h"

enum alias_readiness {
    ALIAS_READY,   // every target has a definitive answer, or the zone was given out before
    ALIAS_WAITING, // a zone never given out waits for its targets; keeper_alias_changed follows
};

// Zeroed: no engine; ALIAS owners then go without addresses.
struct alias_link {
    void *context;
    // The zone has this source from now on (borrowed until the next call or zone_forget).
    // given_out: a version of it was published before.
    void (*zone_follow)(void *context, const struct primary_zone_settings *zone,
                        const struct draft *source, bool given_out);
    // After the first zone_follow, where a version that the last run has left is served: it may be
    // newer than the addresses that were saved, so these wait for the first answers.
    void (*zone_confirm)(void *context, const uint8_t *apex);
    void (*zone_forget)(void *context, const uint8_t *apex);
    // Adds the present A and AAAA records of ALIAS owners to the draft (of the zone's apex, not
    // sealed): those of owners (vector of uint8_t[NAME_SIZE_MAX]), or of all where owners is NULL.
    enum alias_readiness (*addresses)(void *context, const uint8_t *apex,
                                      const struct vector *owners, struct draft *addresses);
    // after-hold "refuse": the reason for which the zone is not to be transferred, or NULL.
    const char *(*refusal)(void *context, const uint8_t *apex);
};

#endif
