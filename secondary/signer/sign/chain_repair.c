// How is the chain repaired without walking it?
//
// Given are the members that an edit touched, in the chain's order, and for each whether it was in
// the chain and whether it shall be. A next key changes only at three kinds of member: one that is
// new in the chain, one whose next was new or went, and these are the members given or the last
// unchanged member before one of them. That last one is found by a binary search in the version.
// The next key of a member is the lesser of the next given one that stays and the first unchanged
// one after it, which the old records say: follow them over members that went until one stands.
// Each member that went lies between two that stay and is passed once, so the whole is linear in
// the number of members given.
//
// A chain is a ring. Cut open before the apex it is a line whose first member never goes, so that
// nothing ever comes before the first, and "back at the apex" is the end. Hashes know no apex that
// comes first; their order begins at the hash of the apex and goes round.
#include "secondary/signer/sign/chain_repair.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/fault.h"

// The place of key in changes[from..end), or end.
static size_t
change_find(const struct chain_kind *kind, const struct chain_change *changes, size_t from,
            size_t end, const uint8_t *key)
{
    size_t low = from, high = end;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (kind->order(kind->context, changes[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < end && kind->order(kind->context, changes[low].key, key) == 0 ? low : end;
}

// Both halves are in order: merge from the back, the added ones taken aside first.
static void
changes_merge(const struct chain_kind *kind, struct chain_change *changes, size_t count,
              size_t anchors)
{
    struct chain_change *aside = memory_alloc(anchors * sizeof *aside);
    memcpy(aside, changes + count, anchors * sizeof *aside);
    for (size_t to = count + anchors, from = count, add = anchors; add > 0;) {
        if (from > 0 && kind->order(kind->context, changes[from - 1].key, aside[add - 1].key) > 0)
            changes[--to] = changes[--from];
        else
            changes[--to] = aside[--add];
    }
    free(aside);
}

// Adds the last unchanged member before each one that came or went, each once: where the member
// before is itself given, its own turn comes, for given ones in between may never have been in the
// chain. Gives the new count; 0: damaged.
static size_t
anchors_add(const struct chain_kind *kind, struct chain_change *changes, size_t count)
{
    size_t anchors = 0;
    const uint8_t *last = NULL;
    for (size_t i = 1; i < count; i++) { // 0 is the apex, which stays
        if (changes[i].was == changes[i].is)
            continue;
        const uint8_t *key = kind->before(kind->context, changes[i].key);
        if (!key)
            return 0;
        if (change_find(kind, changes, 0, count, key) < count ||
            (last && kind->order(kind->context, last, key) == 0))
            continue;
        changes[count + anchors++] = (struct chain_change){.key = key, .was = true, .is = true};
        last = key;
    }
    if (anchors)
        changes_merge(kind, changes, count, anchors);
    return count + anchors;
}

// The key after changes[index], which is in the chain; NULL: damaged. stop: the next given one that
// is, or count.
static const uint8_t *
next_of(const struct chain_kind *kind, const struct chain_change *changes, size_t count,
        size_t index, size_t stop)
{
    const uint8_t *apex = changes[0].key;
    const uint8_t *limit = stop < count ? changes[stop].key : NULL;
    const uint8_t *next = kind->next(kind->context, changes[index].key);
    while (next && kind->order(kind->context, next, apex) != 0 &&
           (!limit || kind->order(kind->context, next, limit) < 0)) {
        if (change_find(kind, changes, index + 1, stop, next) == stop)
            return next; // a member that nobody touched
        next = kind->next(kind->context, next);
    }
    return !next ? NULL : limit ? limit : apex;
}

size_t
chain_repair(const struct chain_kind *kind, struct chain_change *changes, size_t count)
{
    ENSURE(count > 0 && changes[0].was && changes[0].is);
    count = anchors_add(kind, changes, count);
    size_t stop = count; // the next given member in the chain, going backwards
    for (size_t i = count; i-- > 0;) {
        if (!changes[i].is)
            continue;
        changes[i].next = next_of(kind, changes, count, i, stop);
        if (!changes[i].next)
            return 0;
        stop = i;
    }
    return count;
}
