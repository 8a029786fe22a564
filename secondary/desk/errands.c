#include "secondary/desk/errands.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/daemon/control.h"
#include "common/daemon/json_value.h"

struct errand {
    uint64_t number;
    enum message_role role;
    struct control_request *request;
    int64_t since_seconds;
};

void
errands_init(struct errands *errands, struct message_link *link)
{
    *errands = (struct errands){.link = link};
    vector_init(&errands->pending, sizeof(struct errand));
}

void
errands_close(struct errands *errands)
{
    vector_close(&errands->pending);
}

static void
fill_options(struct control_request *request, struct message_control *control)
{
    static const char *const names[] = {"all", "signed", "serial", "role", "standby", "source"};
    char text[512];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = control_option(request, names[i]);
        if (value != NULL) {
            snprintf(text, sizeof text, "%s=%s", names[i], value);
            control->options[control->option_count++] = memory_text(text);
        }
    }
    if (control_dry_run(request)) {
        control->options[control->option_count++] = memory_text("dry_run=true");
    }
    if (control_wait(request)) {
        control->options[control->option_count++] = memory_text("wait=true");
    }
}

static void
fill_control(struct control_request *request, struct message_control *control)
{
    *control = (struct message_control){.peer_uid = control_uid(request),
                                        .object = memory_text(control_object(request)),
                                        .verb = memory_text(control_verb(request))};
    for (size_t i = 0; i < control_argument_count(request); i++) {
        control->arguments[control->argument_count++] = memory_text(control_argument(request, i));
    }
    fill_options(request, control);
}

static bool
may_pass(const struct errands *errands, const struct control_request *request, struct fault *fault)
{
    if (errands->pending.count >= ERRANDS_MAX) {
        return fault_set(fault, FAULT_LIMIT, "%d requests wait already; try again in a moment",
                         ERRANDS_MAX);
    }
    if (control_descriptor_count(request) > MESSAGES_DESCRIPTORS_MAX) {
        return fault_set(fault, FAULT_LIMIT,
                         "more than %d files in one command; import them in several",
                         MESSAGES_DESCRIPTORS_MAX);
    }
    return true;
}

// With the request's files, which go with it.
static void
send_request(struct errands *errands, struct control_request *request, enum message_role role,
             uint32_t zone)
{
    struct message_control control;
    struct octets_buffer body;
    octets_buffer_init(&body);
    fill_control(request, &control);
    message_control_write(&control, &body);
    struct message message = {.type = MESSAGE_CONTROL_REQUEST,
                              .to = role,
                              .from = ROLE_DESK,
                              .zone = zone,
                              .request = errands->last_number,
                              .body = {body.data, body.length}};
    for (size_t i = 0; i < control_descriptor_count(request); i++) {
        message.descriptors[message.descriptor_count++] = control_take_descriptor(request, i);
    }
    message_link_send(errands->link, &message);
    for (unsigned i = 0; i < message.descriptor_count; i++) {
        close(message.descriptors[i]);
    }
    message_control_close(&control);
    octets_buffer_close(&body);
}

void
errands_pass(struct errands *errands, struct control_request *request, enum message_role role,
             uint32_t zone, int64_t now)
{
    struct fault fault = {0};
    if (!may_pass(errands, request, &fault)) {
        control_reply_fault(&request, &fault);
        return;
    }
    struct errand errand = {++errands->last_number, role, request, now};
    vector_add(&errands->pending, &errand);
    send_request(errands, request, role, zone);
}

static struct errand *
errand_by_number(struct errands *errands, uint64_t number)
{
    for (size_t i = 0; i < errands->pending.count; i++) {
        struct errand *errand = vector_at(&errands->pending, i);
        if (errand->number == number) {
            return errand;
        }
    }
    return NULL;
}

// Takes a pending request out of the list; the order of the others does not matter.
static struct control_request *
errand_take(struct errands *errands, struct errand *errand)
{
    struct control_request *request = errand->request;
    *errand = *(struct errand *)vector_at(&errands->pending, errands->pending.count - 1);
    errands->pending.count--;
    return request;
}

void
errands_fail(struct errands *errands, enum message_role role, int64_t before, const char *text)
{
    for (size_t i = 0; i < errands->pending.count;) {
        struct errand *errand = vector_at(&errands->pending, i);
        if ((role != ROLE_COUNT && errand->role != role) || errand->since_seconds > before) {
            i++;
            continue;
        }
        struct fault fault = {0};
        fault_set(&fault, role == ROLE_COUNT ? FAULT_TIMEOUT : FAULT_BUSY, "%s", text);
        struct control_request *request = errand_take(errands, errand);
        control_reply_fault(&request, &fault);
    }
}

// A reply of {json}, newline, text for chunks.
static void
reply_text(struct control_request *request, const char *line, const char *newline, size_t length)
{
    struct json_value *reply = NULL;
    struct fault fault = {0};
    if (!json_value_read(line, (size_t)(newline - line), &reply, &fault)) {
        control_reply_fault(&request, &fault);
        return;
    }
    size_t text_length = length - (size_t)(newline - line) - 1;
    char *text = memory_alloc(text_length + 1);
    memcpy(text, newline + 1, text_length);
    text[text_length] = '\0';
    const struct json_value *found = json_value_get(reply, "result");
    struct json_value *result = found != NULL ? json_value_copy(found) : NULL;
    control_reply_text(&request, &text, text_length, &result);
    json_value_free(&reply);
}

void
errands_take_reply(struct errands *errands, const struct message *message)
{
    struct errand *errand = errand_by_number(errands, message->request);
    if (errand == NULL) {
        return;
    }
    struct control_request *request = errand_take(errands, errand);
    const char *line = (const char *)message->body.data;
    size_t length = message->body.length;
    const char *newline = length > 0 ? memchr(line, '\n', length) : NULL;
    if (newline != NULL) {
        reply_text(request, line, newline, length);
    } else {
        control_reply_line(&request, line, length);
    }
}
