// Thousands of versions in some messages: an item of fixed size for each, so that how many there
// are follows from the length, and nothing but the last look at each is left to go wrong.
#include "secondary/messages.h"

#define POOLED_OCTETS 33 // of an item

void
message_pooled_write(const struct message_pooled *pooled, struct octets_buffer *body)
{
    octets_buffer_add_u32(body, pooled->zone);
    octets_buffer_add_u32(body, pooled->place.segment);
    octets_buffer_add_u32(body, pooled->place.heap_offset);
    octets_buffer_add_u32(body, pooled->place.heap_length);
    octets_buffer_add_u32(body, pooled->place.index_offset);
    octets_buffer_add_u32(body, pooled->place.index_length);
    message_zone_state_write(&pooled->state, body);
}

size_t
message_pooled_count(struct octets body)
{
    size_t count = body.length / POOLED_OCTETS;
    return body.length % POOLED_OCTETS == 0 && count <= MESSAGE_POOLED_MAX ? count : 0;
}

bool
message_pooled_read(struct octets body, size_t index, struct message_pooled *ret_pooled)
{
    ENSURE(index < message_pooled_count(body));
    const uint8_t *at = body.data + index * POOLED_OCTETS;
    struct octets_reader reader;
    octets_reader_init(&reader, at, POOLED_OCTETS);
    struct message_pooled pooled = {.zone = octets_read_u32(&reader)};
    pooled.place.segment = octets_read_u32(&reader);
    pooled.place.heap_offset = octets_read_u32(&reader);
    pooled.place.heap_length = octets_read_u32(&reader);
    pooled.place.index_offset = octets_read_u32(&reader);
    pooled.place.index_length = octets_read_u32(&reader);
    size_t read = octets_position(&reader);
    if (!message_zone_state_read((struct octets){at + read, POOLED_OCTETS - read}, &pooled.state)) {
        return false;
    }
    *ret_pooled = pooled;
    return true;
}
