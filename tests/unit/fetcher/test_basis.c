// How the next poll asks, by what is known: no clock, no network.
#include "secondary/fetcher/basis.h"

#include "common/transfer/xfr_marks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define NOW   1795263187
#define LABEL "hidden 10.0.0.5@53"

static struct basis basis;

static struct basis_arrival
whole(uint32_t serial)
{
    return (struct basis_arrival){
        .label = LABEL, .serial = serial, .exact = true, .steady = true, .records = 50, .now = NOW};
}

static void
settle(uint32_t serial)
{
    const struct basis_arrival arrival = whole(serial);
    basis_settle(&basis, &arrival);
}

static enum basis_ask
ask(enum request_ixfr request, const char *label, bool has_key)
{
    const struct basis_question question = {
        .request = request, .label = label, .has_key = has_key, .signed_zone = true, .now = NOW};
    return basis_ask(&basis, &question);
}

static void
a_start_is_whole_and_what_follows_is_as_requested(void **state)
{
    (void)state;
    basis_reset(&basis);
    assert_int_equal(ask(REQUEST_IXFR_YES, LABEL, true), BASIS_AXFR);
    assert_int_equal(ask(REQUEST_IXFR_AUTO, LABEL, true), BASIS_AXFR);
    settle(7);
    assert_int_equal(basis.serial, 7);
    assert_int_equal(ask(REQUEST_IXFR_YES, LABEL, false), BASIS_IXFR);
    assert_int_equal(ask(REQUEST_IXFR_AUTO, LABEL, true), BASIS_SOA);
    assert_int_equal(ask(REQUEST_IXFR_AUTO, LABEL, false), BASIS_AXFR); // nobody signs the answer
    assert_int_equal(ask(REQUEST_IXFR_NO, LABEL, true), BASIS_AXFR);
}

static void
serials_of_another_address_are_others(void **state)
{
    (void)state;
    basis_reset(&basis);
    settle(7);
    assert_int_equal(ask(REQUEST_IXFR_YES, "other 10.0.0.6@53", true), BASIS_AXFR);
}

static void
a_zone_that_comes_signed_is_never_asked_for_by_its_serial(void **state)
{
    (void)state;
    basis_reset(&basis);
    settle(7);
    const struct basis_question question = {
        .request = REQUEST_IXFR_YES, .label = LABEL, .signed_zone = false, .now = NOW};
    assert_int_equal(basis_ask(&basis, &question), BASIS_AXFR);
}

static void
doubt_denial_and_distrust_are_whole_and_settings_clear_them(void **state)
{
    (void)state;
    basis_reset(&basis);
    settle(7);
    basis_forget(&basis);
    assert_int_equal(ask(REQUEST_IXFR_YES, LABEL, true), BASIS_AXFR);
    settle(8);
    assert_int_equal(ask(REQUEST_IXFR_YES, LABEL, true), BASIS_IXFR);
    basis_deny(&basis, LABEL, NOW);
    assert_int_equal(ask(REQUEST_IXFR_YES, LABEL, true), BASIS_AXFR);
    basis_deny(&basis, LABEL, NOW - BASIS_DENIAL_SECONDS);
    assert_int_equal(ask(REQUEST_IXFR_YES, LABEL, true), BASIS_IXFR);
    basis.distrusted = true;
    settle(9);
    assert_int_equal(ask(REQUEST_IXFR_YES, LABEL, true), BASIS_AXFR);
    basis_reset(&basis);
    settle(9);
    assert_int_equal(ask(REQUEST_IXFR_YES, LABEL, true), BASIS_IXFR);
}

static void
a_delta_moves_the_serial_and_forgets_the_digest(void **state)
{
    (void)state;
    struct hash_digest digest = {{1}};
    struct basis_arrival arrival = whole(7);
    basis_reset(&basis);
    arrival.digest = digest;
    basis_settle(&basis, &arrival);
    assert_true(basis_knows(&basis, &digest, 9, true));
    assert_false(basis_knows(&basis, &digest, 9, false)); // there the serial is content
    assert_true(basis_knows(&basis, &digest, 7, false));
    int64_t due = basis.whole_due_seconds;
    arrival = (struct basis_arrival){.label = LABEL,
                                     .serial = 8,
                                     .is_delta = true,
                                     .exact = true,
                                     .steady = true,
                                     .now = NOW + 9};
    basis_settle(&basis, &arrival);
    assert_int_equal(basis.serial, 8);
    assert_false(basis_knows(&basis, &digest, 7, true));
    assert_int_equal(basis.whole_due_seconds, due); // deltas put nothing off
    assert_int_equal(basis.deltas, 1);
    assert_int_equal(basis_delta_records_max(&basis), 2 * 50 + BASIS_DELTA_RECORDS_LEAST);
}

