// Streams that we connect.
#include "stream_bed.h"

static void
a_client_connects_asks_and_is_answered(void **state)
{
    struct loop *loop = loop_new();
    struct side client = {.loop = loop};
    struct side server = {.loop = loop, .echo = true};
    struct tcp_stream_options options = {0};
    struct address address;
    struct address peer;
    struct fault fault = {0};
    int listener = listen_anywhere(&address);
    int accepted = -1;
    (void)state;
    assert_true(address_from_text("127.0.0.3@0", 0, &options.source, NULL));
    client.stream = tcp_stream_connect(loop, &address, &options, &EVENTS, &client, &fault);
    assert_non_null(client.stream);
    assert_true(tcp_stream_send(client.stream, (const uint8_t *)"early", 5));
    assert_int_equal(client.connected, 0);
    run_until(loop, &client.connected, 1);
    assert_int_equal(listen_accept(listener, &accepted, &peer), LISTEN_ACCEPTED);
    char text[ADDRESS_TEXT_MAX];
    assert_string_equal(address_to_text_bare(&peer, text), "127.0.0.3");
    server.stream = tcp_stream_accepted(loop, &accepted, &peer, &DEFAULTS, &EVENTS, &server);
    run_until(loop, &client.messages, 1);
    assert_string_equal(client.last, "early");
    assert_int_equal(client.ended, 0);
    tcp_stream_finish(client.stream);
    run_until(loop, &server.ended, 1);
    run_until(loop, &client.ended, 1);
    assert_int_equal(server.end, TCP_STREAM_END_FINISHED);
    assert_int_equal(client.end, TCP_STREAM_END_FINISHED);
    tcp_stream_free(&client.stream);
    close(listener);
    close_side(&server, -1);
}

static void
a_refused_connection_names_the_peer(void **state)
{
    struct side client = {.loop = loop_new(), .free_on_end = true};
    struct address address;
    char text[ADDRESS_TEXT_MAX];
    close(listen_anywhere(&address)); // nobody is there now
    (void)state;
    client.stream = tcp_stream_connect(client.loop, &address, &DEFAULTS, &EVENTS, &client, NULL);
    assert_non_null(client.stream);
    assert_int_equal(client.ended, 0);
    run_until(client.loop, &client.ended, 1);
    assert_int_equal(client.end, TCP_STREAM_END_REFUSED);
    assert_int_equal(client.kind, FAULT_REFUSED);
    assert_non_null(strstr(client.text, address_to_text(&address, text)));
    assert_int_equal(client.connected, 0);
    close_side(&client, -1);
}

static void
a_connection_that_does_not_come_to_be_times_out(void **state)
{
    const struct tcp_stream_options options = {.connect_ms = 30};
    struct side client = {.loop = loop_new()};
    struct address address;
    int fillers[4];
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)state;
    // A listener whose queue is full drops what comes.
    assert_true(address_from_text("127.0.0.1@0", 0, &address, NULL));
    assert_int_equal(bind(listener, &address.any, address_sockaddr_length(&address)), 0);
    assert_int_equal(listen(listener, 0), 0);
    assert_true(listen_local_address(listener, &address, NULL));
    for (int i = 0; i < 4; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)!connect(fillers[i], &address.any, address_sockaddr_length(&address));
    }
    client.stream = tcp_stream_connect(client.loop, &address, &options, &EVENTS, &client, NULL);
    run_until(client.loop, &client.ended, 1);
    assert_int_equal(client.end, TCP_STREAM_END_TIMEOUT);
    assert_int_equal(client.connected, 0);
    for (int i = 0; i < 4; i++)
        close(fillers[i]);
    close(listener);
    close_side(&client, -1);
}

static void
a_source_that_is_not_ours_is_refused_at_once(void **state)
{
    struct loop *loop = loop_new();
    struct side client = {.loop = loop};
    struct tcp_stream_options options = {0};
    struct address address;
    struct fault fault = {0};
    (void)state;
    address_from_text("127.0.0.1@53", 0, &address, NULL);
    address_from_text("192.0.2.1@0", 0, &options.source, NULL);
    assert_null(tcp_stream_connect(loop, &address, &options, &EVENTS, &client, &fault));
    assert_non_null(strstr(fault.text, "192.0.2.1"));
    address_from_text("::1@0", 0, &options.source, NULL);
    assert_null(tcp_stream_connect(loop, &address, &options, &EVENTS, &client, &fault));
    assert_int_equal(fault.kind, FAULT_CONFIG);
    loop_free(&loop);
}

static void
a_send_to_a_broken_connection_ends_it_later(void **state)
{
    static const uint8_t octets[1000];
    const struct linger hard = {1, 0};
    struct side server = {.loop = loop_new(), .free_on_end = true};
    int client = open_pair(&server, &DEFAULTS, &EVENTS);
    (void)state;
    setsockopt(client, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    close(client);
    tcp_stream_send(server.stream, octets, sizeof(octets));
    tcp_stream_send(server.stream, octets, sizeof(octets));
    assert_int_equal(server.ended, 0);
    run_until(server.loop, &server.ended, 1);
    assert_int_equal(server.end, TCP_STREAM_END_RESET);
    close_side(&server, -1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_connects_asks_and_is_answered),
        cmocka_unit_test(a_refused_connection_names_the_peer),
        cmocka_unit_test(a_connection_that_does_not_come_to_be_times_out),
        cmocka_unit_test(a_source_that_is_not_ours_is_refused_at_once),
        cmocka_unit_test(a_send_to_a_broken_connection_ends_it_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
