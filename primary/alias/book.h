// The book: every zone's ALIAS owners, their targets, what is known of them, and what follows from
// it. Pure: sources, rules, answers and `now` in; questions that are due, changed owners, addresses
// and events out. No socket, no clock, no file. One thread.
//
// Feeding it only notes what must be looked at; book_settle works that off. So many answers of one
// turn cost one pass, and the order in which zones are read plays no part.
#ifndef TANDEM_ALIAS_BOOK_H
#define TANDEM_ALIAS_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/octets.h"
#include "common/base/vector.h"
#include "common/zone/draft.h"
#include "primary/alias/event.h"
#include "primary/alias/reply.h"
#include "primary/alias/rules.h"
#include "primary/alias/view.h"

#define BOOK_HOPS_MAX    16   // from an owner to its addresses (alias.md)
#define BOOK_CHANGED_MAX 4096 // owners of a zone noted one by one; more: the whole zone
#define BOOK_GRACE_SECONDS                                                                         \
    20                         // a new owner's first answer is waited for so long: it has come or
                               // failed by then unless thousands wait with it
#define BOOK_JITTER_PERCENT 10 // of refresh, both ways: ten thousand targets must not beat in time
#define BOOK_SILENT_SHARE                                                                          \
    4 // what fails without an answer gets one in so many of the places in flight: a thousand dead
      // targets must not hold up nine thousand good ones

struct book;

struct book_now {
    int64_t seconds; // unix time, for what people see and for hold
    uint64_t ms;     // monotonic, for what is due
};

struct book_options {
    void (*happened)(void *context, const struct event *event); // may be NULL
    void *context;
    uint64_t seed; // of the jitter
};
struct book *book_new(const struct book_options *options);
void book_free(struct book **book);

// As in engine.h.
void book_zone_declare(struct book *book, const uint8_t *apex, struct book_now now);
void book_zone_follow(struct book *book, const uint8_t *apex, const struct rules *rules,
                      const struct draft *source, bool given_out, struct book_now now);
void book_zone_confirm(struct book *book, const uint8_t *apex);
void book_zone_forget(struct book *book, const uint8_t *apex, struct book_now now);

// Works off what was noted. Events are told meanwhile.
void book_settle(struct book *book, struct book_now now);
// Time goes by: holds end, daily reminders. About once a second; then book_settle.
void book_age(struct book *book, struct book_now now);

// The next question that is due (one for each target and type at a time); false: none. name is
// borrowed until the book is fed again.
// Those wished for by book_refresh come first, then those that are due for longest.
bool book_question(struct book *book, struct book_now now, const uint8_t **ret_name,
                   uint16_t *ret_type);
// How many questions may be in flight; the share of targets that gave no answer follows from it.
void book_in_flight_max(struct book *book, size_t maximum);
// How many questions are due now.
size_t book_due_count(const struct book *book, uint64_t now_ms);
// When book_question will have one, in monotonic milliseconds; UINT64_MAX: never.
uint64_t book_due_ms(const struct book *book);
// The answer to a question; one that nobody waits for is passed over.
void book_answer(struct book *book, const uint8_t *name, uint16_t type, const struct reply *reply,
                 const struct address *server, unsigned round_trip_ms, struct book_now now);
// The targets of this owner are due now. False: no such owner.
bool book_refresh(struct book *book, const uint8_t *owner);
// Have the questions of book_refresh for this owner all been answered or failed? No such owner:
// true.
bool book_refreshed(const struct book *book, const uint8_t *owner);

// Zones with something to tell since the last call; false: none. ret_owners: vector of
// uint8_t[NAME_SIZE_MAX] (initialised by the caller, cleared here); ret_all: any owner may have
// changed, or the zone need not wait any more.
bool book_changed(struct book *book, const uint8_t **ret_apex, struct vector *ret_owners,
                  bool *ret_all, struct book_now now);
// As engine_addresses; what it gives counts as told. Call book_settle before.
bool book_addresses(struct book *book, const uint8_t *apex, const struct vector *owners,
                    struct draft *addresses, struct book_now now);
const char *book_refusal(struct book *book, const uint8_t *apex);

// A number that grows with everything that belongs into the saved file.
uint64_t book_changes(const struct book *book);
// The saved form of the good sets and their states (save.c).
void book_save(const struct book *book, struct octets_buffer *buffer);
// Before anything is followed. False: damaged; the book is empty then.
bool book_restore(struct book *book, const void *octets, size_t length);
// The same of history and rotation (past_save.c).
uint64_t book_past_changes(const struct book *book);
void book_past_save(const struct book *book, struct octets_buffer *buffer);
bool book_past_restore(struct book *book, const void *octets, size_t length, struct book_now now);

#endif
