// The newest versions of a zone and why they came to be (`zone history`). In memory only: the
// serials that must not be lost stand in the store.
#ifndef TANDEM_PRIMARY_HISTORY_H
#define TANDEM_PRIMARY_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#define HISTORY_KEPT 100 // for each zone: a screen or two, and with 10,000 zones still bounded
struct history_step {
    int64_t at_seconds;
    uint32_t source_serial, serial;
    const char *cause; // "file" "alias" "command"; static
    char *why;         // the history's own copy; or NULL
    size_t added, removed;
    int64_t duration_ms;
};
struct history {
    struct history_step *steps; // a ring, made at the first step
    size_t count, next;
};
// why is copied.
void history_add(struct history *history, const struct history_step *step);
// 0 is the newest; NULL past the oldest.
const struct history_step *history_at(const struct history *history, size_t index);
void history_close(struct history *history);

#endif
