// Messages and answers on a connection, and how it ends.
#include "stream_bed.h"

static void
a_message_that_comes_byte_by_byte_is_one_message(void **state)
{
    static const char wire[] = "\0\5hello\0\2ok";
    struct side server = {.loop = loop_new(), .echo = true};
    int client = open_pair(&server, &DEFAULTS, &EVENTS);
    char answer[16];
    (void)state;
    for (size_t i = 0; i < sizeof(wire) - 1; i++) {
        put(client, wire + i, 1);
        if (i == 6)
            run_until(server.loop, &server.messages, 1);
        turn(server.loop);
        assert_true(server.messages <= (i < 6 ? 0u : 1u) || i == sizeof(wire) - 2);
    }
    run_until(server.loop, &server.messages, 2);
    assert_string_equal(server.last, "ok");
    assert_int_equal(tcp_stream_messages(server.stream), 2);
    assert_int_equal(recv(client, answer, 7, MSG_WAITALL), 7);
    assert_memory_equal(answer, "\0\5hello", 7);
    assert_int_equal(recv(client, answer, 4, MSG_WAITALL), 4);
    assert_memory_equal(answer, "\0\2ok", 4);
    close_side(&server, client);
}

static void
answers_of_one_turn_leave_together(void **state)
{
    struct side server = {.loop = loop_new(), .echo = true};
    int client = open_pair(&server, &DEFAULTS, &EVENTS);
    char answers[64];
    (void)state;
    put(client, "\0\1a\0\1b\0\1c", 9);
    run_until(server.loop, &server.messages, 3);
    assert_int_equal(recv(client, answers, sizeof(answers), 0), 9); // one segment
    assert_memory_equal(answers, "\0\1a\0\1b\0\1c", 9);
    close_side(&server, client);
}

static void
a_deep_pipeline_is_answered_over_several_turns(void **state)
{
    struct side server = {.loop = loop_new(), .echo = true};
    int client = open_pair(&server, &DEFAULTS, &EVENTS);
    char wire[3 * 200];
    char answers[3 * 200];
    (void)state;
    for (size_t i = 0; i < 200; i++)
        memcpy(wire + 3 * i, "\0\1q", 3);
    put(client, wire, sizeof(wire));
    while (server.messages == 0)
        loop_run_once(server.loop, true);
    assert_int_equal(server.messages, TCP_STREAM_MESSAGES_PER_TURN);
    run_until(server.loop, &server.messages, 200);
    assert_int_equal(recv(client, answers, sizeof(answers), MSG_WAITALL), sizeof(answers));
    assert_memory_equal(answers, wire, sizeof(wire));
    close_side(&server, client);
}

static void
the_peer_that_closes_between_messages_ends_the_stream(void **state)
{
    struct side server = {.loop = loop_new(), .echo = true};
    int client = open_pair(&server, &DEFAULTS, &EVENTS);
    (void)state;
    put(client, "\0\1a", 3);
    shutdown(client, SHUT_WR);
    run_until(server.loop, &server.ended, 1);
    assert_int_equal(server.end, TCP_STREAM_END_FINISHED);
    assert_int_equal(server.messages, 1);
    assert_int_equal(server.kind, FAULT_NONE);
    char answer[8];
    assert_int_equal(recv(client, answer, sizeof(answer), MSG_WAITALL), 3);
    close_side(&server, client);
}

static void
the_peer_that_closes_in_a_message_has_cut_it(void **state)
{
    static const char wire[] = "\0\1a\0\5hel";
    (void)state;
    for (size_t length = 4; length < sizeof(wire); length++) {
        struct side server = {.loop = loop_new()};
        int client = open_pair(&server, &DEFAULTS, &EVENTS);
        put(client, wire, length);
        shutdown(client, SHUT_WR);
        run_until(server.loop, &server.ended, 1);
        assert_int_equal(server.end, TCP_STREAM_END_CUT);
        assert_int_equal(server.messages, 1);
        assert_non_null(strstr(server.text, "127.0.0.1@"));
        close_side(&server, client);
    }
}

