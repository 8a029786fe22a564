// How many labels has a name in common with the one before it? Both are compared from their ends,
// eight octets at once; where they differ tells how long a common suffix may be, and a suffix
// counts where a label begins at the same distance from the end in both. (Octets alone are not
// enough: what is a label in one name may be the inside of a longer label in the other.)
#include "common/transfer/owner_table.h"

#include <endian.h>
#include <string.h>

#define POINTER_FLAG         0xC000U
#define POINTER_POSITION_MAX 0x3FFFU // 14 bits

void
owner_table_init(struct owner_table *table)
{
    table->last = 0;
    table->names[0].labels = 0;
    table->names[0].length = 0;
    table->position[0] = 0; // the root is never pointed at
}

static void
name_take(struct owner_name *name, const uint8_t *octets)
{
    unsigned labels = 0, at = 0;
    name->octets = octets;
    name->start[0] = 0;
    while (octets[at]) {
        at += octets[at] + 1U;
        name->start[++labels] = (uint8_t)at;
    }
    name->labels = (uint8_t)labels;
    name->length = (uint8_t)(at + 1);
}

// Octets that are the same, counted from both ends, at most so many.
static size_t
ends_in_common(const uint8_t *a_end, const uint8_t *b_end, size_t most)
{
    size_t common = 0;
    for (; common + 8 <= most; common += 8) {
        uint64_t a, b;
        memcpy(&a, a_end - common - 8, 8);
        memcpy(&b, b_end - common - 8, 8);
        uint64_t apart = le64toh(a) ^ le64toh(b);
        if (apart)
            return common + (size_t)__builtin_clzll(apart) / 8;
    }
    while (common < most && a_end[-1 - (ptrdiff_t)common] == b_end[-1 - (ptrdiff_t)common])
        common++;
    return common;
}

// Octets of the suffix with so many labels.
static size_t
suffix_length(const struct owner_name *name, unsigned labels)
{
    return (size_t)name->length - name->start[name->labels - labels];
}

static unsigned
labels_in_common(const struct owner_name *a, const struct owner_name *b)
{
    unsigned fewer = a->labels < b->labels ? a->labels : b->labels, known = 0;
    size_t shorter = a->length < b->length ? a->length : b->length;
    if (shorter == 0)
        return 0;
    size_t common = ends_in_common(a->octets + a->length, b->octets + b->length, shorter);
    while (known < fewer && suffix_length(a, known + 1) <= common &&
           suffix_length(a, known + 1) == suffix_length(b, known + 1))
        known++;
    return known;
}

// Labels beyond `known` of the name stand at the position, one behind the other.
static void
positions_note(struct owner_table *table, const struct owner_name *name, unsigned known,
               size_t position)
{
    for (unsigned labels = name->labels; labels > known; labels--) {
        size_t at = position + name->start[name->labels - labels];
        table->position[labels] = at <= POINTER_POSITION_MAX ? (uint16_t)at : 0;
    }
}

void
owner_table_note(struct owner_table *table, const uint8_t *name, size_t position)
{
    name_copy_lower(table->noted, name);
    name_take(&table->names[table->last], table->noted);
    positions_note(table, &table->names[table->last], 0, position);
}

void
owner_table_write(struct owner_table *table, struct octets_writer *writer, const uint8_t *octets)
{
    const struct owner_name *last = &table->names[table->last];
    struct owner_name *name = &table->names[!table->last];
    name_take(name, octets);
    unsigned known = labels_in_common(name, last);
    while (known && !table->position[known])
        known--;
    size_t position = octets_written(writer);
    octets_write(writer, octets, name->start[name->labels - known]);
    if (known)
        octets_write_u16(writer, (uint16_t)(POINTER_FLAG | table->position[known]));
    else
        octets_write_u8(writer, 0);
    positions_note(table, name, known, position);
    table->last = !table->last;
}

uint16_t
owner_table_pointer(const struct owner_table *table)
{
    uint16_t position = table->position[table->names[table->last].labels];
    return position ? (uint16_t)(POINTER_FLAG | position) : 0;
}
