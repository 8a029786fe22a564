// ALIAS records as JSON in the shapes of common/tandemctl/README.md. Reads only. Loop's thread.
#ifndef TANDEM_PRIMARY_ALIAS_STATUS_H
#define TANDEM_PRIMARY_ALIAS_STATUS_H

#include <stdint.h>

#include "common/daemon/json_value.h"
#include "primary/aliases.h"

#define ALIAS_STATUS_LIST_MAX 10000 // of `alias list`

// What is shown, and the moment of it.
struct alias_status {
    struct aliases *aliases;
    uint64_t now_ms; // the loop's
    int64_t now;     // unix seconds
};

// Adds at most maximum ALIAS objects of the zone (NULL: all) to an array; gives how many were left
// out.
size_t alias_status_list(const struct alias_status *status, const uint8_t *apex, size_t maximum,
                         struct json_value *array);
// The ALIAS objects of one owner; gives how many.
size_t alias_status_owner(const struct alias_status *status, const uint8_t *owner,
                          struct json_value *array);
void alias_status_same_target(const struct alias_status *status, const uint8_t *owner,
                              struct json_value *array);
// False: no such owner.
bool alias_status_history(const struct alias_status *status, const uint8_t *owner,
                          struct json_value *array);
// {"owners", "fresh", "held", ...} of the zone (NULL: all, and without owners). Gives how many are
// not fresh.
size_t alias_status_counts(const struct alias_status *status, const uint8_t *apex,
                           struct json_value *object);
void alias_status_resolver(const struct alias_status *status,
                           const struct primary_settings *settings, struct json_value *object);

#endif
