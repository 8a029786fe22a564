// Several steps of a journal told as one change (RFC 1995 section 5): an RR that came and went in
// between is not told, one that went and came back neither. RR by RR in the order of the steps,
// without a table of the whole: memory goes by the number of steps. One thread; the RRs stand in
// the version that the steps are borrowed from.
#ifndef TANDEM_TRANSFER_CONDENSE_H
#define TANDEM_TRANSFER_CONDENSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/zone/journal.h"

struct condense_cursor;
struct condense {
    size_t count;                    // of cursors: two for each step
    struct condense_cursor *cursors; // owned
    uint32_t *heap;                  // indexes of cursors, the least RR on top; owned
    size_t heap_count;
    enum condense_place {
        CONDENSE_NEXT,   // the RR on top of the heap is to be looked at
        CONDENSE_WITHIN, // some of what happened to rr was, the rest is on top of the heap
        CONDENSE_TOLD,   // rr is left of all that happened to it, and not taken yet
    } place;
    struct diff_rr rr;      // as its last event tells it
    bool rr_first_is_added; // its first event
};
// steps: oldest first; not needed any more afterwards.
void condense_init(struct condense *condense, const struct journal_step *steps, size_t count);
void condense_close(struct condense *condense);
void condense_restart(struct condense *condense); // from the first RR again

enum condense_state {
    CONDENSE_RR,    // *ret_rr; the same again until condense_take
    CONDENSE_END,   //
    CONDENSE_LATER, // *budget is used up: call again when others had their turn
};
// The next RR of the change; SOAs are left out: the caller knows the first and the last. *budget
// goes down by one for each RR of a step that was looked at.
enum condense_state condense_peek(struct condense *condense, uint32_t *budget,
                                  struct diff_rr *ret_rr);
void condense_take(struct condense *condense);

#endif
