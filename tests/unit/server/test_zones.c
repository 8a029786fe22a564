#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "secondary/server/zones.h"
#include "tests/support/heap_use.h"
#include "tests/support/pool_bed.h"
#include "tests/support/zone_fixture.h"

#define A ((const uint8_t *)"\6tandem\7example")
#define B ((const uint8_t *)"\5other\7example")

static struct zone_fixture fixture;
static struct zones zones;
static const struct zone_rules no_rules;
static struct secondary_zone_settings rows[2];
static uint32_t ids[2];
static struct role_settings settings;

static int
fixture_open(void **state)
{
    (void)state;
    zone_fixture_open(&fixture, "tandem.example.",
                      TEST_SOURCE_DIR "/golden/answer/tandem.example.signed");
    return 0;
}

static int
fixture_close(void **state)
{
    (void)state;
    zone_fixture_close(&fixture);
    return 0;
}

// SETTINGS with count zones: tandem.example as first_id, other.example as first_id - 2 (ids need
// not ascend).
static void
take_settings(size_t count, uint32_t first_id)
{
    memset(rows, 0, sizeof rows);
    rows[0].name = A;
    rows[0].domain = "tandem.example";
    rows[1].name = B;
    rows[1].domain = "other.example";
    rows[0].rules = rows[1].rules = &no_rules;
    ids[0] = first_id;
    ids[1] = first_id - 2;
    settings = (struct role_settings){.zone_ids = ids};
    settings.settings.zones = rows;
    settings.settings.zone_count = count;
    zones_take_settings(&zones, &settings);
}

static int
zones_new(void **state)
{
    (void)state;
    zones_init(&zones);
    return 0;
}

static int
zones_old(void **state)
{
    (void)state;
    zones_close(&zones);
    return 0;
}

static bool
give_version(struct served_zone *zone, struct fault *fault)
{
    struct version_place place;
    assert_true(store_place(fixture.store, &place, NULL));
    return zones_take_version(zone, &place, fault);
}

static void
zones_come_stay_with_their_version_and_go_as_settings_say(void **state)
{
    (void)state;
    struct fault fault;
    take_settings(2, 7);
    struct served_zone *zone = zones_by_id(&zones, 7);
    assert_non_null(zone);
    assert_non_null(zones_by_id(&zones, 5));
    assert_null(zones_by_id(&zones, 6));
    assert_null(zone->answer.version);
    assert_true(give_version(zone, &fault));
    take_settings(1, 7);
    assert_ptr_equal(zones_by_id(&zones, 7), zone);
    assert_non_null(zone->answer.version);
    assert_null(zones_by_id(&zones, 5));
    assert_null(zone_set_get(zones.set, B));
    take_settings(0, 7);
    assert_int_equal(zones.list.count, 0);
    assert_null(zone_set_get(zones.set, A));
}

static void
zone_with_a_new_number_takes_the_place_of_the_one_of_that_name(void **state)
{
    (void)state;
    take_settings(1, 7);
    take_settings(1, 9);
    assert_ptr_equal(zone_set_get(zones.set, A), zones_by_id(&zones, 9));
    assert_null(zones_by_id(&zones, 7));
}

static void
version_of_another_zone_is_refused_and_the_present_one_stays(void **state)
{
    (void)state;
    struct fault fault;
    take_settings(2, 7);
    assert_false(give_version(zones_by_id(&zones, 5), &fault));
    assert_non_null(strstr(fault.text, "zone other.example"));
    assert_null(zones_by_id(&zones, 5)->answer.version);
    assert_true(give_version(zones_by_id(&zones, 7), &fault));
    assert_true(give_version(zones_by_id(&zones, 7), &fault));
}

static void
states_say_what_is_answered_from(void **state)
{
    (void)state;
    struct fault fault;
    struct message_zone_state serving = {.serving = ZONE_SERVE, .expires_seconds = 1000};
    take_settings(1, 7);
    struct served_zone *zone = zones_by_id(&zones, 7);
    assert_true(give_version(zone, &fault));
    assert_true(zone->answer.expire_at == ANSWER_NEVER);
    zones_take_state(zone, &serving);
    assert_int_equal(zone->answer.expire_at, 1000);
    serving.serving = ZONE_EXPIRED;
    zones_take_state(zone, &serving);
    assert_non_null(zone->answer.version);
    assert_int_equal(zone->answer.expire_at, 0);
    serving.serving = ZONE_NOT_READY;
    zones_take_state(zone, &serving);
    assert_null(zone->answer.version);
    serving = (struct message_zone_state){.serving = ZONE_SERVE};
    zones_take_state(zone, &serving);
    assert_non_null(zone->answer.version);
    assert_true(zone->answer.expire_at == ANSWER_NEVER);
    serving.serving = ZONE_GONE;
    zones_take_state(zone, &serving);
    assert_null(zone->answer.version);
    assert_null(zone->version);
}

// ---- versions in a file of the pool ----

static struct pool_bed bed;

