// Open addressing by the address of the record. A taken one leaves a mark, so that searches go on
// behind it; growing sweeps the marks out.
#include "secondary/signer/node_set.h"

#include <stdint.h>
#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/hash.h"

#define SLOTS_FIRST 64

static const char taken_mark[1] = {0};
#define TAKEN ((const struct node *)(const void *)taken_mark)

void
node_set_init(struct node_set *set)
{
    *set = (struct node_set){0};
}

void
node_set_close(struct node_set *set)
{
    free(set->slots);
    node_set_init(set);
}

// The slot of the record, or the empty one where the search for it ends.
static size_t
slot_of(const struct node_set *set, const struct node *node)
{
    size_t mask = set->slot_count - 1;
    size_t slot = (size_t)hash_finish((uintptr_t)node) & mask;
    while (set->slots[slot] != NULL && set->slots[slot] != node) {
        slot = (slot + 1) & mask;
    }
    return slot;
}

static void
grow(struct node_set *set)
{
    struct node_set bigger = {.slot_count = SLOTS_FIRST};
    while (bigger.slot_count < 4 * (set->count + 1)) {
        bigger.slot_count *= 2;
    }
    bigger.slots = memory_zalloc(bigger.slot_count * sizeof(const struct node *));
    size_t place = 0;
    for (const struct node *node; (node = node_set_next(set, &place)) != NULL;) {
        node_set_add(&bigger, node);
    }
    free(set->slots);
    *set = bigger;
}

void
node_set_add(struct node_set *set, const struct node *node)
{
    if (2 * (set->used + 1) > set->slot_count) {
        grow(set);
    }
    set->slots[slot_of(set, node)] = node;
    set->used++;
    set->count++;
}

bool
node_set_has(const struct node_set *set, const struct node *node)
{
    return set->count > 0 && set->slots[slot_of(set, node)] != NULL;
}

bool
node_set_take(struct node_set *set, const struct node *node)
{
    if (!node_set_has(set, node)) {
        return false;
    }
    set->slots[slot_of(set, node)] = TAKEN;
    set->count--;
    return true;
}

const struct node *
node_set_next(const struct node_set *set, size_t *place)
{
    while (*place < set->slot_count) {
        const struct node *node = set->slots[(*place)++];
        if (node != NULL && node != TAKEN) {
            return node;
        }
    }
    return NULL;
}
