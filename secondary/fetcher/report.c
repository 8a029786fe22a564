#include "secondary/fetcher/report.h"

#include <stdlib.h>

#include "common/daemon/control.h"
#include "common/daemon/json_value.h"

static void
send_with_request(struct message_link *link, enum message_type type, enum message_role to,
                  uint32_t zone, uint64_t request, const struct octets_buffer *body, int descriptor)
{
    struct message message = {.type = type,
                              .to = to,
                              .from = ROLE_FETCHER,
                              .zone = zone,
                              .request = request,
                              .descriptor_count = descriptor >= 0};
    if (body)
        message.body = (struct octets){body->data, body->length};
    message.descriptors[0] = descriptor;
    message_link_send(link, &message);
}

void
report_send(struct message_link *link, enum message_type type, enum message_role to, uint32_t zone,
            const struct octets_buffer *body, int descriptor)
{
    send_with_request(link, type, to, zone, 0, body, descriptor);
}

void
report_facts(struct message_link *link, uint32_t zone, const struct message_poll_facts *facts)
{
    struct octets_buffer body;
    octets_buffer_init(&body);
    message_poll_facts_write(facts, &body);
    report_send(link, MESSAGE_POLL_FACTS, ROLE_DESK, zone, &body, -1);
    octets_buffer_close(&body);
}

// Message structs own their texts when read; written ones may borrow them.
static char *
borrowed(const char *text)
{
    union {
        const char *constant;
        char *plain;
    } both = {.constant = text};
    return both.plain;
}

void
report_event(struct message_link *link, uint32_t zone, enum message_event_kind kind, int64_t now,
             const char *why, const char *health, const char *hint)
{
    struct octets_buffer body;
    const struct message_event event = {
        .kind = kind,
        .at_seconds = now,
        .dedup = borrowed(""),
        .why = borrowed(why),
        .diff = borrowed(""),
        .health = borrowed(health),
        .hint = borrowed(hint),
    };
    octets_buffer_init(&body);
    message_event_write(&event, &body);
    report_send(link, MESSAGE_EVENT, ROLE_DESK, zone, &body, -1);
    octets_buffer_close(&body);
}

void
report_ds(struct message_link *link, uint32_t zone, const struct message_ds_seen *seen)
{
    struct octets_buffer body;
    octets_buffer_init(&body);
    message_ds_seen_write(seen, &body);
    report_send(link, MESSAGE_DS_SEEN, ROLE_SIGNER, zone, &body, -1);
    report_send(link, MESSAGE_DS_SEEN, ROLE_DESK, zone, &body, -1);
    octets_buffer_close(&body);
}

static void
reply(struct message_link *link, const struct report_request *request, struct json_value *value)
{
    struct octets_buffer body;
    size_t length;
    char *text = json_value_write(value, 0, &length);
    octets_buffer_init(&body);
    octets_buffer_add(&body, text, length);
    send_with_request(link, MESSAGE_CONTROL_REPLY, ROLE_DESK, request->zone, request->request,
                      &body, -1);
    octets_buffer_close(&body);
    free(text);
}

void
report_done(struct message_link *link, const struct report_request *request, const char *domain,
            bool done, bool dry_run, bool changed, const char *text)
{
    struct json_value *value = json_value_object();
    json_value_put_boolean(value, "ok", true);
    json_value_put_integer(value, "exit_code", CONTROL_OK);
    struct json_value *result = json_value_put_object(value, "result");
    json_value_put_boolean(result, "done", done && !dry_run);
    json_value_put_boolean(result, "dry_run", dry_run);
    json_value_put_text(result, "text", text);
    json_value_put_text(result, "zone", domain);
    json_value_put_boolean(result, "changed", changed);
    reply(link, request, value);
    json_value_free(&value);
}

void
report_failed(struct message_link *link, const struct report_request *request, int exit_code,
              const struct fault *fault)
{
    struct json_value *value = json_value_object();
    json_value_put_boolean(value, "ok", false);
    json_value_put_integer(value, "exit_code", exit_code);
    struct json_value *error = json_value_put_object(value, "error");
    json_value_put_text(error, "kind", fault_kind_word(fault->kind));
    json_value_put_text(error, "text", fault->text);
    json_value_put_null(value, "result");
    reply(link, request, value);
    json_value_free(&value);
}
