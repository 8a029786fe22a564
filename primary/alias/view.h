// What `alias list`, status, metrics and mails show: read-only facts about owners and targets.
// Borrowed from the book, good until it is fed again.
#ifndef TANDEM_ALIAS_VIEW_H
#define TANDEM_ALIAS_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/net/address.h"
#include "primary/alias/address_set.h"
#include "primary/alias/event.h"

struct book;

enum target_state {
    TARGET_FRESH,
    TARGET_HELD,    // a last good set stands in
    TARGET_FAILING, // nothing stands in, or `hold` has ended
    TARGET_LOOP,
    TARGET_WAITING, // never answered yet
};
#define TARGET_STATES 5
const char *target_state_word(enum target_state state);

// Of one owner, target and type.
struct view_type {
    enum target_state state;
    uint32_t count;
    const char *rcode;       // of the last answer; NULL: none, or not asked of a resolver
    const char *error;       // NULL: fine
    struct address resolver; // AF_UNSPEC: none
    int64_t asked_at, answered_at, changed_at; // unix seconds; 0: never
    unsigned round_trip_ms;
};
// Of one ALIAS record: one owner and one of its targets.
struct view {
    const uint8_t *owner, *apex, *target;
    enum target_state state; // the worse of both types
    const char *reason;      // NULL: fresh
    int64_t since, until;    // until: what stands in does so no longer; 0: nothing does, or no end
    uint32_t ttl_seconds;
    const struct address_set *addresses[2]; // A, AAAA: what this target gives, held ones included
    struct view_type types[2];
    bool local; // answered from zones held here
    unsigned hops;
    uint32_t flaps;
    int64_t settle_seconds; // in force now
    int64_t next_in_ms;     // until the target is asked again; -1: never, it is local
};
typedef void view_call(void *context, const struct view *view);
// Every ALIAS of the zone (NULL: of all zones), by zone and owner in canonical order. now_ms: the
// loop's. False: no such zone.
bool view_each(const struct book *book, const uint8_t *apex, uint64_t now_ms, view_call *call,
               void *context);
// The ALIAS records of one owner; gives how many.
size_t view_owner(const struct book *book, const uint8_t *owner, uint64_t now_ms, view_call *call,
                  void *context);
// The other owners with one of the same targets; calls with each name.
void view_same_target(const struct book *book, const uint8_t *owner,
                      void (*call)(void *context, const uint8_t *owner), void *context);
// How many ALIAS records are in each state; apex NULL: in all zones. owners may be NULL.
void view_count(const struct book *book, const uint8_t *apex,
                size_t ret_counts[static TARGET_STATES], size_t *ret_owners);
// The newest events of the owner first; false: no such owner.
bool view_history(const struct book *book, const uint8_t *owner,
                  void (*call)(void *context, const struct event *event), void *context);
// The union that is served at the owner for a type (A or AAAA); NULL: no such owner.
const struct address_set *view_served(const struct book *book, const uint8_t *owner, uint16_t type);

#endif
