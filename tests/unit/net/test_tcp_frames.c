#include "common/net/tcp_frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
put(struct tcp_frames *frames, const void *octets, size_t length)
{
    const uint8_t *at = octets;
    while (length > 0) {
        size_t size;
        uint8_t *room = tcp_frames_room(frames, &size);
        size_t part = length < size ? length : size;
        memcpy(room, at, part);
        tcp_frames_added(frames, part);
        at += part;
        length -= part;
    }
}

static void
messages_come_out_byte_by_byte(void **state)
{
    static const uint8_t wire[] = {0, 3, 'a', 'b', 'c', 0, 0, 0, 1, 'd'};
    static const size_t complete_at[] = {5, 7, 10};
    static const size_t lengths[] = {3, 0, 1};
    struct tcp_frames frames;
    struct octets message;
    size_t next = 0;
    (void)state;
    tcp_frames_init(&frames);
    for (size_t i = 0; i < sizeof(wire); i++) {
        put(&frames, wire + i, 1);
        bool whole = next < 3 && i + 1 == complete_at[next];
        assert_int_equal(tcp_frames_has_next(&frames), whole);
        assert_int_equal(tcp_frames_next(&frames, &message), whole);
        if (whole)
            assert_int_equal(message.length, lengths[next++]);
    }
    assert_int_equal(next, 3);
    assert_int_equal(message.data[0], 'd');
    assert_true(tcp_frames_is_empty(&frames));
    tcp_frames_close(&frames);
}

static void
several_messages_of_one_read_come_out_in_order(void **state)
{
    static const uint8_t wire[] = {0, 1, 'a', 0, 1, 'b', 0, 2, 'c'};
    struct tcp_frames frames;
    struct octets message;
    (void)state;
    tcp_frames_init(&frames);
    put(&frames, wire, sizeof(wire));
    assert_true(tcp_frames_next(&frames, &message));
    assert_int_equal(message.data[0], 'a');
    assert_true(tcp_frames_next(&frames, &message));
    assert_int_equal(message.data[0], 'b');
    assert_false(tcp_frames_next(&frames, &message));
    assert_false(tcp_frames_is_empty(&frames));
    put(&frames, "d", 1);
    assert_true(tcp_frames_next(&frames, &message));
    assert_memory_equal(message.data, "cd", 2);
    tcp_frames_close(&frames);
}

static void
a_message_of_the_greatest_length_fits(void **state)
{
    static uint8_t wire[2 + 65535];
    struct tcp_frames frames;
    struct octets message;
    (void)state;
    wire[0] = wire[1] = 0xff;
    wire[2] = 1;
    wire[sizeof(wire) - 1] = 2;
    tcp_frames_init(&frames);
    put(&frames, wire, sizeof(wire) - 1);
    assert_false(tcp_frames_has_next(&frames));
    put(&frames, wire + sizeof(wire) - 1, 1);
    assert_true(tcp_frames_next(&frames, &message));
    assert_int_equal(message.length, 65535);
    assert_int_equal(message.data[0], 1);
    assert_int_equal(message.data[65534], 2);
    tcp_frames_trim(&frames);
    assert_int_equal(frames.buffer.capacity, 0);
    tcp_frames_close(&frames);
}

static void
an_announced_message_takes_no_memory_before_it_arrives(void **state)
{
    struct tcp_frames frames;
    (void)state;
    tcp_frames_init(&frames);
    put(&frames, "\377\377x", 3);
    assert_true(frames.buffer.capacity < 4 * TCP_FRAMES_READ_MIN);
    tcp_frames_trim(&frames);
    assert_false(tcp_frames_is_empty(&frames));
    tcp_frames_close(&frames);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_out_byte_by_byte),
        cmocka_unit_test(several_messages_of_one_read_come_out_in_order),
        cmocka_unit_test(a_message_of_the_greatest_length_fits),
        cmocka_unit_test(an_announced_message_takes_no_memory_before_it_arrives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
