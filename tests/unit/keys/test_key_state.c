#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "secondary/signer/keys/key_state.h"

static void
every_pair_of_state_and_event_is_a_known_step_or_refused(void **state)
{
    (void)state;
    // rows: states; columns: introduce publish ready activate retire die remove; '.' = refused
    static const char *const table[KEY_STATE_COUNT] = {
        [KEY_GENERATED] = "AP....X", [KEY_PUBLISHED] = "..R...X", [KEY_READY] = "...A..X",
        [KEY_ACTIVE] = "....T..",    [KEY_RETIRED] = "...A.D.",   [KEY_DEAD] = "......X",
        [KEY_REMOVED] = ".......",
    };
    static const char letters[KEY_STATE_COUNT] = {'G', 'P', 'R', 'A', 'T', 'D', 'X'};
    for (int from = 0; from < KEY_STATE_COUNT; from++) {
        for (int event = 0; event < KEY_EVENT_COUNT; event++) {
            enum key_state next = KEY_STATE_COUNT;
            struct fault fault = {0};
            bool allowed =
                key_state_next((enum key_state)from, (enum key_event)event, &next, &fault);
            assert_int_equal(allowed ? letters[next] : '.', table[from][event]);
            assert_int_equal(fault.kind, allowed ? FAULT_NONE : FAULT_REFUSED);
        }
    }
}

static void
a_key_that_has_signed_is_never_removed_before_it_is_dead(void **state)
{
    (void)state;
    enum key_state key = KEY_GENERATED;
    struct key_times times = {{0}};
    struct fault fault;
    assert_true(key_state_move(&key, &times, KEY_EVENT_INTRODUCE, 100, &fault));
    assert_false(key_state_move(&key, &times, KEY_EVENT_REMOVE, 200, &fault));
    assert_string_equal(fault.text, "a key that is active cannot be removed: it must be generated "
                                    "or published or ready or dead");
    assert_true(key_state_move(&key, &times, KEY_EVENT_RETIRE, 300, &fault));
    assert_false(key_state_move(&key, &times, KEY_EVENT_REMOVE, 400, &fault));
    assert_true(key_state_is_published(key));
    assert_true(key_state_move(&key, &times, KEY_EVENT_DIE, 500, &fault));
    assert_true(key_state_move(&key, &times, KEY_EVENT_REMOVE, 600, &fault));
    assert_false(key_state_is_published(key));
    assert_int_equal(times.at[KEY_PUBLISHED], 100);
    assert_int_equal(times.at[KEY_ACTIVE], 100);
    assert_int_equal(times.at[KEY_RETIRED], 300);
    assert_int_equal(times.at[KEY_REMOVED], 600);
}

static void
timing_lines_say_the_state_at_a_time(void **state)
{
    (void)state;
    struct key_times times = {{0}};
    times.at[KEY_GENERATED] = 10;
    times.at[KEY_PUBLISHED] = 100;
    times.at[KEY_ACTIVE] = 200;
    times.at[KEY_RETIRED] = 300;
    times.at[KEY_REMOVED] = 400;
    assert_int_equal(key_state_at(&times, 50), KEY_GENERATED);
    assert_int_equal(key_state_at(&times, 100), KEY_PUBLISHED);
    assert_int_equal(key_state_at(&times, 299), KEY_ACTIVE);
    assert_int_equal(key_state_at(&times, 300), KEY_RETIRED);
    assert_int_equal(key_state_at(&times, 4000), KEY_REMOVED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_state_and_event_is_a_known_step_or_refused),
        cmocka_unit_test(a_key_that_has_signed_is_never_removed_before_it_is_dead),
        cmocka_unit_test(timing_lines_say_the_state_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
