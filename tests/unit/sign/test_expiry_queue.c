// needs: signer
// A year goes by in seconds: the zone is refreshed when upkeep says so, and nothing ever expires.
#include "tests/unit/sign/sign_world.h"
#include "common/base/arena.h"
#include "common/dns/rdata.h"
#include "secondary/signer/sign/refresh_load.h"
#include "secondary/signer/upkeep.h"

#define DAY  86400
#define HOST 30

static char *
hosts(unsigned changed)
{
    struct octets_buffer text;
    octets_buffer_init(&text);
    octets_buffer_printf(&text, "$TTL 300\n@ 3600 IN SOA ns1 h 1 7200 900 1209600 60\n@ NS ns1\n"
                                "ns1 A 192.0.2.1\nsub NS ns1\n");
    for (unsigned i = 0; i < HOST; i++)
        octets_buffer_printf(&text, "h%u A 192.0.2.%u\n", i, i < changed ? 7 : 8);
    octets_buffer_add_u8(&text, 0);
    return (char *)text.data;
}

// One refresh as the keeper makes it; gives the owners renewed.
static size_t
refresh(struct world *world)
{
    struct arena *arena = arena_new();
    struct vector due;
    vector_init(&due, sizeof(const uint8_t *));
    struct expiry_source source = expiry_source_of(store_current(world->store));
    struct sign_policy policy = world->policy, refresh_policy;
    refresh_load_take(world->queue, &source, &policy, world->now, arena, &due, &refresh_policy);
    size_t count = due.count;
    world->policy = refresh_policy;
    if (count > 0)
        world_step(world, (struct sign_request){.due = due.items, .due_count = count});
    world->policy = policy;
    vector_close(&due);
    arena_free(&arena);
    return count;
}

static void
the_queue_knows_the_first_expiration_of_the_zone(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, "example.gov.", false);
    char *text = hosts(0);
    world_text(&world, text);
    free(text);
    assert_int_equal(expiry_queue_first(world.queue, store_current(world.store)),
                     world_first_expiration(&world));
    struct expiry_queue *rebuilt = expiry_queue_new(world.apex);
    struct version_cursor cursor;
    version_cursor_first(&cursor, store_current(world.store));
    while (expiry_queue_fill(rebuilt, &cursor, 10))
        ;
    assert_int_equal(expiry_queue_first(rebuilt, store_current(world.store)),
                     world_first_expiration(&world));
    expiry_queue_free(&rebuilt);
    world_close(&world);
}

static void
nothing_is_due_that_need_not_be_and_a_failed_refresh_forgets_nothing(void **state)
{
    (void)state;
    struct world world;
    struct arena *arena = arena_new();
    struct vector due;
    vector_init(&due, sizeof(const uint8_t *));
    world_open(&world, "example.gov.", false);
    char *text = hosts(0);
    world_text(&world, text);
    free(text);
    const struct version *version = store_current(world.store);
    const struct expiry_source source = expiry_source_of(version);
    uint32_t first = (uint32_t)world_first_expiration(&world), portion = 5;
    assert_int_equal(
        expiry_queue_take(world.queue, &source, first - 1, EXPIRY_DUE_MAX, arena, &due), 0);
    assert_int_equal(due.count, 0);
    assert_int_equal(expiry_queue_take(world.queue, &source, first, EXPIRY_DUE_MAX, arena, &due),
                     first);
    assert_true(due.count > 0);
    assert_true(expiry_queue_first(world.queue, version) > world_first_expiration(&world));
    expiry_queue_return(world.queue, version, &due);
    assert_int_equal(expiry_queue_first(world.queue, version), world_first_expiration(&world));
    vector_clear(&due);
    expiry_queue_take(world.queue, &source, first + DAY, portion, arena, &due);
    assert_int_equal(due.count, portion);
    vector_close(&due);
    arena_free(&arena);
    world_close(&world);
}

static void
the_year_of(struct world *world, bool with_changes)
{
    int64_t end = world->now + 365 * DAY, last_publish = 0;
    unsigned changed = 0, publishes = 0;
    size_t renewed = 0;
    while (world->now < end) {
        uint32_t first = expiry_queue_first(world->queue, store_current(world->store));
        assert_int_equal(first, world_first_expiration(world));
        assert_true((int64_t)first - world->now > 6 * DAY);
        int64_t at = sign_refresh_at(&world->policy, first, last_publish, world->now);
        world->now = at > world->now ? at : world->now + 60;
        renewed += refresh(world);
        last_publish = world->now;
        publishes++;
        if (with_changes && publishes % 40 == 0) {
            changed = (changed + 17) % HOST;
            char *text = hosts(changed);
            world->now += 30;
            world_text(world, text);
            free(text);
        }
        if (publishes % 200 == 0)
            world_verify_all(world);
    }
    // Each record once in 6 to 7 days, about 55 times in a year; where its address changed in
    // between, its RRsets have two ages, and it comes up for each.
    assert_in_range(renewed, (HOST + 3) * 45, (HOST + 3) * (with_changes ? 110 : 75));
    // Hints do not pile up: one for each record, and a few stale ones.
    assert_true(expiry_queue_size(world->queue) < 3 * (HOST + 3));
}

static void
nothing_expires_in_a_year_without_the_primary(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, "example.gov.", false);
    char *text = hosts(0);
    world_text(&world, text);
    free(text);
    the_year_of(&world, false);
    world_close(&world);
}

