#include "common/base/vector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void
items_keep_their_place_and_value(void **state)
{
    (void)state;
    struct vector vector;
    vector_init(&vector, sizeof(uint32_t));
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(*(uint32_t *)vector_add(&vector, &i), i);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(*(uint32_t *)vector_at(&vector, i), i);
    vector_close(&vector);
    assert_int_equal(vector.count, 0);
}

static void
an_item_without_a_model_is_zero_in_used_memory_too(void **state)
{
    (void)state;
    struct vector vector;
    vector_init(&vector, sizeof(uint32_t));
    uint32_t value = UINT32_MAX;
    vector_add(&vector, &value);
    vector_clear(&vector);
    assert_int_equal(*(uint32_t *)vector_add(&vector, NULL), 0);
    vector_close(&vector);
}

static void
an_item_may_be_copied_from_the_vector_that_moves(void **state)
{
    (void)state;
    struct vector vector;
    vector_init(&vector, sizeof(uint64_t));
    uint64_t value = 4711;
    vector_add(&vector, &value);
    for (unsigned i = 0; i < 1000; i++)
        vector_add(&vector, vector_at(&vector, vector.count - 1));
    assert_int_equal(*(uint64_t *)vector_at(&vector, 1000), 4711);
    vector_close(&vector);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_keep_their_place_and_value),
        cmocka_unit_test(an_item_without_a_model_is_zero_in_used_memory_too),
        cmocka_unit_test(an_item_may_be_copied_from_the_vector_that_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
