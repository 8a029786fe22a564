#include "primary/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
the_newest_step_comes_first_and_old_ones_are_forgotten(void **state)
{
    (void)state;
    struct history history = {0};
    assert_null(history_at(&history, 0));
    for (uint32_t i = 1; i <= 3 * HISTORY_KEPT; i++) {
        struct history_step step = {.serial = i};
        history_add(&history, &step);
        uint32_t kept = i < HISTORY_KEPT ? i : HISTORY_KEPT;
        assert_int_equal(history_at(&history, 0)->serial, i);
        assert_int_equal(history_at(&history, kept - 1)->serial, i - kept + 1);
        assert_null(history_at(&history, kept));
    }
    history_close(&history);
    assert_null(history_at(&history, 0));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_step_comes_first_and_old_ones_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
