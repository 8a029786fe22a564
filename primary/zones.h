// The zones of the primary: a keeper for each, in the order of the settings, by name, and as the
// set that the listeners look into. Loop's thread.
#ifndef TANDEM_PRIMARY_ZONES_H
#define TANDEM_PRIMARY_ZONES_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/vector.h"
#include "common/zone/zone_set.h"
#include "primary/keeper.h"

struct zones;

struct zones_options {
    struct loop *loop;
    const char *directory;              // of the stores; borrowed
    bool synced, state_lost;            // of keepers that are made (keeper.h)
    const struct alias_link *alias;     // borrowed
    const struct keeper_events *events; // borrowed
    void *context;
};
struct zones *zones_new(const struct zones_options *options);
// Zones that come from now on are new: state_lost is no more.
void zones_establish(struct zones *zones);
// What earlier runs have left in the directory was synced: keepers need not.
void zones_synced(struct zones *zones);
void zones_free(struct zones **zones);

// What a change of the settings did to the zones: vectors of char * (domains).
struct zones_changes {
    struct vector added, removed, changed;
};
void zones_changes_init(struct zones_changes *changes);
void zones_changes_close(struct zones_changes *changes);
// Makes keepers for new zones, ends those of zones that are gone, gives the others their new
// settings. removed is called for each that goes, before it goes.
void zones_apply(struct zones *zones, struct settings_hold *settings,
                 void (*removed)(void *context, struct keeper *keeper),
                 struct zones_changes *ret_changes);

size_t zones_count(const struct zones *zones);
struct keeper *zones_at(const struct zones *zones, size_t index); // order of the settings
struct keeper *zones_find(const struct zones *zones, const uint8_t *apex);
// The zone with the longest apex at or above the name; NULL: none.
struct keeper *zones_enclosing(const struct zones *zones, const uint8_t *name);
// Of struct served_zone *, for the listeners.
const struct zone_set *zones_served(const struct zones *zones);

#endif
