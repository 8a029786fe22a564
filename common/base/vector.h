// A growing array of items of one size. Items move when it grows: keep indexes, not pointers.
#ifndef TANDEM_BASE_VECTOR_H
#define TANDEM_BASE_VECTOR_H

#include <stddef.h>

struct vector {
    void *items;
    size_t count;
    size_t capacity;
    size_t item_size;
};

void vector_init(struct vector *vector, size_t item_size);
void vector_close(struct vector *vector);
// Adds a zeroed item (item NULL) or a copy; gives its place until the next vector_add.
void *vector_add(struct vector *vector, const void *item);
void *vector_at(const struct vector *vector, size_t index);
void vector_clear(struct vector *vector);

#endif
