// needs: signer
// A year of a zone of 100,000 owners in seconds: no key, no record, only the times, the queue and
// upkeep. What is looked at is how many owners are renewed in each hour.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/arena.h"
#include "secondary/signer/sign/refresh_load.h"
#include "secondary/signer/upkeep.h"
#include "tests/support/heap_use.h"

#define HOUR  3600
#define DAY   86400
#define YEAR  (365 * DAY)
#define START INT64_C(1795263187) // 2026-11-21
#define TAG   12345

struct world {
    struct sign_policy policy;
    struct expiry_queue *queue;
    struct expiry_source source;
    uint32_t *expirations; // of each owner
    unsigned owners;
    int64_t now, begun, last_refresh;
    unsigned *hours; // owners renewed in each hour since the start
    size_t hour_count;
    unsigned refreshes;
    size_t renewed;
    int64_t least_left; // of a signature's life, ever
};

static void
owner_of(unsigned number, uint8_t name[static 16])
{
    memcpy(name, "\7o000000\4test", 14);
    for (unsigned i = 7; i > 1; i--, number /= 10)
        name[i] = (uint8_t)('0' + number % 10);
}

static unsigned
number_of(const uint8_t *name)
{
    unsigned number = 0;
    for (unsigned i = 2; i < 8; i++)
        number = number * 10 + (unsigned)(name[i] - '0');
    return number;
}

static uint32_t
expiration_of(const void *context, const uint8_t *owner)
{
    const struct world *world = context;
    return world->expirations[number_of(owner)];
}

static void
renew(struct world *world, const uint8_t *owner)
{
    struct sign_times times;
    sign_times(&world->policy, owner, TAG, world->now, &times);
    world->expirations[number_of(owner)] = times.expiration;
    expiry_queue_add(world->queue, owner, times.expiration);
}

static void
renew_all(struct world *world)
{
    uint8_t name[16];
    for (unsigned i = 0; i < world->owners; i++) {
        owner_of(i, name);
        renew(world, name);
    }
}

static void
begin(struct world *world, unsigned owners, int64_t seconds)
{
    *world = (struct world){.owners = owners, .now = START, .begun = START};
    sign_policy_default(&world->policy);
    world->queue = expiry_queue_new((const uint8_t *)"\4test");
    world->source = (struct expiry_source){expiration_of, world};
    world->expirations = memory_zalloc(owners * sizeof *world->expirations);
    world->hour_count = (size_t)(seconds / HOUR) + 1;
    world->hours = memory_zalloc(world->hour_count * sizeof *world->hours);
    world->least_left = INT64_MAX;
    renew_all(world);
}

static void
end(struct world *world)
{
    expiry_queue_free(&world->queue);
    free(world->expirations);
    free(world->hours);
}

static size_t
hour_of(const struct world *world, int64_t at)
{
    return (size_t)((at - world->begun) / HOUR);
}

static void
refresh(struct world *world)
{
    struct arena *arena = arena_new();
    struct vector owners;
    struct sign_policy policy;
    vector_init(&owners, sizeof(const uint8_t *));
    refresh_load_take(world->queue, &world->source, &world->policy, world->now, arena, &owners,
                      &policy);
    for (size_t i = 0; i < owners.count; i++) {
        const uint8_t *owner = *(const uint8_t **)vector_at(&owners, i);
        uint32_t was = world->expirations[number_of(owner)];
        assert_true(sign_is_due(&policy, was, world->now)); // the signer would renew it
        renew(world, owner);
        assert_int_not_equal(world->expirations[number_of(owner)], was); // and something is gained
    }
    if (hour_of(world, world->now) < world->hour_count)
        world->hours[hour_of(world, world->now)] += (unsigned)owners.count;
    world->last_refresh = world->now;
    world->refreshes++;
    world->renewed += owners.count;
    vector_close(&owners);
    arena_free(&arena);
}

static struct upkeep_plan
ask(struct world *world, struct refresh_load *load)
{
    uint32_t first = expiry_queue_least(world->queue, &world->source);
    refresh_load_measure(world->queue, &world->policy, first, world->now, load);
    struct upkeep_state state = {.has_version = true,
                                 .is_signed = true,
                                 .first_expiration = first,
                                 .last_refresh_seconds = world->last_refresh,
                                 .refresh_goes_on = load->goes_on};
    int64_t left = (int32_t)(first - (uint32_t)world->now);
    if (left < world->least_left)
        world->least_left = left;
    return upkeep_next(&state, &world->policy, world->now);
}

