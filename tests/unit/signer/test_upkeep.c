// Years of a zone in a second: a simulated signer obeys upkeep_next and nothing else, while the
// primary comes and goes and the clock is stepped. What must hold is looked at after every action.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "secondary/signer/upkeep.h"

#define DAY   86400
#define YEAR  (365 * DAY)
#define START 1795263187 // 2026-11-21
// Signature times are 32-bit numbers that begin anew in 2106 (RFC 4034 section 3.1.5).
#define WRAP   ((int64_t)1 << 32)
#define OWNERS 24
#define TICK   60 // the poll
// A refresh may have to wait for the gap after the one before.
#define SLACK (SIGN_PUBLISH_GAP_SECONDS + 2 * TICK)

struct world {
    struct sign_policy policy;
    struct upkeep_state state;
    int64_t now;
    int64_t plan_at;              // when upkeep wants to be asked again
    uint32_t expirations[OWNERS]; // of the signatures of owners
    bool primary_away, signer_down;
    int64_t expire_seconds; // 0: never
    unsigned refreshes, scrubs, expires, revives, signatures;
    int64_t last_refresh_at, least_gap, least_left;
};

static const uint8_t *
owner_name(unsigned i)
{
    static uint8_t name[] = "\4www0\7example\3gov";
    name[4] = (uint8_t)('0' + i);
    return name;
}

static void
sign_owner(struct world *world, unsigned i)
{
    struct sign_times times;
    sign_times(&world->policy, owner_name(i), 12345, world->now, &times);
    world->expirations[i] = times.expiration;
    world->signatures++;
}

static int64_t
left(const struct world *world, unsigned i)
{
    return (int32_t)(world->expirations[i] - (uint32_t)world->now);
}

static unsigned
first_to_expire(const struct world *world)
{
    unsigned first = 0;
    for (unsigned i = 1; i < OWNERS; i++)
        if (left(world, i) < left(world, first))
            first = i;
    return first;
}

static void
begin(struct world *world, int64_t now, int64_t expire_seconds)
{
    memset(world, 0, sizeof *world);
    sign_policy_default(&world->policy);
    world->now = now;
    world->expire_seconds = expire_seconds;
    for (unsigned i = 0; i < OWNERS; i++)
        sign_owner(world, i);
    world->state = (struct upkeep_state){.has_version = true, .is_signed = true};
    world->least_gap = world->least_left = INT64_MAX;
    world->signatures = 0;
    world->plan_at = now;
    world->last_refresh_at = 0;
}

static void
refresh(struct world *world)
{
    unsigned before = world->signatures;
    for (unsigned i = 0; i < OWNERS; i++)
        if (sign_is_due(&world->policy, world->expirations[i], world->now))
            sign_owner(world, i);
    assert_true(world->signatures > before); // a refresh that does nothing would never end
    if (world->last_refresh_at != 0 && world->now - world->last_refresh_at < world->least_gap)
        world->least_gap = world->now - world->last_refresh_at;
    world->last_refresh_at = world->state.last_refresh_seconds = world->now;
    world->refreshes++;
}

// Does what upkeep says until it says wait.
static void
obey(struct world *world)
{
    for (unsigned actions = 0;; actions++) {
        assert_true(actions < 4); // no action repeats itself at one moment
        world->state.first_expiration = world->expirations[first_to_expire(world)];
        struct upkeep_plan plan = upkeep_next(&world->state, &world->policy, world->now);
        switch (plan.action) {
        case UPKEEP_WAIT:
            assert_true(plan.at_seconds > world->now);
            assert_true(plan.at_seconds <= world->now + UPKEEP_LATEST_SECONDS);
            world->plan_at = plan.at_seconds;
            return;
        case UPKEEP_EXPIRE:
            assert_false(world->state.expired);
            world->state.expired = true;
            world->expires++;
            break;
        case UPKEEP_REVIVE:
            assert_true(world->state.expired);
            world->state.expired = false;
            world->revives++;
            break;
        case UPKEEP_REFRESH:
            refresh(world);
            break;
        case UPKEEP_MERGE:
            world->state.wants_merge = false;
            break;
        case UPKEEP_COMPACT:
            world->state.wants_compact = false;
            break;
        case UPKEEP_SCRUB:
            world->state.scrub_seconds = world->now + UPKEEP_SCRUB_SECONDS;
            world->scrubs++;
            break;
        }
    }
}

