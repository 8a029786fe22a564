// What a process holds of malloc, for tests that bound what a table takes for each zone: by the
// sanitizer's count where it stands in for malloc (octets asked for), else by malloc's own (with
// its bookkeeping, so some more).
#ifndef TANDEM_TESTS_HEAP_USE_H
#define TANDEM_TESTS_HEAP_USE_H

#include <malloc.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HEAP_USE_OF_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HEAP_USE_OF_SANITIZER 1
#endif

#ifdef HEAP_USE_OF_SANITIZER
size_t __sanitizer_get_current_allocated_bytes(void);
#endif

static inline size_t
heap_use(void)
{
#ifdef HEAP_USE_OF_SANITIZER
    return __sanitizer_get_current_allocated_bytes();
#else
    struct mallinfo2 now = mallinfo2();
    return now.uordblks + now.hblkhd;
#endif
}

// Octets for each of count things, from what was in use before them to now.
static inline size_t
heap_use_each(size_t before, size_t count)
{
    return (heap_use() - before) / count;
}

static inline void
heap_use_expect(const char *what, size_t each, size_t most)
{
    if (each > most)
        fail_msg("%s: %zu octets for each, %zu are the most", what, each, most);
    if (each * 4 < most)
        fail_msg("%s: %zu octets for each: the bound of %zu says nothing any more", what, each,
                 most);
}

#endif
