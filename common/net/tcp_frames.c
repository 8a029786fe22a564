#include "common/net/tcp_frames.h"

#include <string.h>

#include "common/base/fault.h"

#define LENGTH_FIELD 2

void
tcp_frames_init(struct tcp_frames *frames)
{
    octets_buffer_init(&frames->kept);
    frames->start = 0;
    frames->fresh = (struct octets){NULL, 0};
}

void
tcp_frames_close(struct tcp_frames *frames)
{
    octets_buffer_close(&frames->kept);
    frames->start = 0;
    frames->fresh = (struct octets){NULL, 0};
}

void
tcp_frames_take(struct tcp_frames *frames, const uint8_t *octets, size_t length)
{
    ENSURE(frames->fresh.length == 0);
    frames->fresh = (struct octets){octets, length};
}

static size_t
kept_size(const struct tcp_frames *frames)
{
    return frames->kept.length - frames->start;
}

// Room in front of what is left goes: once for each keeping, before octets are added.
static void
close_gap(struct tcp_frames *frames)
{
    size_t left = kept_size(frames);
    if (frames->start == 0)
        return;
    if (left > 0)
        memmove(frames->kept.data, frames->kept.data + frames->start, left);
    frames->kept.length = left;
    frames->start = 0;
}

static void
move_from_fresh(struct tcp_frames *frames, size_t length)
{
    close_gap(frames);
    octets_buffer_add(&frames->kept, frames->fresh.data, length);
    frames->fresh.data += length;
    frames->fresh.length -= length;
}

// Octets that the message begun at `at` lacks; as far as one can know without its length field.
static size_t
missing(const uint8_t *at, size_t length)
{
    if (length < LENGTH_FIELD)
        return LENGTH_FIELD - length;
    size_t whole = LENGTH_FIELD + (size_t)octets_get_u16(at);
    return whole > length ? whole - length : 0;
}

static size_t
kept_missing(const struct tcp_frames *frames)
{
    return missing(frames->kept.data + frames->start, kept_size(frames));
}

// First the length field becomes whole, then the message. True when it is.
static bool
complete_kept(struct tcp_frames *frames)
{
    for (int part = 0; part < 2; part++) {
        size_t length = kept_missing(frames);
        length = length < frames->fresh.length ? length : frames->fresh.length;
        if (length > 0)
            move_from_fresh(frames, length);
    }
    return kept_missing(frames) == 0;
}

static size_t
message_at(const uint8_t *at, struct octets *ret_message)
{
    *ret_message = (struct octets){at + LENGTH_FIELD, octets_get_u16(at)};
    return LENGTH_FIELD + ret_message->length;
}

bool
tcp_frames_next(struct tcp_frames *frames, struct octets *ret_message)
{
    if (kept_size(frames) > 0) {
        if (!complete_kept(frames))
            return false;
        frames->start += message_at(frames->kept.data + frames->start, ret_message);
        return true;
    }
    if (frames->fresh.length < LENGTH_FIELD ||
        missing(frames->fresh.data, frames->fresh.length) > 0)
        return false;
    size_t taken = message_at(frames->fresh.data, ret_message);
    frames->fresh.data += taken;
    frames->fresh.length -= taken;
    return true;
}

void
tcp_frames_keep(struct tcp_frames *frames)
{
    if (frames->fresh.length > 0)
        move_from_fresh(frames, frames->fresh.length);
    frames->fresh.data = NULL;
    if (frames->kept.data && kept_size(frames) == 0)
        tcp_frames_close(frames);
}

static uint8_t
octet_at(const struct tcp_frames *frames, size_t index)
{
    size_t kept = kept_size(frames);
    return index < kept ? frames->kept.data[frames->start + index]
                        : frames->fresh.data[index - kept];
}

bool
tcp_frames_has_next(const struct tcp_frames *frames)
{
    size_t held = kept_size(frames) + frames->fresh.length;
    if (held < LENGTH_FIELD)
        return false;
    size_t length = (size_t)octet_at(frames, 0) << 8 | octet_at(frames, 1);
    return held - LENGTH_FIELD >= length;
}

bool
tcp_frames_is_empty(const struct tcp_frames *frames)
{
    return kept_size(frames) == 0 && frames->fresh.length == 0;
}
