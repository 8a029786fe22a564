#include "common/daemon/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/daemon/log.h"
#include "common/net/listen.h"
#include "common/net/tcp_stream.h"
#include "common/net/udp_batch.h"

// Each case runs in a child with the filter of one profile: it either ends with exit code 0 or dies
// of SIGSYS. Cases that a build with sanitizers must allow are left out there.

static void
reads_a_file(void)
{
    int fd = open("/etc/hostname", O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT)
        _exit(1);
}

static void
reads_a_file_by_openat(void)
{
    (void)!syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
}

static void
makes_a_network_socket(void)
{
    if (socket(AF_INET, SOCK_DGRAM, 0) < 0)
        _exit(1);
}

static void
makes_a_unix_socket(void)
{
    if (socket(AF_UNIX, SOCK_DGRAM, 0) < 0)
        _exit(1);
}

static void
makes_a_raw_packet_socket(void)
{
    (void)socket(AF_PACKET, SOCK_RAW, 0);
}

// A socket that listened and was shut down connects again with MSG_FASTOPEN.
static void
connects_without_connect(void)
{
    (void)sendto(STDIN_FILENO, "", 1, MSG_FASTOPEN, NULL, 0);
}

static void
connects_by_a_message(void)
{
    struct msghdr message = {0};
    (void)sendmsg(STDIN_FILENO, &message, MSG_FASTOPEN | MSG_NOSIGNAL);
}

static void
connects_by_a_batch(void)
{
    struct mmsghdr message = {0};
    (void)sendmmsg(STDIN_FILENO, &message, 1, MSG_FASTOPEN);
}

static void
sends_on_what_is_no_socket(void)
{
    (void)!sendto(STDIN_FILENO, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0);
}

static void
runs_a_program(void)
{
    execl("/bin/true", "true", (char *)NULL);
}

static void
forks(void)
{
    pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    if (child == 0)
        _exit(0);
}

static void *
nothing(void *context)
{
    return context;
}

static void
starts_a_thread(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, nothing, NULL) != 0 || pthread_join(thread, NULL) != 0)
        _exit(1);
}

static void
maps_code(void)
{
    (void)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void
traces(void)
{
    (void)syscall(SYS_ptrace, 0, 0, 0, 0);
}

static void
kills_its_parent(void)
{
    (void)kill(getppid(), 0);
}

static void
changes_its_user(void)
{
    (void)!setuid(getuid());
}

static void
sends_a_long_message(void)
{
    int message = memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (message < 0 || ftruncate(message, 100000) != 0 ||
        fcntl(message, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK) != 0)
        _exit(1);
    void *map = mmap(NULL, 100000, PROT_READ, MAP_SHARED, message, 0);
    if (map == MAP_FAILED || munmap(map, 100000) != 0)
        _exit(2);
}

static void
logs_with_the_time(void)
{
    log_info("seccomp test", "pid", LOG_NUMBER(getpid()));
}

static int
compare_numbers(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(int));
}

static void
asks_the_system_what_roles_ask(void)
{
    char *memory = malloc(10 * 1024 * 1024);
    struct tm broken;
    time_t now = time(NULL);
    if (!memory || !gmtime_r(&now, &broken))
        _exit(1);
    memset(memory, 1, 10 * 1024 * 1024);
    free(memory);
    static int numbers[100000]; // large enough for qsort to ask how much memory there is
    qsort(numbers, 100000, sizeof(int), compare_numbers);
}

// With sanitizers this looks for leaks, in a tracing thread.
static void
exits(void)
{
    exit(0);
}

static void
aborts(void)
{
    abort();
}

