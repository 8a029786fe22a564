#include "common/daemon/control.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/daemon/control_call.h"
#include "common/daemon/log.h"
#include "common/net/loop.h"

// One connection does one thing at a time: it reads a line, waits for the handler, writes the
// answer, reads the next line. `client_go_on` is the only place that moves it; it is entered once
// at a time, so that a handler may answer from inside its own call. While a request waits or an
// answer leaves, further input stays in the kernel once our buffer is full: a client that asks
// without listening holds up itself only.

#define SWEEP_MS       5000
#define OUTPUT_MARK    (256 * 1024) // a stream is asked for more when less than this waits
#define FRAME_OCTETS   64           // of JSON around a chunk
#define LINE_ERROR_MAX 200

enum client_state { CLIENT_READS, CLIENT_WAITS, CLIENT_WRITES, CLIENT_ENDS };

struct control_client {
    struct control *server;
    struct control_client *next;
    int fd;
    struct loop_watch *watch;
    enum client_state state;
    bool going_on;    // inside client_go_on
    bool input_ended; // the peer will send no more
    uid_t uid;
    gid_t gid;
    uint64_t active_ms;
    struct octets_buffer input;
    int descriptors[CONTROL_DESCRIPTORS_MAX];
    size_t descriptor_count;
    bool descriptors_lost; // there were more than we take
    struct octets_buffer output;
    size_t output_sent;
    size_t reply_octets;             // of the present answer so far
    struct control_request *request; // that is waited for
    struct control_stream stream;    // next NULL: none
    struct json_value *stream_result;
};

struct control {
    struct loop *loop;
    struct control_options options;
    char *path;
    bool owns_path;
    dev_t path_device;
    ino_t path_inode;
    int fd;
    struct loop_watch *watch;
    struct loop_timer *sweep;
    struct control_client *clients;
    size_t client_count;
};

struct control_request {
    struct control_client *client; // NULL: it is gone
    struct control_call call;
    uid_t uid, daemon_uid;
    gid_t gid;
    int descriptors[CONTROL_DESCRIPTORS_MAX];
    size_t descriptor_count;
    char option_text[32]; // a number or boolean option as text
};

static void client_go_on(struct control_client *client);

// ---- requests
// --------------------------------------------------------------------------------------------

const char *
control_object(const struct control_request *request)
{
    return request->call.object;
}

const char *
control_verb(const struct control_request *request)
{
    return request->call.verb;
}

size_t
control_argument_count(const struct control_request *request)
{
    return request->call.argument_count;
}

const char *
control_argument(const struct control_request *request, size_t index)
{
    return index < request->call.argument_count ? request->call.arguments[index] : NULL;
}

const char *
control_option(struct control_request *request, const char *name)
{
    const struct json_value *options = json_value_get(request->call.value, "options");
    const struct json_value *value = json_value_get(options, name);
    switch (json_value_kind(value)) {
    case JSON_VALUE_TEXT:
        return json_value_as_text(value, "");
    case JSON_VALUE_INTEGER:
        snprintf(request->option_text, sizeof request->option_text, "%lld",
                 (long long)json_value_get_integer(options, name, 0));
        return request->option_text;
    case JSON_VALUE_BOOLEAN:
        return json_value_get_boolean(options, name, false) ? "true" : NULL;
    case JSON_VALUE_NULL:
    case JSON_VALUE_NUMBER:
    case JSON_VALUE_ARRAY:
    case JSON_VALUE_OBJECT:
        return NULL;
    }
    return NULL;
}

bool
control_dry_run(const struct control_request *request)
{
    return request->call.dry_run;
}

bool
control_wait(const struct control_request *request)
{
    return request->call.wait;
}

uid_t
control_uid(const struct control_request *request)
{
    return request->uid;
}

gid_t
control_gid(const struct control_request *request)
{
    return request->gid;
}

bool
control_may_use_keys(const struct control_request *request)
{
    return request->uid == 0 || request->uid == request->daemon_uid;
}

bool
control_client_is_there(const struct control_request *request)
{
    if (!request->client)
        return false;
    struct pollfd poll_fd = {.fd = request->client->fd};
    return poll(&poll_fd, 1, 0) == 0 || !(poll_fd.revents & (POLLHUP | POLLERR));
}

size_t
control_descriptor_count(const struct control_request *request)
{
    return request->descriptor_count;
}

int
control_take_descriptor(struct control_request *request, size_t index)
{
    if (index >= request->descriptor_count)
        return -1;
    int fd = request->descriptors[index];
    request->descriptors[index] = -1;
    return fd;
}

