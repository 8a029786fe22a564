#include "common/net/tcp_frames.h"

#include <string.h>

#include "common/base/fault.h"

#define LENGTH_FIELD 2

void
tcp_frames_init(struct tcp_frames *frames)
{
    octets_buffer_init(&frames->buffer);
    frames->start = 0;
    frames->chunk = TCP_FRAMES_READ_MIN;
}

void
tcp_frames_close(struct tcp_frames *frames)
{
    octets_buffer_close(&frames->buffer);
    frames->start = 0;
}

static size_t
held(const struct tcp_frames *frames)
{
    return frames->buffer.length - frames->start;
}

// What is left over moves to the front: less than one message, as whole ones are taken first (or
// the messages behind one that the owner paused at).
static void
close_gap(struct tcp_frames *frames)
{
    size_t left = held(frames);
    if (frames->start == 0)
        return;
    if (left > 0)
        memmove(frames->buffer.data, frames->buffer.data + frames->start, left);
    frames->buffer.length = left;
    frames->start = 0;
}

uint8_t *
tcp_frames_room(struct tcp_frames *frames, size_t *ret_size)
{
    close_gap(frames);
    *ret_size = frames->chunk;
    return octets_buffer_reserve(&frames->buffer, frames->chunk);
}

void
tcp_frames_added(struct tcp_frames *frames, size_t length)
{
    ENSURE(length <= frames->chunk);
    frames->buffer.length += length;
    if (length == frames->chunk && frames->chunk < TCP_FRAMES_READ_MAX)
        frames->chunk *= 2;
}

bool
tcp_frames_has_next(const struct tcp_frames *frames)
{
    if (held(frames) < LENGTH_FIELD)
        return false;
    size_t length = octets_get_u16(frames->buffer.data + frames->start);
    return held(frames) - LENGTH_FIELD >= length;
}

bool
tcp_frames_next(struct tcp_frames *frames, struct octets *ret_message)
{
    if (!tcp_frames_has_next(frames))
        return false;
    const uint8_t *at = frames->buffer.data + frames->start;
    ret_message->data = at + LENGTH_FIELD;
    ret_message->length = octets_get_u16(at);
    frames->start += LENGTH_FIELD + ret_message->length;
    return true;
}

bool
tcp_frames_is_empty(const struct tcp_frames *frames)
{
    return held(frames) == 0;
}

void
tcp_frames_trim(struct tcp_frames *frames)
{
    if (!tcp_frames_is_empty(frames))
        return;
    tcp_frames_close(frames);
    frames->chunk = TCP_FRAMES_READ_MIN;
}
