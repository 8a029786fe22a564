#include "common/transfer/owner_table.h"

#include <string.h>

#define POINTER_FLAG         0xC000U
#define POINTER_POSITION_MAX 0x3FFFU // 14 bits

void
owner_table_init(struct owner_table *table)
{
    memset(table, 0, sizeof(*table));
}

// Labels from `labels` down to `known` + 1 of the name stand at the position, one behind the other.
static void
note_labels(struct owner_table *table, const uint8_t *name, unsigned labels, unsigned known,
            size_t position)
{
    for (; labels > known; labels--) {
        table->position[labels] = position <= POINTER_POSITION_MAX ? (uint16_t)position : 0;
        position += *name + 1U;
        name += *name + 1U;
    }
}

void
owner_table_note(struct owner_table *table, const uint8_t *name, size_t position)
{
    name_copy_lower(table->previous, name);
    table->has_previous = true;
    note_labels(table, table->previous, name_labels(name), 0, position);
}

void
owner_table_write(struct owner_table *table, struct octets_writer *writer, const uint8_t *name)
{
    unsigned labels = name_labels(name);
    unsigned known = table->has_previous ? name_common_labels(name, table->previous) : 0;
    while (known && !table->position[known])
        known--;
    size_t position = octets_written(writer);
    const uint8_t *rest = name_skip(name, labels - known);
    octets_write(writer, name, (size_t)(rest - name));
    if (known)
        octets_write_u16(writer, (uint16_t)(POINTER_FLAG | table->position[known]));
    else
        octets_write_u8(writer, 0);
    note_labels(table, name, labels, known, position);
    name_copy(table->previous, name);
    table->has_previous = true;
}
