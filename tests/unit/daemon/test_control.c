#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/base/octets.h"
#include "common/daemon/control.h"
#include "common/net/loop.h"

// The daemon under test: a loop, a socket in a folder of its own, handlers that note what they were
// asked.
struct bench {
    char folder[64];
    char path[128];
    struct loop *loop;
    struct control *control;
    struct control_request *kept; // of "zone wait"
    unsigned stops;
    size_t stream_left;
    bool stream_fails;
};

static void
answer_echo(void *context, struct control_request *request)
{
    (void)context;
    struct json_value *result = json_value_object();
    json_value_put_text(result, "first", control_argument(request, 0));
    json_value_put_text(result, "missing", control_argument(request, 9));
    json_value_put_boolean(result, "dry_run", control_dry_run(request));
    json_value_put_text(result, "serial", control_option(request, "serial"));
    json_value_put_integer(result, "uid", control_uid(request));
    control_reply(&request, &result);
}

static void
answer_later(void *context, struct control_request *request)
{
    ((struct bench *)context)->kept = request;
}

static void
answer_no(void *context, struct control_request *request)
{
    (void)context;
    struct fault fault;
    fault_set(&fault, FAULT_NOT_FOUND, "zone %s: not configured here",
              control_argument(request, 0));
    control_reply_fault(&request, &fault);
}

static bool
stream_next(void *context, struct octets_buffer *ret_text, struct fault *fault)
{
    struct bench *bench = context;
    if (bench->stream_fails)
        return fault_set(fault, FAULT_CORRUPT, "the version is damaged");
    size_t step = bench->stream_left < 65536 ? bench->stream_left : 65536;
    memset(octets_buffer_reserve(ret_text, step), 'x', step);
    ret_text->length += step;
    bench->stream_left -= step;
    return true;
}

static void
stream_stop(void *context)
{
    ((struct bench *)context)->stops++;
}

static void
answer_stream(void *context, struct control_request *request)
{
    struct json_value *result = json_value_object();
    json_value_put_integer(result, "records", 5);
    control_reply_stream(&request, &(struct control_stream){stream_next, stream_stop, context},
                         &result);
}

static void
answer_descriptor(void *context, struct control_request *request)
{
    (void)context;
    char text[16] = "";
    int fd = control_take_descriptor(request, 0);
    assert_int_equal(control_take_descriptor(request, 0), -1);
    assert_true(pread(fd, text, sizeof text - 1, 0) >= 0);
    close(fd);
    struct json_value *result = json_value_object();
    json_value_put_text(result, "read", text);
    json_value_put_integer(result, "count", (int64_t)control_descriptor_count(request));
    control_reply(&request, &result);
}

static void
answer_line(void *context, struct control_request *request)
{
    (void)context;
    const char *line = control_argument(request, 0);
    control_reply_line(&request, line, strlen(line));
}

static const struct control_verb verbs[] = {
    {"", "status", 0, 0, 0, NULL, answer_echo, NULL},
    {"zone", "status", 1, 1, 0, NULL, answer_echo, NULL},
    {"zone", "sign", 1, 1, CONTROL_CHANGES, "serial role", answer_echo, NULL},
    {"zone", "wait", 0, 0, CONTROL_MAY_WAIT, NULL, answer_later, NULL},
    {"zone", "show", 1, 3, 0, NULL, answer_no, NULL},
    {"zone", "export", 1, 1, 0, NULL, answer_stream, NULL},
    {"zone", "line", 1, 1, 0, NULL, answer_line, NULL},
    {"key", "import", 1, 9, CONTROL_NEEDS_KEYS, NULL, answer_descriptor, NULL},
    {"key", "roll", 0, 9, 0, NULL, NULL, NULL},
    {"alias", "list", 0, 9, 0, NULL, NULL, "only the primary has ALIAS records"},
};

static struct control_options
options_of(struct bench *bench)
{
    return (struct control_options){.path = bench->path,
                                    .verbs = verbs,
                                    .verb_count = sizeof verbs / sizeof verbs[0],
                                    .context = bench,
                                    .daemon_uid = getuid()};
}

