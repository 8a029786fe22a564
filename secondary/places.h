// What is kept of each zone that the settings name: its number in messages, the descriptors of its
// last published version, and whether it is to be answered. So a server that was restarted serves
// at once, also while the signer is down. Belongs to the supervisor, which closes it.
#ifndef TANDEM_SECONDARY_PLACES_H
#define TANDEM_SECONDARY_PLACES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/vector.h"
#include "common/daemon/settings_secondary.h"
#include "secondary/messages.h"

struct kept_place {
    uint32_t id; // the zone's number: never used again for another zone while we live
    uint8_t name[NAME_SIZE_MAX];
    bool published;
    struct version_place place;
    bool has_state;
    struct message_zone_state state;
};

struct places {
    struct vector zones; // of struct kept_place, ids ascending
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

#endif
