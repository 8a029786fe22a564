// Octets and the only ways to read and write them: a bounds-checked reader and writer with a sticky
// failure (check once at the end), and a growing buffer. Integers are in network order. A reader and a
// writer borrow their memory; a buffer owns its own.
#ifndef TANDEM_BASE_OCTETS_H
#define TANDEM_BASE_OCTETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct octets {
    const uint8_t *data;
    size_t length;
};

struct octets_reader {
    const uint8_t *start;
    const uint8_t *at;
    const uint8_t *end;
    bool failed; // once true, every read gives zero or NULL and moves nothing
};

void octets_reader_init(struct octets_reader *reader, const void *data, size_t length);
uint8_t octets_read_u8(struct octets_reader *reader);
uint16_t octets_read_u16(struct octets_reader *reader);
uint32_t octets_read_u32(struct octets_reader *reader);
uint64_t octets_read_u64(struct octets_reader *reader);
// A view of the next length octets inside the reader's memory; NULL (and failed) when there are fewer.
const uint8_t *octets_read_view(struct octets_reader *reader, size_t length);
bool octets_read_copy(struct octets_reader *reader, void *ret_octets, size_t length);
size_t octets_left(const struct octets_reader *reader);
size_t octets_position(const struct octets_reader *reader);
void octets_seek(struct octets_reader *reader, size_t position);

struct octets_writer {
    uint8_t *start;
    uint8_t *at;
    uint8_t *end;
    bool failed; // once true, nothing more is written
};

void octets_writer_init(struct octets_writer *writer, void *memory, size_t size);
void octets_write_u8(struct octets_writer *writer, uint8_t value);
void octets_write_u16(struct octets_writer *writer, uint16_t value);
void octets_write_u32(struct octets_writer *writer, uint32_t value);
void octets_write_u64(struct octets_writer *writer, uint64_t value);
void octets_write(struct octets_writer *writer, const void *data, size_t length);
// Overwrites two octets written before (a length, a count).
void octets_patch_u16(struct octets_writer *writer, size_t position, uint16_t value);
size_t octets_written(const struct octets_writer *writer);
size_t octets_room(const struct octets_writer *writer);

// Big-endian access to memory whose bounds the caller has checked.
static inline uint16_t
octets_get_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}
static inline uint32_t
octets_get_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}
static inline void
octets_put_u16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}
static inline void
octets_put_u32(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
}

struct octets_buffer {
    uint8_t *data;
    size_t length;
    size_t capacity;
};

void octets_buffer_init(struct octets_buffer *buffer);
void octets_buffer_close(struct octets_buffer *buffer);
// Makes room for length more octets and gives where they go; the caller then adds them to .length.
uint8_t *octets_buffer_reserve(struct octets_buffer *buffer, size_t length);
void octets_buffer_add(struct octets_buffer *buffer, const void *data, size_t length);
void octets_buffer_add_u8(struct octets_buffer *buffer, uint8_t value);
void octets_buffer_add_u16(struct octets_buffer *buffer, uint16_t value);
void octets_buffer_add_u32(struct octets_buffer *buffer, uint32_t value);
void octets_buffer_add_u64(struct octets_buffer *buffer, uint64_t value);
// u32 length and the octets of a text without its NUL; NULL counts as "".
void octets_buffer_add_text(struct octets_buffer *buffer, const char *text);
void octets_buffer_printf(struct octets_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
// The other side of octets_buffer_add_text: a fresh NUL-terminated copy (free()); NULL and failed when
// the length goes past the end or over maximum.
char *octets_read_text(struct octets_reader *reader, size_t maximum);

#endif