static void
an_unchanged_verdict_that_is_not_exact_knows_the_digest_alone(void **state)
{
    (void)state;
    struct hash_digest digest = {{2}};
    struct basis_arrival arrival = whole(7);
    basis_reset(&basis);
    arrival.exact = false;
    arrival.digest = digest;
    basis_settle(&basis, &arrival);
    assert_true(basis_knows(&basis, &digest, 7, true));
    assert_int_equal(ask(REQUEST_IXFR_YES, LABEL, true), BASIS_AXFR);
}

static void
comparisons_come_within_the_hour_and_then_daily_with_jitter(void **state)
{
    (void)state;
    bool late;
    uint64_t least = UINT64_MAX, most = 0;
    for (uint64_t chance = 0; chance < 20000; chance += 7) {
        basis_reset(&basis);
        struct basis_arrival arrival = whole(7);
        arrival.chance = chance;
        basis_settle(&basis, &arrival);
        assert_in_range(basis.whole_due_seconds, NOW + BASIS_WHOLE_FIRST_SECONDS * 9 / 10,
                        NOW + BASIS_WHOLE_FIRST_SECONDS);
        basis_settle(&basis, &arrival);
        uint64_t after = (uint64_t)(basis.whole_due_seconds - NOW);
        least = after < least ? after : least;
        most = after > most ? after : most;
    }
    assert_in_range(least, BASIS_WHOLE_SECONDS * 9 / 10, BASIS_WHOLE_SECONDS * 91 / 100);
    assert_in_range(most, BASIS_WHOLE_SECONDS * 99 / 100, BASIS_WHOLE_SECONDS);
    int64_t due = basis.whole_due_seconds;
    assert_false(basis_whole_is_due(&basis, due - 1, &late));
    assert_true(basis_whole_is_due(&basis, due, &late) && !late);
    assert_true(basis_whole_is_due(&basis, due + BASIS_WHOLE_LATE_SECONDS, &late) && late);
}

static void
the_same_content_from_another_address_is_that_address_s(void **state)
{
    (void)state;
    basis_reset(&basis);
    settle(7);
    basis.distrusted = true;
    basis_note_same(&basis, "other 10.0.0.6@53", 99);
    assert_int_equal(ask(REQUEST_IXFR_YES, "other 10.0.0.6@53", true), BASIS_IXFR);
    assert_int_equal(basis.serial, 99);
    bool late;
    assert_true(basis_whole_is_due(&basis, NOW, &late)); // what it says is compared first
}

static void
marks_are_those_of_a_steady_whole_transfer_and_go_with_its_digest(void **state)
{
    (void)state;
    struct xfr_marks *marks = xfr_marks_new(NULL), *later = xfr_marks_new(NULL);
    struct basis_arrival arrival = whole(7);
    basis_reset(&basis);
    arrival.marks = marks;
    basis_settle(&basis, &arrival);
    assert_ptr_equal(basis.marks, marks);
    basis_set_marks(&basis, later); // the same content under other octets
    assert_ptr_equal(basis.marks, later);
    basis_set_marks(&basis, later);
    assert_ptr_equal(basis.marks, later);
    basis_forget(&basis);
    assert_null(basis.marks);
    basis_settle(&basis, &arrival);
    arrival.is_delta = true;
    basis_settle(&basis, &arrival);
    assert_null(basis.marks);
    arrival.is_delta = arrival.steady = false;
    basis_settle(&basis, &arrival);
    assert_null(basis.marks);
    arrival.steady = true;
    basis_settle(&basis, &arrival);
    assert_ptr_equal(basis.marks, marks);
    basis_reset(&basis);
    assert_null(basis.marks);
    assert_int_equal(marks->holders, 1);
    assert_int_equal(later->holders, 1);
    xfr_marks_drop(&marks);
    xfr_marks_drop(&later);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_start_is_whole_and_what_follows_is_as_requested),
        cmocka_unit_test(serials_of_another_address_are_others),
        cmocka_unit_test(a_zone_that_comes_signed_is_never_asked_for_by_its_serial),
        cmocka_unit_test(doubt_denial_and_distrust_are_whole_and_settings_clear_them),
        cmocka_unit_test(a_delta_moves_the_serial_and_forgets_the_digest),
        cmocka_unit_test(an_unchanged_verdict_that_is_not_exact_knows_the_digest_alone),
        cmocka_unit_test(comparisons_come_within_the_hour_and_then_daily_with_jitter),
        cmocka_unit_test(the_same_content_from_another_address_is_that_address_s),
        cmocka_unit_test(marks_are_those_of_a_steady_whole_transfer_and_go_with_its_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