static int
setup(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    strcpy(bench->folder, "/tmp/tandem-control-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    snprintf(bench->path, sizeof bench->path, "%s/c.sock", bench->folder);
    bench->loop = loop_new();
    struct control_options options = options_of(bench);
    assert_true(control_open(&bench->control, bench->loop, &options, NULL));
    *state = bench;
    return 0;
}

static int
teardown(void **state)
{
    struct bench *bench = *state;
    control_close(&bench->control);
    loop_free(&bench->loop);
    assert_int_equal(rmdir(bench->folder), 0); // the socket is gone
    free(bench);
    return 0;
}

static int
connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void
say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

// The next line from the daemon, NULL at the end of the connection.
static char *
hear(struct bench *bench, int fd)
{
    struct octets_buffer line;
    octets_buffer_init(&line);
    for (unsigned turns = 0; turns < 1000000; turns++) {
        char octet;
        ssize_t got = recv(fd, &octet, 1, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno == ECONNRESET)) {
            octets_buffer_close(&line);
            return NULL;
        }
        if (got < 0)
            loop_run_once(bench->loop, false);
        else if (octet == '\n')
            break;
        else
            octets_buffer_add_u8(&line, (uint8_t)octet);
    }
    octets_buffer_add_u8(&line, 0);
    return (char *)line.data;
}

static void
expect_reply(struct bench *bench, int fd, const char *expected)
{
    char *line = hear(bench, fd);
    assert_non_null(line);
    assert_string_equal(line, expected);
    free(line);
}

static void
turn(struct bench *bench, unsigned count)
{
    while (count-- > 0)
        loop_run_once(bench->loop, false);
}

static void
a_request_is_answered_and_the_next_one_on_the_same_connection_too(void **state)
{
    struct bench *bench = *state;
    int fd = connect_to(bench->path);
    say(fd, "{\"object\":\"zone\",\"verb\":\"status\",\"args\":[\"example.gov\"]}\n");
    char *line = hear(bench, fd);
    struct json_value *reply = NULL;
    assert_true(json_value_read(line, strlen(line), &reply, NULL));
    assert_true(json_value_get_boolean(reply, "ok", false));
    assert_int_equal(json_value_get_integer(reply, "exit_code", -1), 0);
    assert_string_equal(json_value_get_text(reply, "result/first", ""), "example.gov");
    assert_int_equal(json_value_get_integer(reply, "result/uid", -1), getuid());
    assert_int_equal(json_value_kind(json_value_get(reply, "result/missing")), JSON_VALUE_NULL);
    json_value_free(&reply);
    free(line);
    say(fd, "{\"verb\":\"nonsense\"}\n{\"object\":\"zone\",\"verb\":\"show\",\"args\":[\"x\"]}\n");
    expect_reply(bench, fd,
                 "{\"ok\": false, \"exit_code\": 2, \"error\": {\"kind\": \"unsupported\", "
                 "\"text\": \"nonsense: no such command\"}, \"result\": null}");
    expect_reply(bench, fd,
                 "{\"ok\": false, \"exit_code\": 5, \"error\": {\"kind\": \"not_found\", \"text\": "
                 "\"zone x: not configured here\"}, \"result\": null}");
    close(fd);
}

// What is wrong with a request, in the words of the reply.
static void
expect_error(struct bench *bench, const char *request, const char *text)
{
    int fd = connect_to(bench->path);
    say(fd, request);
    char *line = hear(bench, fd);
    struct json_value *reply = NULL;
    assert_true(json_value_read(line, strlen(line), &reply, NULL));
    assert_string_equal(json_value_get_text(reply, "error/text", ""), text);
    assert_false(json_value_get_boolean(reply, "ok", true));
    json_value_free(&reply);
    free(line);
    close(fd);
}

static void
unknown_words_get_the_nearest_known_one(void **state)
{
    struct bench *bench = *state;
    expect_error(bench, "{\"verb\":\"statsu\"}\n",
                 "statsu: no such command; the nearest is status");
    expect_error(bench, "{\"object\":\"zon\",\"verb\":\"status\"}\n",
                 "zon: no such object; the nearest is zone");
    expect_error(bench, "{\"object\":\"zone\",\"verb\":\"exprt\"}\n",
                 "zone exprt: no such verb; the nearest is export");
    expect_error(bench,
                 "{\"object\":\"zone\",\"verb\":\"sign\",\"args\":[\"a\"],\"options\":{\"x\":1}}\n",
                 "zone sign: no such option as x");
}

