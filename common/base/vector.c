#include "common/base/vector.h"

#include "common/base/arena.h"
#include "common/base/fault.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define VECTOR_FIRST 8 // items of the first allocation

void
vector_init(struct vector *vector, size_t item_size)
{
    ENSURE(item_size > 0);
    *vector = (struct vector){.item_size = item_size};
}

void
vector_close(struct vector *vector)
{
    free(vector->items);
    *vector = (struct vector){.item_size = vector->item_size};
}

static void
vector_grow(struct vector *vector)
{
    size_t capacity = vector->capacity ? vector->capacity * 2 : VECTOR_FIRST;
    ENSURE(capacity <= SIZE_MAX / 2 / vector->item_size);
    vector->items = memory_realloc(vector->items, capacity * vector->item_size);
    vector->capacity = capacity;
}

void *
vector_add(struct vector *vector, const void *item)
{
    // The item may be one of the vector's own, which move when it grows.
    uintptr_t first = (uintptr_t)vector->items;
    uintptr_t place = (uintptr_t)item;
    bool own = item && place >= first && place < first + vector->count * vector->item_size;
    if (vector->count == vector->capacity)
        vector_grow(vector);
    unsigned char *items = vector->items;
    unsigned char *at = items + vector->count * vector->item_size;
    if (item)
        memcpy(at, own ? items + (place - first) : item, vector->item_size);
    else
        memset(at, 0, vector->item_size);
    vector->count++;
    return at;
}

void *
vector_at(const struct vector *vector, size_t index)
{
    ENSURE(index < vector->count);
    return (unsigned char *)vector->items + index * vector->item_size;
}

void
vector_clear(struct vector *vector)
{
    vector->count = 0;
}
