// Memory that is given back all at once. One thread at a time; no destructor runs. Out of memory aborts
// (control plane only; the query path does not allocate).
#ifndef TANDEM_BASE_ARENA_H
#define TANDEM_BASE_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena **arena);
// Forgets everything allocated and keeps the first block.
void arena_reset(struct arena *arena);
// Octets aligned to 8, not cleared.
void *arena_alloc(struct arena *arena, size_t size);
void *arena_zalloc(struct arena *arena, size_t size);
void *arena_copy(struct arena *arena, const void *data, size_t size);
char *arena_text(struct arena *arena, const char *text);
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Octets taken from the system so far.
size_t arena_size(const struct arena *arena);

// malloc, calloc, realloc, strdup that abort when memory is out.
void *memory_alloc(size_t size);
void *memory_zalloc(size_t size);
void *memory_realloc(void *old, size_t size);
char *memory_text(const char *text);
char *memory_text_join(const char *first, const char *second); // one behind the other: a path, mostly

#endif
