#include "secondary/body.h"

#include <stdlib.h>
#include <string.h>

#include "secondary/messages.h"

void
body_add_i64(struct octets_buffer *body, int64_t value)
{
    octets_buffer_add_u64(body, (uint64_t)value);
}

int64_t
body_read_i64(struct octets_reader *reader)
{
    return (int64_t)octets_read_u64(reader);
}

bool
body_read_bool(struct octets_reader *reader)
{
    uint8_t value = octets_read_u8(reader);
    if (value > 1) {
        reader->failed = true;
    }
    return value == 1;
}

unsigned
body_read_choice(struct octets_reader *reader, unsigned count)
{
    unsigned value = octets_read_u8(reader);
    if (value >= count) {
        reader->failed = true;
        return 0;
    }
    return value;
}

void
body_add_text(struct octets_buffer *body, const char *text)
{
    size_t length = text != NULL ? strlen(text) : 0;
    length = length < MESSAGES_TEXT_MAX ? length : MESSAGES_TEXT_MAX;
    octets_buffer_add_u32(body, (uint32_t)length);
    octets_buffer_add(body, text, length);
}

char *
body_read_text(struct octets_reader *reader)
{
    return octets_read_text(reader, MESSAGES_TEXT_MAX);
}

void
body_read_text_into(struct octets_reader *reader, char *text, size_t size)
{
    uint32_t length = octets_read_u32(reader);
    if (length >= size) {
        reader->failed = true;
        return;
    }
    if (octets_read_copy(reader, text, length)) {
        text[length] = '\0';
    }
}

void
body_text_free(char **text)
{
    free(*text);
    *text = NULL;
}

bool
body_read_end(const struct octets_reader *reader)
{
    return !reader->failed && octets_left(reader) == 0;
}
