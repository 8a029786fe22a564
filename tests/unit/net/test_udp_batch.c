#include "common/net/udp_batch.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/net/listen.h"

static const struct listen_options ALONE = {0};

static int
open_server(const char *text, struct address *ret_local)
{
    int fd = -1;
    struct address address;
    struct fault fault = {0};
    assert_true(address_from_text(text, 0, &address, NULL));
    if (!listen_udp(&address, &ALONE, &fd, &fault))
        fail_msg("%s", fault.text);
    assert_true(listen_local_address(fd, ret_local, NULL));
    return fd;
}

// A client that waits at most two seconds; not connected, so that it sees where an answer came
// from.
static int
open_client(sa_family_t family)
{
    struct timeval patience = {2, 0};
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    return fd;
}

static void
send_to(int fd, const struct address *to, const void *octets, size_t length)
{
    assert_int_equal(sendto(fd, octets, length, 0, &to->any, address_sockaddr_length(to)), length);
}

static ssize_t
receive_from(int fd, void *octets, size_t size, struct address *ret_from)
{
    struct sockaddr_storage from;
    socklen_t length = sizeof(from);
    ssize_t received = recvfrom(fd, octets, size, 0, (struct sockaddr *)&from, &length);
    if (received >= 0)
        assert_true(address_from_sockaddr((struct sockaddr *)&from, length, ret_from));
    return received;
}

static unsigned
receive_some(struct udp_batch *batch, int fd)
{
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    poll(&waiting, 1, 2000);
    return udp_batch_receive(batch, fd);
}

// One batch of just these requests. A busy machine may deliver them in parts: then it is tried
// again.
static void
receive_exactly(struct udp_batch *batch, int server, int client, const struct address *local,
                const char *const *requests, unsigned count)
{
    for (useconds_t wait = 1000; wait < 500000; wait *= 2) {
        for (unsigned i = 0; i < count; i++)
            send_to(client, local, requests[i], strlen(requests[i]));
        usleep(wait);
        if (receive_some(batch, server) == count)
            return;
        usleep(100000);
        while (udp_batch_receive(batch, server) > 0)
            continue;
    }
    fail_msg("%u requests never came as one batch", count);
}

// Answers each request with "re:" and itself.
static void
echo(struct udp_batch *batch, int fd, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct udp_packet *packet = udp_batch_packet(batch, i);
        memcpy(packet->response, "re:", 3);
        memcpy(packet->response + 3, packet->request, packet->request_length);
        packet->response_length = packet->request_length + 3;
    }
    udp_batch_send(batch, fd);
}

static void
answers_leave_from_the_address_that_was_asked(void **state)
{
    static const char *const asked[] = {"127.0.0.2", "127.0.0.1", "127.9.8.7"};
    struct udp_batch *batch = udp_batch_new(NULL);
    struct address local;
    int server = open_server("0.0.0.0@0", &local);
    int client = open_client(AF_INET);
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct address to;
        struct address from;
        char answer[16];
        address_from_text(asked[i], address_port(&local), &to, NULL);
        send_to(client, &to, "q", 1);
        assert_int_equal(receive_some(batch, server), 1);
        echo(batch, server, 1);
        assert_int_equal(receive_from(client, answer, sizeof(answer), &from), 4);
        assert_memory_equal(answer, "re:q", 4);
        assert_true(address_equal(&from, &to));
    }
    assert_int_equal(udp_batch_counted(batch)->received, 3);
    assert_int_equal(udp_batch_counted(batch)->sent, 3);
    close(server);
    close(client);
    udp_batch_free(&batch);
    assert_null(batch);
}

static void
ipv6_answers_leave_from_the_address_that_was_asked(void **state)
{
    struct udp_batch *batch;
    struct address local;
    struct address to;
    struct address from;
    char answer[16];
    int probe = socket(AF_INET6, SOCK_DGRAM, 0);
    (void)state;
    address_from_text("::1@0", 0, &to, NULL);
    if (probe < 0 || bind(probe, &to.any, address_sockaddr_length(&to)) != 0) {
        if (probe >= 0)
            close(probe);
        skip();
    }
    close(probe);
    batch = udp_batch_new(NULL);
    int server = open_server("::@0", &local);
    int client = open_client(AF_INET6);
    address_set_port(&to, address_port(&local));
    send_to(client, &to, "q", 1);
    assert_int_equal(receive_some(batch, server), 1);
    echo(batch, server, 1);
    assert_int_equal(receive_from(client, answer, sizeof(answer), &from), 4);
    assert_true(address_equal(&from, &to));
    close(server);
    close(client);
    udp_batch_free(&batch);
}