static const struct {
    const char *what;
    enum privileges_profile profile;
    void (*act)(void);
    int signal_number; // 0: exits with code 0
    bool only_without_sanitizers;
} cases[] = {
    {"server logs", PRIVILEGES_SERVER, logs_with_the_time, 0, false},
    {"server's C library", PRIVILEGES_SERVER, asks_the_system_what_roles_ask, 0, false},
    {"server, long message", PRIVILEGES_SERVER, sends_a_long_message, 0, false},
    {"server opens a file", PRIVILEGES_SERVER, reads_a_file, SIGSYS, true},
    {"server, openat", PRIVILEGES_SERVER, reads_a_file_by_openat, SIGSYS, true},
    {"server makes a socket", PRIVILEGES_SERVER, makes_a_network_socket, SIGSYS, false},
    {"server makes a unix socket", PRIVILEGES_SERVER, makes_a_unix_socket, SIGSYS, false},
    {"server connects by sendto", PRIVILEGES_SERVER, connects_without_connect, SIGSYS, false},
    {"server connects by sendmsg", PRIVILEGES_SERVER, connects_by_a_message, SIGSYS, false},
    {"server connects by sendmmsg", PRIVILEGES_SERVER, connects_by_a_batch, SIGSYS, false},
    {"server sends", PRIVILEGES_SERVER, sends_on_what_is_no_socket, 0, false},
    {"server runs a program", PRIVILEGES_SERVER, runs_a_program, SIGSYS, false},
    {"server forks", PRIVILEGES_SERVER, forks, SIGSYS, true},
    {"server, thread", PRIVILEGES_SERVER, starts_a_thread, SIGSYS, true},
    {"server maps code", PRIVILEGES_SERVER, maps_code, SIGSYS, true},
    {"server traces", PRIVILEGES_SERVER, traces, SIGSYS, true},
    {"server kills", PRIVILEGES_SERVER, kills_its_parent, SIGSYS, true},
    {"server changes its user", PRIVILEGES_SERVER, changes_its_user, SIGSYS, false},
    {"server exits", PRIVILEGES_SERVER, exits, 0, false},
    {"signer exits", PRIVILEGES_SIGNER, exits, 0, false},
    {"server aborts", PRIVILEGES_SERVER, aborts, SIGABRT, false},
    {"fetcher makes a socket", PRIVILEGES_FETCHER, makes_a_network_socket, 0, false},
    {"fetcher makes a unix socket", PRIVILEGES_FETCHER, makes_a_unix_socket, SIGSYS, false},
    {"fetcher, thread", PRIVILEGES_FETCHER, starts_a_thread, 0, false},
    {"fetcher opens a file", PRIVILEGES_FETCHER, reads_a_file, SIGSYS, true},
    {"fetcher sniffs", PRIVILEGES_FETCHER, makes_a_raw_packet_socket, SIGSYS, false},
    {"signer opens a file", PRIVILEGES_SIGNER, reads_a_file, 0, false},
    {"signer, thread", PRIVILEGES_SIGNER, starts_a_thread, 0, false},
    {"signer makes a socket", PRIVILEGES_SIGNER, makes_a_network_socket, SIGSYS, false},
    {"signer makes a unix socket", PRIVILEGES_SIGNER, makes_a_unix_socket, SIGSYS, false},
    {"signer connects by sendto", PRIVILEGES_SIGNER, connects_without_connect, SIGSYS, false},
    {"fetcher connects by sendto", PRIVILEGES_FETCHER, connects_without_connect, 0, false},
    {"signer runs a program", PRIVILEGES_SIGNER, runs_a_program, SIGSYS, false},
    {"signer forks", PRIVILEGES_SIGNER, forks, SIGSYS, true},
    {"signer maps code", PRIVILEGES_SIGNER, maps_code, SIGSYS, true},
    {"desk makes a socket", PRIVILEGES_DESK, makes_a_network_socket, 0, false},
    {"desk makes a unix socket", PRIVILEGES_DESK, makes_a_unix_socket, 0, false},
    {"desk, thread", PRIVILEGES_DESK, starts_a_thread, 0, false},
    {"desk runs a program", PRIVILEGES_DESK, runs_a_program, SIGSYS, false},
    {"desk forks", PRIVILEGES_DESK, forks, SIGSYS, true},
    {"primary opens a file", PRIVILEGES_PRIMARY, reads_a_file, 0, false},
    {"primary makes a socket", PRIVILEGES_PRIMARY, makes_a_network_socket, 0, false},
    {"primary runs a program", PRIVILEGES_PRIMARY, runs_a_program, SIGSYS, false},
};

static bool
is_sanitized(void)
{
#if defined(TANDEM_SANITIZED) || defined(TANDEM_COVERAGE)
    return true;
#else
    return false;
#endif
}

