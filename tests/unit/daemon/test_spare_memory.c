#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/daemon/spare_memory.h"

#define MIB ((size_t)1 << 20)

static void
what_a_start_left_over_is_much_and_a_little_is_not(void **state)
{
    struct spare_memory spare = {0};
    (void)state;
    assert_false(spare_memory_is_much(&spare, SPARE_MEMORY_LEAST - 1));
    assert_true(spare_memory_is_much(&spare, SPARE_MEMORY_LEAST));
    assert_true(spare_memory_is_much(&spare, 20 * MIB));
}

// malloc still counts as free what was given back.
static void
what_was_given_back_is_not_given_back_again(void **state)
{
    struct spare_memory spare = {.low = 20 * MIB};
    (void)state;
    assert_false(spare_memory_is_much(&spare, 20 * MIB));
    assert_true(spare_memory_is_much(&spare, 22 * MIB));
}

static void
what_was_used_again_in_between_is_much_again(void **state)
{
    struct spare_memory spare = {.low = 20 * MIB};
    (void)state;
    assert_false(spare_memory_is_much(&spare, 5 * MIB)); // a transfer runs
    assert_true(spare_memory_is_much(&spare, 19 * MIB)); // and has ended
}

static void
what_is_wanted_soon_is_looked_at_soon_and_not_put_off_by_being_wanted_again(void **state)
{
    struct spare_memory spare = {0};
    (void)state;
    for (unsigned i = 0; i < SPARE_MEMORY_SOON; i++) {
        spare_memory_soon(&spare);
        assert_int_not_equal(spare.beats, 0);
        spare_memory_beat(&spare);
    }
    assert_int_equal(spare.beats, 0); // it has looked
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_start_left_over_is_much_and_a_little_is_not),
        cmocka_unit_test(what_was_given_back_is_not_given_back_again),
        cmocka_unit_test(what_was_used_again_in_between_is_much_again),
        cmocka_unit_test(
            what_is_wanted_soon_is_looked_at_soon_and_not_put_off_by_being_wanted_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
