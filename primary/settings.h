// The settings in force, counted: a reload replaces them while transfers that were begun under the
// old ones still use their keys. Belongs to the loop's thread.
#ifndef TANDEM_PRIMARY_SETTINGS_H
#define TANDEM_PRIMARY_SETTINGS_H

#include "common/daemon/settings_primary.h"

struct settings_hold {
    struct primary_settings *settings;
    unsigned references;
};

// Takes the settings over; one reference is the caller's.
struct settings_hold *settings_hold_new(struct primary_settings **settings);
struct settings_hold *settings_hold(struct settings_hold *hold);
// *hold becomes NULL and may be NULL.
void settings_drop(struct settings_hold **hold);
// NULL: no such zone. The name is lower case.
const struct primary_zone_settings *settings_zone(const struct primary_settings *settings,
                                                  const uint8_t *name);

#endif
