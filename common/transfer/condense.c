// How to tell what is left of 4096 steps without a table of all their RRs? Each step's halves are
// in canonical order already (owners, then types with RRSIGs behind what they cover, then RDATA),
// so a merge of them all gives one RR after the other with everything that happened to it, oldest
// first; the first and the last of that say whether it was there before and whether it is there
// now. The merge can stop anywhere; a table that must be filled first cannot, nor can a sort of
// what one owner went through: one whose addresses rotate has hundreds of thousands of RRs in 4096
// steps. Price: a difference sequence wants all removals before all additions, so the caller goes
// through the steps twice, and once more to know how long the answer will be.
#include "common/transfer/condense.h"

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/dns/name.h"
#include "common/dns/rrtype.h"

#include <stdlib.h>
#include <string.h>

// One half of a step. Later steps have higher indexes, and a step's additions than its removals.
struct condense_cursor {
    struct journal_walk start; // before its first RR
    struct journal_walk walk;  // behind rr
    struct diff_rr rr;
    size_t owner_length; // of rr's
};

// The next RR of the half; false at its end. SOAs are passed over.
static bool
cursor_next(struct condense_cursor *cursor, bool added)
{
    const uint8_t *owner = cursor->rr.owner;
    while (journal_walk_next(&cursor->walk, &cursor->rr)) {
        if (cursor->rr.added != added)
            return false; // the removals have ended
        if (cursor->rr.type == RRTYPE_SOA)
            continue;
        if (cursor->rr.owner != owner) // a step has each owner once
            cursor->owner_length = name_length(cursor->rr.owner);
        return true;
    }
    return false;
}

static void
cursors_init(struct condense_cursor *removals, const struct journal_step *step)
{
    struct condense_cursor *additions = removals + 1;
    struct journal_walk walk;
    struct diff_rr rr;
    journal_walk_init(&walk, step);
    removals->start = walk;
    do
        additions->start = walk;
    while (journal_walk_next(&walk, &rr) && !rr.added);
}

// RRSIGs stand behind what they cover.
static uint32_t
place_of(const struct diff_rr *rr)
{
    if (rr->type != RRTYPE_RRSIG || rr->rdlength < 2)
        return (uint32_t)rr->type << 1;
    return (uint32_t)(rr->rdata[0] << 8 | rr->rdata[1]) << 1 | 1;
}

// Of two RRs of one owner; 0: the same RR. Another TTL makes another RR: it goes with one and comes
// with the other.
static int
rr_compare(const struct diff_rr *a, const struct diff_rr *b)
{
    uint32_t place_a = place_of(a), place_b = place_of(b);
    if (place_a != place_b)
        return place_a < place_b ? -1 : 1;
    uint16_t shorter = a->rdlength < b->rdlength ? a->rdlength : b->rdlength;
    int order = memcmp(a->rdata, b->rdata, shorter);
    if (order != 0)
        return order;
    if (a->rdlength != b->rdlength)
        return a->rdlength < b->rdlength ? -1 : 1;
    return a->ttl < b->ttl ? -1 : a->ttl > b->ttl;
}

// Names are compared label by label only where they differ: most of what meets at the top of the
// heap is of one owner.
static int
owner_compare(const struct condense_cursor *a, const struct condense_cursor *b)
{
    if (a->owner_length == b->owner_length &&
        memcmp(a->rr.owner, b->rr.owner, a->owner_length) == 0)
        return 0;
    return name_compare(a->rr.owner, b->rr.owner);
}

static bool
is_before(const struct condense *condense, uint32_t a, uint32_t b)
{
    const struct condense_cursor *left = &condense->cursors[a], *right = &condense->cursors[b];
    int order = owner_compare(left, right);
    if (order == 0)
        order = rr_compare(&left->rr, &right->rr);
    return order < 0 || (order == 0 && a < b);
}

static void
heap_sink(struct condense *condense, size_t at)
{
    uint32_t *heap = condense->heap, moved = heap[at];
    for (size_t child; (child = 2 * at + 1) < condense->heap_count; at = child) {
        if (child + 1 < condense->heap_count && is_before(condense, heap[child + 1], heap[child]))
            child++;
        if (!is_before(condense, heap[child], moved))
            break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

void
condense_restart(struct condense *condense)
{
    condense->heap_count = 0;
    condense->place = CONDENSE_NEXT;
    for (uint32_t i = 0; i < condense->count; i++) {
        condense->cursors[i].walk = condense->cursors[i].start;
        condense->cursors[i].rr = (struct diff_rr){0};
        if (cursor_next(&condense->cursors[i], i % 2))
            condense->heap[condense->heap_count++] = i;
    }
    for (size_t i = condense->heap_count / 2; i-- > 0;)
        heap_sink(condense, i);
}

void
condense_init(struct condense *condense, const struct journal_step *steps, size_t count)
{
    ENSURE(count > 0 && count <= JOURNAL_STEPS_MAX);
    condense->count = 2 * count;
    condense->cursors = memory_zalloc(condense->count * sizeof *condense->cursors);
    condense->heap = memory_alloc(condense->count * sizeof *condense->heap);
    for (size_t i = 0; i < count; i++)
        cursors_init(&condense->cursors[2 * i], &steps[i]);
    condense_restart(condense);
}

void
condense_close(struct condense *condense)
{
    free(condense->cursors);
    free(condense->heap);
    *condense = (struct condense){0};
}

// Moves the cursor on top of the heap on.
static void
heap_advance(struct condense *condense)
{
    uint32_t top = condense->heap[0];
    if (!cursor_next(&condense->cursors[top], top % 2))
        condense->heap[0] = condense->heap[--condense->heap_count];
    if (condense->heap_count > 0)
        heap_sink(condense, 0);
}

static bool
is_on_top(const struct condense *condense, const struct diff_rr *rr)
{
    if (condense->heap_count == 0)
        return false;
    const struct diff_rr *top = &condense->cursors[condense->heap[0]].rr;
    return name_equal(top->owner, rr->owner) && rr_compare(top, rr) == 0;
}

// Looks at what happened to rr as far as the budget goes. False: there is more.
static bool
rr_follow(struct condense *condense, uint32_t *budget)
{
    while (is_on_top(condense, &condense->rr)) {
        if (*budget == 0)
            return false;
        --*budget;
        condense->rr = condense->cursors[condense->heap[0]].rr;
        heap_advance(condense);
    }
    return true;
}

enum condense_state
condense_peek(struct condense *condense, uint32_t *budget, struct diff_rr *ret_rr)
{
    while (condense->place != CONDENSE_TOLD) {
        if (condense->place == CONDENSE_NEXT) {
            if (condense->heap_count == 0)
                return CONDENSE_END;
            condense->rr = condense->cursors[condense->heap[0]].rr;
            condense->rr_first_is_added = condense->rr.added;
            condense->place = CONDENSE_WITHIN;
        }
        if (!rr_follow(condense, budget))
            return CONDENSE_LATER;
        // Nothing is left where the last event takes back the first.
        bool left = condense->rr.added == condense->rr_first_is_added;
        condense->place = left ? CONDENSE_TOLD : CONDENSE_NEXT;
    }
    *ret_rr = condense->rr;
    return CONDENSE_RR;
}

void
condense_take(struct condense *condense)
{
    ENSURE(condense->place == CONDENSE_TOLD);
    condense->place = CONDENSE_NEXT;
}