const struct json_value *
control_request_value(const struct control_request *request)
{
    return request->call.value;
}

static void
descriptors_close(int *descriptors, size_t *count)
{
    for (size_t i = 0; i < *count; i++)
        if (descriptors[i] >= 0)
            close(descriptors[i]);
    *count = 0;
}

static void
request_free(struct control_request **request)
{
    if ((*request)->client)
        (*request)->client->request = NULL;
    descriptors_close((*request)->descriptors, &(*request)->descriptor_count);
    control_call_close(&(*request)->call);
    free(*request);
    *request = NULL;
}

int
control_exit_of(enum fault_kind kind)
{
    switch (kind) {
    case FAULT_NOT_FOUND:
        return CONTROL_NOT_FOUND;
    case FAULT_SYNTAX:
    case FAULT_CONFIG:
        return CONTROL_INVALID;
    case FAULT_TIMEOUT:
        return CONTROL_TIMEOUT;
    case FAULT_UNSUPPORTED:
        return CONTROL_USAGE;
    case FAULT_NONE:
    case FAULT_IO:
    case FAULT_EXISTS:
    case FAULT_REFUSED:
    case FAULT_LIMIT:
    case FAULT_CORRUPT:
    case FAULT_BUSY:
        return CONTROL_FAILED;
    }
    return CONTROL_FAILED;
}

// ---- answers
// ---------------------------------------------------------------------------------------------

static struct json_value *
taken(struct json_value **result)
{
    struct json_value *value = result && *result ? *result : json_value_null();
    if (result)
        *result = NULL;
    return value;
}

static struct json_value *
reply_make(bool ok, int exit_code, const struct fault *fault, struct json_value **result)
{
    struct json_value *reply = json_value_object(), *value = taken(result);
    json_value_put_boolean(reply, "ok", ok);
    json_value_put_integer(reply, "exit_code", exit_code);
    if (fault) {
        struct json_value *error = json_value_put_object(reply, "error");
        json_value_put_text(error, "kind", fault_kind_word(fault->kind));
        json_value_put_text(error, "text", fault->text);
    }
    json_value_put(reply, "result", &value);
    return reply;
}

static void
line_queue(struct control_client *client, const char *line, size_t length)
{
    octets_buffer_add(&client->output, line, length);
    octets_buffer_add_u8(&client->output, '\n');
    client->reply_octets += length + 1;
}

static void
value_queue(struct control_client *client, struct json_value **value)
{
    size_t length;
    char *line = json_value_write(*value, 0, &length);
    line_queue(client, line, length);
    free(line);
    json_value_free(value);
}

// The last line of an answer is queued: the client reads again when it has left.
static void
reply_end(struct control_client *client, struct json_value **reply)
{
    value_queue(client, reply);
    client->state = CLIENT_WRITES;
}

static void
request_answer(struct control_request **request, struct json_value *reply)
{
    struct control_client *client = (*request)->client;
    request_free(request);
    if (!client) {
        json_value_free(&reply);
        return;
    }
    reply_end(client, &reply);
    client_go_on(client);
}

void
control_reply_code(struct control_request **request, int exit_code, struct json_value **result)
{
    request_answer(request, reply_make(true, exit_code, NULL, result));
}

void
control_reply(struct control_request **request, struct json_value **result)
{
    control_reply_code(request, CONTROL_OK, result);
}

void
control_reply_failed(struct control_request **request, int exit_code, const struct fault *fault,
                     struct json_value **result)
{
    request_answer(request, reply_make(false, exit_code, fault, result));
}

void
control_reply_fault(struct control_request **request, const struct fault *fault)
{
    control_reply_failed(request, control_exit_of(fault->kind), fault, NULL);
}

void
control_reply_line(struct control_request **request, const char *line, size_t length)
{
    struct json_value *reply = NULL;
    struct fault fault;
    if (length > CONTROL_REPLY_MAX)
        fault_set(&fault, FAULT_LIMIT, "answer: longer than %d octets", CONTROL_REPLY_MAX);
    else if (json_value_read(line, length, &reply, &fault) &&
             json_value_kind(json_value_get(reply, "ok")) != JSON_VALUE_BOOLEAN) {
        json_value_free(&reply);
        fault_set(&fault, FAULT_CORRUPT, "answer: not one that can be passed on");
    }
    if (reply)
        request_answer(request, reply);
    else
        control_reply_fault(request, &fault);
}

static void
stream_stop(struct control_client *client)
{
    struct control_stream stream = client->stream;
    client->stream = (struct control_stream){.next = NULL};
    if (stream.stop)
        stream.stop(stream.context);
}

