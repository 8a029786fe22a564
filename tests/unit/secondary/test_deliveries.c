// What each server is told, and when, with servers that only count: the orders, and the children
// that take them, stand here in place of orders.c, child.c and children.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/net/loop.h"
#include "secondary/deliveries.h"
#include "secondary/orders.h"

#define SERVERS   2
#define ZONES     (DELIVERIES_WAITING_MAX + 100)
#define TURNS_MAX 6000

enum word { VERSION, STATE, ITEM, FILE_TOLD, FILE_GONE }; // ITEM: of POOLED
struct told {
    enum word word;
    uint32_t zone;
    uint64_t heap_length; // of the version: which one it was; of an item: its offset
};
struct child {
    size_t waiting, most; // messages that the link holds, and the most it ever held
    size_t messages;      // in all
    struct vector told;   // of struct told, in order
};
static struct child servers[SERVERS];

// --- In place of what is not looked at here

size_t
children_server_count(const struct children *children)
{
    (void)children;
    return SERVERS;
}

struct child *
children_server(const struct children *children, size_t index)
{
    (void)children;
    return &servers[index];
}

size_t
child_waiting(const struct child *child)
{
    return child->waiting;
}

static void
note(struct child *server, enum word word, uint32_t zone, uint64_t which)
{
    const struct told told = {word, zone, which};
    vector_add(&server->told, &told);
}

static void
count_message(struct child *server)
{
    server->messages++;
    server->waiting++;
    server->most = server->waiting > server->most ? server->waiting : server->most;
}

void
order_version(struct child *server, const struct kept_place *zone)
{
    note(server, VERSION, zone->id, zone->place->heap_length);
    count_message(server);
}

void
order_zone_state(struct child *server, const struct kept_place *zone)
{
    note(server, STATE, zone->id, 0);
    count_message(server);
}

void
order_file(struct child *server, const struct kept_file *file)
{
    note(server, FILE_TOLD, file->number, 0);
    count_message(server);
}

void
order_file_gone(struct child *server, uint32_t number)
{
    note(server, FILE_GONE, number, 0);
    count_message(server);
}

void
order_pooled(struct child *server, const struct octets_buffer *items)
{
    const struct octets body = {items->data, items->length};
    for (size_t i = 0; i < message_pooled_count(body); i++) {
        struct message_pooled pooled;
        assert_true(message_pooled_read(body, i, &pooled));
        note(server, ITEM, pooled.zone, pooled.place.heap_offset);
    }
    count_message(server);
}

// --- A supervisor with zones 0 2 4 ...; each has version 1, every third a state; none is pooled

static struct version_place versions[ZONES];

struct bed {
    struct loop *loop;
    struct places places;
    struct children children;
    struct deliveries deliveries;
};

static void
bed_open(struct bed *bed, uint32_t zones)
{
    memset(bed, 0, sizeof *bed);
    bed->loop = loop_new();
    vector_init(&bed->places.zones, sizeof(struct kept_place));
    vector_init(&bed->places.files, sizeof(struct kept_file));
    for (uint32_t i = 0; i < zones; i++) {
        versions[i] = (struct version_place){.heap_length = 1};
        const struct kept_place zone = {
            .id = 2 * i, .published = true, .place = &versions[i], .has_state = i % 3 == 0};
        vector_add(&bed->places.zones, &zone);
    }
    for (size_t i = 0; i < SERVERS; i++) {
        servers[i] = (struct child){0};
        vector_init(&servers[i].told, sizeof(struct told));
    }
    deliveries_init(&bed->deliveries, bed->loop, &bed->places, &bed->children, SERVERS);
}

static void
bed_close(struct bed *bed)
{
    deliveries_close(&bed->deliveries);
    for (size_t i = 0; i < SERVERS; i++)
        vector_close(&servers[i].told);
    vector_close(&bed->places.zones);
    vector_close(&bed->places.files);
    loop_free(&bed->loop);
}

static struct kept_place *
zone_at(struct bed *bed, size_t index)
{
    return vector_at(&bed->places.zones, index);
}

static const struct told *
told_at(size_t server, size_t index)
{
    return vector_at(&servers[server].told, index);
}

// How often the server was told this version (0: any) of a zone.
static unsigned
times_told(size_t server, uint32_t zone, uint64_t version)
{
    unsigned times = 0;
    for (size_t i = 0; i < servers[server].told.count; i++) {
        const struct told *told = told_at(server, i);
        times += told->word == VERSION && told->zone == zone &&
                 (version == 0 || told->heap_length == version);
    }
    return times;
}

