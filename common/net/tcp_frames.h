// Cuts the octets of a TCP connection into DNS messages: two octets of length, then the message
// (RFC 1035 section 4.2.2). Pure: no descriptor. What was just read is borrowed and whole messages
// are given out where they lie; only what must wait (a message that is not whole yet, messages that
// the owner does not want yet) is copied, once, into memory of its own. So a connection with
// nothing begun has no memory here, and one that announces a long message has no more than came.
#ifndef TANDEM_NET_TCP_FRAMES_H
#define TANDEM_NET_TCP_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/octets.h"

struct tcp_frames {
    struct octets_buffer kept;
    size_t start;        // in kept: of the first octet that was not given out
    struct octets fresh; // borrowed: not given out yet, behind what is kept
};

void tcp_frames_init(struct tcp_frames *frames);
void tcp_frames_close(struct tcp_frames *frames);
// These octets came. They are borrowed until tcp_frames_keep, which must follow before more come.
void tcp_frames_take(struct tcp_frames *frames, const uint8_t *octets, size_t length);
// The next whole message, a view until the next call of any of these; false when there is none.
bool tcp_frames_next(struct tcp_frames *frames, struct octets *ret_message);
// Ends the borrowing: copies what is left over, or gives the memory back where nothing is.
void tcp_frames_keep(struct tcp_frames *frames);
// True when a whole message is there.
bool tcp_frames_has_next(const struct tcp_frames *frames);
// No octet is left over: not in the middle of a message.
bool tcp_frames_is_empty(const struct tcp_frames *frames);

#endif
