#include "common/base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
memory_is_aligned_and_nobody_elses(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    unsigned char *piece[2000];
    for (unsigned i = 0; i < 2000; i++) {
        size_t size = i % 97 + 1;
        piece[i] = arena_alloc(arena, size);
        assert_int_equal((uintptr_t)piece[i] % 8, 0);
        memset(piece[i], (int)(i & 0xff), size);
    }
    for (unsigned i = 0; i < 2000; i++)
        for (size_t j = 0; j < i % 97 + 1; j++)
            assert_int_equal(piece[i][j], i & 0xff);
    arena_free(&arena);
    assert_null(arena);
}

static void
a_large_piece_does_not_end_the_current_block(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    unsigned char *before = arena_alloc(arena, 8);
    memset(arena_alloc(arena, 10000000), 1, 10000000);
    unsigned char *after = arena_alloc(arena, 8);
    assert_ptr_equal(after, before + 8);
    arena_free(&arena);
}

static void
a_reset_gives_back_all_but_the_first_block(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    size_t size = arena_size(arena);
    unsigned char *first = arena_alloc(arena, 8);
    for (unsigned i = 0; i < 100; i++)
        arena_alloc(arena, 5000);
    assert_true(arena_size(arena) > 500000);
    arena_reset(arena);
    assert_int_equal(arena_size(arena), size);
    assert_ptr_equal(arena_alloc(arena, 8), first);
    arena_free(&arena);
}

static void
cleared_memory_is_zero_after_a_reset_too(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    memset(arena_alloc(arena, 64), 0xff, 64);
    arena_reset(arena);
    const unsigned char *memory = arena_zalloc(arena, 64);
    for (unsigned i = 0; i < 64; i++)
        assert_int_equal(memory[i], 0);
    arena_free(&arena);
}

static void
texts_are_copied_and_printed(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    char text[] = "example";
    char *copy = arena_text(arena, text);
    text[0] = 'X';
    assert_string_equal(copy, "example");
    assert_string_equal(arena_printf(arena, "%s/%d", copy, 5), "example/5");
    assert_memory_equal(arena_copy(arena, "ab", 2), "ab", 2);
    assert_non_null(arena_copy(arena, NULL, 0));
    arena_free(&arena);
    char *both = memory_text_join("/var", "/lib"), *first = memory_text_join("/", "");
    assert_string_equal(both, "/var/lib");
    assert_string_equal(first, "/");
    free(first);
    free(both);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_aligned_and_nobody_elses),
        cmocka_unit_test(a_large_piece_does_not_end_the_current_block),
        cmocka_unit_test(a_reset_gives_back_all_but_the_first_block),
        cmocka_unit_test(cleared_memory_is_zero_after_a_reset_too),
        cmocka_unit_test(texts_are_copied_and_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
