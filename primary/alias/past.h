// The last events of one owner, for `alias history`. Memory only as far as something happened.
#ifndef TANDEM_ALIAS_PAST_H
#define TANDEM_ALIAS_PAST_H

#include "common/base/vector.h"
#include "primary/alias/event.h"

#define PAST_MAX                                                                                   \
    20 // events kept of one owner: what an operator reads; 10,000 owners take 60 MB at worst

struct past_event {
    enum event_what what;
    uint16_t type;
    int64_t at_seconds, since, until;
    uint8_t *target; // NULL: the owner as a whole
    char *text;
    struct address_set added, removed;
};
struct past {
    struct past_event *items; // PAST_MAX of them, or NULL
    unsigned count, next;
};
void past_close(struct past *past);
void past_add(struct past *past, const struct event *event);
const struct past_event *past_at(const struct past *past, unsigned index); // 0 is the newest; NULL

#endif
