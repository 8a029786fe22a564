// Descriptors under way, and ends of links: whose they are, what still arrives, who is told.
#include "link_bed.h"

static void
descriptors_that_are_not_taken_are_closed(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, false);
    struct message message = event_message(1, "x", 1);
    for (unsigned i = 0; i < MESSAGES_DESCRIPTORS_MAX; i++)
        message.descriptors[message.descriptor_count++] = open_null();
    assert_true(message_link_send(bed.b.link, &message));
    for (unsigned i = 0; i < message.descriptor_count; i++)
        close(message.descriptors[i]); // the sender's own stay the sender's
    turns(&bed, 3);
    assert_int_equal(bed.a.last.descriptor_count, MESSAGES_DESCRIPTORS_MAX);
    bed_close(&bed);
}

static void
descriptors_that_are_taken_stay_open_and_are_the_same_files_in_order(void **state)
{
    int pipes[3][2];
    struct bed bed;
    (void)state;
    bed_open(&bed, false);
    bed.a.keep_descriptors = true;
    struct message message = event_message(1, "x", 1);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(pipe2(pipes[i], O_CLOEXEC), 0);
        message.descriptors[message.descriptor_count++] = pipes[i][1];
    }
    assert_true(message_link_send(bed.b.link, &message));
    turns(&bed, 3);
    assert_int_equal(bed.a.last.descriptor_count, 3);
    for (unsigned i = 0; i < 3; i++) {
        char octet = (char)('a' + i), got = 0;
        assert_true((fcntl(bed.a.last.descriptors[i], F_GETFD) & FD_CLOEXEC) != 0);
        assert_int_equal(write(bed.a.last.descriptors[i], &octet, 1), 1);
        assert_int_equal(read(pipes[i][0], &got, 1), 1);
        assert_int_equal(got, octet);
        close(bed.a.last.descriptors[i]);
        close(pipes[i][0]);
        close(pipes[i][1]);
    }
    bed_close(&bed);
}

static void
a_message_that_waits_keeps_its_descriptors_when_the_sender_closes_them(void **state)
{
    struct bed bed;
    int end;
    uint64_t request = 0;
    (void)state;
    bed_open(&bed, true);
    while (message_link_waiting(bed.a.link) == 0) {
        struct message filler = event_message(++request, "x", 1);
        assert_true(message_link_send(bed.a.link, &filler));
    }
    int null = open_null();
    struct message message = event_message(++request, "y", 1);
    message.descriptor_count = 1;
    message.descriptors[0] = null;
    assert_true(message_link_send(bed.a.link, &message));
    close(null);
    end = bed.raw;
    bed.raw = -1;
    bed.b.link = message_link_new(bed.loop, &end, on_message, on_closed, &bed.b);
    for (unsigned i = 0; i < TURNS_MAX && bed.b.last_request < request; i++)
        turns(&bed, 1);
    assert_int_equal(bed.b.last_request, request);
    assert_int_equal(bed.b.last.descriptor_count, 1);
    bed_close(&bed);
}

static void
a_link_that_is_freed_closes_what_waits_in_it(void **state)
{
    struct bed bed;
    int null = open_null();
    (void)state;
    bed_open(&bed, true);
    for (unsigned i = 0; i < 600; i++) {
        struct message message = event_message(i, "x", 1);
        message.descriptor_count = 1;
        message.descriptors[0] = null;
        assert_true(message_link_send(bed.a.link, &message));
    }
    assert_true(message_link_waiting(bed.a.link) > 0);
    bed_close(&bed); // counts what is open
    close(null);
}

static void
what_was_sent_before_the_end_still_arrives(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, false);
    for (uint64_t i = 1; i <= 100; i++) {
        struct message message = event_message(i, "x", 1);
        assert_true(message_link_send(bed.b.link, &message));
    }
    message_link_free(&bed.b.link);
    turns(&bed, 10);
    assert_int_equal(bed.a.received, 100);
    assert_false(bed.a.out_of_order);
    assert_int_equal(bed.a.closed, 1);
    bed_close(&bed);
}

// An end that closes with messages of ours unread gives an error before its own last messages.
static void
what_was_sent_before_the_end_arrives_also_when_ours_was_not_read(void **state)
{
    (void)state;
    for (unsigned waiting = 0; waiting < 2; waiting++) {
        struct bed bed;
        uint8_t last_words[HEADER];
        bed_open(&bed, true);
        do {
            struct message message = event_message(1, "x", 1);
            assert_true(message_link_send(bed.a.link, &message));
        } while (waiting == 1 && message_link_waiting(bed.a.link) < 10);
        put_header(last_words, MESSAGE_HEARTBEAT, ROLE_SUPERVISOR, ROLE_SERVER, 0, 0);
        raw_send(bed.raw, last_words, HEADER, NULL, 0);
        raw_send(bed.raw, last_words, HEADER, NULL, 0);
        close(bed.raw);
        bed.raw = -1;
        turns(&bed, 10);
        assert_int_equal(bed.a.received, 2);
        assert_int_equal(bed.a.closed, 1);
        bed_close(&bed);
    }
}