static void
live(struct world *world, int64_t seconds)
{
    int64_t until = world->now + seconds;
    while (world->now < until) {
        struct refresh_load load;
        struct upkeep_plan plan = ask(world, &load);
        unsigned rounds = 0;
        while (plan.action == UPKEEP_REFRESH) {
            assert_true(rounds++ < 3);
            refresh(world);
            plan = ask(world, &load);
        }
        world->now = plan.at_seconds < until ? plan.at_seconds : until;
    }
}

// The greatest and the mean load of the hours from first to last.
static void
loads(const struct world *world, size_t first, size_t last, unsigned *ret_most, double *ret_mean)
{
    size_t sum = 0;
    *ret_most = 0;
    for (size_t i = first; i < last; i++) {
        sum += world->hours[i];
        if (world->hours[i] > *ret_most)
            *ret_most = world->hours[i];
    }
    *ret_mean = (double)sum / (double)(last - first);
}

static void
report(const struct world *world, const char *what, unsigned most, double mean)
{
    print_message("%u owners, %s: %.0f renewed in the mean hour, %u in the busiest, %u refreshes\n",
                  world->owners, what, mean, most, world->refreshes);
}

// Signed all at one moment, by another key all at one moment, away for days, and on.
static void
no_hour_of_a_year_has_twice_the_mean(void **state)
{
    struct world world;
    unsigned most;
    double mean;
    (void)state;
    begin(&world, getenv("TANDEM_LONG") ? 100000 : 40000, YEAR);
    live(&world, 100 * DAY);
    renew_all(&world);
    live(&world, 100 * DAY);
    assert_true(world.least_left > 7 * DAY - HOUR); // none older than the policy says
    world.now += 3 * DAY;
    live(&world, 100 * DAY);
    assert_true(world.least_left > 4 * DAY - HOUR); // what the absence took, and no more
    world.least_left = INT64_MAX;
    live(&world, YEAR - (world.now - START) - 1);
    assert_true(world.least_left > 7 * DAY - HOUR);
    loads(&world, 0, hour_of(&world, world.now), &most, &mean);
    report(&world, "a year", most, mean);
    assert_true(most <= 2 * mean);
    // No more work than signatures grow old: an owner is renewed every 6.5 days, and the two bulk
    // signings cost once more.
    assert_true(world.renewed < (size_t)(1.1 * YEAR / (6.5 * DAY) * world.owners));
    end(&world);
}

// A quiet stretch is flat: one refresh is like the next.
static void
the_load_of_a_quiet_zone_is_constant(void **state)
{
    struct world world;
    unsigned most;
    double mean;
    (void)state;
    begin(&world, 40000, 60 * DAY);
    live(&world, SIGN_QUANTUM_SECONDS - 1);
    assert_int_equal(world.refreshes, 0); // what was signed just now is left alone
    live(&world, 60 * DAY - SIGN_QUANTUM_SECONDS);
    loads(&world, 24, hour_of(&world, world.now), &most, &mean);
    report(&world, "two months", most, mean);
    assert_true(most < 1.15 * mean);
    end(&world);
}

// What ends soon goes first, whatever the load.
static void
after_an_absence_that_leaves_a_day_all_that_ends_is_renewed_at_once(void **state)
{
    struct world world;
    struct refresh_load load;
    (void)state;
    begin(&world, 20000, 30 * DAY);
    live(&world, 10 * DAY);
    world.now += 6 * DAY + DAY / 2;
    live(&world, 60);
    uint32_t first = expiry_queue_least(world.queue, &world.source);
    assert_true((int32_t)(first - (uint32_t)world.now) >= SIGN_URGENT_SECONDS);
    refresh_load_measure(world.queue, &world.policy, first, world.now, &load);
    assert_true(load.goes_on);
    world.least_left = INT64_MAX;
    live(&world, 10 * DAY);
    assert_true(world.least_left >= SIGN_URGENT_SECONDS - SIGN_PUBLISH_GAP_SECONDS);
    end(&world);
}

// Renewed by the hour since the world began, all in the first day.
static unsigned
most_of_a_day(const struct world *world, int64_t from)
{
    unsigned most;
    double mean;
    loads(world, hour_of(world, from), hour_of(world, from + DAY), &most, &mean);
    return most;
}