static void
nothing_expires_in_a_year_with_changes_in_between(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, "example.gov.", true);
    char *text = hosts(0);
    world_text(&world, text);
    free(text);
    the_year_of(&world, true);
    world_close(&world);
}

// --- A year in which everything goes wrong but the disk

struct year {
    struct world world;
    int64_t last_refresh;
    uint32_t random;
    unsigned refreshes, refused, restarts;
    int64_t least_left;
};

static uint32_t
draw(struct year *year, uint32_t below)
{
    year->random = year->random * 1664525 + 1013904223;
    return (year->random >> 8) % below;
}

// The queue of a signer that starts: from what is on disk.
static void
restart(struct year *year)
{
    struct version_cursor cursor;
    const struct version *version = store_current(year->world.store);
    expiry_queue_free(&year->world.queue);
    year->world.queue = expiry_queue_new(year->world.apex);
    version_cursor_first(&cursor, version);
    while (expiry_queue_fill(year->world.queue, &cursor, 7))
        ;
    year->last_refresh = version_facts(version)->published_seconds;
    year->restarts++;
}

// What the keeper does when its timer fires; gives when it wants to be asked again.
static int64_t
upkeep(struct year *year)
{
    struct world *world = &year->world;
    for (unsigned i = 0; i < 4; i++) {
        struct refresh_load load;
        struct fault fault = {0};
        uint32_t first = expiry_queue_first(world->queue, store_current(world->store));
        refresh_load_measure(world->queue, &world->policy, first, world->now, &load);
        struct upkeep_state state = {.has_version = true,
                                     .is_signed = true,
                                     .first_expiration = first,
                                     .last_refresh_seconds = year->last_refresh,
                                     .refresh_goes_on = load.goes_on};
        struct upkeep_plan plan = upkeep_next(&state, &world->policy, world->now);
        if (plan.action != UPKEEP_REFRESH)
            return plan.at_seconds;
        struct rrset soa;
        struct rr rr;
        struct rdata_rrsig rrsig;
        uint32_t position = 0;
        assert_true(
            node_rrset_find(version_apex_node(store_current(world->store)), RRTYPE_SOA, &soa) &&
            rrset_next(soa.signatures, soa.signatures_length, &position, &rr) &&
            rdata_rrsig_read(rr.rdata, rr.rdlength, &rrsig));
        if (!sign_clock_check(rrsig.inception, world->now, &fault)) {
            year->refused++;
            return world->now + 10 * UPKEEP_RETRY_SECONDS;
        }
        refresh(world);
        year->last_refresh = world->now;
        year->refreshes++;
    }
    fail_msg("a refresh leads to a refresh at once");
    return 0;
}

static void
live(struct year *year, int64_t seconds)
{
    int64_t until = year->world.now + seconds;
    while (year->world.now < until) {
        int64_t at = upkeep(year);
        int64_t left = (int64_t)world_first_expiration(&year->world) - year->world.now;
        if (left < year->least_left)
            year->least_left = left;
        year->world.now = at < until ? at : until;
    }
}

// Of minutes, hours, days, in both directions; set right again after some time.
static void
step_the_clock(struct year *year)
{
    static const int64_t sizes[] = {60, 1800, 7200, 6 * 3600, DAY, 3 * DAY};
    int64_t step = sizes[draw(year, 6)] * (draw(year, 2) ? 1 : -1);
    year->world.now += step;
    live(year, 3600);
    year->world.now -= step;
}

static void
nothing_expires_in_a_year_of_clock_steps_restarts_and_absences(void **state)
{
    (void)state;
    struct year year = {.random = 4711, .least_left = INT64_MAX};
    world_open(&year.world, "example.gov.", false);
    struct octets_buffer text;
    char *usual = hosts(0);
    octets_buffer_init(&text);
    octets_buffer_printf(&text, "%s", usual);
    for (unsigned i = 0; i < 264; i++) // an RRset that no message could carry with its signature
        octets_buffer_printf(&text, "big TXT \"%u%0*u\"\n", i, i < 5 ? 250 : 230, 0);
    octets_buffer_add_u8(&text, 0);
    world_text(&year.world, (char *)text.data);
    octets_buffer_close(&text);
    free(usual);
    int64_t end = year.world.now + 365 * DAY;
    while (year.world.now < end) {
        live(&year, (int64_t)draw(&year, 3 * DAY));
        unsigned what = draw(&year, 4);
        if (what == 0)
            restart(&year);
        else if (what == 1)
            step_the_clock(&year);
        else if (what == 2)
            year.world.now += draw(&year, 2 * DAY); // the host was off
        if (draw(&year, 20) == 0)
            world_verify_all(&year.world);
    }
    print_message("%u refreshes, %u restarts, %u refused by the clock, least left %.1f days\n",
                  year.refreshes, year.restarts, year.refused, (double)year.least_left / DAY);
    assert_true(year.least_left > 2 * DAY);
    assert_true(year.refused > 0 && year.restarts > 20);
    world_verify_all(&year.world);
    world_close(&year.world);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_queue_knows_the_first_expiration_of_the_zone),
        cmocka_unit_test(nothing_is_due_that_need_not_be_and_a_failed_refresh_forgets_nothing),
        cmocka_unit_test(nothing_expires_in_a_year_without_the_primary),
        cmocka_unit_test(nothing_expires_in_a_year_with_changes_in_between),
        cmocka_unit_test(nothing_expires_in_a_year_of_clock_steps_restarts_and_absences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
