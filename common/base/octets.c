#include "common/base/octets.h"

#include "common/base/arena.h"
#include "common/base/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_FIRST 256 // octets of a buffer's first allocation

void
octets_reader_init(struct octets_reader *reader, const void *data, size_t length)
{
    // Arithmetic on NULL is undefined, and an empty message may well have no memory.
    static const uint8_t nothing[1];
    const uint8_t *start = data ? data : nothing;
    ENSURE(data || length == 0);
    *reader = (struct octets_reader){.start = start, .at = start, .end = start + length};
}

const uint8_t *
octets_read_view(struct octets_reader *reader, size_t length)
{
    if (reader->failed || (size_t)(reader->end - reader->at) < length) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *view = reader->at;
    reader->at += length;
    return view;
}

uint8_t
octets_read_u8(struct octets_reader *reader)
{
    const uint8_t *view = octets_read_view(reader, 1);
    return view ? view[0] : 0;
}

uint16_t
octets_read_u16(struct octets_reader *reader)
{
    const uint8_t *view = octets_read_view(reader, 2);
    return view ? octets_get_u16(view) : 0;
}

uint32_t
octets_read_u32(struct octets_reader *reader)
{
    const uint8_t *view = octets_read_view(reader, 4);
    return view ? octets_get_u32(view) : 0;
}

uint64_t
octets_read_u64(struct octets_reader *reader)
{
    const uint8_t *view = octets_read_view(reader, 8);
    return view ? (uint64_t)octets_get_u32(view) << 32 | octets_get_u32(view + 4) : 0;
}

bool
octets_read_copy(struct octets_reader *reader, void *ret_octets, size_t length)
{
    const uint8_t *view = octets_read_view(reader, length);
    if (view && length)
        memcpy(ret_octets, view, length);
    return view != NULL;
}

size_t
octets_left(const struct octets_reader *reader)
{
    return reader->failed ? 0 : (size_t)(reader->end - reader->at);
}

size_t
octets_position(const struct octets_reader *reader)
{
    return (size_t)(reader->at - reader->start);
}

void
octets_seek(struct octets_reader *reader, size_t position)
{
    if (reader->failed || position > (size_t)(reader->end - reader->start))
        reader->failed = true;
    else
        reader->at = reader->start + position;
}

void
octets_writer_init(struct octets_writer *writer, void *memory, size_t size)
{
    static uint8_t nothing[1];
    uint8_t *start = memory ? memory : nothing;
    ENSURE(memory || size == 0);
    *writer = (struct octets_writer){.start = start, .at = start, .end = start + size};
}

// The place of the next length octets, or NULL (and failed) when there is no room.
static uint8_t *
octets_write_place(struct octets_writer *writer, size_t length)
{
    if (writer->failed || (size_t)(writer->end - writer->at) < length) {
        writer->failed = true;
        return NULL;
    }
    uint8_t *place = writer->at;
    writer->at += length;
    return place;
}

void
octets_write_u8(struct octets_writer *writer, uint8_t value)
{
    uint8_t *place = octets_write_place(writer, 1);
    if (place)
        *place = value;
}

void
octets_write_u16(struct octets_writer *writer, uint16_t value)
{
    uint8_t *place = octets_write_place(writer, 2);
    if (place)
        octets_put_u16(place, value);
}

void
octets_write_u32(struct octets_writer *writer, uint32_t value)
{
    uint8_t *place = octets_write_place(writer, 4);
    if (place)
        octets_put_u32(place, value);
}

void
octets_write_u64(struct octets_writer *writer, uint64_t value)
{
    uint8_t *place = octets_write_place(writer, 8);
    if (place) {
        octets_put_u32(place, (uint32_t)(value >> 32));
        octets_put_u32(place + 4, (uint32_t)value);
    }
}

void
octets_write(struct octets_writer *writer, const void *data, size_t length)
{
    uint8_t *place = octets_write_place(writer, length);
    if (place && length)
        memcpy(place, data, length);
}

void
octets_patch_u16(struct octets_writer *writer, size_t position, uint16_t value)
{
    if (writer->failed)
        return;
    ENSURE(octets_written(writer) >= 2 && position <= octets_written(writer) - 2);
    octets_put_u16(writer->start + position, value);
}

size_t
octets_written(const struct octets_writer *writer)
{
    return (size_t)(writer->at - writer->start);
}

size_t
octets_room(const struct octets_writer *writer)
{
    return writer->failed ? 0 : (size_t)(writer->end - writer->at);
}

void
octets_buffer_init(struct octets_buffer *buffer)
{
    *buffer = (struct octets_buffer){0};
}

void
octets_buffer_close(struct octets_buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct octets_buffer){0};
}

uint8_t *
octets_buffer_reserve(struct octets_buffer *buffer, size_t length)
{
    ENSURE(length <= SIZE_MAX / 4 && buffer->length <= SIZE_MAX / 4);
    size_t needed = buffer->length + length;
    if (needed > buffer->capacity || !buffer->data) {
        size_t capacity = buffer->capacity ? buffer->capacity : BUFFER_FIRST;
        while (capacity < needed)
            capacity *= 2;
        buffer->data = memory_realloc(buffer->data, capacity);
        buffer->capacity = capacity;
    }
    return buffer->data + buffer->length;
}

void
octets_buffer_add(struct octets_buffer *buffer, const void *data, size_t length)
{
    uint8_t *place = octets_buffer_reserve(buffer, length);
    if (length)
        memcpy(place, data, length);
    buffer->length += length;
}

void
octets_buffer_add_u8(struct octets_buffer *buffer, uint8_t value)
{
    octets_buffer_add(buffer, &value, 1);
}

void
octets_buffer_add_u16(struct octets_buffer *buffer, uint16_t value)
{
    octets_put_u16(octets_buffer_reserve(buffer, 2), value);
    buffer->length += 2;
}

void
octets_buffer_add_u32(struct octets_buffer *buffer, uint32_t value)
{
    octets_put_u32(octets_buffer_reserve(buffer, 4), value);
    buffer->length += 4;
}

void
octets_buffer_add_u64(struct octets_buffer *buffer, uint64_t value)
{
    octets_buffer_add_u32(buffer, (uint32_t)(value >> 32));
    octets_buffer_add_u32(buffer, (uint32_t)value);
}

void
octets_buffer_add_text(struct octets_buffer *buffer, const char *text)
{
    size_t length = text ? strlen(text) : 0;
    ENSURE(length <= UINT32_MAX);
    octets_buffer_add_u32(buffer, (uint32_t)length);
    octets_buffer_add(buffer, text, length);
}

void
octets_buffer_printf(struct octets_buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    ENSURE(length >= 0);
    // One more for vsnprintf's NUL, which is not counted.
    uint8_t *place = octets_buffer_reserve(buffer, (size_t)length + 1);
    va_start(arguments, format);
    vsnprintf((char *)place, (size_t)length + 1, format, arguments);
    va_end(arguments);
    buffer->length += (size_t)length;
}

char *
octets_read_text(struct octets_reader *reader, size_t maximum)
{
    uint32_t length = octets_read_u32(reader);
    if (length > maximum)
        reader->failed = true;
    const uint8_t *view = octets_read_view(reader, length);
    if (!view)
        return NULL;
    char *text = memory_alloc((size_t)length + 1);
    memcpy(text, view, length);
    text[length] = '\0';
    return text;
}