static void
poll(struct world *world)
{
    if (!world->primary_away && world->expire_seconds != 0)
        world->state.expires_seconds = world->now + world->expire_seconds;
}

// Lives for so long; the signer looks only when it planned to, or after a poll that was answered.
static void
live(struct world *world, int64_t seconds)
{
    for (int64_t end = world->now + seconds; world->now < end; world->now += TICK) {
        poll(world);
        bool looks = world->now >= world->plan_at || world->state.expired;
        if (looks && !world->signer_down)
            obey(world);
        int64_t least = left(world, first_to_expire(world));
        if (least < world->least_left)
            world->least_left = least;
    }
}

static void
three_quiet_years_keep_every_signature_young_and_publish_seldom(void **state)
{
    struct world world;
    (void)state;
    begin(&world, START, 0);
    live(&world, 3 * YEAR);
    // Never older than refresh and the gap say, never published twice within the gap.
    assert_true(world.least_left >= world.policy.rrsig_refresh_seconds - SLACK);
    assert_true(world.least_gap >= SIGN_PUBLISH_GAP_SECONDS);
    // An owner is renewed about every lifetime - refresh - jitter/2: 6.5 days.
    unsigned expected = (unsigned)(3 * YEAR / (6 * DAY + DAY / 2)) * OWNERS;
    assert_in_range(world.signatures, expected * 8 / 10, expected * 12 / 10);
    // Spread over the jitter, and still at most one publish for each renewed owner.
    assert_true(world.refreshes <= world.signatures);
    assert_int_equal(world.expires, 0);
}

static void
the_32_bit_times_of_2106_begin_anew_unnoticed(void **state)
{
    struct world world;
    (void)state;
    begin(&world, WRAP - YEAR, 0);
    live(&world, 2 * YEAR);
    assert_true(world.now > WRAP);
    assert_true(world.least_left >= world.policy.rrsig_refresh_seconds - SLACK);
    unsigned expected = (unsigned)(2 * YEAR / (6 * DAY + DAY / 2)) * OWNERS;
    assert_in_range(world.signatures, expected * 8 / 10, expected * 12 / 10);
}

static void
a_silent_primary_expires_the_zone_once_and_its_return_revives_it_once(void **state)
{
    struct world world;
    (void)state;
    begin(&world, START, 14 * DAY);
    for (unsigned round = 1; round <= 6; round++) {
        live(&world, 60 * DAY);
        world.primary_away = true;
        live(&world, 14 * DAY - 2 * TICK);
        assert_int_equal(world.expires, round - 1); // not a moment early
        live(&world, UPKEEP_LATEST_SECONDS);
        assert_int_equal(world.expires, round);
        live(&world, 100 * DAY);
        assert_int_equal(world.expires, round);
        assert_int_equal(world.revives, round - 1);
        world.primary_away = false;
        live(&world, UPKEEP_LATEST_SECONDS);
        assert_int_equal(world.revives, round);
    }
    // Signatures were kept young all the while, without the primary.
    assert_true(world.least_left >= world.policy.rrsig_refresh_seconds - SLACK);
}

static void
a_zone_that_never_expires_outlives_its_primary_by_years(void **state)
{
    struct world world;
    (void)state;
    begin(&world, START, 0);
    world.primary_away = true;
    live(&world, 3 * YEAR);
    assert_int_equal(world.expires, 0);
    assert_true(world.least_left >= world.policy.rrsig_refresh_seconds - SLACK);
}

static void
a_signer_that_was_down_renews_at_once_what_became_due(void **state)
{
    static const int64_t absences[] = {DAY, 5 * DAY, 10 * DAY, 40 * DAY, YEAR};
    (void)state;
    for (size_t i = 0; i < sizeof absences / sizeof absences[0]; i++) {
        struct world world;
        begin(&world, START, 0);
        live(&world, 30 * DAY);
        world.signer_down = true;
        live(&world, absences[i]);
        world.signer_down = false;
        world.least_left = INT64_MAX;
        live(&world, UPKEEP_LATEST_SECONDS + SIGN_PUBLISH_GAP_SECONDS);
        assert_true(left(&world, first_to_expire(&world)) >=
                    world.policy.rrsig_refresh_seconds - UPKEEP_LATEST_SECONDS);
        world.least_left = INT64_MAX;
        live(&world, YEAR);
        assert_true(world.least_left >= world.policy.rrsig_refresh_seconds - SLACK);
    }
}

