// NOTIFY to the downstream servers of one zone after each publish, until each has answered
// (common/transfer/notify.h). Belongs to its loop.
#ifndef TANDEM_FETCHER_DOWNSTREAM_H
#define TANDEM_FETCHER_DOWNSTREAM_H

#include <stdint.h>

#include "common/daemon/settings_secondary.h"

struct loop;
struct downstream;

typedef void downstream_changed(void *context);
// The servers of the zone's notify with all their addresses; everything is copied. changed:
// somebody answered or was given up. NULL where the zone has nobody to notify; all functions take
// that.
struct downstream *downstream_new(struct loop *loop, const struct secondary_settings *settings,
                                  const struct secondary_zone_settings *zone,
                                  downstream_changed *changed, void *context);
void downstream_free(struct downstream **downstream);
// A version with this serial is served: tell everybody, from the first try.
void downstream_tell(struct downstream *downstream, uint32_t serial);
// The same again with the serial that was told last; false: none was yet.
bool downstream_tell_again(struct downstream *downstream);

struct downstream_state {
    unsigned count, current; // targets; those that acknowledged the serial told last
    char text[512];          // about those that did not, "" otherwise
};
// Before the first downstream_tell: zeros.
void downstream_state(const struct downstream *downstream, struct downstream_state *ret_state);

#endif
