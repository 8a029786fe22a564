// The zones of this server: what SETTINGS, VERSION and ZONE_STATE say, as the zone_set that answers
// are made from. One thread; a new version is swapped in between two packets because messages of
// the supervisor are taken by the same loop. A transfer under way holds its own version.
#ifndef TANDEM_SERVER_ZONES_H
#define TANDEM_SERVER_ZONES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/answer/answer.h"
#include "common/base/fault.h"
#include "common/base/vector.h"
#include "common/net/acl.h"
#include "common/zone/heap.h"
#include "secondary/messages.h"
#include "secondary/settings.h"

struct served_zone {
    struct answer_zone answer; // first: a value of the zone_set
    uint32_t id;
    const uint8_t *apex;           // of the settings in force, or of the last that named it
    const char *domain;            // the same as text, for logs
    const struct acl *acl;         // of the settings in force
    const struct version *version; // mapped; NULL: none yet
    struct message_zone_state state;
    uint64_t round; // of the SETTINGS that named the zone last
    // NOTIFY taken and not yet told (hints.h)
    bool hint_waits;
    uint64_t hint_told_ms;
    struct message_notify_hint hint;
};

// A file of the pool, one map for all zones that have their version in it.
struct served_file {
    uint32_t number;
    int file;
    struct heap_map *map;
};

struct zones {
    struct zone_set *set;
    struct vector list;  // of struct served_zone *, ids ascending
    struct vector files; // of struct served_file
    uint64_t round;
};

void zones_init(struct zones *zones);
void zones_close(struct zones *zones);
// Zones come and go as the settings say; those that stay keep their version. settings are borrowed
// until the next call has ended.
void zones_take_settings(struct zones *zones, const struct role_settings *settings);
struct served_zone *zones_by_id(const struct zones *zones, uint32_t id);
// Maps the version and drops the one before; the place is closed. Faults: what version_map says;
// the zone then goes on as it is.
bool zones_take_version(struct served_zone *zone, struct version_place *place, struct fault *fault);
// A file of the pool; file is taken over. False, with a fault: it cannot be mapped.
bool zones_take_file(struct zones *zones, uint32_t number, int *file, struct fault *fault);
// No version will come from this file; those in service keep their map as long as they are.
void zones_drop_file(struct zones *zones, uint32_t number);
// As zones_take_version, of a version in a file that came before.
bool zones_take_pooled(struct zones *zones, struct served_zone *zone,
                       const struct zone_pool_place *place, struct fault *fault);
void zones_take_state(struct served_zone *zone, const struct message_zone_state *state);

#endif