static void
a_longer_refresh_time_makes_half_a_zone_due_and_is_worked_off_in_days(void **state)
{
    struct world world;
    (void)state;
    begin(&world, 20000, 60 * DAY);
    live(&world, 20 * DAY);
    world.policy.rrsig_refresh_seconds = 10 * DAY;
    int64_t at = world.now;
    size_t before = world.renewed;
    live(&world, DAY);
    assert_true(world.renewed - before < 9000); // about half were due at once
    assert_true(most_of_a_day(&world, at) < 500);
    live(&world, 4 * DAY);
    world.least_left = INT64_MAX;
    live(&world, 20 * DAY);
    assert_true(world.least_left > 10 * DAY - HOUR);
    end(&world);
}

static void
a_shorter_lifetime_replaces_what_lasts_too_long_in_portions(void **state)
{
    struct world world;
    struct refresh_load load;
    (void)state;
    begin(&world, 20000, 90 * DAY);
    world.policy.rrsig_lifetime_seconds = 40 * DAY;
    renew_all(&world);
    live(&world, DAY);
    world.policy.rrsig_lifetime_seconds = 14 * DAY;
    int64_t at = world.now;
    size_t before = world.renewed;
    live(&world, DAY);
    assert_in_range(world.renewed - before, 2000, 6000); // a seventh a day, not all at once
    assert_true(most_of_a_day(&world, at) < 400);
    live(&world, 9 * DAY);
    refresh_load_measure(world.queue, &world.policy, expiry_queue_least(world.queue, &world.source),
                         world.now, &load);
    assert_int_equal(load.late, 0);
    for (unsigned i = 0; i < world.owners; i++)
        assert_true((int32_t)(world.expirations[i] - (uint32_t)world.now) <=
                    14 * DAY + REFRESH_LATE_SLACK_SECONDS);
    end(&world);
}

// What is no load is not spread: a small zone is published when something is due, and not else.
static void
a_small_zone_renews_nothing_ahead_of_its_time(void **state)
{
    struct world world;
    (void)state;
    begin(&world, 500, 60 * DAY);
    live(&world, 6 * DAY - SIGN_QUANTUM_SECONDS);
    assert_int_equal(world.refreshes, 0);
    live(&world, 54 * DAY);
    assert_true(world.refreshes > 50);
    assert_true(world.least_left > 7 * DAY - HOUR);
    assert_in_range(world.renewed, 500 * 8, 500 * 9); // every 6.5 days
    end(&world);
}

// Random queues of small zones, policies and moments.
static void
where_no_refresh_may_go_on_none_does(void **state)
{
    struct refresh_load load;
    unsigned goes_on = 0, may_not = 0;
    uint8_t name[16];
    (void)state;
    srand(7);
    for (unsigned round = 0; round < 2000; round++) {
        struct sign_policy policy;
        sign_policy_default(&policy);
        policy.rrsig_lifetime_seconds = DAY / 4 + rand() % (14 * DAY);
        policy.rrsig_refresh_seconds = policy.rrsig_lifetime_seconds / (2 + rand() % 6);
        policy.rrsig_jitter_seconds = rand() % (policy.rrsig_refresh_seconds / 2);
        struct expiry_queue *queue = expiry_queue_new((const uint8_t *)"\4test");
        int64_t owners = 1 + rand() % 80, spread = 1 + rand() % (rand() % 2 ? HOUR : 16 * DAY);
        int64_t from = START + rand() % (3 * DAY) - DAY, first = INT64_MAX, last = 0;
        for (unsigned i = 0; i < owners; i++) {
            int64_t at = from + rand() % spread;
            owner_of(i, name);
            expiry_queue_add(queue, name, (uint32_t)at);
            first = at < first ? at : first;
            last = at > last ? at : last;
        }
        refresh_load_measure(queue, &policy, (uint32_t)first, START, &load);
        uint32_t last_from = (uint32_t)(last / EXPIRY_BUCKET_SECONDS * EXPIRY_BUCKET_SECONDS);
        bool may = refresh_load_may_go_on((size_t)owners, last_from, &policy, START);
        assert_true(may || !load.goes_on);
        goes_on += load.goes_on;
        may_not += !may;
        expiry_queue_free(&queue);
    }
    assert_true(goes_on > 20); // both are seen
    assert_true(may_not > 200);
}

