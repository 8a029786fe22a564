// Why a hash by a secret key, and which? What is compared are two transfers that the primary, or
// whoever stands in its place, chose. Who could make a new content look like the old one would have
// gained nothing: sending the old one does the same. So a collision is an accident only, and what
// counts is that its chance can be told. For a universal hash with a key that nobody knows it can,
// without trust in anybody's cryptanalysis: 2^-91 for two messages of 64 KiB. It is also the
// cheapest there is in the library.
#include "common/transfer/xfr_marks.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/dns/message_read.h"

#define ARCOUNT_POSITION 10

struct xfr_marks *
xfr_marks_new(const struct xfr_marks *like)
{
    struct xfr_marks *marks = memory_zalloc(sizeof *marks);
    marks->holders = 1;
    vector_init(&marks->items, sizeof(struct xfr_mark));
    if (like)
        memcpy(marks->key, like->key, sizeof marks->key);
    else
        hash_mark_key_draw(marks->key);
    return marks;
}

struct xfr_marks *
xfr_marks_hold(struct xfr_marks *marks)
{
    if (marks)
        marks->holders++;
    return marks;
}

void
xfr_marks_drop(struct xfr_marks **marks)
{
    struct xfr_marks *dropped = *marks;
    *marks = NULL;
    if (!dropped || --dropped->holders)
        return;
    vector_close(&dropped->items);
    explicit_bzero(dropped->key, sizeof dropped->key);
    free(dropped);
}

void
xfr_marks_strip(const uint8_t *message, size_t length, size_t plain_length,
                struct octets_buffer *buffer)
{
    ENSURE(plain_length >= MESSAGE_HEADER_SIZE && plain_length <= length);
    uint8_t *plain = octets_buffer_reserve(buffer, plain_length);
    memcpy(plain, message, plain_length);
    octets_put_u16(plain, 0);
    uint16_t arcount = octets_get_u16(message + ARCOUNT_POSITION);
    if (plain_length < length)
        octets_put_u16(plain + ARCOUNT_POSITION, (uint16_t)(arcount - 1));
    buffer->length += plain_length;
}

static bool
is_next_of(const struct xfr_marks *before, size_t index, const struct xfr_mark *mark)
{
    if (!before || index >= before->items.count)
        return false;
    const struct xfr_mark *other = vector_at(&before->items, index);
    return mark->length == other->length && memcmp(mark->hash, other->hash, HASH_MARK_SIZE) == 0;
}

bool
xfr_marks_add(struct xfr_marks *marks, const uint8_t *plain, size_t length,
              const struct xfr_marks *before)
{
    struct xfr_mark mark = {.length = (uint16_t)length};
    if (marks->too_many || marks->items.count == XFR_MARKS_MAX) {
        marks->too_many = true;
        return false;
    }
    hash_mark(marks->key, plain, length, mark.hash);
    bool next = is_next_of(before, marks->items.count, &mark);
    vector_add(&marks->items, &mark);
    return next;
}
