#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "secondary/places.h"

// Settings with these zones.
static struct secondary_settings *
settings_of(const char *const *domains)
{
    char config[2000] = "remote: [{id: p, address: 10.0.0.5@53}]\nzone:\n";
    struct secondary_settings *settings = NULL;
    struct config_errors errors;
    for (; *domains != NULL; domains++)
        snprintf(config + strlen(config), sizeof config - strlen(config),
                 "  - {domain: %s, primary: [p]}\n", *domains);
    config_errors_init(&errors);
    if (!secondary_settings_load_text("s.yaml", "/the", config, strlen(config), &settings, &errors))
        fail_msg("%s", ((struct config_error *)vector_at(&errors.entries, 0))->text);
    config_errors_close(&errors);
    return settings;
}
#define ZONES(...) settings_of((const char *const[]){__VA_ARGS__, NULL})

// Takes settings; gives the numbers of their zones.
static uint32_t *
take(struct places *places, struct secondary_settings *settings, struct vector *gone)
{
    vector_clear(gone);
    places_take_settings(places, settings, gone);
    uint32_t *ids = places_ids(places, settings);
    assert_int_equal(places->zones.count, settings->zone_count);
    secondary_settings_free(&settings);
    return ids;
}

static struct message
published(uint32_t zone, struct octets_buffer *body)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    struct version_place place = {
        .heap = fd, .old_heap = -1, .base = -1, .index = -1, .heap_length = 77};
    body->length = 0;
    message_place_write(&place, body);
    return (struct message){.type = MESSAGE_PUBLISHED,
                            .zone = zone,
                            .body = {body->data, body->length},
                            .descriptor_count = 1,
                            .descriptors = {fd}};
}

static bool
is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void
a_zone_keeps_its_number_and_its_version_over_reloads(void **state)
{
    struct places places;
    struct vector gone;
    struct octets_buffer body;
    (void)state;
    places_init(&places);
    vector_init(&gone, sizeof(uint32_t));
    octets_buffer_init(&body);
    uint32_t *first = take(&places, ZONES("b.example", "a.example", "c.example"), &gone);
    assert_int_equal(gone.count, 0);
    struct message message = published(first[2], &body);
    int fd = message.descriptors[0];
    const struct kept_place *zone = places_take_published(&places, &message);
    assert_non_null(zone);
    assert_int_equal(zone->place->heap, fd);
    assert_int_equal(message.descriptors[0], -1);
    // b goes, d comes, the order is another.
    uint32_t *second = take(&places, ZONES("d.example", "c.example", "a.example"), &gone);
    assert_int_equal(gone.count, 1);
    assert_int_equal(*(uint32_t *)vector_at(&gone, 0), first[0]);
    assert_int_equal(second[1], first[2]);
    assert_int_equal(second[2], first[1]);
    zone = places_find(&places, first[2]);
    assert_true(zone->published);
    assert_int_equal(zone->place->heap_length, 77);
    assert_true(is_open(fd));
    assert_null(places_find(&places, first[0]));
    // b comes back as another zone: messages of the old one do not reach it.
    uint32_t *third = take(&places, ZONES("b.example"), &gone);
    assert_int_equal(gone.count, 3);
    assert_false(is_open(fd)); // gone with its zone
    for (unsigned i = 0; i < 3; i++) {
        assert_int_not_equal(third[0], first[i]);
        assert_int_not_equal(third[0], second[i]);
    }
    assert_false(places_find(&places, third[0])->published);
    free(first);
    free(second);
    free(third);
    octets_buffer_close(&body);
    vector_close(&gone);
    places_close(&places);
}

static void
a_new_version_takes_the_place_of_the_old_one(void **state)
{
    struct places places;
    struct vector gone;
    struct octets_buffer body;
    (void)state;
    places_init(&places);
    vector_init(&gone, sizeof(uint32_t));
    octets_buffer_init(&body);
    uint32_t *ids = take(&places, ZONES("a.example"), &gone);
    struct message message = published(ids[0], &body);
    int old = message.descriptors[0];
    assert_non_null(places_take_published(&places, &message));
    message = published(ids[0], &body);
    int new = message.descriptors[0];
    assert_non_null(places_take_published(&places, &message));
    assert_false(is_open(old));
    assert_true(is_open(new));
    // What cannot be read, or is of no zone, changes nothing and takes no descriptor.
    message = published(ids[0], &body);
    message.body.length--;
    assert_null(places_take_published(&places, &message));
    assert_true(message.descriptors[0] >= 0);
    close(message.descriptors[0]);
    message = published(999, &body);
    assert_null(places_take_published(&places, &message));
    close(message.descriptors[0]);
    assert_int_equal(places_find(&places, ids[0])->place->heap, new);
    free(ids);
    octets_buffer_close(&body);
    vector_close(&gone);
    places_close(&places);
    assert_false(is_open(new));
}

