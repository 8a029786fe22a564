// needs: net daemon zone answer
// How long a connection may last whatever its client does, and what happens when descriptors run
// out. The clock goes ahead by as much as a test says; what a client sees otherwise is asked in
// tests/journey/test_server_tcp.py.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/dns/message_write.h"
#include "common/dns/rrtype.h"
#include "common/net/listen.h"
#include "secondary/server/tcp_clients.h"
#include "secondary/server/tcp_worker.h"
#include "tests/support/zone_fixture.h"

#define TURNS_MAX    100000 // a test that needs more hangs
#define HOUR_MS      3600000
#define RECORDS      5000 // of 200 octets: more than what one piece and both sockets hold
#define DESCRIPTORS  64   // more than a test needs
#define BUFFER_SMALL 4096 // asked of the kernel for either socket

// --- the clock

static time_t ahead_seconds;

int
clock_gettime(clockid_t clock, struct timespec *ret_time)
{
    int failed = (int)syscall(SYS_clock_gettime, clock, ret_time);
    ret_time->tv_sec += ahead_seconds;
    return failed;
}

// --- a worker on a socket

static struct zone_fixture fixture;
static struct served_zone served;
static struct zones zones;
static struct acl everybody;
static struct counters counters;
static struct responder responder;
static struct loop *loop;
static struct tcp_worker *worker;
static struct address address;

// A zone whose transfer takes its time.
static void
zone_write(char *path)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    fputs("$TTL 60\n@ SOA ns h 1 60 60 60000 60\n@ NS ns\nns A 192.0.2.1\n", file);
    for (unsigned i = 0; i < RECORDS; i++)
        fprintf(file, "h%u TXT %0200u\n", i, i);
    assert_int_equal(fclose(file), 0);
}

static int
worker_open(void **state)
{
    const struct tcp_worker_options limits = {.clients_max = 64, .idle_ms = HOUR_MS};
    const struct listen_options alone = {0};
    const int small = BUFFER_SMALL;
    char path[] = "/tmp/tandem-worker-XXXXXX";
    int listener;
    (void)state;
    zone_write(path);
    zone_fixture_open(&fixture, "big.example.", path);
    unlink(path);
    zones_init(&zones);
    acl_init(&everybody);
    acl_add(&everybody, "all", ACL_TRANSFER | ACL_QUERY);
    served = (struct served_zone){.domain = "big.example", .acl = &everybody};
    served.answer = (struct answer_zone){.version = fixture.version, .expire_at = ANSWER_NEVER};
    served.apex = version_apex(fixture.version);
    zone_set_put(zones.set, served.apex, &served);
    counters = (struct counters){0};
    responder =
        (struct responder){.service.zones = zones.set, .zones = &zones, .counters = &counters};
    ahead_seconds = 0;
    loop = loop_new();
    worker = tcp_worker_new(loop, &responder);
    tcp_worker_configure(worker, &limits);
    assert_true(address_from_text("127.0.0.1@0", 0, &address, NULL));
    assert_true(listen_tcp(&address, &alone, &listener, NULL));
    setsockopt(listener, SOL_SOCKET, SO_SNDBUF, &small, sizeof small); // connections inherit it
    assert_true(listen_local_address(listener, &address, NULL));
    tcp_worker_add(worker, &listener);
    return 0;
}

static int
worker_close(void **state)
{
    (void)state;
    tcp_worker_free(&worker);
    loop_free(&loop);
    zones_close(&zones);
    acl_close(&everybody);
    zone_fixture_close(&fixture);
    return 0;
}

// --- a client

