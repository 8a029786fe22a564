// Events on their way to the desk: each is kept until the desk says that its mail is on disk
// (EVENT_TAKEN), and sent again to a desk that was restarted. So a desk that dies loses no mail.
// Belongs to the supervisor; sends nothing itself.
#ifndef TANDEM_SECONDARY_KEPT_EVENTS_H
#define TANDEM_SECONDARY_KEPT_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/octets.h"
#include "common/base/vector.h"

// While the desk is away, or slow: an hour of an event for each of thousands of zones. More are
// sent once, not kept, and the log says so.
#define KEPT_EVENTS_MAX 10000

struct kept_event {
    uint64_t number; // the request number of its message
    uint32_t zone;
    struct octets body; // owned
};

struct kept_events {
    struct vector events; // of struct kept_event, numbers ascending
    uint64_t last_number;
};

void kept_events_init(struct kept_events *kept);
void kept_events_close(struct kept_events *kept);
// Copies the body; gives the event's number, 0: too many are kept already.
uint64_t kept_events_add(struct kept_events *kept, uint32_t zone, struct octets body);
void kept_events_taken(struct kept_events *kept, uint64_t number); // an unknown number is nothing

#endif
