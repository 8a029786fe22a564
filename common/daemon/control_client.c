// One connection does one thing at a time: it reads a line, waits for the handler, writes the
// answer, reads the next line. `client_go_on` is the only place that moves it; it is entered once
// at a time, so that a handler may answer from inside its own call. While a request waits or an
// answer leaves, further input stays in the kernel once our buffer is full: a client that asks
// without listening holds up itself only.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/daemon/control_inside.h"
#include "common/daemon/log.h"
#include "common/net/loop.h"

#define OUTPUT_MARK  (256 * 1024) // a stream is asked for more when less than this waits
#define FRAME_OCTETS 64           // of JSON around a chunk

void
control_client_free(struct control_client *client)
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
    control_answer_stop_stream(client);
    if (client->stream_result)
        json_value_free(&client->stream_result);
    control_request_descriptors_close(client->descriptors, &client->descriptor_count);
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
    struct json_value *reply = control_answer_make(false, exit_code, fault, NULL);
    control_request_descriptors_close(client->descriptors, &client->descriptor_count);
    control_answer_end(client, &reply);
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
        control_answer_queue(client, &line);
    } else {
        control_answer_stop_stream(client);
        struct json_value *reply =
            fine ? control_answer_make(true, CONTROL_OK, NULL, &client->stream_result)
                 : control_answer_make(false, CONTROL_FAILED, &fault, &client->stream_result);
        control_answer_end(client, &reply);
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
        control_client_free(client);
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

void
control_client_new(struct control *server, int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
        close(fd);
        return;
    }
    struct control_client *client = memory_zalloc(sizeof *client);
    client->server = server;
    client->go_on = client_go_on;
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

void
control_client_turn_away(int fd)
{
    static const char sentence[] =
        "{\"ok\": false, \"exit_code\": 1, \"error\": {\"kind\": \"limit\", \"text\": \"too many "
        "control connections at once\"}, \"result\": null}\n";
    ssize_t sent = send(fd, sentence, sizeof sentence - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent; // it goes away either way
    close(fd);
}
