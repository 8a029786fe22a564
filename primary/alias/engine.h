// The ALIAS engine: follows the ALIAS owners of all zones of this primary, asks for their targets
// in the background, and says which addresses stand in for them now. It ties the book (all
// decisions, pure) to the loop, the resolver and the file of saved sets. Belongs to the loop's
// thread; reads no clock and writes no log: the time is asked of a callback, what happened is
// handed up as events.
#ifndef TANDEM_ALIAS_ENGINE_H
#define TANDEM_ALIAS_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/vector.h"
#include "common/net/address.h"
#include "common/net/loop.h"
#include "common/zone/draft.h"
#include "primary/alias/event.h"
#include "primary/alias/rules.h"
#include "primary/alias/view.h"

#define ENGINE_SAVE_DELAY_MS    1000 // from a change to the file: many changes come together
#define ENGINE_SAVE_INTERVAL_MS 5000 // between two files: ten thousand targets are some megabytes
#define ENGINE_PAST_INTERVAL_MS                                                                    \
    60000 // the same for history and rotation, which are larger and matter less
#define ENGINE_PAST_SUFFIX "-past" // of their file, behind the name of the other

struct engine;

// The settings of primary.yaml's `resolver`. Borrowed during the call.
struct engine_resolver {
    const struct address *servers; // asked in this order; at least one
    size_t server_count;
    const struct address *listen; // our own listeners: a resolver among them is refused
    size_t listen_count;
    uint64_t timeout_ms; // of one try
    unsigned tries;      // rounds through the servers
    unsigned max_in_flight;
    bool require_ad;
};

// All are called from the loop, never from inside a call to the engine but those said; any may be
// NULL.
struct engine_events {
    // The addresses of these ALIAS owners (vector of uint8_t[NAME_SIZE_MAX], NULL: any of the
    // zone), whether the zone waits, or the reason to refuse its transfer may have changed.
    void (*changed)(void *context, const uint8_t *apex, const struct vector *owners);
    // For log, mail and history. May also come from inside engine_addresses.
    void (*happened)(void *context, const struct event *event);
    // One look-up ended: "ok", "nodata", "nxdomain", "servfail", "refused", "timeout", "error".
    void (*looked_up)(void *context, const char *result);
    // A file of saved sets or of the past could not be written (again and again: once for each kind
    // of trouble), or was damaged.
    void (*save_failed)(void *context, const struct fault *fault);
};

struct engine_options {
    struct loop *loop;
    int64_t (*now)(void *context); // unix seconds
    const char *state_file; // last good sets; beside it that of the past. NULL: nothing is kept
    struct engine_resolver resolver;
    const struct engine_events *events; // borrowed
    void *context;                      // of now and the events
};
// FAULT_CONFIG: no server, or one of them is ourselves. A file that is missing is a first start;
// one that is damaged is set aside and told by save_failed.
bool engine_new(const struct engine_options *options, struct engine **ret_engine,
                struct fault *fault);
// Writes what was not saved yet.
void engine_free(struct engine **engine);
// Other resolvers from now on; questions under way are asked again. On a fault the old ones stay.
bool engine_resolver_change(struct engine *engine, const struct engine_resolver *resolver,
                            struct fault *fault);
// True when questions would leave this host's loopback and the private networks: worth a warning,
// for DNS between here and there is neither encrypted nor authenticated.
bool engine_resolver_is_far(const struct address *server);

// Zones.

// This primary holds the zone, whether its file was read or not: targets inside are never asked of
// the resolver. Before the first engine_zone_follow of any zone, so that nothing is asked in vain.
void engine_zone_declare(struct engine *engine, const uint8_t *apex);
// The zone has this sealed source (borrowed until the next call for this zone or
// engine_zone_forget) and these rules (copied). given_out: a version of it was published before.
void engine_zone_follow(struct engine *engine, const uint8_t *apex, const struct rules *rules,
                        const struct draft *source, bool given_out);
// A version of the zone is served that the last run has left, and which may be newer than the sets
// that it has saved (they are saved a moment later): engine_addresses waits for the first answer or
// failure of every target, at most as long as for new owners. After engine_zone_follow.
void engine_zone_confirm(struct engine *engine, const uint8_t *apex);
void engine_zone_forget(struct engine *engine, const uint8_t *apex);
// Adds the present A and AAAA records of ALIAS owners to the draft (of the zone's apex, not
// sealed): those of owners (vector of uint8_t[NAME_SIZE_MAX]), or of all where owners is NULL.
// False: the zone waits for the first answers of its targets; changed is called when it need not
// any more.
bool engine_addresses(struct engine *engine, const uint8_t *apex, const struct vector *owners,
                      struct draft *addresses);
// after-hold "refuse": why the zone is not to be transferred, or NULL. Stands until the next call.
const char *engine_refusal(struct engine *engine, const uint8_t *apex);
// Asks at once for the targets of this owner; calls when all have answered or failed (call may be
// NULL; never from inside this call; with engine_forget_waiter no more). False: no such owner.
bool engine_refresh(struct engine *engine, const uint8_t *owner, loop_call *call, void *context);
void engine_forget_waiter(struct engine *engine, const void *context);

// What others see: view.h on this book, good until the loop runs on.
const struct book *engine_book(struct engine *engine);

struct engine_status {
    size_t in_flight, queued;
    int64_t last_answer_at;  // unix seconds; 0: never
    int64_t last_failure_at; // of all servers together
    size_t server_count;
};
void engine_status(const struct engine *engine, struct engine_status *ret_status);

#endif
