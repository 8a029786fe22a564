// How to tell what is left of 4096 steps without a table of all their RRs? Each step's halves are
// in canonical order of owners already, so a merge of them all gives one owner after the other with
// everything that happened to it; what happened to each of its RRs first and last says whether it
// was there before and whether it is there now. The merge can stop between two owners, which a
// table that must be filled first cannot. Price: a difference sequence wants all removals before
// all additions, so the caller goes through the steps twice, and once more to know how long the
// answer will be.
#include "common/transfer/condense.h"

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/dns/name.h"
#include "common/dns/rrtype.h"

#include <stdlib.h>
#include <string.h>

// One half of a step.
struct condense_cursor {
    struct journal_walk start; // before its first RR
    struct journal_walk walk;  // behind rr
    struct diff_rr rr;
};
// One RR of one step. order: later steps have more, and additions more than the same step's
// removals.
struct event {
    struct diff_rr rr;
    uint32_t order;
};

// The next RR of the half; false at its end. SOAs are passed over.
static bool
cursor_next(struct condense_cursor *cursor, bool added)
{
    while (journal_walk_next(&cursor->walk, &cursor->rr)) {
        if (cursor->rr.added != added)
            return false; // the removals have ended
        if (cursor->rr.type != RRTYPE_SOA)
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

static bool
is_before(const struct condense *condense, uint32_t a, uint32_t b)
{
    int order = name_compare(condense->cursors[a].rr.owner, condense->cursors[b].rr.owner);
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
    condense->position = 0;
    vector_clear(&condense->events);
    for (uint32_t i = 0; i < condense->count; i++) {
        condense->cursors[i].walk = condense->cursors[i].start;
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
    condense->cursors = memory_alloc(condense->count * sizeof *condense->cursors);
    condense->heap = memory_alloc(condense->count * sizeof *condense->heap);
    vector_init(&condense->events, sizeof(struct event));
    for (size_t i = 0; i < count; i++)
        cursors_init(&condense->cursors[2 * i], &steps[i]);
    condense_restart(condense);
}

void
condense_close(struct condense *condense)
{
    free(condense->cursors);
    free(condense->heap);
    vector_close(&condense->events);
    *condense = (struct condense){0};
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

static int
event_compare(const void *left, const void *right)
{
    const struct event *a = left, *b = right;
    int order = rr_compare(&a->rr, &b->rr);
    return order != 0 ? order : a->order < b->order ? -1 : a->order > b->order;
}

// What is left of the events of each RR: nothing where the last takes back the first.
static void
events_condense(struct vector *events)
{
    struct event *all = events->items;
    size_t kept = 0, next;
    if (events->count > 1)
        qsort(all, events->count, sizeof *all, event_compare);
    for (size_t first = 0; first < events->count; first = next) {
        for (next = first + 1; next < events->count; next++)
            if (rr_compare(&all[first].rr, &all[next].rr) != 0)
                break;
        if (all[first].rr.added == all[next - 1].rr.added)
            all[kept++] = all[next - 1];
    }
    events->count = kept;
}

// All that happened to the owner on top of the heap.
static void
owner_gather(struct condense *condense, uint32_t *budget)
{
    const uint8_t *owner = condense->cursors[condense->heap[0]].rr.owner;
    vector_clear(&condense->events);
    condense->position = 0;
    while (condense->heap_count > 0) {
        uint32_t top = condense->heap[0];
        struct condense_cursor *cursor = &condense->cursors[top];
        if (!name_equal(cursor->rr.owner, owner))
            break;
        const struct event event = {cursor->rr, top};
        vector_add(&condense->events, &event);
        *budget -= *budget > 0;
        if (!cursor_next(cursor, top % 2))
            condense->heap[0] = condense->heap[--condense->heap_count];
        heap_sink(condense, 0);
    }
    events_condense(&condense->events);
}

enum condense_state
condense_peek(struct condense *condense, uint32_t *budget, struct diff_rr *ret_rr)
{
    while (condense->position >= condense->events.count) {
        if (condense->heap_count == 0)
            return CONDENSE_END;
        if (*budget == 0)
            return CONDENSE_LATER;
        owner_gather(condense, budget);
    }
    *ret_rr = ((const struct event *)vector_at(&condense->events, condense->position))->rr;
    return CONDENSE_RR;
}

void
condense_take(struct condense *condense)
{
    ENSURE(condense->position < condense->events.count);
    condense->position++;
}
