// A hash table from lower-case names to objects. Names and objects are borrowed: the object keeps
// its name. One thread.
#ifndef TANDEM_ALIAS_NAME_TABLE_H
#define TANDEM_ALIAS_NAME_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct name_table_slot {
    const uint8_t *name; // NULL: empty
    void *object;
    uint64_t hash;
};
struct name_table {
    struct name_table_slot *slots;
    size_t slot_count, count;
    uint64_t key;
};

void name_table_init(struct name_table *table);
void name_table_close(struct name_table *table);
void *name_table_get(const struct name_table *table, const uint8_t *name); // NULL: none
// The name must not be there yet.
void name_table_put(struct name_table *table, const uint8_t *name, void *object);
void *name_table_remove(struct name_table *table, const uint8_t *name); // NULL: none
// Walks in no order: *position starts at 0; NULL at the end. The table must not change meanwhile.
void *name_table_next(const struct name_table *table, size_t *position);

#endif