static void
a_refresh_that_comes_late_or_after_a_step_of_the_clock_is_no_storm(void **state)
{
    static const int64_t steps[] = {HOUR, -HOUR, 6 * HOUR, -6 * HOUR, 2 * DAY}; // -2 days: refused
    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct world world;
        begin(&world, 20000, 60 * DAY);
        world.begun -= 10 * DAY; // the clock may go back
        live(&world, 20 * DAY);
        world.now += steps[i];
        size_t before = world.renewed;
        unsigned refreshes = world.refreshes;
        live(&world, DAY);
        assert_true(world.refreshes - refreshes <= DAY / SIGN_PUBLISH_GAP_SECONDS + 1);
        assert_true(world.renewed - before < 2 * 20000 / 6); // a day's share is a sixth
        assert_true(world.least_left > 4 * DAY);
        end(&world);
    }
}

static size_t
resident_octets(void)
{
    size_t pages = 0, ignored = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file || fscanf(file, "%zu %zu", &ignored, &pages) != 2)
        pages = 0;
    if (file)
        fclose(file);
    return pages * 4096;
}

static double
milliseconds_since(const struct timespec *start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) * 1e3 +
           (double)(now.tv_nsec - start->tv_nsec) / 1e6;
}

// Figures for the README; what is asserted is what is taken, not how fast.
// A name of 14 octets, 9 of them not the zone's, and the part by which a bucket grows.
#define HINT_OCTETS 12

static void
a_name_in_the_queue_costs_little(void **state)
{
    uint8_t name[16];
    (void)state;
    size_t before = heap_use();
    struct expiry_queue *queue = expiry_queue_new((const uint8_t *)"\4test");
    for (unsigned i = 0; i < 100000; i++) {
        owner_of(i, name);
        expiry_queue_add(queue, name, (uint32_t)(START + i % 100 * EXPIRY_BUCKET_SECONDS));
    }
    heap_use_expect("expiry queue", heap_use_each(before, 100000), HINT_OCTETS);
    expiry_queue_free(&queue);
}

static void
a_million_names_are_queued_measured_and_taken(void **state)
{
    struct world world;
    struct timespec start;
    struct refresh_load load;
    (void)state;
    if (!getenv("TANDEM_LONG"))
        skip();
    size_t before = resident_octets();
    begin(&world, 1000000, DAY);
    size_t after = resident_octets() - 4000000; // the simulation's own table
    clock_gettime(CLOCK_MONOTONIC, &start);
    uint32_t first = expiry_queue_least(world.queue, &world.source);
    double least = milliseconds_since(&start);
    clock_gettime(CLOCK_MONOTONIC, &start);
    refresh_load_measure(world.queue, &world.policy, first, world.now, &load);
    double measure = milliseconds_since(&start);
    world.now += 2 * DAY;
    clock_gettime(CLOCK_MONOTONIC, &start);
    refresh(&world);
    double take = milliseconds_since(&start);
    assert_in_range(world.renewed, 1000, 3000);
    world.now += 20 * DAY; // all have ended
    size_t renewed = world.renewed;
    clock_gettime(CLOCK_MONOTONIC, &start);
    refresh(&world);
    double all = milliseconds_since(&start);
    assert_int_equal(world.renewed - renewed, EXPIRY_DUE_MAX);
    print_message("a million names: %zu KiB, first %.1f ms, measure %.2f ms, a portion %.1f ms, "
                  "%u ended ones %.1f ms\n",
                  (after - before) / 1024, least, measure, take, EXPIRY_DUE_MAX, all);
    end(&world);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_million_names_are_queued_measured_and_taken),
        cmocka_unit_test(no_hour_of_a_year_has_twice_the_mean),
        cmocka_unit_test(the_load_of_a_quiet_zone_is_constant),
        cmocka_unit_test(after_an_absence_that_leaves_a_day_all_that_ends_is_renewed_at_once),
        cmocka_unit_test(a_longer_refresh_time_makes_half_a_zone_due_and_is_worked_off_in_days),
        cmocka_unit_test(a_shorter_lifetime_replaces_what_lasts_too_long_in_portions),
        cmocka_unit_test(a_small_zone_renews_nothing_ahead_of_its_time),
        cmocka_unit_test(where_no_refresh_may_go_on_none_does),
        cmocka_unit_test(a_name_in_the_queue_costs_little),
        cmocka_unit_test(a_refresh_that_comes_late_or_after_a_step_of_the_clock_is_no_storm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