static int
client_open(void)
{
    const int small = BUFFER_SMALL;
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(client, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    assert_int_equal(connect(client, &address.any, address_sockaddr_length(&address)), 0);
    return client;
}

static void
ask(int client, uint16_t type)
{
    struct message_writer writer;
    uint8_t name[NAME_SIZE_MAX], octets[2 + 512];
    assert_true(name_from_text("big.example.", NULL, name, NULL));
    message_writer_init(&writer, octets + 2, 512, 1, 0);
    assert_true(message_write_question(&writer, name, type, RRCLASS_IN));
    size_t length = message_length(&writer);
    octets_put_u16(octets, (uint16_t)length);
    send(client, octets, 2 + length, MSG_NOSIGNAL); // to a closed connection: seen when it is read
}

// What the client reads next: octets of an answer, or 0 where the connection has ended.
static size_t
next(int client)
{
    uint8_t answer[512];
    for (unsigned i = 0; i < TURNS_MAX; i++) {
        loop_run_once(loop, false);
        ssize_t length = recv(client, answer, sizeof answer, MSG_DONTWAIT);
        if (length >= 0)
            return (size_t)length;
        usleep(100);
    }
    fail_msg("neither an answer nor an end");
    return 0;
}

static void
until(const uint64_t *counter, uint64_t value)
{
    for (unsigned i = 0; i < TURNS_MAX && *counter < value; i++) {
        loop_run_once(loop, false);
        usleep(100);
    }
    assert_int_equal(*counter, value);
}

static void
turns(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        loop_run_once(loop, false);
}

// --- tests

// RFC 9210 section 5: a client that always has one more question has its time, too.
static void
a_connection_ends_after_its_total_time_however_busy_it_is(void **state)
{
    const time_t step_seconds = 60;
    unsigned answers = 0;
    (void)state;
    int client = client_open();
    for (;; ahead_seconds += step_seconds) {
        ask(client, RRTYPE_SOA);
        if (next(client) == 0)
            break;
        assert_true(++answers <= TCP_WORKER_TOTAL_MS / 1000 / step_seconds);
    }
    // One step fewer on a machine that took as long for this.
    assert_true(answers + 1 >= TCP_WORKER_TOTAL_MS / 1000 / step_seconds);
    assert_int_equal(counters.tcp_timeouts, 1);
    close(client);
}

static void
a_transfer_ends_when_its_client_takes_nothing(void **state)
{
    (void)state;
    int client = client_open();
    ask(client, RRTYPE_AXFR);
    until(&counters.transfers_started, 1);
    turns(100);
    ahead_seconds += TCP_WORKER_TRANSFER_IDLE_MS / 1000 / 2;
    turns(100);
    assert_int_equal(counters.tcp_timeouts, 0);
    assert_int_equal(counters.transfers_done + counters.transfers_failed, 0);
    ahead_seconds += TCP_WORKER_TRANSFER_IDLE_MS / 1000;
    until(&counters.tcp_timeouts, 1);
    assert_int_equal(counters.transfers_failed, 1);
    assert_int_equal(counters.tcp_open, 0);
    close(client);
}

// And one whose client reads goes on beyond the time that a connection without a transfer has.
static void
a_transfer_that_is_taken_has_more_time_than_a_connection_without_one(void **state)
{
    (void)state;
    int client = client_open();
    ask(client, RRTYPE_AXFR);
    until(&counters.transfers_started, 1);
    for (time_t passed = 0; passed < 2 * TCP_WORKER_TOTAL_MS / 1000; passed += 20) {
        ahead_seconds += 20;
        for (unsigned i = 0; i < 16; i++) // more than the kernel's smallest step of a window
            assert_true(next(client) > 0);
    }
    assert_int_equal(counters.tcp_timeouts, 0);
    while (counters.transfers_done == 0)
        assert_true(next(client) > 0);
    close(client);
}

// All descriptors below DESCRIPTORS are taken until they are given back.
static struct rlimit limit_before;
static int taken[DESCRIPTORS];
static unsigned taken_count;

static void
descriptors_take(void)
{
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit_before), 0);
    const struct rlimit few = {DESCRIPTORS, limit_before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    int fd;
    for (taken_count = 0; (fd = dup(STDERR_FILENO)) >= 0;)
        taken[taken_count++] = fd;
}