static void
two_hundred_packets_take_several_batches_and_keep_their_order(void **state)
{
    struct udp_batch *batch = udp_batch_new(NULL);
    struct address local;
    struct address from;
    int server = open_server("127.0.0.1@0", &local);
    int client = open_client(AF_INET);
    unsigned total = 0;
    (void)state;
    for (uint32_t i = 0; i < 200; i++)
        send_to(client, &local, &i, sizeof(i));
    for (unsigned turns = 0; turns < 200 && total < 200; turns++) {
        unsigned count = receive_some(batch, server);
        assert_true(count > 0 && count <= UDP_BATCH_PACKETS);
        echo(batch, server, count);
        total += count;
    }
    assert_int_equal(total, 200);
    assert_int_equal(udp_batch_receive(batch, server), 0);
    for (uint32_t i = 0; i < 200; i++) {
        uint8_t answer[16];
        assert_int_equal(receive_from(client, answer, sizeof(answer), &from), 7);
        assert_memory_equal(answer + 3, &i, sizeof(i));
    }
    close(server);
    close(client);
    udp_batch_free(&batch);
}

static void
answers_of_any_length_stand_apart(void **state)
{
    static const size_t lengths[] = {UDP_BATCH_RESPONSE_SIZE, 1,  64, 0, 65,
                                     UDP_BATCH_RESPONSE_SIZE, 300};
    static const char *const requests[] = {"0", "1", "2", "3", "4", "5", "6"};
    enum { COUNT = sizeof lengths / sizeof lengths[0] };
    struct udp_batch *batch = udp_batch_new(NULL);
    struct address local;
    struct address from;
    int server = open_server("127.0.0.1@0", &local);
    int client = open_client(AF_INET);
    (void)state;
    receive_exactly(batch, server, client, &local, requests, COUNT);
    for (unsigned i = 0; i < COUNT; i++) // looked at first, answered then, as a server does
        assert_memory_equal(udp_batch_packet(batch, i)->request, requests[i], 1);
    for (unsigned i = 0; i < COUNT; i++) {
        struct udp_packet *packet = udp_batch_packet(batch, i);
        memset(packet->response, 'a' + (int)i, UDP_BATCH_RESPONSE_SIZE);
        packet->response_length = lengths[i];
    }
    udp_batch_send(batch, server);
    for (unsigned i = 0; i < COUNT; i++) {
        uint8_t answer[UDP_BATCH_RESPONSE_SIZE], expected[UDP_BATCH_RESPONSE_SIZE];
        if (lengths[i] == 0)
            continue;
        memset(expected, 'a' + (int)i, sizeof expected);
        assert_int_equal(receive_from(client, answer, sizeof answer, &from), lengths[i]);
        assert_memory_equal(answer, expected, lengths[i]);
    }
    close(server);
    close(client);
    udp_batch_free(&batch);
}

static void
an_unanswered_packet_stays_unanswered(void **state)
{
    struct udp_batch *batch = udp_batch_new(NULL);
    struct address local;
    struct address from;
    char answer[16];
    int server = open_server("127.0.0.1@0", &local);
    int client = open_client(AF_INET);
    (void)state;
    receive_exactly(batch, server, client, &local, (const char *const[]){"a", "b", ""}, 3);
    assert_int_equal(udp_batch_packet(batch, 2)->request_length, 0);
    struct udp_packet *packet = udp_batch_packet(batch, 1);
    memcpy(packet->response, "B", 1);
    packet->response_length = 1;
    udp_batch_send(batch, server);
    assert_int_equal(receive_from(client, answer, sizeof(answer), &from), 1);
    assert_int_equal(answer[0], 'B');
    assert_int_equal(udp_batch_counted(batch)->sent, 1);
    // The next batch begins without answers again.
    receive_exactly(batch, server, client, &local, (const char *const[]){"c", "d"}, 2);
    udp_batch_send(batch, server);
    assert_int_equal(udp_batch_counted(batch)->sent, 1);
    close(server);
    close(client);
    udp_batch_free(&batch);
}

static void
a_request_that_is_too_long_is_marked(void **state)
{
    struct udp_batch *batch = udp_batch_new(NULL);
    struct address local;
    uint8_t octets[UDP_BATCH_REQUEST_SIZE + 1];
    int server = open_server("127.0.0.1@0", &local);
    int client = open_client(AF_INET);
    (void)state;
    memset(octets, 7, sizeof(octets));
    send_to(client, &local, octets, sizeof(octets));
    assert_int_equal(receive_some(batch, server), 1);
    assert_true(udp_batch_packet(batch, 0)->request_cut);
    assert_int_equal(udp_batch_packet(batch, 0)->request_length, UDP_BATCH_REQUEST_SIZE);
    send_to(client, &local, octets, sizeof(octets) - 1);
    assert_int_equal(receive_some(batch, server), 1);
    assert_false(udp_batch_packet(batch, 0)->request_cut);
    assert_int_equal(udp_batch_packet(batch, 0)->request_length, UDP_BATCH_REQUEST_SIZE);
    close(server);
    close(client);
    udp_batch_free(&batch);
}