// The end of a child that acts under the profile's filter, as waitpid says it.
static int
end_of(enum privileges_profile profile, void (*act)(void))
{
    int status;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct fault fault = {0};
        if (!privileges_seccomp(profile, &fault)) {
            fprintf(stderr, "%s\n", fault.text);
            _exit(100);
        }
        act();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void
each_role_may_do_its_work_and_dies_of_anything_else(void **state)
{
    int wrong = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (cases[i].only_without_sanitizers && is_sanitized())
            continue;
        int status = end_of(cases[i].profile, cases[i].act);
        int died = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
        if (died != cases[i].signal_number || code != 0) {
            print_error("%s: signal %d, exit code %d\n", cases[i].what, died, code);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

// The server's real work: a batch, a connection, timers, on sockets opened before.
static int udp_socket;
static int tcp_listener;
static struct address udp_address;
static struct address tcp_address;
static struct loop *loop;
static struct udp_batch *batch;
static struct tcp_stream *stream;

static void
on_udp(void *context, unsigned events)
{
    (void)context;
    (void)events;
    unsigned count = udp_batch_receive(batch, udp_socket);
    for (unsigned i = 0; i < count; i++) {
        struct udp_packet *packet = udp_batch_packet(batch, i);
        memcpy(packet->response, packet->request, packet->request_length);
        packet->response_length = packet->request_length;
    }
    udp_batch_send(batch, udp_socket);
}

static void
on_message(void *context, const uint8_t *octets, size_t length)
{
    (void)context;
    tcp_stream_send(stream, octets, length);
}

static void
on_ended(void *context, enum tcp_stream_end end, const struct fault *fault)
{
    (void)context;
    (void)end;
    (void)fault;
    tcp_stream_free(&stream);
    loop_stop(loop);
}

static void
on_accept(void *context, unsigned events)
{
    static const struct tcp_stream_options options = {.idle_ms = 10000};
    static const struct tcp_stream_events stream_events = {.message = on_message,
                                                           .ended = on_ended};
    int fd;
    struct address peer;
    (void)context;
    (void)events;
    if (listen_accept(tcp_listener, &fd, &peer) == LISTEN_ACCEPTED)
        stream = tcp_stream_accepted(loop, &fd, &peer, &options, &stream_events, NULL);
}

static void
serve(void)
{
    struct loop_watch *udp = loop_watch_new(loop, udp_socket, on_udp, NULL);
    struct loop_watch *tcp = loop_watch_new(loop, tcp_listener, on_accept, NULL);
    loop_watch_want(udp, LOOP_READABLE);
    loop_watch_want(tcp, LOOP_READABLE);
    loop_run(loop);
    loop_watch_free(&udp);
    loop_watch_free(&tcp);
    udp_batch_free(&batch);
    loop_free(&loop);
}

static int
open_client(int type, const struct address *address)
{
    const struct timeval patience = {5, 0};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(fd, &address->any, address_sockaddr_length(address)), 0);
    return fd;
}

static void
a_server_answers_under_its_filter(void **state)
{
    const struct listen_options alone = {0};
    struct address any;
    char answer[8];
    int status;
    (void)state;
    address_from_text("127.0.0.1@0", 0, &any, NULL);
    assert_true(listen_udp(&any, &alone, &udp_socket, NULL));
    assert_true(listen_tcp(&any, &alone, &tcp_listener, NULL));
    assert_true(listen_local_address(udp_socket, &udp_address, NULL));
    assert_true(listen_local_address(tcp_listener, &tcp_address, NULL));
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        loop = loop_new();
        batch = udp_batch_new(NULL);
        if (!privileges_seccomp(PRIVILEGES_SERVER, NULL))
            _exit(100);
        serve();
        _exit(0);
    }
    int udp = open_client(SOCK_DGRAM, &udp_address);
    assert_int_equal(send(udp, "ask", 3, 0), 3);
    assert_int_equal(recv(udp, answer, sizeof(answer), 0), 3);
    int tcp = open_client(SOCK_STREAM, &tcp_address);
    assert_int_equal(send(tcp, "\0\2hi", 4, 0), 4);
    assert_int_equal(recv(tcp, answer, 4, MSG_WAITALL), 4);
    close(tcp);
    close(udp);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    close(udp_socket);
    close(tcp_listener);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_role_may_do_its_work_and_dies_of_anything_else),
        cmocka_unit_test(a_server_answers_under_its_filter),
    };
    log_open("test", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
