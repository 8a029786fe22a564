// needs: net
#include "secondary/fetcher/turns.h"

#include "common/net/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define COUNT 10

static struct loop *loop;
static struct turns *turns;
static struct turn list[COUNT];
static unsigned granted[COUNT], order;

static void
note(void *context)
{
    struct turn *turn = context;
    granted[turn - list] = ++order;
}

static int
begin(void **state)
{
    (void)state;
    loop = loop_new();
    turns = turns_new(loop, 3);
    order = 0;
    for (unsigned i = 0; i < COUNT; i++) {
        list[i] = (struct turn){.granted = note, .context = &list[i]};
        granted[i] = 0;
    }
    return 0;
}

static int
finish(void **state)
{
    (void)state;
    turns_free(&turns);
    loop_free(&loop);
    return 0;
}

static void
run(void)
{
    for (unsigned i = 0; i < 4; i++)
        loop_run_once(loop, false);
}

static void
no_more_than_the_maximum_hold_one_and_the_rest_waits_in_order(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COUNT; i++)
        turn_ask(turns, &list[i]);
    assert_int_equal(turns_held(turns), 0);
    run();
    assert_int_equal(turns_held(turns), 3);
    assert_int_equal(turns_waiting(turns), COUNT - 3);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(granted[i], i + 1);
        turn_end(turns, &list[i]);
        run();
    }
    assert_int_equal(turns_held(turns), 0);
    assert_int_equal(turns_waiting(turns), 0);
}

static void
asking_twice_is_asking_once(void **state)
{
    (void)state;
    turn_ask(turns, &list[0]);
    turn_ask(turns, &list[0]);
    run();
    turn_ask(turns, &list[0]);
    run();
    assert_int_equal(order, 1);
    assert_int_equal(turns_held(turns), 1);
    turn_end(turns, &list[0]);
    turn_end(turns, &list[0]);
    assert_int_equal(turns_held(turns), 0);
}

static void
who_leaves_the_queue_is_not_called(void **state)
{
    (void)state;
    for (unsigned i = 0; i < COUNT; i++)
        turn_ask(turns, &list[i]);
    turn_end(turns, &list[0]);
    turn_end(turns, &list[COUNT - 1]);
    turn_end(turns, &list[5]);
    run();
    for (unsigned i = 1; i < 4; i++)
        assert_true(granted[i] > 0);
    for (unsigned i = 1; i < COUNT; i++)
        turn_end(turns, &list[i]), run();
    assert_int_equal(granted[0], 0);
    assert_int_equal(granted[5], 0);
    assert_int_equal(granted[COUNT - 1], 0);
    turn_ask(turns, &list[0]);
    run();
    assert_true(granted[0] > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            no_more_than_the_maximum_hold_one_and_the_rest_waits_in_order, begin, finish),
        cmocka_unit_test_setup_teardown(asking_twice_is_asking_once, begin, finish),
        cmocka_unit_test_setup_teardown(who_leaves_the_queue_is_not_called, begin, finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