// Two zones of the bed as 3 and 5, and the descriptor of the file that they stand in.
static int
pooled_start(struct zone_pool_place places[static 2])
{
    pool_bed_open(&bed, 2, NULL);
    memset(rows, 0, sizeof rows);
    for (size_t i = 0; i < 2; i++) {
        pool_bed_edit(&bed, i, 5);
        pool_bed_publish(&bed, i);
        assert_true(store_pool_place(bed.zones[i].store, &places[i]));
        rows[i].name = bed.zones[i].model.apex;
        rows[i].domain = i == 0 ? "z0.example" : "z1.example";
        rows[i].rules = &no_rules;
        ids[i] = 3 + 2 * (uint32_t)i;
    }
    settings = (struct role_settings){.zone_ids = ids};
    settings.settings.zones = rows;
    settings.settings.zone_count = 2;
    zones_take_settings(&zones, &settings);
    return dup(zone_pool_descriptor(bed.pool, places[0].segment));
}

static void
versions_in_one_file_share_its_map_which_stays_as_long_as_one_of_them(void **state)
{
    (void)state;
    struct zone_pool_place places[2];
    struct fault fault = {.text = ""};
    int file = pooled_start(places), again = dup(file);
    assert_true(zones_take_file(&zones, places[0].segment, &file, &fault));
    assert_int_equal(file, -1);
    assert_true(zones_take_file(&zones, places[0].segment, &again, &fault)); // a restarted signer
    assert_int_equal(zones.files.count, 1);
    const struct served_file *served = vector_at(&zones.files, 0);
    const struct heap_map *map = served->map;
    for (size_t i = 0; i < 2; i++)
        assert_true(zones_take_pooled(&zones, zones_by_id(&zones, ids[i]), &places[i], &fault));
    assert_int_equal(map->holds, 3);
    // What is appended later is in the map that is there.
    pool_bed_edit(&bed, 0, 5);
    pool_bed_publish(&bed, 0);
    assert_true(store_pool_place(bed.zones[0].store, &places[0]));
    assert_true(zones_take_pooled(&zones, zones_by_id(&zones, 3), &places[0], &fault));
    assert_int_equal(map->holds, 3);
    zones_drop_file(&zones, places[0].segment);
    assert_int_equal(zones.files.count, 0);
    assert_int_equal(map->holds, 2);
    pool_bed_close(&bed);
    for (size_t i = 0; i < 2; i++) // the file is gone, what was mapped is not
        assert_non_null(version_apex_node(zones_by_id(&zones, ids[i])->version));
}

static void
a_place_that_is_not_in_the_file_is_refused_and_the_version_stays(void **state)
{
    (void)state;
    struct zone_pool_place places[2];
    struct fault fault = {.text = ""};
    int file = pooled_start(places);
    struct served_zone *zone = zones_by_id(&zones, 3);
    assert_false(zones_take_pooled(&zones, zone, &places[0], &fault)); // the file did not come
    assert_true(zones_take_file(&zones, places[0].segment, &file, &fault));
    assert_true(zones_take_pooled(&zones, zone, &places[0], &fault));
    const struct version *version = zone->version;
    const struct zone_pool_place good = places[0];
    struct zone_pool_place bad[] = {good, good, good, good, good, good, good, places[1]};
    bad[0].heap_offset = UINT32_MAX - 7;
    bad[1].heap_length = UINT32_MAX;
    bad[2].index_offset = UINT32_MAX - 7;
    bad[3].index_length = UINT32_MAX;
    bad[4].index_offset += 4;
    bad[5].index_length = 8;
    bad[6].heap_length = 8;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(zones_take_pooled(&zones, zone, &bad[i], &fault));
        assert_ptr_equal(zone->version, version);
    }
    pool_bed_close(&bed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, zones_new, zones_old)

#define FLEET 1000
// Of one zone without a version: its place in the set by name (and a copy of that), its state, a
// hint that waits.
#define FLEET_ZONE_OCTETS 400

static void
a_zone_of_a_fleet_costs_little(void **state)
{
    (void)state;
    static struct secondary_zone_settings many[FLEET];
    static uint32_t numbers[FLEET];
    static uint8_t names[FLEET][16];
    for (uint32_t i = 0; i < FLEET; i++) {
        const uint8_t name[16] = {4,
                                  'z',
                                  (uint8_t)('a' + i / 100),
                                  (uint8_t)('0' + i / 10 % 10),
                                  (uint8_t)('0' + i % 10),
                                  7,
                                  'e',
                                  'x',
                                  'a',
                                  'm',
                                  'p',
                                  'l',
                                  'e'};
        memcpy(names[i], name, sizeof name);
        many[i] =
            (struct secondary_zone_settings){.name = names[i], .domain = "z", .rules = &no_rules};
        numbers[i] = i;
    }
    settings = (struct role_settings){.zone_ids = numbers};
    settings.settings.zones = many;
    settings.settings.zone_count = FLEET;
    size_t before = heap_use();
    zones_take_settings(&zones, &settings);
    assert_int_equal(zones.list.count, FLEET);
    heap_use_expect("server", heap_use_each(before, FLEET), FLEET_ZONE_OCTETS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(zones_come_stay_with_their_version_and_go_as_settings_say),
        TEST(zone_with_a_new_number_takes_the_place_of_the_one_of_that_name),
        TEST(version_of_another_zone_is_refused_and_the_present_one_stays),
        TEST(states_say_what_is_answered_from),
        TEST(versions_in_one_file_share_its_map_which_stays_as_long_as_one_of_them),
        TEST(a_place_that_is_not_in_the_file_is_refused_and_the_version_stays),
        TEST(a_zone_of_a_fleet_costs_little),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
