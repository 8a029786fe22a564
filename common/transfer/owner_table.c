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
    table->shape.labels = 0;
    table->shape.length = 0;
    table->position[0] = 0; // the root is never pointed at
}

static void
labels_find(const uint8_t *name, struct owner_labels *ret_shape)
{
    unsigned labels = 0, at = 0;
    ret_shape->start[0] = 0;
    while (name[at]) {
        at += name[at] + 1U;
        ret_shape->start[++labels] = (uint8_t)at;
    }
    ret_shape->labels = (uint8_t)labels;
    ret_shape->length = (uint8_t)(at + 1);
}

static void
labels_copy(struct owner_labels *to, const struct owner_labels *from)
{
    to->labels = from->labels;
    to->length = from->length;
    memcpy(to->start, from->start, from->labels + (size_t)1);
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
suffix_length(const struct owner_labels *shape, unsigned labels)
{
    return (size_t)shape->length - shape->start[shape->labels - labels];
}

static unsigned
labels_in_common(const struct owner_table *table, const uint8_t *name,
                 const struct owner_labels *shape)
{
    const struct owner_labels *before = &table->shape;
    unsigned fewer = shape->labels < before->labels ? shape->labels : before->labels;
    size_t shorter = shape->length < before->length ? shape->length : before->length;
    size_t common = ends_in_common(name + shape->length, table->previous + before->length, shorter);
    unsigned known = 0;
    while (known < fewer && suffix_length(shape, known + 1) <= common &&
           suffix_length(shape, known + 1) == suffix_length(before, known + 1))
        known++;
    return known;
}

// Labels beyond `known` of the name stand at the position, one behind the other.
static void
positions_note(struct owner_table *table, const struct owner_labels *shape, unsigned known,
               size_t position)
{
    for (unsigned labels = shape->labels; labels > known; labels--) {
        size_t at = position + shape->start[shape->labels - labels];
        table->position[labels] = at <= POINTER_POSITION_MAX ? (uint16_t)at : 0;
    }
}

void
owner_table_note(struct owner_table *table, const uint8_t *name, size_t position)
{
    name_copy_lower(table->previous, name);
    labels_find(table->previous, &table->shape);
    positions_note(table, &table->shape, 0, position);
}

void
owner_table_write(struct owner_table *table, struct octets_writer *writer, const uint8_t *name)
{
    struct owner_labels shape;
    labels_find(name, &shape);
    unsigned known = labels_in_common(table, name, &shape);
    while (known && !table->position[known])
        known--;
    size_t position = octets_written(writer);
    octets_write(writer, name, shape.start[shape.labels - known]);
    if (known)
        octets_write_u16(writer, (uint16_t)(POINTER_FLAG | table->position[known]));
    else
        octets_write_u8(writer, 0);
    positions_note(table, &shape, known, position);
    memcpy(table->previous, name, shape.length);
    labels_copy(&table->shape, &shape);
}

uint16_t
owner_table_pointer(const struct owner_table *table)
{
    uint16_t position = table->position[table->shape.labels];
    return position ? (uint16_t)(POINTER_FLAG | position) : 0;
}