static void
a_state_is_kept_and_a_malformed_one_is_not(void **state)
{
    struct places places;
    struct vector gone;
    struct octets_buffer body;
    const struct message_zone_state expired = {ZONE_EXPIRED, 4711};
    (void)state;
    places_init(&places);
    vector_init(&gone, sizeof(uint32_t));
    octets_buffer_init(&body);
    uint32_t *ids = take(&places, ZONES("a.example"), &gone);
    message_zone_state_write(&expired, &body);
    struct message message = {
        .type = MESSAGE_ZONE_STATE, .zone = ids[0], .body = {body.data, body.length}};
    const struct kept_place *zone = places_take_state(&places, &message);
    assert_true(zone->has_state);
    assert_int_equal(zone->state.serving, ZONE_EXPIRED);
    assert_int_equal(zone->state.expires_seconds, 4711);
    body.data[0] = 99;
    assert_null(places_take_state(&places, &message));
    assert_int_equal(zone->state.serving, ZONE_EXPIRED);
    message.zone = 999;
    body.data[0] = ZONE_SERVE;
    assert_null(places_take_state(&places, &message));
    free(ids);
    octets_buffer_close(&body);
    vector_close(&gone);
    places_close(&places);
}

// POOL: a file of this number; gives the descriptor.
static int
give_file(struct places *places, uint32_t number, bool *ret_taken)
{
    struct octets_buffer body;
    octets_buffer_init(&body);
    octets_buffer_add_u32(&body, number);
    struct message message = {.type = MESSAGE_POOL,
                              .zone = MESSAGE_NO_ZONE,
                              .body = {body.data, body.length},
                              .descriptor_count = 1,
                              .descriptors = {open("/dev/null", O_RDONLY | O_CLOEXEC)}};
    int fd = message.descriptors[0];
    *ret_taken = places_take_file(places, &message);
    assert_int_equal(message.descriptors[0], *ret_taken ? -1 : fd);
    octets_buffer_close(&body);
    return fd;
}

// POOLED: these two zones in these two files.
static uint32_t
give_pooled(struct places *places, const uint32_t zones[static 2], uint32_t first, uint32_t second)
{
    struct octets_buffer body;
    octets_buffer_init(&body);
    const uint32_t files[] = {first, second};
    for (unsigned i = 0; i < 2; i++) {
        const struct message_pooled pooled = {
            zones[i], {files[i], 64, 65, 66, 67}, {ZONE_SERVE, 9}};
        message_pooled_write(&pooled, &body);
    }
    const struct message message = {
        .type = MESSAGE_POOLED, .zone = MESSAGE_NO_ZONE, .body = {body.data, body.length}};
    uint32_t least = places_take_pooled(places, &message);
    octets_buffer_close(&body);
    return least;
}

static void
a_file_of_the_pool_stays_as_long_as_a_zone_is_in_it(void **state)
{
    struct places places;
    struct vector gone;
    struct octets_buffer body;
    bool taken;
    (void)state;
    places_init(&places);
    vector_init(&gone, sizeof(uint32_t));
    octets_buffer_init(&body);
    uint32_t *ids = take(&places, ZONES("a.example", "b.example"), &gone);
    int first = give_file(&places, 1, &taken);
    assert_true(taken);
    int second = give_file(&places, 2, &taken), third = give_file(&places, 3, &taken);
    assert_int_equal(places_drop_file(&places), 0); // they have just come
    assert_int_equal(give_pooled(&places, ids, 1, 1), ids[0]);
    const struct kept_place *zone = places_find(&places, ids[1]);
    assert_true(zone->published && zone->pooled && zone->has_state);
    assert_int_equal(zone->pool_place.index_length, 67);
    assert_int_equal(zone->state.expires_seconds, 9);
    // Told again by a signer that was restarted, of the same file under another descriptor.
    int again = give_file(&places, 1, &taken);
    assert_true(taken);
    assert_false(is_open(first));
    assert_int_equal(give_pooled(&places, ids, 1, 1), ids[0]);
    assert_int_equal(places_drop_file(&places), 0);
    // One zone moves on, then the other.
    give_pooled(&places, ids, 2, 1);
    assert_int_equal(places_drop_file(&places), 0);
    give_pooled(&places, ids, 2, 2);
    assert_int_equal(places_drop_file(&places), 1);
    assert_int_equal(places_drop_file(&places), 0);
    assert_false(is_open(again));
    assert_true(is_open(second) && is_open(third));
    // A version with descriptors of its own, and a zone that goes, leave the file, too.
    struct message message = published(ids[0], &body);
    assert_non_null(places_take_published(&places, &message));
    assert_false(places_find(&places, ids[0])->pooled);
    assert_int_equal(places_drop_file(&places), 0);
    free(take(&places, ZONES("a.example"), &gone));
    assert_int_equal(places_drop_file(&places), 2);
    // What is of no zone, or in a file that did not come, is of no use.
    const uint32_t nobody[] = {4711, 4712};
    assert_int_equal(give_pooled(&places, nobody, 3, 3), MESSAGE_NO_ZONE);
    assert_int_equal(give_pooled(&places, ids, 1, 1), MESSAGE_NO_ZONE);
    assert_false(places_find(&places, ids[0])->pooled);
    close(give_file(&places, 0, &taken));
    assert_false(taken);
    free(ids);
    octets_buffer_close(&body);
    vector_close(&gone);
    places_close(&places);
    assert_false(is_open(third));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zone_keeps_its_number_and_its_version_over_reloads),
        cmocka_unit_test(a_new_version_takes_the_place_of_the_old_one),
        cmocka_unit_test(a_state_is_kept_and_a_malformed_one_is_not),
        cmocka_unit_test(a_file_of_the_pool_stays_as_long_as_a_zone_is_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
