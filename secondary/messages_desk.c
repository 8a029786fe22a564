// Bodies of what the desk is told of roles, and of the orders that it passes on.
#include "secondary/messages.h"

#include <string.h>

#include "secondary/body.h"

void
message_role_facts_write(const struct message_role_facts *facts, struct octets_buffer *body)
{
    octets_buffer_add_u8(body, (uint8_t)facts->role);
    octets_buffer_add_u32(body, facts->index);
    octets_buffer_add_u32(body, (uint32_t)facts->pid);
    octets_buffer_add_u32(body, facts->restarts);
    body_add_i64(body, facts->started_seconds);
    octets_buffer_add_u32(body, (uint32_t)facts->last_exit);
    octets_buffer_add_u8(body, facts->expected);
}

bool
message_role_facts_read(struct octets body, struct message_role_facts *ret_facts)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    struct message_role_facts facts = {0};
    facts.role = (enum message_role)body_read_choice(&reader, ROLE_COUNT);
    facts.index = octets_read_u32(&reader);
    facts.pid = (int32_t)octets_read_u32(&reader);
    facts.restarts = octets_read_u32(&reader);
    facts.started_seconds = body_read_i64(&reader);
    facts.last_exit = (int32_t)octets_read_u32(&reader);
    facts.expected = body_read_bool(&reader);
    if (!body_read_end(&reader)) {
        return false;
    }
    *ret_facts = facts;
    return true;
}

static void
write_texts(struct octets_buffer *body, unsigned count, char *const *texts)
{
    octets_buffer_add_u32(body, count);
    for (unsigned i = 0; i < count; i++) {
        body_add_text(body, texts[i]);
    }
}

static unsigned
read_texts(struct octets_reader *reader, char **texts)
{
    uint32_t count = octets_read_u32(reader);
    if (count > MESSAGE_CONTROL_ARGUMENTS_MAX) {
        reader->failed = true;
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        texts[i] = body_read_text(reader);
    }
    return count;
}

void
message_control_write(const struct message_control *control, struct octets_buffer *body)
{
    octets_buffer_add_u32(body, control->peer_uid);
    body_add_text(body, control->object);
    body_add_text(body, control->verb);
    write_texts(body, control->argument_count, control->arguments);
    write_texts(body, control->option_count, control->options);
}

bool
message_control_read(struct octets body, struct message_control *ret_control)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    struct message_control control = {0};
    control.peer_uid = octets_read_u32(&reader);
    control.object = body_read_text(&reader);
    control.verb = body_read_text(&reader);
    control.argument_count = read_texts(&reader, control.arguments);
    control.option_count = read_texts(&reader, control.options);
    if (!body_read_end(&reader)) {
        message_control_close(&control);
        return false;
    }
    *ret_control = control;
    return true;
}

void
message_control_close(struct message_control *control)
{
    body_text_free(&control->object);
    body_text_free(&control->verb);
    for (unsigned i = 0; i < control->argument_count; i++) {
        body_text_free(&control->arguments[i]);
    }
    for (unsigned i = 0; i < control->option_count; i++) {
        body_text_free(&control->options[i]);
    }
    control->argument_count = control->option_count = 0;
}

const char *
message_control_option(const struct message_control *control, const char *name)
{
    size_t length = strlen(name);
    for (unsigned i = 0; i < control->option_count; i++) {
        const char *option = control->options[i];
        if (strncmp(option, name, length) == 0 && option[length] == '=') {
            return option + length + 1;
        }
    }
    return NULL;
}
