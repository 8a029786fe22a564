// Blocks grow with the arena, so that a zone of a million names costs some twenty calls of malloc
// and a small one costs one page. What is larger than a quarter of a block gets a block of its own,
// put behind the current one, so that the current one goes on being filled.
#include "common/base/arena.h"

#include "common/base/fault.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BLOCK_FIRST ((size_t)1024 - 64) // with malloc's own bookkeeping; a small zone needs no more
#define ARENA_BLOCK_MAX                                                                            \
    ((size_t)4 * 1024 * 1024) // beyond it a half-empty last block costs too much
#define ARENA_ALIGN ((size_t)8)

struct arena_block {
    struct arena_block *older;
    size_t size;
    size_t used;
    _Alignas(16) unsigned char memory[];
};

struct arena {
    struct arena_block *first; // kept by arena_reset
    struct arena_block *current;
    size_t size;
    size_t next_block;
};

static struct arena_block *
arena_block_new(struct arena *arena, size_t size)
{
    struct arena_block *block = memory_alloc(sizeof *block + size);
    block->older = NULL;
    block->size = size;
    block->used = 0;
    arena->size += sizeof *block + size;
    return block;
}

struct arena *
arena_new(void)
{
    struct arena *arena = memory_zalloc(sizeof *arena);
    arena->first = arena->current = arena_block_new(arena, ARENA_BLOCK_FIRST);
    arena->next_block = ARENA_BLOCK_FIRST * 2;
    return arena;
}

void
arena_free(struct arena **arena)
{
    if (!*arena)
        return;
    for (struct arena_block *block = (*arena)->current; block;) {
        struct arena_block *older = block->older;
        free(block);
        block = older;
    }
    free(*arena);
    *arena = NULL;
}

void
arena_reset(struct arena *arena)
{
    for (struct arena_block *block = arena->current; block;) {
        struct arena_block *older = block->older;
        if (block != arena->first) {
            arena->size -= sizeof *block + block->size;
            free(block);
        }
        block = older;
    }
    arena->first->older = NULL;
    arena->first->used = 0;
    arena->current = arena->first;
    arena->next_block = ARENA_BLOCK_FIRST * 2;
}

static void *
arena_alloc_slow(struct arena *arena, size_t size)
{
    ENSURE(size <= SIZE_MAX / 2);
    if (size > arena->next_block / 4) {
        struct arena_block *own = arena_block_new(arena, size);
        own->used = size;
        own->older = arena->current->older;
        arena->current->older = own;
        return own->memory;
    }
    struct arena_block *block = arena_block_new(arena, arena->next_block);
    if (arena->next_block < ARENA_BLOCK_MAX)
        arena->next_block *= 2;
    block->older = arena->current;
    block->used = size;
    arena->current = block;
    return block->memory;
}

void *
arena_alloc(struct arena *arena, size_t size)
{
    ENSURE(size <= SIZE_MAX / 2);
    size = (size + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
    struct arena_block *block = arena->current;
    if (size > block->size - block->used)
        return arena_alloc_slow(arena, size);
    void *memory = block->memory + block->used;
    block->used += size;
    return memory;
}

void *
arena_zalloc(struct arena *arena, size_t size)
{
    void *memory = arena_alloc(arena, size);
    return memset(memory, 0, size);
}

void *
arena_copy(struct arena *arena, const void *data, size_t size)
{
    void *memory = arena_alloc(arena, size);
    if (size)
        memcpy(memory, data, size);
    return memory;
}

char *
arena_text(struct arena *arena, const char *text)
{
    return arena_copy(arena, text, strlen(text) + 1);
}

char *
arena_printf(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    ENSURE(length >= 0);
    char *text = arena_alloc(arena, (size_t)length + 1);
    va_start(arguments, format);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}

size_t
arena_size(const struct arena *arena)
{
    return arena->size;
}

_Noreturn static void
memory_out(size_t size)
{
    fprintf(stderr, "tandem: out of memory: %zu octets were asked for; give the process more\n",
            size);
    abort();
}

void *
memory_alloc(size_t size)
{
    void *memory = malloc(size ? size : 1);
    if (!memory)
        memory_out(size);
    return memory;
}

void *
memory_zalloc(size_t size)
{
    void *memory = calloc(1, size ? size : 1);
    if (!memory)
        memory_out(size);
    return memory;
}

void *
memory_realloc(void *old, size_t size)
{
    void *memory = realloc(old, size ? size : 1);
    if (!memory)
        memory_out(size);
    return memory;
}

char *
memory_text(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(memory_alloc(size), text, size);
}

char *
memory_text_join(const char *first, const char *second)
{
    size_t head = strlen(first), tail = strlen(second) + 1;
    char *both = memory_alloc(head + tail);
    memcpy(both, first, head);
    memcpy(both + head, second, tail);
    return both;
}
