#include "secondary/signer/node_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

enum { COUNT = 5000 };
static uint64_t places[COUNT]; // where records might stand

static const struct node *
node_at(size_t i)
{
    return (const struct node *)(const void *)&places[i];
}

static void
what_is_added_is_there_until_it_is_taken(void **state)
{
    (void)state;
    struct node_set set;
    node_set_init(&set);
    assert_false(node_set_has(&set, node_at(0)));
    assert_false(node_set_take(&set, node_at(0)));
    for (size_t i = 0; i < COUNT; i += 2)
        node_set_add(&set, node_at(i));
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(node_set_has(&set, node_at(i)), i % 2 == 0);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(node_set_take(&set, node_at(i)), i % 2 == 0);
    assert_int_equal(set.count, 0);
    assert_false(node_set_take(&set, node_at(0)));
    node_set_close(&set);
}

static void
members_are_told_once_each_however_many_came_and_went(void **state)
{
    (void)state;
    static unsigned told[COUNT];
    struct node_set set;
    node_set_init(&set);
    for (unsigned round = 0; round < 20; round++)
        for (size_t i = 0; i < COUNT; i++) {
            if (i % 100 < round)
                continue; // stays since its round
            node_set_add(&set, node_at(i));
            if (i % 100 != round)
                assert_true(node_set_take(&set, node_at(i)));
        }
    assert_int_equal(set.count, 20 * COUNT / 100);
    assert_true(set.slot_count < 4 * COUNT); // what was taken is swept out
    size_t place = 0;
    for (const struct node *node; (node = node_set_next(&set, &place));)
        told[(const uint64_t *)(const void *)node - places]++;
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(told[i], i % 100 < 20);
    node_set_close(&set);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_added_is_there_until_it_is_taken),
        cmocka_unit_test(members_are_told_once_each_however_many_came_and_went),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
