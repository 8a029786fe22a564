// Open addressing with linear probing, at most half full. Removal moves later entries of the run
// back into the gap, so that no tombstones pile up while targets come and go for months.
#include "primary/alias/name_table.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/hash.h"
#include "common/dns/name.h"

#define SLOTS_FIRST 16

void
name_table_init(struct name_table *table)
{
    *table = (struct name_table){.slot_count = SLOTS_FIRST, .key = hash_key_draw()};
    table->slots = memory_zalloc(SLOTS_FIRST * sizeof *table->slots);
}

void
name_table_close(struct name_table *table)
{
    free(table->slots);
    *table = (struct name_table){0};
}

static size_t
slot_find(const struct name_table *table, const uint8_t *name, uint64_t hash)
{
    size_t mask = table->slot_count - 1, slot = hash & mask;
    while (table->slots[slot].name &&
           !(table->slots[slot].hash == hash && name_equal(table->slots[slot].name, name)))
        slot = (slot + 1) & mask;
    return slot;
}

void *
name_table_get(const struct name_table *table, const uint8_t *name)
{
    size_t slot = slot_find(table, name, name_hash(name, table->key));
    return table->slots[slot].name ? table->slots[slot].object : NULL;
}

static void
table_grow(struct name_table *table)
{
    struct name_table_slot *old = table->slots;
    size_t old_count = table->slot_count;
    table->slot_count *= 2;
    table->slots = memory_zalloc(table->slot_count * sizeof *table->slots);
    for (size_t i = 0; i < old_count; i++)
        if (old[i].name)
            table->slots[slot_find(table, old[i].name, old[i].hash)] = old[i];
    free(old);
}

void
name_table_put(struct name_table *table, const uint8_t *name, void *object)
{
    uint64_t hash = name_hash(name, table->key);
    if (2 * (table->count + 1) > table->slot_count)
        table_grow(table);
    size_t slot = slot_find(table, name, hash);
    ENSURE(!table->slots[slot].name);
    table->slots[slot] = (struct name_table_slot){.name = name, .object = object, .hash = hash};
    table->count++;
}

void *
name_table_remove(struct name_table *table, const uint8_t *name)
{
    size_t mask = table->slot_count - 1;
    size_t gap = slot_find(table, name, name_hash(name, table->key));
    if (!table->slots[gap].name)
        return NULL;
    void *object = table->slots[gap].object;
    for (size_t next = (gap + 1) & mask; table->slots[next].name; next = (next + 1) & mask) {
        size_t home = table->slots[next].hash & mask;
        if (((next - home) & mask) < ((next - gap) & mask))
            continue; // it would stand before its home
        table->slots[gap] = table->slots[next];
        gap = next;
    }
    table->slots[gap] = (struct name_table_slot){0};
    table->count--;
    return object;
}

void *
name_table_next(const struct name_table *table, size_t *position)
{
    while (*position < table->slot_count) {
        const struct name_table_slot *slot = &table->slots[(*position)++];
        if (slot->name)
            return slot->object;
    }
    return NULL;
}