static void
verbs_that_nobody_performs_are_refused_with_the_reason(void **state)
{
    struct bench *bench = *state;
    expect_error(bench, "{\"object\":\"key\",\"verb\":\"roll\",\"args\":[\"a\"]}\n",
                 "key roll: not in this version");
    expect_error(bench, "{\"object\":\"alias\",\"verb\":\"list\"}\n",
                 "alias list: only the primary has ALIAS records");
}

static void
wrong_requests_are_answered_not_dropped(void **state)
{
    struct bench *bench = *state;
    expect_error(bench, "hello\n",
                 "request: JSON: line 1 column 5: '[' or '{' expected near 'hello'");
    expect_error(bench, "[]\n", "request: expected a JSON object with a verb");
    expect_error(bench, "{\"verb\":\"status\",\"args\":\"x\"}\n",
                 "request: expected args to be a list of texts");
    expect_error(bench, "{\"verb\":\"status\",\"args\":[1]}\n",
                 "request: expected args to be a list of texts");
    expect_error(bench, "{\"object\":\"zone\",\"verb\":\"status\"}\n",
                 "zone status: needs 1 argument, got 0");
    expect_error(bench, "{\"verb\":\"status\",\"args\":[\"a\"]}\n",
                 "status: takes at most 0 arguments, got 1");
    expect_error(bench, "{\"verb\":\"status\",\"options\":{\"dry_run\":true}}\n",
                 "status changes nothing: --dry-run has no meaning");
}

static void
options_reach_the_handler(void **state)
{
    struct bench *bench = *state;
    int fd = connect_to(bench->path);
    say(fd, "{\"object\":\"zone\",\"verb\":\"sign\",\"args\":[\"a\"],\"options\":{\"dry_run\":true,"
            "\"serial\":7}}\n");
    char *line = hear(bench, fd);
    assert_non_null(strstr(line, "\"dry_run\": true"));
    assert_non_null(strstr(line, "\"serial\": \"7\""));
    free(line);
    close(fd);
}

static void
a_handler_may_answer_later_and_others_are_served_meanwhile(void **state)
{
    struct bench *bench = *state;
    int waiting = connect_to(bench->path), other = connect_to(bench->path);
    say(waiting, "{\"object\":\"zone\",\"verb\":\"wait\",\"options\":{\"wait\":true}}\n");
    turn(bench, 5);
    assert_non_null(bench->kept);
    assert_true(control_wait(bench->kept));
    assert_true(control_client_is_there(bench->kept));
    say(other, "{\"verb\":\"status\"}\n");
    free(hear(bench, other));
    control_reply(&bench->kept, NULL);
    assert_null(bench->kept);
    expect_reply(bench, waiting, "{\"ok\": true, \"exit_code\": 0, \"result\": null}");
    close(waiting);
    close(other);
}

static void
an_answer_to_a_client_that_went_away_is_dropped(void **state)
{
    struct bench *bench = *state;
    int fd = connect_to(bench->path);
    say(fd, "{\"object\":\"zone\",\"verb\":\"wait\"}\n");
    turn(bench, 5);
    close(fd);
    turn(bench, 5);
    assert_non_null(bench->kept);
    assert_false(control_client_is_there(bench->kept));
    control_reply(&bench->kept, NULL);
    turn(bench, 5);
}

static void
a_request_outlives_the_server(void **state)
{
    struct bench *bench = *state;
    int fd = connect_to(bench->path);
    say(fd, "{\"object\":\"zone\",\"verb\":\"wait\"}\n");
    turn(bench, 5);
    control_close(&bench->control);
    assert_string_equal(control_verb(bench->kept), "wait");
    control_reply(&bench->kept, NULL);
    close(fd);
}

// As `socat` does: the last line without its end, then no more input, then the answer is read.
static void
a_client_that_closed_its_side_still_gets_its_answer(void **state)
{
    struct bench *bench = *state;
    int fd = connect_to(bench->path);
    say(fd, "{\"object\":\"zone\",\"verb\":\"line\",\"args\":[\"{\\\"ok\\\":true}\"]}");
    shutdown(fd, SHUT_WR);
    expect_reply(bench, fd, "{\"ok\": true}");
    assert_null(hear(bench, fd));
    close(fd);
}

static void
an_answer_of_another_process_must_be_one(void **state)
{
    struct bench *bench = *state;
    expect_error(bench, "{\"object\":\"zone\",\"verb\":\"line\",\"args\":[\"{}\"]}\n",
                 "answer: not one that can be passed on");
}