static void
a_clock_that_is_stepped_is_noticed_within_the_hour(void **state)
{
    static const int64_t steps[] = {1,       -1,       1800,     -1800,     7200,      -7200,
                                    2 * DAY, -2 * DAY, 30 * DAY, -30 * DAY, 400 * DAY, -400 * DAY};
    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct world world;
        begin(&world, START + YEAR + YEAR, 0);
        live(&world, 20 * DAY);
        world.now += steps[i];
        // The timer that waits counts the seconds that pass, not the clock's.
        world.plan_at = world.now + UPKEEP_LATEST_SECONDS;
        live(&world, 2 * UPKEEP_LATEST_SECONDS);
        assert_true(left(&world, first_to_expire(&world)) >=
                    world.policy.rrsig_refresh_seconds - 3 * UPKEEP_LATEST_SECONDS);
        unsigned before = world.refreshes;
        live(&world, DAY);
        assert_true(world.refreshes - before <= DAY / SIGN_PUBLISH_GAP_SECONDS); // no storm
    }
}

static void
clock_steps_every_week_for_three_years_let_nothing_expire(void **state)
{
    struct world world;
    uint32_t random = 12345;
    (void)state;
    begin(&world, START, 14 * DAY);
    for (int64_t week = 0; week < 3 * 52; week++) {
        live(&world, 7 * DAY);
        random = random * 1664525 + 1013904223;
        int64_t step = (int64_t)(random >> 8) % (6 * 3600) - 3 * 3600;
        world.now += step;
        world.plan_at = world.now; // the loop's timer fired: asked again
        world.primary_away = (random >> 28) == 3;
    }
    assert_true(world.least_left > SIGN_URGENT_SECONDS);
}

static void
nothing_is_done_while_a_change_is_under_way_but_expiry(void **state)
{
    struct world world;
    struct upkeep_plan plan;
    (void)state;
    begin(&world, START, 0);
    world.state.busy = world.state.wants_merge = world.state.wants_compact = true;
    world.state.first_expiration = (uint32_t)START + 60; // long due
    plan = upkeep_next(&world.state, &world.policy, START);
    assert_int_equal(plan.action, UPKEEP_WAIT);
    world.state.expires_seconds = START;
    plan = upkeep_next(&world.state, &world.policy, START);
    assert_int_equal(plan.action, UPKEEP_EXPIRE);
    world.state.busy = false;
    world.state.expired = true;
    plan = upkeep_next(&world.state, &world.policy, START);
    assert_int_equal(plan.action, UPKEEP_REFRESH); // an expired zone keeps its signatures young
}

static void
a_failed_action_is_not_tried_before_its_time(void **state)
{
    struct world world;
    struct upkeep_plan plan;
    (void)state;
    begin(&world, START, 0);
    world.state.first_expiration = (uint32_t)START + 60;
    world.state.not_before_seconds = START + UPKEEP_RETRY_SECONDS;
    plan = upkeep_next(&world.state, &world.policy, START);
    assert_int_equal(plan.action, UPKEEP_WAIT);
    assert_int_equal(plan.at_seconds, START + UPKEEP_RETRY_SECONDS);
    plan = upkeep_next(&world.state, &world.policy, START + UPKEEP_RETRY_SECONDS);
    assert_int_equal(plan.action, UPKEEP_REFRESH);
    // A clock that went back by a year must not make this a wait of a year.
    world.state.not_before_seconds = START + YEAR;
    plan = upkeep_next(&world.state, &world.policy, START);
    assert_int_equal(plan.action, UPKEEP_REFRESH);
}

static void
signatures_come_before_merge_and_merge_before_compaction(void **state)
{
    struct world world;
    (void)state;
    begin(&world, START, 0);
    world.state.wants_merge = world.state.wants_compact = true;
    world.state.first_expiration = (uint32_t)START + 60;
    assert_int_equal(upkeep_next(&world.state, &world.policy, START).action, UPKEEP_REFRESH);
    world.state.first_expiration = (uint32_t)(START + 14 * DAY);
    assert_int_equal(upkeep_next(&world.state, &world.policy, START).action, UPKEEP_MERGE);
    world.state.wants_merge = false;
    assert_int_equal(upkeep_next(&world.state, &world.policy, START).action, UPKEEP_COMPACT);
    world.state.wants_compact = false;
    assert_int_equal(upkeep_next(&world.state, &world.policy, START).action, UPKEEP_WAIT);
}

