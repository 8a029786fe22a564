// Events that wait a moment before they become mails: the mail on a re-sign says how many
// downstream servers were notified, which is known a second later. An event of a zone waits behind
// the earlier ones of that zone. The supervisor keeps a copy meanwhile (EVENT_TAKEN). One thread,
// no clock.
#ifndef TANDEM_DESK_HELD_EVENTS_H
#define TANDEM_DESK_HELD_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/vector.h"
#include "secondary/desk/known.h"
#include "secondary/messages.h"

#define HELD_EVENTS_LEAST_MS 1000 // the fetcher has told that it began to notify
#define HELD_EVENTS_MOST_MS  3000 // who has not answered by then is named in the mail
#define HELD_EVENTS_MAX      1000 // many zones at once: then nobody waits

typedef void held_event_due(void *context, uint32_t zone, uint64_t request,
                            const struct message_event *event);

struct held_events {
    struct vector events; // private
    held_event_due *due;
    void *context;
};

void held_events_init(struct held_events *held, held_event_due *due, void *context);
// Forgets what is held.
void held_events_close(struct held_events *held);
// Takes the event over. Calls due at once where there is nothing to wait for.
void held_events_take(struct held_events *held, const struct known *known, uint32_t zone,
                      uint64_t request, struct message_event *event, uint64_t now_ms);
// Calls due for those whose moment has come; for all of them when the desk ends.
void held_events_release(struct held_events *held, const struct known *known, uint64_t now_ms,
                         bool all);

#endif
