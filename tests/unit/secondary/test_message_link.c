// What two ends of a link send each other, short and long.
#include "link_bed.h"

static void
a_message_arrives_as_it_was_sent(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, false);
    struct message message = event_message(0x0102030405060708, "hello", 5);
    assert_true(message_link_send(bed.b.link, &message));
    turns(&bed, 3);
    assert_int_equal(bed.a.received, 1);
    assert_int_equal(bed.a.last.type, MESSAGE_EVENT);
    assert_int_equal(bed.a.last.to, ROLE_DESK);
    assert_int_equal(bed.a.last.from, ROLE_SIGNER);
    assert_int_equal(bed.a.last.zone, 7);
    assert_true(bed.a.last.request == 0x0102030405060708);
    assert_int_equal(bed.a.last.body.length, 5);
    assert_memory_equal(bed.a.body, "hello", 5);
    assert_int_equal(message_link_waiting(bed.b.link), 0);
    struct message empty = event_message(2, NULL, 0);
    assert_true(message_link_send(bed.b.link, &empty));
    turns(&bed, 3);
    assert_int_equal(bed.a.received, 2);
    assert_int_equal(bed.a.last.body.length, 0);
    bed_close(&bed);
}

static void
messages_keep_their_order_when_the_socket_is_full(void **state)
{
    enum { COUNT = 3000 };
    struct bed bed;
    int end, null = open_null();
    (void)state;
    bed_open(&bed, true);
    uint8_t *body = memory_zalloc(20000);
    for (uint64_t i = 1; i <= COUNT; i++) {
        // Short, near the limit of a datagram, and longer, some with a descriptor.
        size_t length = i % 100 == 0 ? 20000 : i % 7 == 0 ? MESSAGES_SIZE_MAX - HEADER : i % 50;
        struct message message = event_message(i, body, length);
        message.descriptor_count = i % 200 == 0;
        message.descriptors[0] = null;
        assert_true(message_link_send(bed.a.link, &message));
    }
    assert_true(message_link_waiting(bed.a.link) > 0); // nobody reads yet
    end = bed.raw;
    bed.raw = -1;
    bed.b.link = message_link_new(bed.loop, &end, on_message, on_closed, &bed.b);
    for (unsigned i = 0; i < TURNS_MAX && bed.b.received < COUNT; i++)
        turns(&bed, 1);
    assert_int_equal(bed.b.received, COUNT);
    assert_false(bed.b.out_of_order);
    assert_int_equal(message_link_waiting(bed.a.link), 0);
    free(body);
    bed_close(&bed);
    close(null);
}

static void
what_waits_is_sent_before_what_comes_later(void **state)
{
    struct bed bed;
    uint64_t request = 0;
    int end;
    (void)state;
    bed_open(&bed, true);
    while (message_link_waiting(bed.a.link) < 3) {
        struct message message = event_message(++request, "x", 1);
        assert_true(message_link_send(bed.a.link, &message));
    }
    // There is room again, but the loop has not run: a new message must not overtake.
    uint8_t octets[64];
    assert_int_equal(recv(bed.raw, octets, sizeof octets, MSG_DONTWAIT), HEADER + 1);
    struct message message = event_message(++request, "x", 1);
    assert_true(message_link_send(bed.a.link, &message));
    bed.b.last_request = 1; // taken out above
    end = bed.raw;
    bed.raw = -1;
    bed.b.link = message_link_new(bed.loop, &end, on_message, on_closed, &bed.b);
    for (unsigned i = 0; i < TURNS_MAX && bed.b.last_request < request; i++)
        turns(&bed, 1);
    assert_int_equal(bed.b.last_request, request);
    assert_false(bed.b.out_of_order);
    bed_close(&bed);
}

static void
a_reader_that_never_reads_costs_its_link(void **state)
{
    struct bed bed;
    bool sent = true;
    unsigned count = 0;
    (void)state;
    bed_open(&bed, true);
    while (sent && count < 2 * MESSAGES_QUEUE_MAX) {
        struct message message = event_message(++count, NULL, 0);
        sent = message_link_send(bed.a.link, &message);
        assert_true(message_link_waiting(bed.a.link) <= MESSAGES_QUEUE_MAX);
    }
    assert_false(sent);
    assert_true(count > MESSAGES_QUEUE_MAX);
    assert_int_equal(bed.a.closed, 0); // never from inside a send
    turns(&bed, 3);
    assert_int_equal(bed.a.closed, 1);
    struct message message = event_message(1, NULL, 0);
    assert_false(message_link_send(bed.a.link, &message));
    bed_close(&bed);
}

static void
a_long_body_arrives_whole(void **state)
{
    enum { LENGTH = 3 * 1024 * 1024 };
    struct bed bed;
    uint64_t sum = 0;
    uint8_t *body = memory_alloc(LENGTH);
    (void)state;
    bed_open(&bed, false);
    for (size_t i = 0; i < LENGTH; i++) {
        body[i] = (uint8_t)(i * 7 + i / 251);
        sum = sum * 31 + body[i];
    }
    int null = open_null();
    struct message message = event_message(1, body, LENGTH);
    message.descriptor_count = 1;
    message.descriptors[0] = null;
    assert_true(message_link_send(bed.b.link, &message));
    turns(&bed, 3);
    assert_int_equal(bed.a.received, 1);
    assert_int_equal(bed.a.last.body.length, LENGTH);
    assert_true(bed.a.body_sum == sum);
    assert_int_equal(bed.a.last.descriptor_count, 1); // the body's memfd is not shown
    close(null);
    free(body);
    bed_close(&bed);
}

static void
a_long_body_travels_in_a_memfd_that_nobody_can_change(void **state)
{
    struct bed bed;
    uint8_t octets[64];
    int descriptors[16];
    unsigned count;
    (void)state;
    bed_open(&bed, true);
    uint8_t *body = memory_zalloc(100000);
    // The longest body that fits is a plain datagram; one octet more is not.
    struct message fits = event_message(1, body, MESSAGES_SIZE_MAX - HEADER);
    struct message is_long = event_message(2, body, MESSAGES_SIZE_MAX - HEADER + 1);
    assert_true(message_link_send(bed.a.link, &fits));
    assert_true(message_link_send(bed.a.link, &is_long));
    assert_true(raw_receive(bed.raw, octets, sizeof octets, descriptors, &count) > 0);
    assert_int_equal(count, 0);
    assert_int_equal(raw_receive(bed.raw, octets, sizeof octets, descriptors, &count), HEADER);
    assert_int_equal(count, 1);
    struct stat status;
    assert_int_equal(fstat(descriptors[0], &status), 0);
    assert_int_equal(status.st_size, MESSAGES_SIZE_MAX - HEADER + 1);
    assert_int_equal(fcntl(descriptors[0], F_GET_SEALS), SEALS_FULL);
    assert_true(write(descriptors[0], "x", 1) < 0);
    assert_true(ftruncate(descriptors[0], 0) < 0);
    close(descriptors[0]);
    free(body);
    bed_close(&bed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_arrives_as_it_was_sent),
        cmocka_unit_test(messages_keep_their_order_when_the_socket_is_full),
        cmocka_unit_test(what_waits_is_sent_before_what_comes_later),
        cmocka_unit_test(a_reader_that_never_reads_costs_its_link),
        cmocka_unit_test(a_long_body_arrives_whole),
        cmocka_unit_test(a_long_body_travels_in_a_memfd_that_nobody_can_change),
    };
    struct loop *loop = loop_new(); // the first one opens what all share and keep
    loop_free(&loop);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
