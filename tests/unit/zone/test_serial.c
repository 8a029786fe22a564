#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/zone/serial.h"

static void
order_is_that_of_rfc_1982(void **state)
{
    (void)state;
    assert_true(serial_is_after(1, 0));
    assert_false(serial_is_after(0, 1));
    assert_false(serial_is_after(5, 5));
    assert_true(serial_is_after(0, UINT32_MAX)); // section 3.2: over the end
    assert_false(serial_is_after(UINT32_MAX, 0));
    assert_true(serial_is_after(0x7fffffff, 0));
    assert_true(serial_is_after(0x80000000, 0)); // undefined there; after, here
    assert_false(serial_is_after(0x80000001, 0));
    assert_int_equal(serial_max(3, 4), 4);
    assert_int_equal(serial_max(2, UINT32_MAX), 2);
}

static void
increment_follows_the_source_and_never_goes_back(void **state)
{
    (void)state;
    assert_int_equal(serial_next(SERIAL_INCREMENT, 10, true, 5, false, 0), 10);
    assert_int_equal(serial_next(SERIAL_INCREMENT, 5, true, 5, false, 0), 6);
    assert_int_equal(serial_next(SERIAL_INCREMENT, 4, true, 5, false, 0), 6);
    assert_int_equal(serial_next(SERIAL_INCREMENT, 7, true, UINT32_MAX, false, 0), 7);
    assert_int_equal(serial_next(SERIAL_INCREMENT, UINT32_MAX, true, UINT32_MAX, false, 0), 0);
    assert_int_equal(serial_next(SERIAL_INCREMENT, 42, false, 0, false, 99), 42);
    assert_int_equal(serial_next(SERIAL_INCREMENT, 0x80000009, true, 10, false, 0), 0x80000009);
}

// Section 3.2 leaves the order of two serials at this distance open: a secondary may stay behind.
static void
a_distance_of_half_the_circle_is_not_jumped(void **state)
{
    (void)state;
    assert_int_equal(serial_next(SERIAL_INCREMENT, 0x8000000a, true, 10, false, 0), 11);
    assert_int_equal(serial_next(SERIAL_INCREMENT, 10, true, 0x8000000a, false, 0), 0x8000000b);
    assert_int_equal(serial_next(SERIAL_INCREMENT, 0x8000000b, true, 10, false, 0), 11);
}

static void
unixtime_is_the_time_or_the_next_number(void **state)
{
    (void)state;
    assert_int_equal(serial_next(SERIAL_UNIXTIME, 2026112104, false, 0, false, 1795263187),
                     1795263187);
    assert_int_equal(serial_next(SERIAL_UNIXTIME, 7, true, 1795263187, false, 1795263190),
                     1795263190);
    assert_int_equal(serial_next(SERIAL_UNIXTIME, 7, true, 1795263187, false, 1795263187),
                     1795263188);
    assert_int_equal(serial_next(SERIAL_UNIXTIME, 7, true, 1795263187, false, 17), 1795263188);
}

static void
dateserial_is_the_day_and_then_counts(void **state)
{
    (void)state;
    int64_t now = 1795286527; // 2026-11-21T18:42:07Z
    assert_int_equal(serial_next(SERIAL_DATESERIAL, 7, true, 5, false, now), 2026112100);
    assert_int_equal(serial_next(SERIAL_DATESERIAL, 7, true, 2026112100, false, now), 2026112101);
    assert_int_equal(serial_next(SERIAL_DATESERIAL, 7, true, 2026112199, false, now), 2026112200);
}

static void
keep_keeps(void **state)
{
    (void)state;
    assert_int_equal(serial_next(SERIAL_KEEP, 7, true, 9, false, 100), 7);
    assert_int_equal(serial_next(SERIAL_KEEP, 7, false, 0, true, 100), 7);
}

static void
a_lost_state_goes_on_from_source_or_time_whichever_is_after(void **state)
{
    (void)state;
    assert_int_equal(serial_next(SERIAL_INCREMENT, 2026112104, false, 0, true, 1795263187),
                     2026112105);
    assert_int_equal(serial_next(SERIAL_INCREMENT, 12, false, 0, true, 1795263187), 1795263187);
    assert_int_equal(serial_next(SERIAL_UNIXTIME, 12, false, 0, true, 1795263187), 1795263187);
    // Today's versions may have come to 2026112103 before.
    assert_int_equal(serial_next(SERIAL_DATESERIAL, 12, false, 0, true, 1795286527), 2026112199);
    assert_int_equal(serial_next(SERIAL_DATESERIAL, 2026112205, false, 0, true, 1795286527),
                     2026112206);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_that_of_rfc_1982),
        cmocka_unit_test(increment_follows_the_source_and_never_goes_back),
        cmocka_unit_test(a_distance_of_half_the_circle_is_not_jumped),
        cmocka_unit_test(unixtime_is_the_time_or_the_next_number),
        cmocka_unit_test(dateserial_is_the_day_and_then_counts),
        cmocka_unit_test(keep_keeps),
        cmocka_unit_test(a_lost_state_goes_on_from_source_or_time_whichever_is_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
