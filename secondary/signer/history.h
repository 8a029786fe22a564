// What was published when and why: the newest HISTORY_KEPT steps of a zone, in memory and as lines
// of a file that survives restarts (`zone history`). Losing its last lines in a crash loses no zone
// content, so it is not synced.
#ifndef TANDEM_SIGNER_HISTORY_H
#define TANDEM_SIGNER_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"

#define HISTORY_KEPT           200
#define HISTORY_REFRESHES_KEPT 50 // of them renewals of signatures
#define HISTORY_WHY_MAX        240
#define HISTORY_FILE_MAX       (4 * HISTORY_KEPT) // lines after which the file is written anew

struct history_step {
    int64_t at_seconds;
    uint32_t unsigned_serial, signed_serial;
    char cause[16]; // "primary" "notify" "accept" "command" "key" "policy" "restore" or ...
    char why[HISTORY_WHY_MAX];
    uint32_t added, removed, signatures_new, signatures_kept;
    int64_t duration_ms;
};
#define HISTORY_REFRESH "refresh" // ... a renewal of signatures
struct history;

struct history *history_new(const char *directory); // borrowed; reads what is there
void history_free(struct history **history);
bool history_add(struct history *history, const struct history_step *step, struct fault *fault);
// False: a step could not be written and is shown from memory only.
bool history_is_saved(const struct history *history);
size_t history_count(const struct history *history);
const struct history_step *history_at(const struct history *history,
                                      size_t index); // 0 is the newest

#endif