static void
the_end_of_the_other_side_is_told_once(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, true);
    close(bed.raw);
    bed.raw = -1;
    turns(&bed, 10);
    assert_int_equal(bed.a.closed, 1);
    struct message message = event_message(1, NULL, 0);
    assert_false(message_link_send(bed.a.link, &message));
    turns(&bed, 10);
    assert_int_equal(bed.a.closed, 1);
    bed_close(&bed);
}

static void
a_send_to_an_end_that_is_gone_says_so(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, true);
    close(bed.raw);
    bed.raw = -1;
    struct message message = event_message(1, NULL, 0);
    assert_false(message_link_send(bed.a.link, &message));
    assert_int_equal(bed.a.closed, 0); // not from inside the send
    turns(&bed, 3);
    assert_int_equal(bed.a.closed, 1);
    bed_close(&bed);
}

static void
the_end_is_told_also_while_messages_wait(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, true);
    while (message_link_waiting(bed.a.link) < 10) {
        struct message message = event_message(1, "x", 1);
        assert_true(message_link_send(bed.a.link, &message));
    }
    bed.a.free_in_closed = true; // from inside the flush
    close(bed.raw);
    bed.raw = -1;
    turns(&bed, 10);
    assert_int_equal(bed.a.closed, 1);
    assert_null(bed.a.link);
    bed_close(&bed);
}

static void
a_link_may_be_freed_in_its_own_callbacks(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, false);
    bed.a.free_in_received = true;
    bed.b.free_in_closed = true;
    int null = open_null();
    for (uint64_t i = 1; i <= 5; i++) {
        struct message message = event_message(i, "x", 1);
        message.descriptor_count = 1;
        message.descriptors[0] = null;
        assert_true(message_link_send(bed.b.link, &message));
    }
    close(null);
    turns(&bed, 10);
    assert_int_equal(bed.a.received, 1); // and then no more
    assert_null(bed.a.link);
    assert_int_equal(bed.b.closed, 1);
    assert_null(bed.b.link);
    bed_close(&bed);
}

static void
a_link_freed_in_received_with_a_long_body_leaves_nothing_mapped_or_open(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed, true);
    bed.a.free_in_received = true;
    send_memfd(&bed, 50000, SEALS_FULL, 50000);
    turns(&bed, 3);
    assert_int_equal(bed.a.received, 1);
    assert_null(bed.a.link);
    bed_close(&bed);
}

static void
a_drain_takes_what_a_dead_end_had_sent(void **state)
{
    struct bed bed;
    (void)state;
    for (unsigned frees = 0; frees < 2; frees++) {
        bed_open(&bed, false);
        bed.a.free_in_closed = frees == 1;
        for (uint64_t i = 1; i <= 100; i++) {
            struct message message = event_message(i, "x", 1);
            assert_true(message_link_send(bed.b.link, &message));
        }
        message_link_free(&bed.b.link);
        message_link_drain(bed.a.link);
        assert_int_equal(bed.a.received, 100);
        assert_int_equal(bed.a.closed, 1);
        if (frees == 0)
            message_link_drain(bed.a.link); // nothing more
        assert_int_equal(bed.a.closed, 1);
        bed_close(&bed);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_that_are_not_taken_are_closed),
        cmocka_unit_test(descriptors_that_are_taken_stay_open_and_are_the_same_files_in_order),
        cmocka_unit_test(a_message_that_waits_keeps_its_descriptors_when_the_sender_closes_them),
        cmocka_unit_test(a_link_that_is_freed_closes_what_waits_in_it),
        cmocka_unit_test(what_was_sent_before_the_end_still_arrives),
        cmocka_unit_test(what_was_sent_before_the_end_arrives_also_when_ours_was_not_read),
        cmocka_unit_test(the_end_of_the_other_side_is_told_once),
        cmocka_unit_test(a_send_to_an_end_that_is_gone_says_so),
        cmocka_unit_test(the_end_is_told_also_while_messages_wait),
        cmocka_unit_test(a_link_may_be_freed_in_its_own_callbacks),
        cmocka_unit_test(a_link_freed_in_received_with_a_long_body_leaves_nothing_mapped_or_open),
        cmocka_unit_test(a_drain_takes_what_a_dead_end_had_sent),
    };
    struct loop *loop = loop_new(); // the first one opens what all share and keep
    loop_free(&loop);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
