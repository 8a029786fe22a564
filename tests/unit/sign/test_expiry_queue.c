// A year goes by in seconds: the zone is refreshed when sign_refresh_at says so, and nothing ever
// expires.
#include "tests/unit/sign/sign_world.h"
#include "common/base/arena.h"

#define DAY  86400
#define HOST 60

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

static uint32_t
true_first(const struct world *world)
{
    struct version_cursor cursor;
    const struct node *node;
    uint32_t first = 0;
    version_cursor_first(&cursor, store_current(world->store));
    while ((node = version_cursor_next(&cursor))) {
        uint32_t expiration = node_first_expiration(node);
        if (expiration && (first == 0 || expiration < first))
            first = expiration;
    }
    return first;
}

// One refresh as the keeper makes it; gives the owners renewed.
static size_t
refresh(struct world *world)
{
    struct arena *arena = arena_new();
    struct vector due;
    vector_init(&due, sizeof(const uint8_t *));
    size_t count = expiry_queue_due(world->queue, store_current(world->store), &world->policy,
                                    world->now, EXPIRY_DUE_MAX, arena, &due);
    if (count > 0)
        world_step(world, (struct sign_request){.due = due.items, .due_count = count});
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
                     true_first(&world));
    struct expiry_queue *rebuilt = expiry_queue_new();
    struct version_cursor cursor;
    version_cursor_first(&cursor, store_current(world.store));
    while (expiry_queue_fill(rebuilt, &cursor, 10))
        ;
    assert_int_equal(expiry_queue_first(rebuilt, store_current(world.store)), true_first(&world));
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
    int64_t later = (int64_t)true_first(&world) - 7 * DAY;
    assert_int_equal(expiry_queue_due(world.queue, version, &world.policy, later - 1,
                                      EXPIRY_DUE_MAX, arena, &due),
                     0);
    assert_true(expiry_queue_due(world.queue, version, &world.policy, later, EXPIRY_DUE_MAX, arena,
                                 &due) > 0);
    assert_true(expiry_queue_first(world.queue, version) > true_first(&world));
    expiry_queue_return(world.queue, version, &due);
    assert_int_equal(expiry_queue_first(world.queue, version), true_first(&world));
    vector_clear(&due);
    assert_int_equal(
        expiry_queue_due(world.queue, version, &world.policy, later + DAY, 5, arena, &due),
        5); // portions
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
        assert_int_equal(first, true_first(world));
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_queue_knows_the_first_expiration_of_the_zone),
        cmocka_unit_test(nothing_is_due_that_need_not_be_and_a_failed_refresh_forgets_nothing),
        cmocka_unit_test(nothing_expires_in_a_year_without_the_primary),
        cmocka_unit_test(nothing_expires_in_a_year_with_changes_in_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
