// Places of versions, which bring their descriptors along, and those of many small zones at once.
#include "secondary/messages.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/octets.h"

static int
open_null(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static bool
is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

// A place with the parts of mask (bit 0 heap, 1 old heap, 2 base, 3 index), as a message.
static void
place_message(unsigned mask, struct octets_buffer *body, struct message *ret_message)
{
    struct version_place place = {.heap = (mask & 1) != 0 ? open_null() : -1,
                                  .old_heap = (mask & 2) != 0 ? open_null() : -1,
                                  .base = (mask & 4) != 0 ? open_null() : -1,
                                  .index = (mask & 8) != 0 ? open_null() : -1,
                                  .heap_length = 1,
                                  .old_heap_length = 2,
                                  .base_offset = 3,
                                  .base_length = 4,
                                  .index_offset = 5,
                                  .index_length = UINT64_MAX};
    *ret_message = (struct message){.type = MESSAGE_PUBLISHED};
    message_place_write(&place, body);
    ret_message->body = (struct octets){body->data, body->length};
    ret_message->descriptor_count = message_place_descriptors(&place, ret_message->descriptors);
}

static void
close_descriptors(struct message *message)
{
    for (unsigned i = 0; i < message->descriptor_count; i++)
        if (message->descriptors[i] >= 0)
            close(message->descriptors[i]);
}

static void
a_place_comes_back_with_each_set_of_parts(void **state)
{
    (void)state;
    for (unsigned mask = 0; mask < 16; mask++) {
        struct octets_buffer body;
        struct message message;
        struct version_place place;
        octets_buffer_init(&body);
        place_message(mask, &body, &message);
        int given[MESSAGES_DESCRIPTORS_MAX];
        memcpy(given, message.descriptors, sizeof given);
        assert_true(message_place_read(&message, &place));
        const int parts[] = {place.heap, place.old_heap, place.base, place.index};
        unsigned at = 0;
        for (unsigned i = 0; i < 4; i++)
            assert_int_equal(parts[i], (mask >> i & 1) != 0 ? given[at++] : -1);
        for (unsigned i = 0; i < message.descriptor_count; i++)
            assert_int_equal(message.descriptors[i], -1); // moved
        assert_int_equal(place.heap_length, 1);
        assert_int_equal(place.old_heap_length, 2);
        assert_int_equal(place.base_offset, 3);
        assert_int_equal(place.base_length, 4);
        assert_int_equal(place.index_offset, 5);
        assert_true(place.index_length == UINT64_MAX);
        version_place_close(&place);
        octets_buffer_close(&body);
    }
}

static void
a_place_with_a_descriptor_missing_or_too_many_is_refused_and_leaks_none(void **state)
{
    (void)state;
    for (int change = -1; change <= 1; change += 2) {
        struct octets_buffer body;
        struct message message;
        struct version_place place;
        octets_buffer_init(&body);
        place_message(15, &body, &message);
        int given[MESSAGES_DESCRIPTORS_MAX];
        if (change < 0)
            close(message.descriptors[--message.descriptor_count]);
        else
            message.descriptors[message.descriptor_count++] = open_null();
        memcpy(given, message.descriptors, sizeof given);
        assert_false(message_place_read(&message, &place));
        close_descriptors(&message);
        for (unsigned i = 0; i < message.descriptor_count; i++)
            assert_false(is_open(given[i]));
        octets_buffer_close(&body);
    }
}

static void
a_place_that_is_cut_or_has_unknown_parts_is_refused(void **state)
{
    struct octets_buffer body;
    struct message message;
    struct version_place place;
    (void)state;
    octets_buffer_init(&body);
    place_message(15, &body, &message);
    for (size_t length = 0; length < body.length; length++) {
        message.body.length = length;
        assert_false(message_place_read(&message, &place));
    }
    octets_buffer_add_u8(&body, 0);
    message.body = (struct octets){body.data, body.length};
    assert_false(message_place_read(&message, &place));
    message.body.length--;
    body.data[0] = 16;
    assert_false(message_place_read(&message, &place));
    for (unsigned i = 0; i < message.descriptor_count; i++)
        assert_true(is_open(message.descriptors[i])); // still the message's
    close_descriptors(&message);
    octets_buffer_close(&body);
}

static void
pooled_versions_come_back_as_they_went_and_malformed_ones_do_not(void **state)
{
    (void)state;
    struct octets_buffer body;
    struct message_pooled read;
    octets_buffer_init(&body);
    for (uint32_t i = 0; i < MESSAGE_POOLED_MAX; i++) {
        const struct message_pooled pooled = {
            .zone = 7000 + i,
            .place = {2, 0x01020304 + i, 0x11121314 + i, 0x21222324 + i, 0x31323334 + i},
            .state = {ZONE_EXPIRED, 0x0102030405060708 + i}};
        message_pooled_write(&pooled, &body);
    }
    struct octets whole = {body.data, body.length};
    assert_true(body.length < MESSAGES_SIZE_MAX - 64);
    assert_int_equal(message_pooled_count(whole), MESSAGE_POOLED_MAX);
    for (uint32_t i = 0; i < MESSAGE_POOLED_MAX; i++) {
        assert_true(message_pooled_read(whole, i, &read));
        assert_int_equal(read.zone, 7000 + i);
        assert_int_equal(read.place.segment, 2);
        assert_int_equal(read.place.heap_offset, 0x01020304 + i);
        assert_int_equal(read.place.heap_length, 0x11121314 + i);
        assert_int_equal(read.place.index_offset, 0x21222324 + i);
        assert_int_equal(read.place.index_length, 0x31323334 + i);
        assert_int_equal(read.state.serving, ZONE_EXPIRED);
        assert_true(read.state.expires_seconds == 0x0102030405060708 + i);
    }
    assert_int_equal(message_pooled_count((struct octets){body.data, body.length - 1}), 0);
    message_pooled_write(&read, &body); // one too many
    assert_int_equal(message_pooled_count((struct octets){body.data, body.length}), 0);
    body.data[24] = ZONE_GONE + 1;
    assert_false(message_pooled_read(whole, 0, &read));
    assert_true(message_pooled_read(whole, 1, &read));
    octets_buffer_close(&body);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pooled_versions_come_back_as_they_went_and_malformed_ones_do_not),
        cmocka_unit_test(a_place_comes_back_with_each_set_of_parts),
        cmocka_unit_test(a_place_with_a_descriptor_missing_or_too_many_is_refused_and_leaks_none),
        cmocka_unit_test(a_place_that_is_cut_or_has_unknown_parts_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