// The server takes what waits, again and again, until nothing is left for it.
static void
let_take_all(struct bed *bed, size_t server)
{
    for (unsigned turn = 0; turn < TURNS_MAX && bed->deliveries.next_ids[server] != MESSAGE_NO_ZONE;
         turn++) {
        servers[server].waiting = 0;
        loop_run_once(bed->loop, true);
    }
    assert_true(bed->deliveries.next_ids[server] == MESSAGE_NO_ZONE);
}

static void
a_server_that_knows_nothing_is_told_everything_in_the_order_of_the_zones(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, 4);
    zone_at(&bed, 1)->published = false; // and it has no state: nothing to tell
    deliveries_begin(&bed.deliveries, 1);
    static const struct told all[] = {
        {VERSION, 0, 1}, {STATE, 0, 0}, {VERSION, 4, 1}, {VERSION, 6, 1}, {STATE, 6, 0}};
    assert_int_equal(servers[1].told.count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(told_at(1, i)->word, all[i].word);
        assert_int_equal(told_at(1, i)->zone, all[i].zone);
    }
    assert_int_equal(servers[0].told.count, 0); // it was told before
    bed_close(&bed);
}

static void
a_server_that_does_not_keep_up_is_told_the_rest_as_it_takes_it(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, ZONES);
    deliveries_begin(&bed.deliveries, 0);
    assert_true(servers[0].told.count < ZONES);
    let_take_all(&bed, 0);
    assert_true(servers[0].most <= DELIVERIES_WAITING_MAX + 1); // a zone is two messages at most
    for (uint32_t i = 0; i < ZONES; i++)
        assert_int_equal(times_told(0, 2 * i, 0), 1);
    for (size_t i = 1; i < servers[0].told.count; i++)
        assert_true(told_at(0, i - 1)->zone <= told_at(0, i)->zone);
    bed_close(&bed);
}

static void
news_go_at_once_to_every_server_that_keeps_up(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, 3);
    zone_at(&bed, 2)->place->heap_length = 7;
    deliveries_version(&bed.deliveries, zone_at(&bed, 2));
    deliveries_state(&bed.deliveries, zone_at(&bed, 0));
    for (size_t i = 0; i < SERVERS; i++) {
        assert_int_equal(servers[i].told.count, 2);
        assert_int_equal(told_at(i, 0)->heap_length, 7);
        assert_int_equal(told_at(i, 1)->word, STATE);
        assert_int_equal(told_at(i, 1)->zone, 0);
    }
    bed_close(&bed);
}

static void
news_of_a_zone_whose_turn_is_still_to_come_wait_for_it_and_only_the_newest_is_told(void **state)
{
    struct bed bed;
    uint32_t last = 2 * (ZONES - 1);
    (void)state;
    bed_open(&bed, ZONES);
    deliveries_begin(&bed.deliveries, 0);
    for (uint64_t version = 2; version <= 4; version++) {
        zone_at(&bed, ZONES - 1)->place->heap_length = version;
        deliveries_version(&bed.deliveries, zone_at(&bed, ZONES - 1));
    }
    assert_int_equal(times_told(0, last, 0), 0);
    assert_int_equal(times_told(1, last, 0), 3); // it had nothing else to take
    let_take_all(&bed, 0);
    assert_int_equal(times_told(0, last, 0), 1);
    assert_int_equal(times_told(0, last, 4), 1);
    bed_close(&bed);
}

// What it was told already has changed again, and its link is full: everything from there on comes
// again, and the link does not grow.
static void
news_for_a_server_whose_link_is_full_are_told_later(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, 5);
    deliveries_begin(&bed.deliveries, 0);
    servers[0].waiting = DELIVERIES_WAITING_MAX;
    zone_at(&bed, 3)->place->heap_length = 2;
    deliveries_version(&bed.deliveries, zone_at(&bed, 3));
    assert_int_equal(times_told(0, 6, 2), 0);
    zone_at(&bed, 1)->place->heap_length = 2; // an earlier zone: the place moves back to it
    deliveries_version(&bed.deliveries, zone_at(&bed, 1));
    assert_int_equal(servers[0].waiting, DELIVERIES_WAITING_MAX);
    let_take_all(&bed, 0);
    assert_int_equal(times_told(0, 6, 2), 1);
    assert_int_equal(times_told(0, 2, 2), 1);
    assert_int_equal(times_told(0, 0, 0), 1); // before the place: not again
    bed_close(&bed);
}

