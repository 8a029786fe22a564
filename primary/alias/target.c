// A target is asked in rounds, A and AAAA together, so that "no A" can be read beside the AAAA of
// the same time. The due times stand in binary heaps, one for each lane. Refresh is that of the
// hastiest zone, spread so that ten thousand targets which were all born at one start are asked
// evenly; and never below five seconds, jitter included.
#include "primary/alias/target.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/hash.h"
#include "primary/alias/past_save.h"

#define TARGET_INTERVAL_MIN_MS ((uint64_t)RULES_REFRESH_MIN * 1000)

static struct vector *
heap_of(struct book *book, const struct target *target)
{
    return &book->due[target->lane];
}

static struct target **
heap_at(const struct vector *heap, size_t place)
{
    return (struct target **)heap->items + place;
}

static void
heap_put(const struct vector *heap, size_t place, struct target *target)
{
    *heap_at(heap, place) = target;
    target->heap_place = place;
}

// Moves the target from the place to where it belongs.
static void
heap_settle(const struct vector *heap, size_t place, struct target *target)
{
    while (place > 0 && (*heap_at(heap, (place - 1) / 2))->next_ms > target->next_ms) {
        heap_put(heap, place, *heap_at(heap, (place - 1) / 2));
        place = (place - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * place + 1;
        if (child + 1 < heap->count &&
            (*heap_at(heap, child + 1))->next_ms < (*heap_at(heap, child))->next_ms)
            child++;
        if (child >= heap->count || (*heap_at(heap, child))->next_ms >= target->next_ms)
            break;
        heap_put(heap, place, *heap_at(heap, child));
        place = child;
    }
    heap_put(heap, place, target);
}

static void
heap_add(struct vector *heap, struct target *target)
{
    vector_add(heap, &target);
    heap_settle(heap, heap->count - 1, target);
}

static void
heap_remove(struct vector *heap, const struct target *target)
{
    struct target *last = *heap_at(heap, heap->count - 1);
    heap->count--;
    if (last != target)
        heap_settle(heap, target->heap_place, last);
}

void
target_due(struct book *book, struct target *target, uint64_t ms)
{
    target->next_ms = ms;
    heap_settle(heap_of(book, target), target->heap_place, target);
}

void
target_lane(struct book *book, struct target *target, enum target_lane lane)
{
    ENSURE(target_is_quiet(target)); // what is under way is counted by lane
    if (target->lane == lane)
        return;
    heap_remove(heap_of(book, target), target);
    target->lane = lane;
    heap_add(heap_of(book, target), target);
}

struct target *
target_find(const struct book *book, const uint8_t *name)
{
    return name_table_get(&book->targets, name);
}

struct target *
target_get(struct book *book, const uint8_t *name, uint64_t now_ms)
{
    struct target *target = target_find(book, name);
    if (target)
        return target;
    target = memory_zalloc(sizeof *target);
    target->name = memory_alloc(name_length(name));
    name_copy(target->name, name);
    for (unsigned type = 0; type < TYPE_COUNT; type++)
        lookup_init(&target->lookups[type], type_number(type));
    target->next_ms = now_ms;
    rotation_claim(book, target);
    name_table_put(&book->targets, target->name, target);
    heap_add(heap_of(book, target), target);
    return target;
}

void
target_free(struct book *book, struct target **target)
{
    struct target *old = *target;
    *target = NULL;
    heap_remove(heap_of(book, old), old);
    if (book->asking == old)
        book->asking = NULL;
    name_table_remove(&book->targets, old->name);
    for (unsigned type = 0; type < TYPE_COUNT; type++)
        lookup_close(&old->lookups[type]);
    free(old->name);
    free(old);
}

static bool
in_flight(const struct target *target)
{
    return target->lookups[A_TYPE].in_flight || target->lookups[AAAA_TYPE].in_flight;
}

bool
target_is_quiet(const struct target *target)
{
    return target->wanted == 0 && !in_flight(target);
}

static void
lane_sweep(struct book *book, const struct vector *heap)
{
    // From the end: freeing moves another one into the place, which was seen or is seen later.
    for (size_t i = heap->count; i-- > 0;) {
        struct target *target = i < heap->count ? *heap_at(heap, i) : NULL;
        if (target && !interest_is_watched(&target->watched) && !in_flight(target))
            target_free(book, &target);
    }
}

void
target_sweep(struct book *book)
{
    for (unsigned lane = 0; lane < TARGET_LANES; lane++)
        lane_sweep(book, &book->due[lane]);
}

static uint64_t
seconds_ms(int64_t refresh_seconds)
{
    uint64_t ms = (uint64_t)refresh_seconds * 1000;
    return ms < TARGET_INTERVAL_MIN_MS ? TARGET_INTERVAL_MIN_MS : ms;
}

static uint64_t
draw(struct book *book, const struct target *target, uint64_t low, uint64_t high)
{
    book->random = hash_finish(hash_mix(book->random, target->next_ms ^ target->round));
    return low + book->random % (high - low + 1);
}

// Any part of an interval.
static uint64_t
part_ms(struct book *book, const struct target *target, uint64_t interval)
{
    uint64_t low = TARGET_INTERVAL_MIN_MS;
    return draw(book, target, low, interval > 2 * low ? interval : 2 * low);
}

void
target_hasten(struct book *book, struct target *target, int64_t refresh_seconds, uint64_t now_ms)
{
    uint64_t interval = seconds_ms(refresh_seconds);
    if (target->next_ms > now_ms + 2 * interval)
        target_due(book, target, now_ms + part_ms(book, target, interval));
}

// The refresh of the hastiest zone.
static uint64_t
interval_ms(const struct target *target)
{
    int64_t refresh = INT64_MAX / 2000;
    for (const struct interest_edge *edge = target->watched.first; edge; edge = edge->next)
        if (edge->link->owner->zone->rules.refresh_seconds < refresh)
            refresh = edge->link->owner->zone->rules.refresh_seconds;
    return seconds_ms(refresh);
}

// From one round to the next: the interval with a little jitter. After the first round, and after
// one that came late by a whole interval (the resolver was slow or silent, and many waited for
// their turn), any part of the interval: what began or waited together is spread over it.
static uint64_t
pause_ms(struct book *book, const struct target *target, uint64_t late_ms)
{
    uint64_t interval = interval_ms(target), span = interval * BOOK_JITTER_PERCENT / 100;
    if (target->round == 0 || late_ms >= interval)
        return part_ms(book, target, interval);
    uint64_t ms = draw(book, target, interval - span, interval + span);
    return ms < TARGET_INTERVAL_MIN_MS ? TARGET_INTERVAL_MIN_MS : ms;
}

// The one that is due for longest, of the first lane that has one and may hand it out.
static struct target *
first_due(const struct book *book, uint64_t now_ms)
{
    for (unsigned lane = 0; lane < TARGET_LANES; lane++)
        if (target_lane_is_open(book, lane) && (*heap_at(&book->due[lane], 0))->next_ms <= now_ms)
            return *heap_at(&book->due[lane], 0);
    return NULL;
}

bool
target_lane_is_open(const struct book *book, unsigned lane)
{
    bool full = lane == LANE_SILENT && book->silent_in_flight >= book->silent_max;
    return book->due[lane].count > 0 && !full;
}

struct target *
target_round(struct book *book, uint64_t now_ms)
{
    struct target *target;
    while ((target = first_due(book, now_ms))) { // each turn moves one into the future: bounded
        bool quiet = target_is_quiet(target);
        uint64_t late_ms = target->asap ? 0 : now_ms - target->next_ms;
        target_due(book, target, now_ms + pause_ms(book, target, late_ms));
        if (!quiet)
            continue; // the answers of the round before are still awaited
        target->round++;
        target->wanted = 1U << A_TYPE | 1U << AAAA_TYPE;
        target->asap_runs = target->asap;
        target->asap = false;
        return target;
    }
    return NULL;
}
