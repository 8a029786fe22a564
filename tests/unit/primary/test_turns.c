#include "primary/turns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT (3 * TURNS_AT_ONCE)

struct bed {
    struct turns turns;
    struct one {
        struct bed *bed;
        struct turn turn;
        bool idle; // gives its turn back at once
        unsigned called;
    } ones[COUNT];
    size_t order[COUNT], called;
};

static void
on_turn(void *context)
{
    struct one *one = context;
    one->called++;
    one->bed->order[one->bed->called++] = (size_t)(one - one->bed->ones);
    if (one->idle)
        turns_give(&one->bed->turns);
}

static size_t
all_ask(struct bed *bed)
{
    size_t taken = 0;
    for (size_t i = 0; i < COUNT; i++) {
        bed->ones[i].bed = bed;
        taken += turns_take(&bed->turns, &bed->ones[i].turn, on_turn, &bed->ones[i]);
    }
    return taken;
}

static void
so_many_are_taken_and_the_others_follow_in_order(void **state)
{
    (void)state;
    struct bed bed = {0};
    assert_int_equal(all_ask(&bed), TURNS_AT_ONCE);
    // Asked for again it keeps its place.
    assert_false(turns_take(&bed.turns, &bed.ones[TURNS_AT_ONCE].turn, on_turn, &bed));
    assert_int_equal(bed.called, 0);
    for (size_t i = 0; i < COUNT; i++)
        turns_give(&bed.turns);
    assert_int_equal(bed.called, COUNT - TURNS_AT_ONCE);
    for (size_t i = 0; i < bed.called; i++)
        assert_int_equal(bed.order[i], TURNS_AT_ONCE + i);
    assert_int_equal(bed.turns.taken, 0);
    assert_true(turns_take(&bed.turns, &bed.ones[0].turn, on_turn, &bed.ones[0]));
}

static void
who_gives_its_turn_back_at_once_lets_the_next_one_have_it(void **state)
{
    (void)state;
    struct bed bed = {0};
    for (size_t i = TURNS_AT_ONCE; i + 1 < COUNT; i++)
        bed.ones[i].idle = true;
    all_ask(&bed);
    turns_give(&bed.turns);
    assert_int_equal(bed.called, COUNT - TURNS_AT_ONCE); // all of the line
    assert_int_equal(bed.turns.taken, TURNS_AT_ONCE);    // the last one keeps it
}

static void
who_leaves_the_line_is_not_called_and_after_the_end_nobody_is(void **state)
{
    (void)state;
    struct bed bed = {0};
    all_ask(&bed);
    turns_leave(&bed.turns, &bed.ones[TURNS_AT_ONCE].turn);
    turns_leave(&bed.turns, &bed.ones[COUNT - 1].turn);
    turns_leave(&bed.turns, &bed.ones[COUNT - 1].turn);
    turns_give(&bed.turns);
    assert_int_equal(bed.order[0], TURNS_AT_ONCE + 1);
    turns_close(&bed.turns);
    turns_give(&bed.turns);
    assert_int_equal(bed.called, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_many_are_taken_and_the_others_follow_in_order),
        cmocka_unit_test(who_gives_its_turn_back_at_once_lets_the_next_one_have_it),
        cmocka_unit_test(who_leaves_the_line_is_not_called_and_after_the_end_nobody_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
