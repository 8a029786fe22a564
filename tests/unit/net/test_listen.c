#include "common/net/listen.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct listen_options ALONE = {0};
static const struct listen_options SHARED = {.share_port = true};

static struct address
any_port(void)
{
    struct address address;
    assert_true(address_from_text("127.0.0.1@0", 0, &address, NULL));
    return address;
}

static int
option(int fd, int level, int name)
{
    int value = -1;
    socklen_t length = sizeof(value);
    assert_int_equal(getsockopt(fd, level, name, &value, &length), 0);
    return value;
}

static void
a_udp_socket_has_its_options(void **state)
{
    struct address address = any_port();
    int fd = -1;
    (void)state;
    assert_true(listen_udp(&address, &SHARED, &fd, NULL));
    assert_int_equal(option(fd, IPPROTO_IP, IP_PKTINFO), 0); // it is bound to the one address
    assert_int_equal(option(fd, IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_OMIT);
    assert_int_equal(option(fd, SOL_SOCKET, SO_REUSEPORT), 1);
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    close(fd);
}

static void
a_udp_socket_on_all_addresses_is_told_which_one_was_asked(void **state)
{
    struct address address;
    int fd = -1;
    (void)state;
    assert_true(address_from_text("0.0.0.0@0", 0, &address, NULL));
    assert_true(listen_udp(&address, &SHARED, &fd, NULL));
    assert_int_equal(option(fd, IPPROTO_IP, IP_PKTINFO), 1);
    close(fd);
}

static void
workers_share_a_port_and_a_stranger_is_told_which_address_is_taken(void **state)
{
    struct address address = any_port();
    struct fault fault = {0};
    char text[ADDRESS_TEXT_MAX];
    int first;
    int second;
    int third;
    (void)state;
    assert_true(listen_udp(&address, &SHARED, &first, NULL));
    assert_true(listen_local_address(first, &address, NULL));
    assert_true(listen_udp(&address, &SHARED, &second, NULL));
    assert_false(listen_udp(&address, &ALONE, &third, &fault));
    assert_int_equal(fault.kind, FAULT_EXISTS);
    assert_non_null(strstr(fault.text, address_to_text(&address, text)));
    assert_non_null(strstr(fault.text, "UDP"));
    close(first);
    close(second);
}

static void
a_taken_address_is_found_out_although_ports_can_be_shared(void **state)
{
    struct address address = any_port();
    struct fault fault = {0};
    int udp;
    int tcp;
    (void)state;
    assert_true(listen_udp(&address, &SHARED, &udp, NULL));
    assert_true(listen_local_address(udp, &address, NULL));
    assert_false(listen_check_free(&address, &fault));
    assert_non_null(strstr(fault.text, "UDP"));
    close(udp);
    assert_true(listen_check_free(&address, NULL));
    assert_true(listen_tcp(&address, &SHARED, &tcp, NULL));
    assert_false(listen_check_free(&address, &fault));
    assert_non_null(strstr(fault.text, "TCP"));
    close(tcp);
}

static void
an_address_of_another_machine_is_refused_unless_any_is_allowed(void **state)
{
    const struct listen_options any = {.any_address = true};
    struct address address;
    struct fault fault = {0};
    int fd = -1;
    (void)state;
    assert_true(address_from_text("192.0.2.1@0", 0, &address, NULL));
    assert_false(listen_tcp(&address, &ALONE, &fd, &fault));
    assert_int_equal(fault.kind, FAULT_NOT_FOUND);
    assert_non_null(strstr(fault.text, "192.0.2.1@0"));
    assert_true(listen_tcp(&address, &any, &fd, &fault));
    close(fd);
}

static void
a_connection_is_accepted_with_its_peer_and_without_delay(void **state)
{
    struct address address = any_port();
    struct address peer;
    struct address mine;
    int server;
    int accepted;
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)state;
    assert_true(listen_tcp(&address, &ALONE, &server, NULL));
    assert_true(listen_local_address(server, &address, NULL));
    assert_int_equal(listen_accept(server, &accepted, &peer), LISTEN_NOTHING);
    assert_int_equal(connect(client, &address.any, address_sockaddr_length(&address)), 0);
    assert_int_equal(listen_accept(server, &accepted, &peer), LISTEN_ACCEPTED);
    assert_true(listen_local_address(client, &mine, NULL));
    assert_true(address_equal(&peer, &mine));
    assert_int_equal(option(accepted, IPPROTO_TCP, TCP_NODELAY), 1);
    assert_true((fcntl(accepted, F_GETFL) & O_NONBLOCK) != 0);
    close(accepted);
    close(client);
    close(server);
}

// As an ordinary user with ports below 1024 reserved.
static void
a_low_port_without_the_right_names_the_cure(void **state)
{
    int status;
    (void)state;
    if (geteuid() != 0)
        skip();
    pid_t child = fork();
    if (child == 0) {
        struct address address;
        struct fault fault = {0};
        int fd = -1;
        if (setresuid(65534, 65534, 65534) != 0)
            _exit(2);
        address_from_text("127.0.0.1@1", 0, &address, NULL);
        bool opened = listen_udp(&address, &ALONE, &fd, &fault);
        // Some containers let everybody have every port.
        _exit(opened || strstr(fault.text, "CAP_NET_BIND_SERVICE") ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_udp_socket_has_its_options),
        cmocka_unit_test(a_udp_socket_on_all_addresses_is_told_which_one_was_asked),
        cmocka_unit_test(workers_share_a_port_and_a_stranger_is_told_which_address_is_taken),
        cmocka_unit_test(a_taken_address_is_found_out_although_ports_can_be_shared),
        cmocka_unit_test(an_address_of_another_machine_is_refused_unless_any_is_allowed),
        cmocka_unit_test(a_connection_is_accepted_with_its_peer_and_without_delay),
        cmocka_unit_test(a_low_port_without_the_right_names_the_cure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