void
control_reply_stream(struct control_request **request, const struct control_stream *stream,
                     struct json_value **result)
{
    struct control_client *client = (*request)->client;
    struct json_value *value = taken(result);
    request_free(request);
    if (!client) {
        json_value_free(&value);
        if (stream->stop)
            stream->stop(stream->context);
        return;
    }
    client->stream = *stream;
    client->stream_result = value;
    client->state = CLIENT_WRITES;
    client_go_on(client);
}

struct text_stream {
    char *text;
    size_t length, at;
};

static bool
text_next(void *context, struct octets_buffer *ret_text, struct fault *fault)
{
    (void)fault;
    struct text_stream *stream = context;
    size_t left = stream->length - stream->at;
    size_t step = left < CONTROL_CHUNK_MAX ? left : CONTROL_CHUNK_MAX;
    octets_buffer_add(ret_text, stream->text + stream->at, step);
    stream->at += step;
    return true;
}

static void
text_stop(void *context)
{
    struct text_stream *stream = context;
    free(stream->text);
    free(stream);
}

void
control_reply_text(struct control_request **request, char **text, size_t length,
                   struct json_value **result)
{
    struct text_stream *stream = memory_alloc(sizeof *stream);
    *stream = (struct text_stream){*text, length, 0};
    *text = NULL;
    control_reply_stream(request, &(struct control_stream){text_next, text_stop, stream}, result);
}

// ---- clients
// ---------------------------------------------------------------------------------------------

static void
client_free(struct control_client *client)
{
    struct control *server = client->server;
    for (struct control_client **at = &server->clients; *at; at = &(*at)->next)
        if (*at == client) {
            *at = client->next;
            break;
        }
    server->client_count--;
    if (client->request)
        client->request->client = NULL; // its handler answers to nobody
    stream_stop(client);
    if (client->stream_result)
        json_value_free(&client->stream_result);
    descriptors_close(client->descriptors, &client->descriptor_count);
    octets_buffer_close(&client->input);
    octets_buffer_close(&client->output);
    loop_watch_free(&client->watch);
    close(client->fd);
    free(client);
}

// Answers without a request: the line was not one.
static void
client_refuse(struct control_client *client, int exit_code, const struct fault *fault)
{
    struct json_value *reply = reply_make(false, exit_code, fault, NULL);
    descriptors_close(client->descriptors, &client->descriptor_count);
    reply_end(client, &reply);
}

static void
request_log(const struct control_request *request)
{
    const struct control_call *call = &request->call;
    bool changes = (call->row->flags & CONTROL_CHANGES) && !call->dry_run;
    log_at(changes ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, "control request", "object", call->object,
           "verb", call->verb, "argument", call->argument_count ? call->arguments[0] : "", "uid",
           LOG_NUMBER(request->uid));
}

static void
request_begin(struct control_client *client, struct control_call *call)
{
    struct control_request *request = memory_zalloc(sizeof *request);
    request->client = client;
    request->call = *call;
    request->uid = client->uid;
    request->gid = client->gid;
    request->daemon_uid = client->server->options.daemon_uid;
    request->descriptor_count = client->descriptor_count;
    memcpy(request->descriptors, client->descriptors, sizeof request->descriptors);
    client->descriptor_count = 0;
    client->request = request;
    client->state = CLIENT_WAITS;
    request_log(request);
    if ((call->row->flags & CONTROL_NEEDS_KEYS) && !control_may_use_keys(request)) {
        struct fault fault;
        fault_set(&fault, FAULT_REFUSED, "%s %s: only for root and the daemon's user", call->object,
                  call->verb);
        control_reply_fault(&request, &fault);
        return;
    }
    call->row->handle(client->server->options.context, request);
}

static void
line_take(struct control_client *client, const char *line, size_t length)
{
    struct control_call call;
    struct fault fault;
    int exit_code;
    client->reply_octets = 0;
    bool lost = client->descriptors_lost;
    client->descriptors_lost = false;
    if (lost) {
        fault_set(&fault, FAULT_LIMIT, "request: more than %d files at once",
                  CONTROL_DESCRIPTORS_MAX);
        client_refuse(client, CONTROL_USAGE, &fault);
    } else if (control_call_read(line, length, client->server->options.verbs,
                                 client->server->options.verb_count, &call, &exit_code, &fault)) {
        request_begin(client, &call);
    } else {
        client_refuse(client, exit_code, &fault);
    }
}

