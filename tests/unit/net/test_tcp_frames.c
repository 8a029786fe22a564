#include "common/net/tcp_frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MESSAGES_MAX 16

// What came out: lengths and first octets.
struct taken {
    struct tcp_frames frames;
    unsigned count;
    size_t lengths[MESSAGES_MAX];
    char first[MESSAGES_MAX + 1];
};

static void
start(struct taken *taken)
{
    memset(taken, 0, sizeof(*taken));
    tcp_frames_init(&taken->frames);
}

static void
next_messages(struct taken *taken, unsigned limit)
{
    struct octets message;
    for (unsigned i = 0; i < limit && tcp_frames_next(&taken->frames, &message); i++) {
        assert_true(taken->count < MESSAGES_MAX);
        taken->lengths[taken->count] = message.length;
        taken->first[taken->count] = message.length > 0 ? (char)message.data[0] : '-';
        taken->count++;
    }
}

// One read, whose memory is gone afterwards; at most `limit` messages are taken.
static void
read_in(struct taken *taken, const void *octets, size_t length, unsigned limit)
{
    uint8_t *memory = malloc(length);
    memcpy(memory, octets, length);
    tcp_frames_take(&taken->frames, memory, length);
    next_messages(taken, limit);
    tcp_frames_keep(&taken->frames);
    free(memory);
}

// RFC 7766 section 8: messages may be cut anywhere by TCP.
static void
messages_come_out_wherever_the_reads_are_cut(void **state)
{
    static const uint8_t wire[] = {0, 3, 'a', 'b', 'c', 0, 0, 0, 1, 'd', 0, 2, 'e', 'f'};
    (void)state;
    for (size_t one = 1; one < sizeof(wire) - 1; one++) {
        for (size_t two = one + 1; two < sizeof(wire); two++) {
            struct taken taken;
            start(&taken);
            read_in(&taken, wire, one, MESSAGES_MAX);
            read_in(&taken, wire + one, two - one, MESSAGES_MAX);
            read_in(&taken, wire + two, sizeof(wire) - two, MESSAGES_MAX);
            assert_int_equal(taken.count, 4);
            assert_string_equal(taken.first, "a-de");
            assert_int_equal(taken.lengths[0], 3);
            assert_int_equal(taken.lengths[1], 0);
            assert_int_equal(taken.lengths[3], 2);
            assert_true(tcp_frames_is_empty(&taken.frames));
            assert_null(taken.frames.kept.data);
            tcp_frames_close(&taken.frames);
        }
    }
}

static void
messages_come_out_byte_by_byte(void **state)
{
    static const uint8_t wire[] = {0, 3, 'a', 'b', 'c', 0, 0, 0, 1, 'd'};
    static const unsigned whole_by[] = {0, 0, 0, 0, 1, 1, 2, 2, 2, 3};
    struct taken taken;
    (void)state;
    start(&taken);
    for (size_t i = 0; i < sizeof(wire); i++) {
        read_in(&taken, wire + i, 1, 0);
        assert_int_equal(tcp_frames_has_next(&taken.frames),
                         i > 0 && whole_by[i] > whole_by[i - 1]);
        next_messages(&taken, MESSAGES_MAX);
        assert_int_equal(taken.count, whole_by[i]);
    }
    assert_string_equal(taken.first, "a-d");
    tcp_frames_close(&taken.frames);
}

static void
whole_messages_are_given_where_they_lie(void **state)
{
    static const uint8_t wire[] = {0, 1, 'a', 0, 1, 'b'};
    struct tcp_frames frames;
    struct octets message;
    (void)state;
    tcp_frames_init(&frames);
    tcp_frames_take(&frames, wire, sizeof(wire));
    assert_true(tcp_frames_has_next(&frames));
    assert_true(tcp_frames_next(&frames, &message));
    assert_ptr_equal(message.data, wire + 2);
    assert_true(tcp_frames_next(&frames, &message));
    assert_ptr_equal(message.data, wire + 5);
    assert_false(tcp_frames_next(&frames, &message));
    assert_null(frames.kept.data);
    tcp_frames_close(&frames);
}

static void
messages_that_are_not_wanted_yet_are_kept_in_order(void **state)
{
    static const uint8_t wire[] = {0, 1, 'a', 0, 1, 'b', 0, 1, 'c', 0, 2, 'd'};
    struct taken taken;
    (void)state;
    start(&taken);
    read_in(&taken, wire, sizeof(wire), 1);
    assert_true(tcp_frames_has_next(&taken.frames));
    read_in(&taken, "x\0\1e", 4, 1); // more came although there was something to give
    assert_string_equal(taken.first, "ab");
    next_messages(&taken, MESSAGES_MAX);
    assert_string_equal(taken.first, "abcde");
    assert_true(tcp_frames_is_empty(&taken.frames));
    tcp_frames_keep(&taken.frames);
    assert_null(taken.frames.kept.data);
    tcp_frames_close(&taken.frames);
}

static void
whether_a_message_is_whole_is_seen_across_kept_and_new_octets(void **state)
{
    struct tcp_frames frames;
    (void)state;
    tcp_frames_init(&frames);
    tcp_frames_take(&frames, (const uint8_t *)"", 1);
    tcp_frames_keep(&frames);
    assert_false(tcp_frames_has_next(&frames));
    tcp_frames_take(&frames, (const uint8_t *)"\2a", 2);
    assert_false(tcp_frames_has_next(&frames));
    tcp_frames_keep(&frames);
    tcp_frames_take(&frames, (const uint8_t *)"b", 1);
    assert_true(tcp_frames_has_next(&frames));
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
    for (size_t at = 0; at < sizeof(wire); at += 1000) {
        size_t left = sizeof(wire) - at;
        assert_false(tcp_frames_next(&frames, &message));
        tcp_frames_keep(&frames);
        tcp_frames_take(&frames, wire + at, left < 1000 ? left : 1000);
    }
    assert_true(tcp_frames_next(&frames, &message));
    assert_int_equal(message.length, 65535);
    assert_memory_equal(message.data, wire + 2, 65535);
    tcp_frames_keep(&frames);
    assert_null(frames.kept.data);
    tcp_frames_close(&frames);
}

static void
an_announced_message_takes_no_memory_before_it_arrives(void **state)
{
    struct taken taken;
    (void)state;
    start(&taken);
    read_in(&taken, "\377\377x", 3, MESSAGES_MAX);
    assert_true(taken.frames.kept.capacity <= 256);
    assert_false(tcp_frames_is_empty(&taken.frames));
    tcp_frames_close(&taken.frames);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_out_wherever_the_reads_are_cut),
        cmocka_unit_test(messages_come_out_byte_by_byte),
        cmocka_unit_test(whole_messages_are_given_where_they_lie),
        cmocka_unit_test(messages_that_are_not_wanted_yet_are_kept_in_order),
        cmocka_unit_test(whether_a_message_is_whole_is_seen_across_kept_and_new_octets),
        cmocka_unit_test(a_message_of_the_greatest_length_fits),
        cmocka_unit_test(an_announced_message_takes_no_memory_before_it_arrives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
