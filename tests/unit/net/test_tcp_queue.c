#include "common/net/tcp_queue.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

// A pair of sockets with small buffers, a spare, two queues on it.
struct bed {
    int ends[2];
    struct octets_buffer spare;
    struct tcp_queue one, other;
};

static void
bed_open(struct bed *bed)
{
    const int small = 4096;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, bed->ends), 0);
    setsockopt(bed->ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    octets_buffer_init(&bed->spare);
    tcp_queue_init(&bed->one, &bed->spare);
    tcp_queue_init(&bed->other, &bed->spare);
}

static void
bed_close(struct bed *bed)
{
    tcp_queue_close(&bed->one);
    tcp_queue_close(&bed->other);
    octets_buffer_close(&bed->spare);
    close(bed->ends[0]);
    close(bed->ends[1]);
}

static bool
flush(struct bed *bed, struct tcp_queue *queue)
{
    bool moved;
    assert_int_equal(tcp_queue_flush(queue, bed->ends[0], &moved), 0);
    return moved;
}

static void
messages_leave_with_their_lengths_in_one_piece(void **state)
{
    struct bed bed;
    uint8_t octets[32];
    (void)state;
    bed_open(&bed);
    tcp_queue_add(&bed.one, (const uint8_t *)"ab", 2);
    tcp_queue_add(&bed.one, (const uint8_t *)"c", 1);
    assert_int_equal(tcp_queue_size(&bed.one), 7);
    assert_true(flush(&bed, &bed.one));
    assert_int_equal(tcp_queue_size(&bed.one), 0);
    assert_int_equal(recv(bed.ends[1], octets, sizeof(octets), 0), 7);
    assert_memory_equal(octets, "\0\2ab\0\1c", 7);
    assert_false(flush(&bed, &bed.one));
    bed_close(&bed);
}

static void
a_queue_that_was_sent_has_no_memory_and_the_next_one_takes_it(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed);
    tcp_queue_add(&bed.one, (const uint8_t *)"ab", 2);
    const uint8_t *memory = bed.one.buffer.data;
    flush(&bed, &bed.one);
    tcp_queue_settle(&bed.one);
    assert_null(bed.one.buffer.data);
    assert_ptr_equal(bed.spare.data, memory);
    assert_int_equal(bed.spare.length, 0);
    tcp_queue_add(&bed.other, (const uint8_t *)"c", 1);
    assert_ptr_equal(bed.other.buffer.data, memory);
    tcp_queue_add(&bed.one, (const uint8_t *)"d", 1); // while the other has the spare
    assert_ptr_not_equal(bed.one.buffer.data, memory);
    flush(&bed, &bed.one);
    tcp_queue_settle(&bed.one);
    flush(&bed, &bed.other);
    tcp_queue_settle(&bed.other);
    assert_null(bed.one.buffer.data);
    assert_null(bed.other.buffer.data);
    assert_non_null(bed.spare.data);
    bed_close(&bed);
}

// A peer that reads nothing: what waits for it lies in memory of its size, and comes in order.
static void
what_is_not_taken_waits_in_its_own_memory(void **state)
{
    static uint8_t message[30000];
    static uint8_t octets[sizeof(message) + 2];
    struct bed bed;
    size_t taken = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(message); i++)
        message[i] = (uint8_t)(i * 7);
    bed_open(&bed);
    tcp_queue_add(&bed.one, message, sizeof(message));
    for (int i = 0; i < 100 && flush(&bed, &bed.one); i++)
        continue;
    tcp_queue_settle(&bed.one);
    size_t left = tcp_queue_size(&bed.one);
    assert_true(left > 0 && left < sizeof(message));
    assert_true(bed.one.buffer.capacity < 2 * left + 256);
    for (int i = 0; i < 1000 && taken < sizeof(octets); i++) {
        ssize_t length = recv(bed.ends[1], octets + taken, sizeof(octets) - taken, 0);
        if (length > 0)
            taken += (size_t)length;
        flush(&bed, &bed.one);
        tcp_queue_settle(&bed.one);
    }
    assert_int_equal(taken, sizeof(octets));
    assert_memory_equal(octets + 2, message, sizeof(message));
    assert_null(bed.one.buffer.data);
    bed_close(&bed);
}

static void
a_spare_that_grew_large_is_not_kept(void **state)
{
    static uint8_t message[60000];
    struct bed bed;
    (void)state;
    bed_open(&bed);
    for (int i = 0; i < 5; i++)
        tcp_queue_add(&bed.one, message, sizeof(message));
    bed.one.start = bed.one.buffer.length; // as if sent
    tcp_queue_settle(&bed.one);
    assert_null(bed.spare.data);
    assert_null(bed.one.buffer.data);
    bed_close(&bed);
}

static void
a_broken_connection_is_told(void **state)
{
    struct bed bed;
    bool moved;
    (void)state;
    bed_open(&bed);
    close(bed.ends[1]);
    tcp_queue_add(&bed.one, (const uint8_t *)"ab", 2);
    assert_int_equal(tcp_queue_flush(&bed.one, bed.ends[0], &moved), EPIPE);
    assert_false(moved);
    bed.ends[1] = -1;
    bed_close(&bed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_leave_with_their_lengths_in_one_piece),
        cmocka_unit_test(a_queue_that_was_sent_has_no_memory_and_the_next_one_takes_it),
        cmocka_unit_test(what_is_not_taken_waits_in_its_own_memory),
        cmocka_unit_test(a_spare_that_grew_large_is_not_kept),
        cmocka_unit_test(a_broken_connection_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