// Takes one line out of the input. False: there is no whole one yet.
static bool
line_next(struct control_client *client)
{
    struct octets_buffer *input = &client->input;
    uint8_t *end = input->length ? memchr(input->data, '\n', input->length) : NULL;
    size_t length = end ? (size_t)(end - input->data) : input->length;
    if (length > CONTROL_REQUEST_MAX) {
        struct fault fault;
        fault_set(&fault, FAULT_LIMIT, "request: longer than %d octets", CONTROL_REQUEST_MAX);
        client->reply_octets = 0;
        client->input.length = 0;
        client->input_ended = true; // where the next one begins is unknown
        client_refuse(client, CONTROL_USAGE, &fault);
        return true;
    }
    // The last line may come without its end.
    if (!end && !(client->input_ended && length > 0))
        return false;
    char *line = memory_alloc(length + 1);
    memcpy(line, input->data, length);
    line[length] = '\0';
    size_t used = end ? length + 1 : length;
    memmove(input->data, input->data + used, input->length - used);
    input->length -= used;
    line_take(client, line, length);
    free(line);
    return true;
}

// One more chunk of a stream, or its end.
static void
stream_go_on(struct control_client *client)
{
    struct octets_buffer text;
    struct fault fault = {.kind = FAULT_IO, .text = "the answer could not be finished"};
    octets_buffer_init(&text);
    bool fine = client->stream.next(client->stream.context, &text, &fault);
    if (fine && client->reply_octets + text.length + FRAME_OCTETS > CONTROL_REPLY_MAX)
        fine = fault_set(&fault, FAULT_LIMIT, "answer: longer than %d octets", CONTROL_REPLY_MAX);
    if (fine && text.length > 0) {
        struct json_value *line = json_value_object();
        struct json_value *chunk = json_value_text_of((const char *)text.data, text.length);
        json_value_put(line, "chunk", &chunk);
        value_queue(client, &line);
    } else {
        stream_stop(client);
        struct json_value *reply =
            fine ? reply_make(true, CONTROL_OK, NULL, &client->stream_result)
                 : reply_make(false, CONTROL_FAILED, &fault, &client->stream_result);
        reply_end(client, &reply);
    }
    octets_buffer_close(&text);
}

// Gives what waits to the kernel. False: the client is gone.
static bool
output_send(struct control_client *client)
{
    while (client->output_sent < client->output.length) {
        ssize_t sent = send(client->fd, client->output.data + client->output_sent,
                            client->output.length - client->output_sent, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK;
        client->output_sent += (size_t)sent;
        client->active_ms = loop_now_ms(client->server->loop);
    }
    client->output.length = client->output_sent = 0;
    return true;
}

static void
client_write(struct control_client *client)
{
    do {
        while (client->stream.next && client->output.length - client->output_sent < OUTPUT_MARK)
            stream_go_on(client);
        if (!output_send(client)) {
            client->state = CLIENT_ENDS;
            return;
        }
    } while (client->stream.next && client->output.length == 0);
    if (client->output.length == 0 && !client->stream.next)
        client->state = CLIENT_READS;
}

static void
client_want(struct control_client *client)
{
    unsigned events = 0;
    if (!client->input_ended && client->input.length <= CONTROL_REQUEST_MAX)
        events |= LOOP_READABLE;
    if (client->state == CLIENT_WRITES)
        events |= LOOP_WRITABLE;
    loop_watch_want(client->watch, events);
}

static void
client_go_on(struct control_client *client)
{
    if (client->going_on)
        return;
    client->going_on = true;
    bool moved = true;
    while (moved && client->state != CLIENT_ENDS) {
        moved = client->state == CLIENT_READS && line_next(client);
        if (client->state == CLIENT_READS && !moved && client->input_ended)
            client->state = CLIENT_ENDS;
        if (client->state == CLIENT_WRITES) {
            client_write(client);
            moved = client->state == CLIENT_READS;
        }
    }
    client->going_on = false;
    if (client->state == CLIENT_ENDS)
        client_free(client);
    else
        client_want(client);
}

static void
descriptors_take(struct control_client *client, struct msghdr *message)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
            if (client->descriptor_count < CONTROL_DESCRIPTORS_MAX) {
                client->descriptors[client->descriptor_count++] = fd;
            } else {
                client->descriptors_lost = true;
                close(fd);
            }
        }
    }
    if (message->msg_flags & MSG_CTRUNC)
        client->descriptors_lost = true;
}

