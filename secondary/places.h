// What is kept of each zone that the settings name: its number in messages, its last published
// version (descriptors of its own, or a place in a file of the pool, of which there is one
// descriptor for thousands of zones), and whether it is to be answered. So a server that was
// restarted serves at once, also while the signer is down. Belongs to the supervisor, which closes
// it.
#ifndef TANDEM_SECONDARY_PLACES_H
#define TANDEM_SECONDARY_PLACES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/vector.h"
#include "common/daemon/settings_secondary.h"
#include "secondary/messages.h"

// Files of the pool that a signer may tell of: two thousand times ten thousand zones. More is a
// signer that was taken over.
#define PLACES_FILES_MAX 2048

struct kept_place {
    uint32_t id; // the zone's number: never used again for another zone while we live
    uint8_t *name;
    bool published, pooled, has_state;
    struct version_place *place;       // published and not pooled
    struct zone_pool_place pool_place; // pooled
    struct message_zone_state state;
};
// A file of the pool.
struct kept_file {
    uint32_t number;
    int file;
    size_t zones;   // that have their version in it
    bool had_zones; // once: a file that was just told of is not one that has served its time
};

struct places {
    struct vector zones; // of struct kept_place, ids ascending
    struct vector files; // of struct kept_file, in any order
    uint32_t newest_file;
    uint32_t next_id;
};

void places_init(struct places *places);
void places_close(struct places *places); // closes the descriptors
// Adds the zones of settings that are new and forgets those that are gone; the numbers of those are
// added to ret_gone (of uint32_t). A zone that stays keeps its number and its version.
void places_take_settings(struct places *places, const struct secondary_settings *settings,
                          struct vector *ret_gone);
// The number of each zone of settings, in its order; freed by the caller.
uint32_t *places_ids(const struct places *places, const struct secondary_settings *settings);
// Borrowed until places_take_settings; NULL: no such zone.
struct kept_place *places_find(const struct places *places, uint32_t id);
// PUBLISHED and ZONE_STATE: gives the zone that has it now, NULL when the message is of no use.
// Descriptors are moved out of message.
const struct kept_place *places_take_published(struct places *places, struct message *message);
const struct kept_place *places_take_state(struct places *places, const struct message *message);
// POOL: false when it is of no use. The descriptor is moved out of message.
bool places_take_file(struct places *places, struct message *message);
// POOLED: gives the least number of a zone that the message tells of, MESSAGE_NO_ZONE when it is of
// no use.
uint32_t places_take_pooled(struct places *places, const struct message *message);
// Forgets a file in which no version stands any more, of those that once had one, and gives its
// number; 0: there is none (more).
uint32_t places_drop_file(struct places *places);

#endif
