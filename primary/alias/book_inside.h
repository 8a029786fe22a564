// What the book of ALIAS owners consists of. Inner to the room: the files book, link, owner,
// target, save, view and expand share it; nobody else does.
//
//   zone --> owners (by name) --> links (one for each ALIAS record) --> where the way of each ends
//                                                                       (a target, an owner, data)
//   targets (by name): a look-up for A and one for AAAA, asked in rounds by a heap of due times
#ifndef TANDEM_ALIAS_BOOK_INSIDE_H
#define TANDEM_ALIAS_BOOK_INSIDE_H

#include "common/zone/zone_set.h"
#include "primary/alias/book.h"
#include "primary/alias/contribution.h"
#include "primary/alias/interest.h"
#include "primary/alias/lookup.h"
#include "primary/alias/name_table.h"
#include "primary/alias/past.h"
#include "primary/alias/record.h"
#include "primary/alias/saved.h"

enum { A_TYPE, AAAA_TYPE, TYPE_COUNT };
static inline uint16_t
type_number(unsigned type)
{
    return type == A_TYPE ? 1 : 28;
}

// A target whose last round met silence keeps a place among the questions in flight for all tries
// of it. Such targets have a lane of their own, with a share of those places, so that they do not
// hold up the others.
enum target_lane { LANE_QUICK, LANE_SILENT, TARGET_LANES };

struct target {
    struct interest watched; // first: an interest is cast back
    uint8_t *name;
    struct lookup lookups[TYPE_COUNT];
    uint32_t round;   // of the last questions
    uint64_t next_ms; // when the next round is due
    enum target_lane lane;
    size_t heap_place;    // in book->due[lane]
    unsigned wanted;      // bits of types still to be handed out in this round
    bool asap, asap_runs; // a round was wished for; it is under way
    bool look_again;      // an answer of this round brings news: its watchers judge when it ends
};

struct book_zone {
    struct interest watched;
    uint8_t apex[NAME_SIZE_MAX];
    const struct draft *source; // NULL: not read yet
    struct rules rules;
    bool given_out;
    bool ready;               // waited for nothing more, and does not again with this source
    bool confirms;            // also owners with saved sets wait for their first answers
    int64_t grace_until;      // unix seconds: until then new owners' first answers are waited for
    struct name_table owners; // of struct owner
    struct vector order;      // of struct owner *, canonical order
    struct vector changed;    // of uint8_t[NAME_SIZE_MAX]
    bool changed_all;         // more than can be noted one by one, or the wait is over
    bool waits;               // so the last asker was told
    bool in_news;             // in book->news
    char *refusal;
};

struct owner {
    struct interest watched;
    struct book_zone *zone;
    uint8_t *name;
    struct vector links; // of struct link *
    // Sets of targets that the zone file does not name any more, until those that it names are
    // known.
    struct address_set inherited[TYPE_COUNT];
    bool inherits[TYPE_COUNT]; // also where the set is empty: the type was known to be absent
    struct address_set served[TYPE_COUNT];
    struct past past;
    bool noted;   // in zone->changed
    bool limited; // more addresses than max-addresses
    bool kept;    // while a zone is read again
};

enum end_kind {
    END_UNKNOWN, // a zone on the way is not read yet
    END_LOOKUP,
    END_OWNER,
    END_DATA, // the RRset of a local zone
    END_NODATA,
    END_NXDOMAIN,
    END_DENIED,
    END_LOOP,
    END_BROKEN, // a name too long
};
struct link_end {
    enum end_kind kind;
    struct target *target;
    struct owner *owner;
    struct rrset rrset; // in the zone's source: good until the walk of the next source
    unsigned hops;      // of the walk, without those of the owner at its end
    const char *text;   // static; of a kind that needs words
};

struct link {
    struct owner *owner;
    uint8_t *target;
    uint32_t ttl;
    struct interest_edge *edges;
    struct link_end ends[TYPE_COUNT];
    unsigned hops[TYPE_COUNT]; // all in all
    struct contribution contributions[TYPE_COUNT];
    size_t dirty_place; // in book->dirty + 1; 0: not there
    bool walk_wanted;   // its way may be another one
};

struct book {
    struct book_options options;
    struct zone_set *zones;              // of struct book_zone
    struct name_table targets;           // of struct target
    struct vector due[TARGET_LANES];     // heaps of struct target *, the earliest first
    size_t silent_max, silent_in_flight; // questions of LANE_SILENT
    struct vector dirty;                 // of struct link *; NULL: gone
    struct saved saved;                  // last good sets whose owner has not appeared yet (save.c)
    struct saved saved_past, saved_rotation; // likewise (past_save.c)
    struct vector news;                      // of struct book_zone *: something to tell
    struct target *asking;                   // whose round is being handed out
    bool walk_all;                           // every way may be another one
    bool sweep_wanted;                       // some target may be watched by nobody
    size_t link_count;
    uint64_t random;       // state of the jitter
    uint64_t changes;      // of what save.c writes
    uint64_t past_changes; // of what past_save.c writes
};

#endif