static void
descriptors_give(void)
{
    while (taken_count > 0)
        close(taken[--taken_count]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit_before), 0);
}

// RFC 9210 section 4.1: the one silent longest gives its descriptor.
static void
when_descriptors_are_out_the_one_silent_longest_gives_its_own(void **state)
{
    int clients[3];
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        clients[i] = client_open();
        until(&counters.tcp_accepted, i + 1);
        ahead_seconds++;
    }
    ask(clients[0], RRTYPE_SOA);
    assert_true(next(clients[0]) > 0); // so that the second one is silent for longer
    ahead_seconds += 1 + TCP_CLIENTS_GRACE_MS / 1000;
    clients[2] = client_open();
    descriptors_take();
    until(&counters.tcp_accepted, 3);
    descriptors_give();
    assert_int_equal(counters.tcp_refused, 1);
    assert_int_equal(next(clients[1]), 0);
    for (unsigned i = 0; i < 3; i += 2) {
        ask(clients[i], RRTYPE_SOA);
        assert_true(next(clients[i]) > 0);
    }
    for (unsigned i = 0; i < 3; i++)
        close(clients[i]);
}

// Nobody is silent, so nobody goes, and the loop does not spin: it looks again in a moment.
static void
when_nobody_can_give_one_newcomers_wait_until_one_is_free(void **state)
{
    (void)state;
    int client = client_open();
    descriptors_take();
    turns(50);
    assert_int_equal(counters.tcp_accepted, 0);
    descriptors_give();
    ahead_seconds += 1 + TCP_WORKER_PAUSE_MS / 1000;
    ask(client, RRTYPE_SOA);
    assert_true(next(client) > 0);
    assert_int_equal(counters.tcp_refused, 0);
    close(client);
}

static bool
dies(const void *context, const struct answer_zone *zone)
{
    (void)context;
    (void)zone;
    _exit(9); // the crash
}

// As a batch of datagrams is: what was asked can be asked again of a copy.
static void
another_process_sees_the_message_after_a_crash_and_none_when_all_are_answered(void **state)
{
    struct counters_tcp_seen *seen =
        mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status;
    (void)state;
    assert_ptr_not_equal(seen, MAP_FAILED);
    tcp_worker_show(worker, seen);
    int client = client_open();
    ask(client, RRTYPE_SOA);
    assert_true(next(client) > 0);
    assert_int_equal(seen->in_hand, 0);
    pid_t child = fork();
    if (child == 0) {
        responder.service.may_ask = dies;
        ask(client, RRTYPE_NS);
        next(client);
        _exit(1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 9);
    assert_int_equal(seen->in_hand, 1);
    assert_int_equal(seen->length, MESSAGE_HEADER_SIZE + 13 + 4);
    assert_memory_equal(seen->octets + MESSAGE_HEADER_SIZE, "\3big\7example\0\0\2\0\1", 17);
    assert_int_equal(seen->peer.family, AF_INET);
    close(client);
    tcp_worker_show(worker, NULL);
    munmap(seen, sizeof *seen);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_connection_ends_after_its_total_time_however_busy_it_is,
                                        worker_open, worker_close),
        cmocka_unit_test_setup_teardown(a_transfer_ends_when_its_client_takes_nothing, worker_open,
                                        worker_close),
        cmocka_unit_test_setup_teardown(
            a_transfer_that_is_taken_has_more_time_than_a_connection_without_one, worker_open,
            worker_close),
        cmocka_unit_test_setup_teardown(
            when_descriptors_are_out_the_one_silent_longest_gives_its_own, worker_open,
            worker_close),
        cmocka_unit_test_setup_teardown(
            another_process_sees_the_message_after_a_crash_and_none_when_all_are_answered,
            worker_open, worker_close),
        cmocka_unit_test_setup_teardown(when_nobody_can_give_one_newcomers_wait_until_one_is_free,
                                        worker_open, worker_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