// More answers than the sockets hold, and then half a question: it has all answers coming.
static void
the_peer_that_closes_in_a_message_gets_the_answers_to_those_before(void **state)
{
    static char wire[16386] = {0x40, 0};
    static char sink[65536];
    struct side server = {.loop = loop_new(), .echo = true};
    int client = open_pair(&server, &DEFAULTS, &EVENTS);
    size_t put_in = 0;
    size_t taken = 0;
    (void)state;
    for (unsigned quiet = 0; quiet < 50;) { // until both sides are full
        size_t at = put_in % sizeof(wire);
        ssize_t length = send(client, wire + at, sizeof(wire) - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        quiet = length > 0 ? 0 : quiet + 1;
        put_in += length > 0 ? (size_t)length : 0;
        turn(server.loop);
    }
    shutdown(client, SHUT_WR); // in the middle of one, unless the buffers end at its end
    size_t whole = put_in / sizeof(wire) * sizeof(wire);
    for (unsigned i = 0; i < TURNS_MAX && server.ended == 0; i++) {
        ssize_t length = recv(client, sink, sizeof(sink), MSG_DONTWAIT);
        taken += length > 0 ? (size_t)length : 0;
        turn(server.loop);
    }
    for (ssize_t length; (length = recv(client, sink, sizeof(sink), 0)) > 0;)
        taken += (size_t)length;
    assert_int_equal(taken, whole);
    assert_int_equal(server.end, put_in == whole ? TCP_STREAM_END_FINISHED : TCP_STREAM_END_CUT);
    close_side(&server, client);
}

// What leaves is cut into sends of about queue_mark, so that a turn's answers need no more memory.
static void
a_turn_with_long_answers_is_sent_in_pieces_of_the_mark(void **state)
{
    const struct tcp_stream_options options = {.queue_mark = 4096};
    struct side server = {.loop = loop_new(), .echo = true};
    int client = open_pair(&server, &options, &EVENTS);
    static char wire[30 * 1002];
    static char answers[sizeof(wire)];
    (void)state;
    for (size_t i = 0; i < 30; i++) {
        wire[i * 1002] = 1000 >> 8;
        wire[i * 1002 + 1] = (char)(1000 & 0xff);
        wire[i * 1002 + 2] = (char)i;
    }
    put(client, wire, sizeof(wire));
    while (server.messages == 0)
        loop_run_once(server.loop, true);
    assert_int_equal(server.messages, 30); // the mark is none while the socket takes all
    assert_int_equal(recv(client, answers, sizeof(answers), MSG_WAITALL), sizeof(answers));
    assert_memory_equal(answers, wire, sizeof(wire));
    close_side(&server, client);
}

static void
a_half_closed_peer_still_gets_its_answer(void **state)
{
    struct side server = {.loop = loop_new()};
    int client = open_pair(&server, &DEFAULTS, &PATIENT);
    char answer[16];
    (void)state;
    put(client, "\0\1q", 3);
    shutdown(client, SHUT_WR);
    run_until(server.loop, &server.half_closed, 1);
    for (int i = 0; i < 5; i++)
        turn(server.loop);
    assert_int_equal(server.half_closed, 1);
    assert_int_equal(server.ended, 0);
    assert_true(tcp_stream_send(server.stream, (const uint8_t *)"late", 4));
    tcp_stream_finish(server.stream);
    assert_int_equal(server.ended, 0); // never from inside the call
    run_until(server.loop, &server.ended, 1);
    assert_int_equal(server.end, TCP_STREAM_END_FINISHED);
    assert_int_equal(recv(client, answer, sizeof(answer), MSG_WAITALL), 6);
    assert_memory_equal(answer, "\0\4late", 6);
    close_side(&server, client);
}

static void
a_finish_keeps_the_last_answer_although_more_questions_come(void **state)
{
    struct side server = {.loop = loop_new(), .echo = true, .finish_on_message = true};
    int client = open_pair(&server, &DEFAULTS, &EVENTS);
    char answer[16];
    (void)state;
    put(client, "\0\1a\0\1b", 6);
    run_until(server.loop, &server.messages, 1);
    for (int i = 0; i < 20; i++) {
        put(client, "\0\1c", 3); // unread octets at a close would make the kernel reset
        turn(server.loop);
    }
    assert_int_equal(recv(client, answer, sizeof(answer), MSG_WAITALL), 3);
    assert_memory_equal(answer, "\0\1a", 3);
    assert_int_equal(server.messages, 1);
    assert_int_equal(server.ended, 0);
    close(client);
    run_until(server.loop, &server.ended, 1);
    assert_int_equal(server.end, TCP_STREAM_END_FINISHED);
    assert_false(tcp_stream_send(server.stream, (const uint8_t *)"x", 1));
    close_side(&server, -1);
}

static void
a_long_transfer_is_produced_in_pieces_as_the_peer_takes_it(void **state)
{
    struct side server = {.loop = loop_new(), .to_produce = 1024}; // 16 MiB
    int client = open_pair(&server, &DEFAULTS, &EVENTS);
    static char sink[65536];
    size_t taken = 0;
    (void)state;
    tcp_stream_want_writable(server.stream);
    for (int i = 0; i < 200; i++)
        turn(server.loop);
    assert_true(server.to_produce > 0); // nobody reads: the producer waits
    unsigned waiting = server.writable;
    for (int i = 0; i < 50; i++)
        turn(server.loop);
    assert_int_equal(server.writable, waiting);
    for (unsigned i = 0; i < TURNS_MAX && taken < 1024u * 16386; i++) {
        turn(server.loop);
        ssize_t length = recv(client, sink, sizeof(sink), MSG_DONTWAIT);
        if (length > 0)
            taken += (size_t)length;
    }
    assert_int_equal(taken, 1024u * 16386);
    assert_true(server.queue_seen <= TCP_STREAM_QUEUE_MARK + TCP_STREAM_PIECE + 16386);
    shutdown(client, SHUT_WR);
    run_until(server.loop, &server.ended, 1);
    assert_int_equal(server.end, TCP_STREAM_END_FINISHED);
    close_side(&server, client);
}

static void
a_peer_that_does_not_listen_is_not_read(void **state)
{
    const struct tcp_stream_options options = {.queue_mark = 4096};
    struct side server = {.loop = loop_new(), .echo = true};
    int client = open_pair(&server, &options, &EVENTS);
    static char wire[16386] = {0x40, 0}; // messages of 16 KiB
    static char sink[65536];
    size_t put_in = 0;
    size_t taken = 0;
    (void)state;
    for (unsigned i = 0; i < 4000; i++) { // far more than the buffers of both sides hold
        size_t at = put_in % sizeof(wire);
        ssize_t length = send(client, wire + at, sizeof(wire) - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (length > 0)
            put_in += (size_t)length;
        turn(server.loop);
    }
    assert_true(send(client, wire, 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0); // held back
    assert_true(tcp_stream_queued(server.stream) < 3 * sizeof(wire));
    for (unsigned i = 0; i < TURNS_MAX && taken < put_in / sizeof(wire) * sizeof(wire); i++) {
        ssize_t length = recv(client, sink, sizeof(sink), MSG_DONTWAIT);
        if (length > 0)
            taken += (size_t)length;
        turn(server.loop);
    }
    assert_int_equal(taken, put_in / sizeof(wire) * sizeof(wire)); // and goes on when it listens
    close_side(&server, client);
}

static void
the_queue_has_an_end(void **state)
{
    const struct tcp_stream_options options = {.queue_max = 100};
    static const uint8_t octets[98];
    struct side server = {.loop = loop_new()};
    int client = open_pair(&server, &options, &EVENTS);
    (void)state;
    static const uint8_t longer[99];
    assert_true(tcp_stream_send(server.stream, octets, sizeof(octets)));
    assert_false(tcp_stream_send(server.stream, longer, sizeof(longer)));
    assert_int_equal(tcp_stream_queued(server.stream), 0);
    close_side(&server, client);
}

static void
a_paused_stream_keeps_its_messages(void **state)
{
    struct side server = {.loop = loop_new(), .pause_on_message = true};
    int client = open_pair(&server, &DEFAULTS, &EVENTS);
    (void)state;
    put(client, "\0\1a\0\1b", 6);
    shutdown(client, SHUT_WR);
    for (unsigned want = 1; want <= 2; want++) {
        run_until(server.loop, &server.messages, want);
        for (int i = 0; i < 5; i++)
            turn(server.loop);
        assert_int_equal(server.messages, want);
        assert_int_equal(server.ended, 0);
        tcp_stream_resume(server.stream);
        assert_int_equal(server.messages, want); // never from inside the call
    }
    run_until(server.loop, &server.ended, 1);
    close_side(&server, client);
}

static void
a_stream_may_be_freed_in_its_callbacks(void **state)
{
    struct side a = {.loop = loop_new(), .echo = true, .free_on_message = true};
    struct side b = {.loop = a.loop, .free_on_end = true};
    int client_a = open_pair(&a, &DEFAULTS, &EVENTS);
    int client_b = open_pair(&b, &DEFAULTS, &EVENTS);
    (void)state;
    put(client_a, "\0\3abc\0\1b", 8);
    run_until(a.loop, &a.messages, 1);
    for (int i = 0; i < 5; i++)
        turn(a.loop);
    assert_int_equal(a.messages, 1);
    assert_string_equal(a.last, "abc");
    assert_int_equal(a.ended, 0);
    close(client_b);
    run_until(a.loop, &b.ended, 1);
    assert_null(b.stream);
    tcp_stream_free(&b.stream);
    close_side(&a, client_a);
}

static void
a_reset_is_told_as_such(void **state)
{
    struct side server = {.loop = loop_new()};
    int client = open_pair(&server, &DEFAULTS, &EVENTS);
    const struct linger hard = {1, 0};
    (void)state;
    setsockopt(client, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    close(client);
    run_until(server.loop, &server.ended, 1);
    assert_int_equal(server.end, TCP_STREAM_END_RESET);
    assert_int_equal(server.kind, FAULT_IO);
    close_side(&server, -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_that_comes_byte_by_byte_is_one_message),
        cmocka_unit_test(answers_of_one_turn_leave_together),
        cmocka_unit_test(a_deep_pipeline_is_answered_over_several_turns),
        cmocka_unit_test(a_turn_with_long_answers_is_sent_in_pieces_of_the_mark),
        cmocka_unit_test(the_peer_that_closes_between_messages_ends_the_stream),
        cmocka_unit_test(the_peer_that_closes_in_a_message_has_cut_it),
        cmocka_unit_test(the_peer_that_closes_in_a_message_gets_the_answers_to_those_before),
        cmocka_unit_test(a_half_closed_peer_still_gets_its_answer),
        cmocka_unit_test(a_finish_keeps_the_last_answer_although_more_questions_come),
        cmocka_unit_test(a_long_transfer_is_produced_in_pieces_as_the_peer_takes_it),
        cmocka_unit_test(a_peer_that_does_not_listen_is_not_read),
        cmocka_unit_test(the_queue_has_an_end),
        cmocka_unit_test(a_paused_stream_keeps_its_messages),
        cmocka_unit_test(a_stream_may_be_freed_in_its_callbacks),
        cmocka_unit_test(a_reset_is_told_as_such),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
