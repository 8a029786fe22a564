// Open addressing with linear probing over places in an array of entries in order of insertion;
// load at most a half, so that the miss at each label depth of a lookup ends at once. A removed
// entry leaves the array by moving the later ones down and the table is made anew: zones come and
// go by an operator's reload, queries come a million times a second.
#include "common/zone/zone_set.h"

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/hash.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 16

struct zone_entry {
    uint64_t hash;
    void *value;
    uint8_t *apex;
};

struct zone_set {
    uint64_t key;
    struct zone_entry *entries;
    size_t count, capacity;
    uint32_t *slots; // place in entries + 1; 0 = empty
    size_t slot_count;
    // Bit d is set where some apex has d labels: other depths need no probe.
    uint64_t depths[2];
};

struct zone_set *
zone_set_new(void)
{
    struct zone_set *set = memory_zalloc(sizeof *set);
    set->key = hash_key_draw();
    set->slot_count = SLOTS_FIRST;
    set->slots = memory_zalloc(SLOTS_FIRST * sizeof *set->slots);
    return set;
}

void
zone_set_free(struct zone_set **set)
{
    if (!*set)
        return;
    for (size_t i = 0; i < (*set)->count; i++)
        free((*set)->entries[i].apex);
    free((*set)->entries);
    free((*set)->slots);
    free(*set);
    *set = NULL;
}

uint64_t
zone_set_hash_key(const struct zone_set *set)
{
    return set->key;
}

// The slot of the name, or the empty one where it would stand.
static size_t
slot_find(const struct zone_set *set, const uint8_t *name, uint64_t hash)
{
    size_t slot = hash & (set->slot_count - 1);
    for (; set->slots[slot]; slot = (slot + 1) & (set->slot_count - 1)) {
        const struct zone_entry *entry = set->entries + set->slots[slot] - 1;
        if (entry->hash == hash && name_equal_any_case(entry->apex, name))
            break;
    }
    return slot;
}

static void
slots_make(struct zone_set *set)
{
    while (set->slot_count < 2 * set->count)
        set->slot_count *= 2;
    free(set->slots);
    set->slots = memory_zalloc(set->slot_count * sizeof *set->slots);
    set->depths[0] = set->depths[1] = 0;
    for (size_t i = 0; i < set->count; i++) {
        const struct zone_entry *entry = set->entries + i;
        unsigned labels = name_labels(entry->apex);
        set->slots[slot_find(set, entry->apex, entry->hash)] = (uint32_t)i + 1;
        set->depths[labels / 64] |= UINT64_C(1) << (labels % 64);
    }
}

void *
zone_set_put(struct zone_set *set, const uint8_t *apex, void *value)
{
    ENSURE(value != NULL);
    uint64_t hash = name_hash(apex, set->key);
    size_t slot = slot_find(set, apex, hash);
    if (set->slots[slot]) {
        struct zone_entry *entry = set->entries + set->slots[slot] - 1;
        void *former = entry->value;
        entry->value = value;
        return former;
    }
    if (set->count == set->capacity) {
        set->capacity = set->capacity ? set->capacity * 2 : SLOTS_FIRST;
        set->entries = memory_realloc(set->entries, set->capacity * sizeof *set->entries);
    }
    uint8_t lower[NAME_SIZE_MAX];
    size_t length = name_copy_lower(lower, apex);
    struct zone_entry entry = {.hash = hash, .value = value};
    entry.apex = memory_alloc(length);
    memcpy(entry.apex, lower, length);
    set->entries[set->count++] = entry;
    if (2 * set->count > set->slot_count) {
        slots_make(set);
        return NULL;
    }
    unsigned labels = name_labels(lower);
    set->slots[slot] = (uint32_t)set->count;
    set->depths[labels / 64] |= UINT64_C(1) << (labels % 64);
    return NULL;
}

void *
zone_set_remove(struct zone_set *set, const uint8_t *apex)
{
    size_t slot = slot_find(set, apex, name_hash(apex, set->key));
    if (!set->slots[slot])
        return NULL;
    size_t place = set->slots[slot] - 1;
    void *value = set->entries[place].value;
    free(set->entries[place].apex);
    set->count--;
    memmove(set->entries + place, set->entries + place + 1,
            (set->count - place) * sizeof *set->entries);
    slots_make(set);
    return value;
}

void *
zone_set_get(const struct zone_set *set, const uint8_t *apex)
{
    size_t slot = slot_find(set, apex, name_hash(apex, set->key));
    return set->slots[slot] ? set->entries[set->slots[slot] - 1].value : NULL;
}

void *
zone_set_find(const struct zone_set *set, const uint8_t *name, const struct name_suffixes *suffixes,
              unsigned max_labels)
{
    unsigned depth = suffixes->labels < max_labels ? suffixes->labels : max_labels;
    for (depth++; depth-- > 0;) {
        if (!(set->depths[depth / 64] >> (depth % 64) & 1))
            continue;
        const uint8_t *suffix = name + suffixes->offset[depth];
        size_t slot = slot_find(set, suffix, suffixes->hash[depth]);
        if (set->slots[slot])
            return set->entries[set->slots[slot] - 1].value;
    }
    return NULL;
}

static void *
lower_find(const struct zone_set *set, const uint8_t *name)
{
    uint64_t hash = name_hash_lower(name, set->key);
    size_t slot = hash & (set->slot_count - 1);
    for (; set->slots[slot]; slot = (slot + 1) & (set->slot_count - 1)) {
        const struct zone_entry *entry = set->entries + set->slots[slot] - 1;
        if (entry->hash == hash && name_equal(entry->apex, name))
            return entry->value;
    }
    return NULL;
}

void *
zone_set_closest(const struct zone_set *set, const uint8_t *name, unsigned max_labels)
{
    unsigned depth = name_labels(name);
    for (;; depth--, name = name_skip(name, 1)) {
        bool some = set->depths[depth / 64] >> (depth % 64) & 1;
        void *value = some && depth <= max_labels ? lower_find(set, name) : NULL;
        if (value || depth == 0)
            return value;
    }
}

size_t
zone_set_count(const struct zone_set *set)
{
    return set->count;
}

void *
zone_set_at(const struct zone_set *set, size_t index)
{
    ENSURE(index < set->count);
    return set->entries[index].value;
}