static void
the_scrub_comes_last_and_when_it_is_time(void **state)
{
    struct world world;
    (void)state;
    begin(&world, START, 0);
    world.state.first_expiration = (uint32_t)(START + 14 * DAY);
    world.state.scrub_seconds = START;
    world.state.wants_compact = true;
    assert_int_equal(upkeep_next(&world.state, &world.policy, START).action, UPKEEP_COMPACT);
    world.state.wants_compact = false;
    assert_int_equal(upkeep_next(&world.state, &world.policy, START).action, UPKEEP_SCRUB);
    world.state.scrub_seconds = START + UPKEEP_SCRUB_SECONDS;
    struct upkeep_plan plan = upkeep_next(&world.state, &world.policy, START);
    assert_int_equal(plan.action, UPKEEP_WAIT);
    assert_int_equal(plan.at_seconds, START + UPKEEP_SCRUB_SECONDS);
    // A clock that went back by a year must not make this a wait of a year.
    world.state.scrub_seconds = START + YEAR;
    assert_int_equal(upkeep_next(&world.state, &world.policy, START).action, UPKEEP_SCRUB);
    world.state.scrub_seconds = 0;
    assert_int_equal(upkeep_next(&world.state, &world.policy, START).action, UPKEEP_WAIT);
}

static void
a_load_that_goes_on_is_a_refresh_after_each_gap_and_no_sooner(void **state)
{
    struct world world;
    struct upkeep_plan plan;
    (void)state;
    begin(&world, START, 0);
    world.state.first_expiration = (uint32_t)(START + 13 * DAY); // nothing is due
    world.state.refresh_goes_on = true;
    assert_int_equal(upkeep_next(&world.state, &world.policy, START).action, UPKEEP_REFRESH);
    world.state.last_refresh_seconds = START;
    plan = upkeep_next(&world.state, &world.policy, START);
    assert_int_equal(plan.action, UPKEEP_WAIT);
    assert_int_equal(plan.at_seconds, START + SIGN_PUBLISH_GAP_SECONDS);
    plan = upkeep_next(&world.state, &world.policy, plan.at_seconds);
    assert_int_equal(plan.action, UPKEEP_REFRESH);
    // What ends within a day does not wait for the gap; a refresh that lies ahead is from before
    // the clock went back.
    world.state.first_expiration = (uint32_t)(START + 60);
    assert_int_equal(upkeep_next(&world.state, &world.policy, START + 1).action, UPKEEP_REFRESH);
    world.state.first_expiration = (uint32_t)(START + 13 * DAY);
    world.state.last_refresh_seconds = START + YEAR;
    assert_int_equal(upkeep_next(&world.state, &world.policy, START).action, UPKEEP_REFRESH);
}

static void
a_zone_without_a_version_or_signatures_waits(void **state)
{
    struct sign_policy policy;
    struct upkeep_state nothing = {0};
    (void)state;
    sign_policy_default(&policy);
    struct upkeep_plan plan = upkeep_next(&nothing, &policy, START);
    assert_int_equal(plan.action, UPKEEP_WAIT);
    assert_int_equal(plan.at_seconds, START + UPKEEP_LATEST_SECONDS);
    nothing.has_version = true; // policy: none
    nothing.first_expiration = (uint32_t)START;
    assert_int_equal(upkeep_next(&nothing, &policy, START).action, UPKEEP_WAIT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_quiet_years_keep_every_signature_young_and_publish_seldom),
        cmocka_unit_test(the_32_bit_times_of_2106_begin_anew_unnoticed),
        cmocka_unit_test(a_silent_primary_expires_the_zone_once_and_its_return_revives_it_once),
        cmocka_unit_test(a_zone_that_never_expires_outlives_its_primary_by_years),
        cmocka_unit_test(a_signer_that_was_down_renews_at_once_what_became_due),
        cmocka_unit_test(a_clock_that_is_stepped_is_noticed_within_the_hour),
        cmocka_unit_test(clock_steps_every_week_for_three_years_let_nothing_expire),
        cmocka_unit_test(nothing_is_done_while_a_change_is_under_way_but_expiry),
        cmocka_unit_test(a_failed_action_is_not_tried_before_its_time),
        cmocka_unit_test(signatures_come_before_merge_and_merge_before_compaction),
        cmocka_unit_test(the_scrub_comes_last_and_when_it_is_time),
        cmocka_unit_test(a_load_that_goes_on_is_a_refresh_after_each_gap_and_no_sooner),
        cmocka_unit_test(a_zone_without_a_version_or_signatures_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
