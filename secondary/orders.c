#include "secondary/orders.h"

#include <sodium.h>

void
order_settings(struct child *child, const struct secondary_settings *settings, const uint32_t *ids,
               const struct role_extras *extras)
{
    struct octets_buffer body;
    octets_buffer_init(&body);
    role_settings_write(settings, ids, extras, child_role(child), &body);
    child_order(child, MESSAGE_SETTINGS, MESSAGE_NO_ZONE, &body, NULL, 0);
    sodium_memzero(body.data, body.length);
    octets_buffer_close(&body);
}

void
order_counters(struct child *child, uint32_t server, int memory)
{
    struct octets_buffer body;
    octets_buffer_init(&body);
    octets_buffer_add_u32(&body, server);
    child_order(child, MESSAGE_COUNTERS, MESSAGE_NO_ZONE, &body, &memory, 1);
    octets_buffer_close(&body);
}

void
order_rate_table(struct child *child, uint64_t key, int memory)
{
    const struct message_rate_table table = {.key = key};
    struct octets_buffer body;
    octets_buffer_init(&body);
    message_rate_table_write(&table, &body);
    child_order(child, MESSAGE_RATE_TABLE, MESSAGE_NO_ZONE, &body, &memory, 1);
    octets_buffer_close(&body);
}

void
order_version(struct child *server, const struct kept_place *zone)
{
    struct octets_buffer body;
    octets_buffer_init(&body);
    int descriptors[VERSION_DESCRIPTORS_MAX];
    unsigned count = message_place_descriptors(zone->place, descriptors);
    message_place_write(zone->place, &body);
    child_order(server, MESSAGE_VERSION, zone->id, &body, descriptors, count);
    octets_buffer_close(&body);
}

void
order_file(struct child *server, const struct kept_file *file)
{
    struct octets_buffer body;
    octets_buffer_init(&body);
    octets_buffer_add_u32(&body, file->number);
    child_order(server, MESSAGE_POOL, MESSAGE_NO_ZONE, &body, &file->file, 1);
    octets_buffer_close(&body);
}

void
order_file_gone(struct child *server, uint32_t number)
{
    struct octets_buffer body;
    octets_buffer_init(&body);
    octets_buffer_add_u32(&body, number);
    child_order(server, MESSAGE_POOL_GONE, MESSAGE_NO_ZONE, &body, NULL, 0);
    octets_buffer_close(&body);
}

void
order_pooled(struct child *server, const struct octets_buffer *items)
{
    child_order(server, MESSAGE_POOLED, MESSAGE_NO_ZONE, items, NULL, 0);
}

static void
send_state(struct child *server, uint32_t zone, const struct message_zone_state *state)
{
    struct octets_buffer body;
    octets_buffer_init(&body);
    message_zone_state_write(state, &body);
    child_order(server, MESSAGE_ZONE_STATE, zone, &body, NULL, 0);
    octets_buffer_close(&body);
}

void
order_zone_state(struct child *server, const struct kept_place *zone)
{
    send_state(server, zone->id, &zone->state);
}

void
order_zone_gone(struct child *server, uint32_t zone)
{
    const struct message_zone_state gone = {.serving = ZONE_GONE};
    send_state(server, zone, &gone);
}

void
order_role_facts(struct child *desk, const struct child *about)
{
    struct message_role_facts facts;
    struct octets_buffer body;
    child_facts(about, &facts);
    octets_buffer_init(&body);
    message_role_facts_write(&facts, &body);
    child_order(desk, MESSAGE_ROLE_FACTS, MESSAGE_NO_ZONE, &body, NULL, 0);
    octets_buffer_close(&body);
}

static void
answer(struct child *child, enum message_type type, uint32_t zone, uint64_t request,
       const struct octets_buffer *body)
{
    const struct message message = {.type = type,
                                    .to = child_role(child),
                                    .from = ROLE_SUPERVISOR,
                                    .zone = zone,
                                    .request = request,
                                    .body = {body->data, body->length}};
    child_send(child, &message);
}

void
order_review_done(struct child *signer, uint32_t zone, uint64_t request,
                  const struct message_review_done *done)
{
    struct octets_buffer body;
    octets_buffer_init(&body);
    message_review_done_write(done, &body);
    answer(signer, MESSAGE_REVIEW_DONE, zone, request, &body);
    octets_buffer_close(&body);
}

void
order_reply(struct child *desk, uint64_t request, const struct octets_buffer *json)
{
    answer(desk, MESSAGE_CONTROL_REPLY, MESSAGE_NO_ZONE, request, json);
}