// One read. False: broken.
static bool
input_receive(struct control_client *client)
{
    size_t room = CONTROL_REQUEST_MAX + 1 - client->input.length;
    union {
        char space[CMSG_SPACE(sizeof(int) * CONTROL_DESCRIPTORS_MAX)];
        struct cmsghdr align;
    } control;
    struct iovec vector = {octets_buffer_reserve(&client->input, room), room};
    struct msghdr message = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t got = recvmsg(client->fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    descriptors_take(client, &message);
    client->input.length += (size_t)got;
    client->input_ended = got == 0;
    client->active_ms = loop_now_ms(client->server->loop);
    return true;
}

static void
client_event(void *context, unsigned events)
{
    struct control_client *client = context;
    bool may_read = !client->input_ended && client->input.length <= CONTROL_REQUEST_MAX;
    if ((events & LOOP_READABLE) && may_read && !input_receive(client))
        client->state = CLIENT_ENDS;
    client_go_on(client);
}

// ---- the server
// ------------------------------------------------------------------------------------------

static void
client_new(struct control *server, int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
        close(fd);
        return;
    }
    struct control_client *client = memory_zalloc(sizeof *client);
    client->server = server;
    client->fd = fd;
    client->uid = peer.uid;
    client->gid = peer.gid;
    client->active_ms = loop_now_ms(server->loop);
    octets_buffer_init(&client->input);
    octets_buffer_init(&client->output);
    client->watch = loop_watch_new(server->loop, fd, client_event, client);
    client->next = server->clients;
    server->clients = client;
    server->client_count++;
    client_want(client);
}

static void
client_turn_away(int fd)
{
    static const char sentence[] =
        "{\"ok\": false, \"exit_code\": 1, \"error\": {\"kind\": \"limit\", \"text\": \"too many "
        "control connections at once\"}, \"result\": null}\n";
    ssize_t sent = send(fd, sentence, sizeof sentence - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent; // it goes away either way
    close(fd);
}

static void
server_event(void *context, unsigned events)
{
    (void)events;
    struct control *server = context;
    // Level-triggered: those that are not taken now come in the next turn.
    int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            log_limited(LOG_LEVEL_WARNING, "control accept", 60, "control connection not taken",
                        "error", strerror(errno));
        return;
    }
    if (server->client_count >= CONTROL_CLIENTS_MAX)
        client_turn_away(fd);
    else
        client_new(server, fd);
}

static void
server_sweep(void *context)
{
    struct control *server = context;
    uint64_t now = loop_now_ms(server->loop);
    for (struct control_client *client = server->clients, *next; client; client = next) {
        next = client->next;
        if (client->state != CLIENT_WAITS && now - client->active_ms > CONTROL_IDLE_SECONDS * 1000)
            client_free(client);
    }
}

static struct control *
server_new(struct loop *loop, int fd, const struct control_options *options)
{
    struct control *server = memory_zalloc(sizeof *server);
    server->loop = loop;
    server->options = *options;
    server->path = memory_text(options->path ? options->path : "");
    server->fd = fd;
    server->watch = loop_watch_new(loop, fd, server_event, server);
    loop_watch_want(server->watch, LOOP_READABLE);
    server->sweep = loop_timer_new(loop, server_sweep, server);
    loop_timer_start(server->sweep, SWEEP_MS, SWEEP_MS);
    return server;
}

bool
control_open_socket(struct control **ret_control, struct loop *loop, int listening_socket,
                    const struct control_options *options, struct fault *fault)
{
    (void)fault;
    *ret_control = server_new(loop, listening_socket, options);
    return true;
}

bool
control_open(struct control **ret_control, struct loop *loop, const struct control_options *options,
             struct fault *fault)
{
    struct stat status;
    int fd = control_listen(options->path, options->group, fault);
    if (fd < 0)
        return false;
    struct control *server = server_new(loop, fd, options);
    if (stat(options->path, &status) == 0) {
        server->owns_path = true;
        server->path_device = status.st_dev;
        server->path_inode = status.st_ino;
    }
    *ret_control = server;
    return true;
}

// Only the file that we made: a successor may have its own there already.
static void
path_remove(const struct control *server)
{
    struct stat status;
    if (server->owns_path && lstat(server->path, &status) == 0 &&
        status.st_dev == server->path_device && status.st_ino == server->path_inode)
        unlink(server->path);
}

void
control_close(struct control **control)
{
    struct control *server = *control;
    if (!server)
        return;
    while (server->clients)
        client_free(server->clients);
    path_remove(server);
    loop_timer_free(&server->sweep);
    loop_watch_free(&server->watch);
    close(server->fd);
    free(server->path);
    free(server);
    *control = NULL;
}
