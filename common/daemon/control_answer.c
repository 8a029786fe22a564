// How a request is answered: one line, or a stream of chunks and then one line.
#include <stdlib.h>

#include "common/base/arena.h"
#include "common/daemon/control_inside.h"

static struct json_value *
taken(struct json_value **result)
{
    struct json_value *value = result && *result ? *result : json_value_null();
    if (result)
        *result = NULL;
    return value;
}

struct json_value *
control_answer_make(bool ok, int exit_code, const struct fault *fault, struct json_value **result)
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

void
control_answer_queue(struct control_client *client, struct json_value **value)
{
    size_t length;
    char *line = json_value_write(*value, 0, &length);
    line_queue(client, line, length);
    free(line);
    json_value_free(value);
}

void
control_answer_end(struct control_client *client, struct json_value **reply)
{
    control_answer_queue(client, reply);
    client->state = CLIENT_WRITES;
}

static void
request_answer(struct control_request **request, struct json_value *reply)
{
    struct control_client *client = (*request)->client;
    control_request_free(request);
    if (!client) {
        json_value_free(&reply);
        return;
    }
    control_answer_end(client, &reply);
    client->go_on(client);
}

void
control_reply_code(struct control_request **request, int exit_code, struct json_value **result)
{
    request_answer(request, control_answer_make(true, exit_code, NULL, result));
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
    request_answer(request, control_answer_make(false, exit_code, fault, result));
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

void
control_answer_stop_stream(struct control_client *client)
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
    control_request_free(request);
    if (!client) {
        json_value_free(&value);
        if (stream->stop)
            stream->stop(stream->context);
        return;
    }
    client->stream = *stream;
    client->stream_result = value;
    client->state = CLIENT_WRITES;
    client->go_on(client);
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
