// Bodies of what servers are told, and of what they tell.
#include "secondary/messages.h"

#include "secondary/body.h"

void
message_listen_write(const struct message_listen *listen, struct octets_buffer *body)
{
    octets_buffer_add_u32(body, listen->server_index);
    octets_buffer_add_u32(body, listen->server_count);
    octets_buffer_add_u8(body, listen->last);
    octets_buffer_add_u32(body, listen->socket_count);
    for (unsigned i = 0; i < listen->socket_count; i++) {
        body_add_text(body, listen->sockets[i].address);
        octets_buffer_add_u8(body, listen->sockets[i].tcp);
    }
}

bool
message_listen_read(struct octets body, struct message_listen *ret_listen)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    struct message_listen listen = {0};
    listen.server_index = octets_read_u32(&reader);
    listen.server_count = octets_read_u32(&reader);
    listen.last = body_read_bool(&reader);
    listen.socket_count = octets_read_u32(&reader);
    if (reader.failed || listen.socket_count > MESSAGES_DESCRIPTORS_MAX) {
        return false;
    }
    for (unsigned i = 0; i < listen.socket_count; i++) {
        body_read_text_into(&reader, listen.sockets[i].address, sizeof listen.sockets[i].address);
        listen.sockets[i].tcp = body_read_bool(&reader);
    }
    if (!body_read_end(&reader)) {
        return false;
    }
    *ret_listen = listen;
    return true;
}

void
message_rate_table_write(const struct message_rate_table *table, struct octets_buffer *body)
{
    octets_buffer_add_u64(body, table->key);
}

bool
message_rate_table_read(struct octets body, struct message_rate_table *ret_table)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    struct message_rate_table table = {.key = octets_read_u64(&reader)};
    if (!body_read_end(&reader)) {
        return false;
    }
    *ret_table = table;
    return true;
}

enum place_bit { PLACE_HEAP = 1, PLACE_OLD_HEAP = 2, PLACE_BASE = 4, PLACE_INDEX = 8 };

unsigned
message_place_descriptors(const struct version_place *place,
                          int ret_descriptors[static VERSION_DESCRIPTORS_MAX])
{
    const int all[VERSION_DESCRIPTORS_MAX] = {place->heap, place->old_heap, place->base,
                                              place->index};
    unsigned count = 0;
    for (unsigned i = 0; i < VERSION_DESCRIPTORS_MAX; i++) {
        if (all[i] >= 0) {
            ret_descriptors[count++] = all[i];
        }
    }
    return count;
}

void
message_place_write(const struct version_place *place, struct octets_buffer *body)
{
    unsigned present =
        (place->heap >= 0 ? PLACE_HEAP : 0U) | (place->old_heap >= 0 ? PLACE_OLD_HEAP : 0U) |
        (place->base >= 0 ? PLACE_BASE : 0U) | (place->index >= 0 ? PLACE_INDEX : 0U);
    octets_buffer_add_u8(body, (uint8_t)present);
    octets_buffer_add_u64(body, place->heap_length);
    octets_buffer_add_u64(body, place->old_heap_length);
    octets_buffer_add_u64(body, place->base_offset);
    octets_buffer_add_u64(body, place->base_length);
    octets_buffer_add_u64(body, place->index_offset);
    octets_buffer_add_u64(body, place->index_length);
}

// The next descriptor of the message for a part that is present; a missing one is a failure.
static int
take_descriptor(struct message *message, unsigned *position, bool present, bool *failed)
{
    if (!present) {
        return -1;
    }
    if (*position >= message->descriptor_count) {
        *failed = true;
        return -1;
    }
    int fd = message->descriptors[*position];
    message->descriptors[*position] = -1;
    (*position)++;
    return fd;
}

bool
message_place_read(struct message *message, struct version_place *ret_place)
{
    struct octets_reader reader;
    octets_reader_init(&reader, message->body.data, message->body.length);
    struct version_place place = {.heap = -1, .old_heap = -1, .base = -1, .index = -1};
    unsigned present = octets_read_u8(&reader);
    place.heap_length = octets_read_u64(&reader);
    place.old_heap_length = octets_read_u64(&reader);
    place.base_offset = octets_read_u64(&reader);
    place.base_length = octets_read_u64(&reader);
    place.index_offset = octets_read_u64(&reader);
    place.index_length = octets_read_u64(&reader);
    if (!body_read_end(&reader) || present > 15) {
        return false;
    }
    bool failed = false;
    unsigned position = 0;
    place.heap = take_descriptor(message, &position, (present & PLACE_HEAP) != 0, &failed);
    place.old_heap = take_descriptor(message, &position, (present & PLACE_OLD_HEAP) != 0, &failed);
    place.base = take_descriptor(message, &position, (present & PLACE_BASE) != 0, &failed);
    place.index = take_descriptor(message, &position, (present & PLACE_INDEX) != 0, &failed);
    if (failed || position != message->descriptor_count) {
        version_place_close(&place);
        return false;
    }
    *ret_place = place;
    return true;
}

void
message_zone_state_write(const struct message_zone_state *state, struct octets_buffer *body)
{
    octets_buffer_add_u8(body, (uint8_t)state->serving);
    body_add_i64(body, state->expires_seconds);
}

bool
message_zone_state_read(struct octets body, struct message_zone_state *ret_state)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    struct message_zone_state state = {0};
    state.serving = (enum message_zone_serving)body_read_choice(&reader, ZONE_GONE + 1);
    state.expires_seconds = body_read_i64(&reader);
    if (!body_read_end(&reader)) {
        return false;
    }
    *ret_state = state;
    return true;
}

void
message_transfers_out_write(const struct message_transfers_out *counts, struct octets_buffer *body)
{
    octets_buffer_add_u32(body, counts->whole_ok);
    octets_buffer_add_u32(body, counts->whole_failed);
    octets_buffer_add_u32(body, counts->whole_refused);
    octets_buffer_add_u32(body, counts->deltas_ok);
    octets_buffer_add_u32(body, counts->deltas_failed);
    octets_buffer_add_u32(body, counts->deltas_refused);
    octets_buffer_add_u32(body, counts->up_to_date);
}

bool
message_transfers_out_read(struct octets body, struct message_transfers_out *ret_counts)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    struct message_transfers_out counts = {0};
    counts.whole_ok = octets_read_u32(&reader);
    counts.whole_failed = octets_read_u32(&reader);
    counts.whole_refused = octets_read_u32(&reader);
    counts.deltas_ok = octets_read_u32(&reader);
    counts.deltas_failed = octets_read_u32(&reader);
    counts.deltas_refused = octets_read_u32(&reader);
    counts.up_to_date = octets_read_u32(&reader);
    if (!body_read_end(&reader)) {
        return false;
    }
    *ret_counts = counts;
    return true;
}

void
message_notify_hint_write(const struct message_notify_hint *hint, struct octets_buffer *body)
{
    body_add_text(body, hint->source);
    octets_buffer_add_u8(body, hint->has_serial);
    octets_buffer_add_u32(body, hint->serial);
}

bool
message_notify_hint_read(struct octets body, struct message_notify_hint *ret_hint)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    struct message_notify_hint hint = {0};
    body_read_text_into(&reader, hint.source, sizeof hint.source);
    hint.has_serial = body_read_bool(&reader);
    hint.serial = octets_read_u32(&reader);
    if (!body_read_end(&reader)) {
        return false;
    }
    *ret_hint = hint;
    return true;
}
