// How long a connection may be idle, be looked after, and last.
#include "stream_bed.h"

static void
an_idle_stream_ends_and_half_a_message_is_idle(void **state)
{
    const struct tcp_stream_options options = {.idle_ms = 30};
    struct side server = {.loop = loop_new()};
    int client = open_pair(&server, &options, &EVENTS);
    (void)state;
    put(client, "\0\5ab", 4);
    run_until(server.loop, &server.ended, 1);
    assert_int_equal(server.end, TCP_STREAM_END_TIMEOUT);
    assert_int_equal(server.kind, FAULT_TIMEOUT);
    assert_int_equal(server.messages, 0);
    close_side(&server, client);
}

// A client that sends an octet now and then to look alive (slowloris) is as idle as a silent one.
static void
a_message_that_trickles_in_has_no_more_time_than_silence(void **state)
{
    const struct tcp_stream_options options = {.idle_ms = 60};
    struct side server = {.loop = loop_new()};
    int client = open_pair(&server, &options, &EVENTS);
    unsigned octets = 0;
    (void)state;
    put(client, "\377\377", 2);
    for (unsigned i = 0; i < TURNS_MAX && server.ended == 0; i++) {
        octets += send(client, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
        turn(server.loop);
        usleep(1000);
    }
    assert_int_equal(server.end, TCP_STREAM_END_TIMEOUT);
    assert_int_equal(server.messages, 0);
    assert_true(octets > 1);
    close_side(&server, client);
}

static void
a_paused_stream_does_not_age_while_its_owner_works(void **state)
{
    const struct tcp_stream_options options = {.idle_ms = 5};
    struct side server = {.loop = loop_new(), .pause_on_message = true};
    int client = open_pair(&server, &options, &EVENTS);
    (void)state;
    put(client, "\0\1a", 3);
    run_until(server.loop, &server.messages, 1);
    for (int i = 0; i < 30; i++) {
        turn(server.loop);
        usleep(1000);
    }
    assert_int_equal(server.ended, 0);
    tcp_stream_resume(server.stream);
    run_until(server.loop, &server.ended, 1);
    assert_int_equal(server.end, TCP_STREAM_END_TIMEOUT);
    close_side(&server, client);
}

// A transfer whose client has stopped to read: paused, but it is the peer who is waited for.
static void
a_paused_stream_ends_when_its_peer_takes_nothing(void **state)
{
    const struct tcp_stream_options options = {.idle_ms = 40};
    struct side server = {.loop = loop_new(), .to_produce = 4096}; // 64 MiB: no socket holds it
    int client = open_pair(&server, &options, &EVENTS);
    (void)state;
    tcp_stream_pause(server.stream);
    tcp_stream_want_writable(server.stream);
    run_until(server.loop, &server.ended, 1);
    assert_int_equal(server.end, TCP_STREAM_END_TIMEOUT);
    assert_true(server.to_produce > 0);
    close_side(&server, client);
}

static void
the_total_time_ends_a_busy_stream_too(void **state)
{
    const struct tcp_stream_options options = {.idle_ms = 60000, .total_ms = 40};
    struct side server = {.loop = loop_new(), .echo = true};
    int client = open_pair(&server, &options, &EVENTS);
    (void)state;
    for (unsigned i = 0; i < TURNS_MAX && server.ended == 0; i++) {
        (void)!send(client, "\0\1q", 3, MSG_NOSIGNAL | MSG_DONTWAIT);
        turn(server.loop);
        usleep(200);
    }
    assert_int_equal(server.end, TCP_STREAM_END_TIMEOUT);
    assert_true(server.messages > 0);
    close_side(&server, client);
}

static void
new_timeouts_count_at_once(void **state)
{
    const struct tcp_stream_options options = {.idle_ms = 3600000};
    struct side server = {.loop = loop_new()};
    int client = open_pair(&server, &options, &EVENTS);
    (void)state;
    turn(server.loop);
    tcp_stream_set_timeouts(server.stream, 10, 0);
    run_until(server.loop, &server.ended, 1);
    assert_int_equal(server.end, TCP_STREAM_END_TIMEOUT);
    close_side(&server, client);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_stream_ends_and_half_a_message_is_idle),
        cmocka_unit_test(a_message_that_trickles_in_has_no_more_time_than_silence),
        cmocka_unit_test(a_paused_stream_does_not_age_while_its_owner_works),
        cmocka_unit_test(a_paused_stream_ends_when_its_peer_takes_nothing),
        cmocka_unit_test(the_total_time_ends_a_busy_stream_too),
        cmocka_unit_test(new_timeouts_count_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
