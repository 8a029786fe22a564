// A target is asked in rounds, A and AAAA together, so that "no A" can be read beside the AAAA of
// the same time. The due times stand in a binary heap. Refresh is that of the hastiest zone, with
// jitter, so that ten thousand targets which were all born at one start drift apart; and never
// below five seconds, jitter included.
#include "primary/alias/target.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/hash.h"

static struct target **
heap_at(const struct book *book, size_t place)
{
    return (struct target **)book->due.items + place;
}

static void
heap_put(const struct book *book, size_t place, struct target *target)
{
    *heap_at(book, place) = target;
    target->heap_place = place;
}

// Moves the target from the place to where it belongs.
static void
heap_settle(const struct book *book, size_t place, struct target *target)
{
    while (place > 0 && (*heap_at(book, (place - 1) / 2))->next_ms > target->next_ms) {
        heap_put(book, place, *heap_at(book, (place - 1) / 2));
        place = (place - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * place + 1;
        if (child + 1 < book->due.count &&
            (*heap_at(book, child + 1))->next_ms < (*heap_at(book, child))->next_ms)
            child++;
        if (child >= book->due.count || (*heap_at(book, child))->next_ms >= target->next_ms)
            break;
        heap_put(book, place, *heap_at(book, child));
        place = child;
    }
    heap_put(book, place, target);
}

void
target_due(struct book *book, struct target *target, uint64_t ms)
{
    target->next_ms = ms;
    heap_settle(book, target->heap_place, target);
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
    name_table_put(&book->targets, target->name, target);
    vector_add(&book->due, &target);
    heap_settle(book, book->due.count - 1, target);
    return target;
}

void
target_free(struct book *book, struct target **target)
{
    struct target *old = *target, *last = *heap_at(book, book->due.count - 1);
    *target = NULL;
    book->due.count--;
    if (last != old)
        heap_settle(book, old->heap_place, last);
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

void
target_sweep(struct book *book)
{
    // From the end: freeing moves another one into the place, which was seen or is seen later.
    for (size_t i = book->due.count; i-- > 0;) {
        struct target *target = i < book->due.count ? *heap_at(book, i) : NULL;
        if (target && !interest_is_watched(&target->watched) && !in_flight(target))
            target_free(book, &target);
    }
}

static uint64_t
refresh_ms(struct book *book, const struct target *target)
{
    int64_t refresh = INT64_MAX / 2000;
    for (const struct interest_edge *edge = target->watched.first; edge; edge = edge->next)
        if (edge->link->owner->zone->rules.refresh_seconds < refresh)
            refresh = edge->link->owner->zone->rules.refresh_seconds;
    book->random = hash_finish(hash_mix(book->random, target->next_ms));
    uint64_t ms = (uint64_t)refresh * 1000, span = ms * BOOK_JITTER_PERCENT / 100;
    ms = ms - span + book->random % (2 * span + 1);
    return ms < RULES_REFRESH_MIN * 1000 ? RULES_REFRESH_MIN * 1000 : ms;
}

struct target *
target_round(struct book *book, uint64_t now_ms)
{
    // Each turn moves one target into the future: bounded.
    while (book->due.count > 0 && (*heap_at(book, 0))->next_ms <= now_ms) {
        struct target *target = *heap_at(book, 0);
        bool quiet = target_is_quiet(target);
        target_due(book, target, now_ms + refresh_ms(book, target));
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
