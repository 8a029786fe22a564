#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/dns/name.h"
#include "secondary/signer/sign/sign_policy.h"
#include "secondary/signer/sign/signed_serial.h"

#define NOW  1795263000
#define DAY  86400
#define HOUR 3600

static void
owner_number(unsigned number, uint8_t owner[static NAME_SIZE_MAX])
{
    char text[64];
    struct fault fault;
    snprintf(text, sizeof text, "h%u.example.gov.", number);
    assert_true(name_from_text(text, NULL, owner, &fault));
}

static void
inceptions_lie_one_to_three_hours_back_and_expirations_within_the_jitter(void **state)
{
    (void)state;
    struct sign_policy policy;
    struct sign_times times;
    uint8_t owner[NAME_SIZE_MAX];
    sign_policy_default(&policy);
    for (unsigned i = 0; i < 3000; i++) {
        int64_t now = NOW + i * 37;
        owner_number(i, owner);
        sign_times(&policy, owner, (uint16_t)i, now, &times);
        assert_in_range(now - times.inception, HOUR, 3 * HOUR);
        assert_in_range(times.expiration - now, 14 * DAY - DAY - 2 * HOUR, 14 * DAY);
        assert_false(sign_is_due(&policy, times.expiration, now));
    }
}

static void
two_signers_a_few_minutes_apart_mostly_choose_the_same_times(void **state)
{
    (void)state;
    struct sign_policy policy;
    struct sign_times a, b;
    uint8_t owner[NAME_SIZE_MAX];
    unsigned same = 0;
    sign_policy_default(&policy);
    for (unsigned i = 0; i < 1000; i++) {
        owner_number(i, owner);
        sign_times(&policy, owner, 7, NOW, &a);
        sign_times(&policy, owner, 7, NOW + 600, &b);
        same += a.inception == b.inception && a.expiration == b.expiration;
    }
    assert_in_range(same, 850, 980); // 600 of 7200 seconds differ
}

static void
no_hour_has_more_than_twice_the_mean(void **state)
{
    (void)state;
    struct sign_policy policy;
    struct sign_times times;
    uint8_t owner[NAME_SIZE_MAX];
    unsigned hours[32] = {0};
    sign_policy_default(&policy);
    for (unsigned i = 0; i < 24000; i++) {
        owner_number(i, owner);
        sign_times(&policy, owner, 7, NOW, &times);
        hours[(NOW + 14 * DAY - (int64_t)times.expiration) / HOUR]++;
    }
    for (unsigned i = 0; i < 32; i++)
        assert_true(hours[i] < 2000);
}

static void
a_fresh_signature_is_never_due_under_any_policy_that_holds(void **state)
{
    (void)state;
    static const int64_t policies[][3] = {
        {14 * DAY, 7 * DAY, DAY},   {DAY, HOUR, 0}, {7201, 3600, 3600},
        {4 * HOUR, 2 * HOUR, HOUR}, {100, 50, 49},  {30 * DAY, 29 * DAY, DAY - 1},
    };
    struct sign_times times;
    uint8_t owner[NAME_SIZE_MAX];
    for (size_t at = 0; at < sizeof policies / sizeof policies[0]; at++) {
        struct sign_policy policy = {.rrsig_lifetime_seconds = policies[at][0],
                                     .rrsig_refresh_seconds = policies[at][1],
                                     .rrsig_jitter_seconds = policies[at][2]};
        for (unsigned i = 0; i < 2000; i++) {
            owner_number(i, owner);
            sign_times(&policy, owner, 1, NOW + i, &times);
            assert_false(sign_is_due(&policy, times.expiration, NOW + i));
        }
    }
}