static void
a_stream_comes_in_chunks_and_waits_for_a_slow_reader(void **state)
{
    struct bench *bench = *state;
    size_t all = 5 * 1024 * 1024 + 17, got = 0;
    bench->stream_left = all;
    int fd = connect_to(bench->path);
    say(fd, "{\"object\":\"zone\",\"verb\":\"export\",\"args\":[\"a\"]}\n");
    turn(bench, 200);
    // Nothing was read yet: what is ready is bounded by the socket and our own mark.
    assert_true(bench->stream_left > all - 2 * 1024 * 1024);
    assert_int_equal(bench->stops, 0);
    for (;;) {
        char *line = hear(bench, fd);
        struct json_value *reply = NULL;
        assert_true(json_value_read(line, strlen(line), &reply, NULL));
        free(line);
        got += strlen(json_value_get_text(reply, "chunk", ""));
        bool last = json_value_get(reply, "ok") != NULL;
        if (last)
            assert_int_equal(json_value_get_integer(reply, "result/records", 0), 5);
        json_value_free(&reply);
        if (last)
            break;
    }
    assert_int_equal(got, all);
    assert_int_equal(bench->stops, 1);
    close(fd);
}

static void
a_stream_that_nobody_reads_is_stopped_once(void **state)
{
    struct bench *bench = *state;
    bench->stream_left = 5 * 1024 * 1024;
    int fd = connect_to(bench->path);
    say(fd, "{\"object\":\"zone\",\"verb\":\"export\",\"args\":[\"a\"]}\n");
    turn(bench, 5);
    close(fd);
    turn(bench, 5);
    assert_int_equal(bench->stops, 1);
}

static void
a_stream_that_fails_ends_with_its_fault(void **state)
{
    struct bench *bench = *state;
    bench->stream_fails = true;
    expect_error(bench, "{\"object\":\"zone\",\"verb\":\"export\",\"args\":[\"a\"]}\n",
                 "the version is damaged");
    assert_int_equal(bench->stops, 1);
}

static void
a_stream_over_the_limit_ends_with_a_fault(void **state)
{
    struct bench *bench = *state;
    bench->stream_left = CONTROL_REPLY_MAX + 1;
    int fd = connect_to(bench->path);
    say(fd, "{\"object\":\"zone\",\"verb\":\"export\",\"args\":[\"a\"]}\n");
    char *octets = malloc(1 << 20), tail[400] = "";
    size_t used = 0;
    while (!strstr(tail, "\"ok\"")) {
        ssize_t got = recv(fd, octets, 1 << 20, MSG_DONTWAIT);
        if (got <= 0) {
            turn(bench, 1);
            continue;
        }
        used += (size_t)got;
        size_t keep = (size_t)got < sizeof tail - 1 ? (size_t)got : sizeof tail - 1;
        memcpy(tail, octets + got - keep, keep);
        tail[keep] = '\0';
    }
    assert_non_null(strstr(tail, "answer: longer than"));
    assert_true(used < CONTROL_REPLY_MAX + 1000);
    free(octets);
    close(fd);
}

static void
descriptors_ride_along(void **state)
{
    struct bench *bench = *state;
    int fd = connect_to(bench->path);
    char path[160];
    snprintf(path, sizeof path, "%s/key", bench->folder);
    int files[2] = {open(path, O_RDWR | O_CREAT, 0600), open(path, O_RDWR)};
    assert_int_equal(write(files[0], "secret", 6), 6);
    unlink(path);
    static char text[] = "{\"object\":\"key\",\"verb\":\"import\",\"args\":[\"a\"]}\n";
    union {
        char space[CMSG_SPACE(sizeof files)];
        struct cmsghdr align;
    } control = {{0}};
    struct iovec vector = {text, sizeof text - 1};
    struct msghdr message = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    control.align = (struct cmsghdr){CMSG_LEN(sizeof files), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), files, sizeof files);
    assert_int_equal(sendmsg(fd, &message, 0), sizeof text - 1);
    expect_reply(
        bench, fd,
        "{\"ok\": true, \"exit_code\": 0, \"result\": {\"read\": \"secret\", \"count\": 2}}");
    close(files[0]);
    close(files[1]);
    close(fd);
}

