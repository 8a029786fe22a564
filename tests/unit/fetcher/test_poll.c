#include "secondary/fetcher/poll.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static void
retries_double_from_retry_and_stay_below_refresh(void **state)
{
    (void)state;
    assert_int_equal(poll_retry_ms(1, 10, 60), 10000);
    assert_int_equal(poll_retry_ms(2, 10, 60), 20000);
    assert_int_equal(poll_retry_ms(3, 10, 60), 40000);
    assert_int_equal(poll_retry_ms(4, 10, 60), 60000);
    assert_int_equal(poll_retry_ms(5, 10, 60), 60000);
    assert_int_equal(poll_retry_ms(4000000000U, 10, 60), 60000);
}

static void
a_retry_longer_than_refresh_is_kept(void **state)
{
    (void)state;
    assert_int_equal(poll_retry_ms(1, 300, 60), 300000);
    assert_int_equal(poll_retry_ms(9, 300, 60), 300000);
    assert_int_equal(poll_retry_ms(9, 60, 60), 60000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retries_double_from_retry_and_stay_below_refresh),
        cmocka_unit_test(a_retry_longer_than_refresh_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