static void
policies_that_cannot_hold_are_refused_with_a_cure(void **state)
{
    (void)state;
    struct sign_policy policy;
    struct key_policy keys;
    struct fault fault;
    sign_policy_default(&policy);
    key_policy_default(&keys);
    assert_true(sign_policy_check(&policy, &keys, 0, &fault));
    assert_true(sign_policy_check(&policy, &keys, 5 * DAY, &fault));
    assert_false(sign_policy_check(&policy, &keys, 7 * DAY - HOUR, &fault));
    assert_non_null(strstr(fault.text, "largest TTL"));
    assert_int_equal(fault.kind, FAULT_CONFIG);
    policy.rrsig_lifetime_seconds = 8 * DAY;
    assert_false(sign_policy_check(&policy, &keys, 0, &fault));
    assert_string_equal(fault.text,
                        "rrsig-lifetime (8d) must be longer than rrsig-refresh (7d) + rrsig-jitter "
                        "(1d); lengthen it or shorten those");
    policy.rrsig_lifetime_seconds++;
    assert_true(sign_policy_check(&policy, &keys, 0, &fault));
    policy.rrsig_refresh_seconds = 2 * HOUR; // 1h of DNSKEY TTL + 1h of propagation-delay
    assert_false(sign_policy_check(&policy, &keys, 0, &fault));
}

static void
a_refresh_waits_a_quarter_of_an_hour_unless_something_expires_within_a_day(void **state)
{
    (void)state;
    struct sign_policy policy;
    sign_policy_default(&policy);
    uint32_t far = NOW + 10 * DAY, due = NOW + 7 * DAY - 5, urgent = NOW + DAY - 5;
    assert_int_equal(sign_refresh_at(&policy, 0, 0, NOW), INT64_MAX);
    assert_int_equal(sign_refresh_at(&policy, far, 0, NOW), NOW + 3 * DAY);
    assert_int_equal(sign_refresh_at(&policy, far, NOW - 10, NOW), NOW + 3 * DAY);
    assert_true(sign_refresh_at(&policy, due, 0, NOW) <= NOW);
    assert_int_equal(sign_refresh_at(&policy, due, NOW - 10, NOW), NOW - 10 + 900);
    assert_true(sign_refresh_at(&policy, due, NOW - 900, NOW) <= NOW);
    assert_true(sign_refresh_at(&policy, urgent, NOW - 10, NOW) <= NOW);
}

static void
a_clock_that_is_wrong_is_not_believed(void **state)
{
    (void)state;
    struct fault fault;
    assert_false(sign_clock_check(0, 1000, &fault));
    assert_true(sign_clock_check(0, NOW, &fault));
    assert_true(sign_clock_check(NOW - HOUR, NOW, &fault));
    assert_true(sign_clock_check(NOW - HOUR, NOW - HOUR, &fault));
    assert_false(sign_clock_check(NOW - HOUR, NOW - HOUR - 1, &fault));
    assert_non_null(strstr(fault.text, "NTP"));
    assert_false(sign_clock_check(NOW - HOUR, NOW + 3660LL * DAY, &fault));
}

static void
the_signed_serial_never_goes_back(void **state)
{
    (void)state;
    struct signed_serial_input input = {
        .policy = SERIAL_UNIXTIME, .unsigned_serial = 5, .now = NOW};
    uint32_t serial = signed_serial_next(&input);
    assert_int_equal(serial, NOW);
    input.has_last = true;
    static const enum serial_policy policies[] = {SERIAL_INCREMENT, SERIAL_UNIXTIME,
                                                  SERIAL_DATESERIAL, SERIAL_KEEP};
    for (size_t i = 0; i < 4; i++) {
        input.policy = policies[i];
        input.last = NOW;
        for (int step = 0; step < 1000; step++) {
            input.now = NOW + (step * 7919) % 500 - 250; // the clock jumps about
            input.unsigned_serial = (uint32_t)(step * 104729);
            uint32_t next = signed_serial_next(&input);
            assert_true(next != input.last && (uint32_t)(next - input.last) < 0x80000000U);
            input.last = next;
        }
    }
    input.policy = SERIAL_INCREMENT;
    input.last = UINT32_MAX;
    input.unsigned_serial = 0xFFFFFFF0;
    assert_int_equal(signed_serial_next(&input), 0); // RFC 1982 wraps
}