static void
a_zone_that_goes_while_its_turn_is_waited_for_is_passed_over(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, ZONES);
    deliveries_begin(&bed.deliveries, 0);
    uint32_t next = bed.deliveries.next_ids[0];
    size_t index = (next + 1) / 2;
    struct vector *zones = &bed.places.zones;
    memmove(zone_at(&bed, index), zone_at(&bed, index + 1),
            (zones->count - index - 1) * sizeof(struct kept_place));
    zones->count--;
    let_take_all(&bed, 0);
    assert_int_equal(times_told(0, (uint32_t)(2 * index), 0), 0);
    assert_int_equal(times_told(0, 2 * (ZONES - 1), 0), 1);
    bed_close(&bed);
}

// --- Versions in files of the pool

static void
pool_zones(struct bed *bed, size_t first, size_t count)
{
    const struct kept_file file = {.number = 3, .file = -1};
    vector_add(&bed->places.files, &file);
    for (size_t i = first; i < first + count; i++) {
        struct kept_place *zone = zone_at(bed, i);
        zone->pooled = true;
        zone->has_state = true;
        zone->place = NULL;
        zone->pool_place = (struct zone_pool_place){.segment = 3, .heap_offset = 8};
    }
}

// The file comes before what stands in it; hundreds of zones are one message, and the zones before
// and behind them come in their turn.
static void
pooled_zones_are_told_together_behind_their_file(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, ZONES);
    pool_zones(&bed, 1, ZONES - 2);
    deliveries_begin(&bed.deliveries, 0);
    let_take_all(&bed, 0);
    assert_int_equal(told_at(0, 0)->word, FILE_TOLD);
    assert_int_equal(told_at(0, 0)->zone, 3);
    unsigned items = 0;
    for (size_t i = 0; i < servers[0].told.count; i++)
        items += told_at(0, i)->word == ITEM;
    assert_int_equal(items, ZONES - 2);
    assert_int_equal(times_told(0, 0, 0), 1);
    assert_int_equal(times_told(0, 2 * (ZONES - 1), 0), 1);
    assert_true(servers[0].messages <= 8); // a file, two zones of their own, two bodies of POOLED
    bed_close(&bed);
}

// A body with zones on both sides of the place where the server is: it waits for the first of them.
static void
pooled_news_for_a_server_whose_link_is_full_are_told_later(void **state)
{
    struct bed bed;
    struct octets_buffer body;
    (void)state;
    bed_open(&bed, 6);
    pool_zones(&bed, 0, 6);
    deliveries_begin(&bed.deliveries, 0);
    octets_buffer_init(&body);
    for (size_t i = 2; i < 4; i++) {
        struct kept_place *zone = zone_at(&bed, i);
        zone->pool_place.heap_offset = 16;
        const struct message_pooled pooled = {zone->id, zone->pool_place, zone->state};
        message_pooled_write(&pooled, &body);
    }
    servers[0].waiting = DELIVERIES_WAITING_MAX;
    size_t before = servers[0].told.count;
    deliveries_pooled(&bed.deliveries, (struct octets){body.data, body.length}, 4);
    assert_int_equal(servers[0].told.count, before);
    assert_int_equal(servers[1].told.count, 2); // it keeps up
    let_take_all(&bed, 0);
    unsigned fresh = 0;
    for (size_t i = before; i < servers[0].told.count; i++)
        fresh += told_at(0, i)->word == ITEM && told_at(0, i)->heap_length == 16;
    assert_int_equal(fresh, 2);
    octets_buffer_close(&body);
    bed_close(&bed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_knows_nothing_is_told_everything_in_the_order_of_the_zones),
        cmocka_unit_test(a_server_that_does_not_keep_up_is_told_the_rest_as_it_takes_it),
        cmocka_unit_test(news_go_at_once_to_every_server_that_keeps_up),
        cmocka_unit_test(
            news_of_a_zone_whose_turn_is_still_to_come_wait_for_it_and_only_the_newest_is_told),
        cmocka_unit_test(news_for_a_server_whose_link_is_full_are_told_later),
        cmocka_unit_test(a_zone_that_goes_while_its_turn_is_waited_for_is_passed_over),
        cmocka_unit_test(pooled_zones_are_told_together_behind_their_file),
        cmocka_unit_test(pooled_news_for_a_server_whose_link_is_full_are_told_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