static void
one_answer_that_the_kernel_refuses_does_not_hold_up_the_others(void **state)
{
    struct udp_batch *batch = udp_batch_new(NULL);
    struct address local;
    struct address from;
    char answer[16];
    int server = open_server("127.0.0.1@0", &local);
    int client = open_client(AF_INET);
    (void)state;
    receive_exactly(batch, server, client, &local, (const char *const[]){"q", "q", "q"}, 3);
    // Port 0 of a forged source: sendmsg says EINVAL.
    struct sockaddr_in *forged =
        (struct sockaddr_in *)(uintptr_t)&udp_batch_packet(batch, 1)->peer->v4;
    forged->sin_port = 0;
    echo(batch, server, 3);
    assert_int_equal(udp_batch_counted(batch)->sent, 2);
    assert_int_equal(udp_batch_counted(batch)->dropped_failed, 1);
    assert_int_equal(receive_from(client, answer, sizeof(answer), &from), 4);
    assert_int_equal(receive_from(client, answer, sizeof(answer), &from), 4);
    close(server);
    close(client);
    udp_batch_free(&batch);
}

// A connected stream that is full, in place of the UDP socket: every message fails, and sending
// ends.
static void
a_socket_that_takes_nothing_makes_nobody_wait(void **state)
{
    struct udp_batch *batch = udp_batch_new(NULL);
    struct address local;
    int server = open_server("127.0.0.1@0", &local);
    int client = open_client(AF_INET);
    int pair[2];
    char filler[512] = {0};
    (void)state;
    receive_exactly(batch, server, client, &local, (const char *const[]){"q", "q", "q", "q", "q"},
                    5);
    for (unsigned i = 0; i < 5; i++)
        udp_batch_packet(batch, i)->response_length = 100;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    while (send(pair[0], filler, sizeof(filler), MSG_NOSIGNAL) > 0)
        continue;
    udp_batch_send(batch, pair[0]);
    // Whether it says EAGAIN or that a connected socket takes no address: nothing waits, all
    // counted.
    const struct udp_batch_counters *counted = udp_batch_counted(batch);
    assert_int_equal(counted->dropped_full + counted->dropped_failed, 5);
    assert_int_equal(counted->sent, 0);
    close(pair[0]);
    close(pair[1]);
    close(server);
    close(client);
    udp_batch_free(&batch);
}

static void
another_process_sees_the_batch_after_a_crash(void **state)
{
    struct udp_batch_seen *seen =
        mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct address local;
    struct address peer = {0};
    size_t length = 0;
    int status;
    int server = open_server("127.0.0.1@0", &local);
    int client = open_client(AF_INET);
    (void)state;
    assert_ptr_not_equal(seen, MAP_FAILED);
    pid_t child = fork();
    if (child == 0) {
        struct udp_batch *batch = udp_batch_new(seen);
        receive_exactly(batch, server, client, &local, (const char *const[]){"one", "three"}, 2);
        udp_batch_packet(batch, 0);
        udp_batch_packet(batch, 1);
        _exit(9); // the crash
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 9);
    assert_int_equal(seen->count, 2);
    assert_int_equal(seen->current, 1);
    assert_memory_equal(udp_batch_seen_packet(seen, 1, &length, &peer), "three", 5);
    assert_int_equal(length, 5);
    assert_int_equal(peer.family, AF_INET);
    assert_null(udp_batch_seen_packet(seen, 2, &length, &peer));
    seen->packet[0].length = UDP_BATCH_REQUEST_SIZE + 1;
    assert_null(udp_batch_seen_packet(seen, 0, &length, &peer));
    seen->count = 1u << 31;
    assert_null(udp_batch_seen_packet(seen, UDP_BATCH_PACKETS, &length, &peer));
    munmap(seen, sizeof(*seen));
    close(server);
    close(client);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_leave_from_the_address_that_was_asked),
        cmocka_unit_test(ipv6_answers_leave_from_the_address_that_was_asked),
        cmocka_unit_test(two_hundred_packets_take_several_batches_and_keep_their_order),
        cmocka_unit_test(answers_of_any_length_stand_apart),
        cmocka_unit_test(an_unanswered_packet_stays_unanswered),
        cmocka_unit_test(a_request_that_is_too_long_is_marked),
        cmocka_unit_test(one_answer_that_the_kernel_refuses_does_not_hold_up_the_others),
        cmocka_unit_test(a_socket_that_takes_nothing_makes_nobody_wait),
        cmocka_unit_test(another_process_sees_the_batch_after_a_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