static void
with_the_state_lost_the_serial_is_after_both_clock_and_source(void **state)
{
    (void)state;
    struct signed_serial_input input = {
        .policy = SERIAL_INCREMENT, .unsigned_serial = 2026112104, .state_lost = true, .now = NOW};
    assert_int_equal(signed_serial_next(&input), 2026112105);
    input.unsigned_serial = 17;
    assert_int_equal(signed_serial_next(&input), NOW);
}

static void
a_forced_serial_must_be_later(void **state)
{
    (void)state;
    struct signed_serial_input input = {.has_last = true, .last = 100, .now = NOW};
    struct fault fault;
    uint32_t serial;
    assert_true(signed_serial_forced(&input, 101, &serial, &fault));
    assert_int_equal(serial, 101);
    assert_false(signed_serial_forced(&input, 100, &serial, &fault));
    assert_false(signed_serial_forced(&input, 99, &serial, &fault));
    assert_non_null(strstr(fault.text, "from 101 to 2147483747"));
    assert_true(signed_serial_forced(&input, 2147483747, &serial, &fault));
    assert_false(signed_serial_forced(&input, 2147483748U, &serial, &fault));
}

// Of one refresh: ahead of time up to a moment, and what another policy made too long.
static void
a_refresh_may_renew_more_than_what_is_due(void **state)
{
    (void)state;
    struct sign_policy policy;
    sign_policy_default(&policy);
    uint32_t soon = (uint32_t)(NOW + 9 * DAY), later = (uint32_t)(NOW + 12 * DAY);
    uint32_t long_lived = (uint32_t)(NOW + 40 * DAY);
    assert_false(sign_is_due(&policy, soon, NOW));
    policy.renew_until = soon;
    assert_true(sign_is_due(&policy, soon, NOW));
    assert_false(sign_is_due(&policy, soon + 1, NOW));
    policy.renew_after = (uint32_t)(NOW + 15 * DAY);
    assert_false(sign_is_due(&policy, later, NOW));
    assert_true(sign_is_due(&policy, long_lived, NOW));
}

// Whatever owner: renewed when it is allowed ahead of time, a signature ends later than before.
static void
a_signature_renewed_ahead_of_its_time_gains_something(void **state)
{
    (void)state;
    struct sign_policy policy;
    sign_policy_default(&policy);
    for (unsigned i = 0; i < 1000; i++) {
        uint8_t owner[] = "\4h000\3gov";
        struct sign_times was, is;
        int64_t later = NOW + (int64_t)i * 397;
        owner[2] = (uint8_t)('0' + i / 100);
        owner[3] = (uint8_t)('0' + i / 10 % 10);
        owner[4] = (uint8_t)('0' + i % 10);
        sign_times(&policy, owner, 12345, NOW, &was);
        sign_times(&policy, owner, 12345, later, &is);
        if ((int64_t)was.expiration <= sign_ahead_until(&policy, later))
            assert_true(is.expiration > was.expiration);
    }
    struct sign_times times;
    sign_times(&policy, (const uint8_t *)"\3gov", 12345, NOW, &times);
    assert_true((int64_t)times.expiration <= sign_ahead_until(&policy, NOW + 2 * DAY));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inceptions_lie_one_to_three_hours_back_and_expirations_within_the_jitter),
        cmocka_unit_test(two_signers_a_few_minutes_apart_mostly_choose_the_same_times),
        cmocka_unit_test(no_hour_has_more_than_twice_the_mean),
        cmocka_unit_test(a_fresh_signature_is_never_due_under_any_policy_that_holds),
        cmocka_unit_test(policies_that_cannot_hold_are_refused_with_a_cure),
        cmocka_unit_test(
            a_refresh_waits_a_quarter_of_an_hour_unless_something_expires_within_a_day),
        cmocka_unit_test(a_clock_that_is_wrong_is_not_believed),
        cmocka_unit_test(the_signed_serial_never_goes_back),
        cmocka_unit_test(with_the_state_lost_the_serial_is_after_both_clock_and_source),
        cmocka_unit_test(a_forced_serial_must_be_later),
        cmocka_unit_test(a_refresh_may_renew_more_than_what_is_due),
        cmocka_unit_test(a_signature_renewed_ahead_of_its_time_gains_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
