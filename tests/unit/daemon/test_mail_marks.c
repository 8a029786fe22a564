// The marks of what went out in the last interval: common/daemon/mail_marks.c.
#include "common/daemon/mail_marks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define INTERVAL 300

static void
a_zone_waits_an_interval_from_its_newest_mark(void **state)
{
    (void)state;
    struct mail_marks marks;
    mail_marks_init(&marks);
    assert_int_equal(mail_marks_zone_free_at(&marks, "a.gov", INTERVAL, 1000), 1000);
    mail_marks_add(&marks, "a.gov", true, 1000);
    mail_marks_add(&marks, "a.gov", false, 1010);
    mail_marks_add(&marks, "b.gov", true, 1020);
    assert_int_equal(mail_marks_zone_free_at(&marks, "a.gov", INTERVAL, 1030), 1010 + INTERVAL);
    assert_int_equal(mail_marks_zone_free_at(&marks, "c.gov", INTERVAL, 1030), 1030);
    mail_marks_close(&marks);
}

static void
mails_count_and_the_zones_in_them_do_not(void **state)
{
    (void)state;
    struct mail_marks marks;
    mail_marks_init(&marks);
    mail_marks_add(&marks, "a.gov", false, 1000);
    mail_marks_add(&marks, "*", true, 1010);
    assert_int_equal(mail_marks_mails(&marks), 1);
    assert_int_equal(mail_marks_burst_free_at(&marks, 2, INTERVAL, 1020), 1020);
    mail_marks_add(&marks, "b.gov", true, 1020);
    assert_int_equal(mail_marks_burst_free_at(&marks, 2, INTERVAL, 1020), 1010 + INTERVAL);
    mail_marks_close(&marks);
}

static void
marks_that_are_old_or_of_the_future_are_forgotten(void **state)
{
    (void)state;
    struct mail_marks marks;
    mail_marks_init(&marks);
    mail_marks_add(&marks, "old.gov", true, 1000);
    mail_marks_add(&marks, "new.gov", true, 1001);
    mail_marks_add(&marks, "later.gov", true, 5000);
    mail_marks_prune(&marks, INTERVAL, 1000 + INTERVAL);
    assert_int_equal(mail_marks_mails(&marks), 1);
    assert_int_equal(mail_marks_zone_free_at(&marks, "old.gov", INTERVAL, 1300), 1300);
    assert_int_equal(mail_marks_zone_free_at(&marks, "new.gov", INTERVAL, 1300), 1301);
    assert_int_equal(mail_marks_zone_free_at(&marks, "later.gov", INTERVAL, 1300), 1300);
    mail_marks_close(&marks);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zone_waits_an_interval_from_its_newest_mark),
        cmocka_unit_test(mails_count_and_the_zones_in_them_do_not),
        cmocka_unit_test(marks_that_are_old_or_of_the_future_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
