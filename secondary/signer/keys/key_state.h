// The life of a key in RFC 7583's words, as a pure table: (state, event, now) -> state. No clock,
// no disk. Rollovers (later) drive the same table with timers; this version introduces keys at
// once, publishes a standby, retires and removes by command.
#ifndef TANDEM_KEYS_KEY_STATE_H
#define TANDEM_KEYS_KEY_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"

enum key_state {
    KEY_GENERATED, // made, nowhere published
    KEY_PUBLISHED, // its DNSKEY is in the zone, caches may not have it yet
    KEY_READY,     // every cache that has a DNSKEY set has it
    KEY_ACTIVE,    // signs
    KEY_RETIRED,   // published, signs no more; signatures of it may be in caches
    KEY_DEAD,      // no cache needs it
    KEY_REMOVED,   // its DNSKEY is gone from the zone
    KEY_STATE_COUNT,
};
enum key_event {
    KEY_EVENT_INTRODUCE, // first key of a zone that nobody has validated yet, or an imported one:
                         // published and active at once
    KEY_EVENT_PUBLISH,
    KEY_EVENT_READY,
    KEY_EVENT_ACTIVATE,
    KEY_EVENT_RETIRE,
    KEY_EVENT_DIE,
    KEY_EVENT_REMOVE,
    KEY_EVENT_COUNT,
};
// Unix seconds at which each state was entered; 0: never. generated is always set.
struct key_times {
    int64_t at[KEY_STATE_COUNT];
};

const char *key_state_word(enum key_state state); // "generated" ...
bool key_state_from_word(const char *word, enum key_state *ret_state);
// The state after event, or false with a FAULT_REFUSED that says which states allow it.
bool key_state_next(enum key_state state, enum key_event event, enum key_state *ret_state,
                    struct fault *fault);
// Moves *state and stamps times with now (INTRODUCE stamps published, ready and active).
bool key_state_move(enum key_state *state, struct key_times *times, enum key_event event,
                    int64_t now, struct fault *fault);
bool key_state_is_published(enum key_state state); // its DNSKEY belongs in the zone
// What BIND's timing lines (Publish, Activate, Inactive, Delete; 0: absent) mean at now.
enum key_state key_state_at(const struct key_times *times, int64_t now);

#endif