static void
a_request_that_is_too_long_is_refused_and_the_connection_ends(void **state)
{
    struct bench *bench = *state;
    int fd = connect_to(bench->path);
    char *text = malloc(CONTROL_REQUEST_MAX + 2);
    memset(text, ' ', CONTROL_REQUEST_MAX + 1);
    text[CONTROL_REQUEST_MAX + 1] = '\0';
    for (size_t sent = 0; sent < CONTROL_REQUEST_MAX + 1;) {
        ssize_t step = send(fd, text + sent, CONTROL_REQUEST_MAX + 1 - sent, MSG_NOSIGNAL);
        if (step > 0)
            sent += (size_t)step;
        turn(bench, 1);
    }
    char *line = hear(bench, fd);
    assert_non_null(strstr(line, "request: longer than 65536 octets"));
    free(line);
    assert_null(hear(bench, fd));
    free(text);
    close(fd);
}

static void
more_clients_than_the_limit_are_told_so(void **state)
{
    struct bench *bench = *state;
    int clients[CONTROL_CLIENTS_MAX + 1];
    for (size_t i = 0; i <= CONTROL_CLIENTS_MAX; i++) {
        clients[i] = connect_to(bench->path);
        turn(bench, 3);
    }
    char *line = hear(bench, clients[CONTROL_CLIENTS_MAX]);
    assert_non_null(strstr(line, "too many control connections"));
    free(line);
    say(clients[0], "{\"verb\":\"status\"}\n");
    free(hear(bench, clients[0]));
    for (size_t i = 0; i <= CONTROL_CLIENTS_MAX; i++)
        close(clients[i]);
}

static void
the_socket_is_for_owner_and_group_only(void **state)
{
    struct bench *bench = *state;
    struct stat status;
    assert_int_equal(stat(bench->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0660);
}

static void
a_second_daemon_is_refused_and_a_stale_socket_replaced(void **state)
{
    struct bench *bench = *state;
    struct control *second = NULL;
    struct fault fault;
    struct control_options options = options_of(bench);
    assert_false(control_open(&second, bench->loop, &options, &fault));
    assert_int_equal(fault.kind, FAULT_BUSY);
    control_close(&bench->control);
    // A daemon that died leaves its file behind.
    int dead = control_listen(bench->path, NULL, NULL);
    close(dead);
    assert_int_equal(access(bench->path, F_OK), 0);
    assert_true(control_open(&bench->control, bench->loop, &options, NULL));
    say(dead = connect_to(bench->path), "{\"verb\":\"status\"}\n");
    free(hear(bench, dead));
    close(dead);
}

static void
a_file_that_is_no_socket_is_left_alone(void **state)
{
    struct bench *bench = *state;
    control_close(&bench->control);
    close(open(bench->path, O_CREAT | O_WRONLY, 0600));
    struct fault fault;
    assert_int_equal(control_listen(bench->path, NULL, &fault), -1);
    assert_int_equal(fault.kind, FAULT_EXISTS);
    assert_int_equal(unlink(bench->path), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_request_is_answered_and_the_next_one_on_the_same_connection_too),
        TEST(unknown_words_get_the_nearest_known_one),
        TEST(verbs_that_nobody_performs_are_refused_with_the_reason),
        TEST(wrong_requests_are_answered_not_dropped),
        TEST(options_reach_the_handler),
        TEST(a_handler_may_answer_later_and_others_are_served_meanwhile),
        TEST(an_answer_to_a_client_that_went_away_is_dropped),
        TEST(a_request_outlives_the_server),
        TEST(a_client_that_closed_its_side_still_gets_its_answer),
        TEST(an_answer_of_another_process_must_be_one),
        TEST(a_stream_comes_in_chunks_and_waits_for_a_slow_reader),
        TEST(a_stream_that_nobody_reads_is_stopped_once),
        TEST(a_stream_that_fails_ends_with_its_fault),
        TEST(a_stream_over_the_limit_ends_with_a_fault),
        TEST(descriptors_ride_along),
        TEST(a_request_that_is_too_long_is_refused_and_the_connection_ends),
        TEST(more_clients_than_the_limit_are_told_so),
        TEST(the_socket_is_for_owner_and_group_only),
        TEST(a_second_daemon_is_refused_and_a_stale_socket_replaced),
        TEST(a_file_that_is_no_socket_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
