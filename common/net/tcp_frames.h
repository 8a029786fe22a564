// Cuts the octets of a TCP connection into DNS messages: two octets of length, then the message
// (RFC 1035 section 4.2.2). Pure: no descriptor. Memory grows to the message that is announced and
// arrives, never to what is only announced.
#ifndef TANDEM_NET_TCP_FRAMES_H
#define TANDEM_NET_TCP_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/octets.h"

#define TCP_FRAMES_READ_MIN 4096        // room for the first read: a query and a few behind it
#define TCP_FRAMES_READ_MAX (64 * 1024) // a busy peer's reads double up to this

struct tcp_frames {
    struct octets_buffer buffer;
    size_t start; // of the first octet that was not given out
    size_t chunk; // room that the next read gets
};

void tcp_frames_init(struct tcp_frames *frames);
void tcp_frames_close(struct tcp_frames *frames);
// Where the next octets go; at least TCP_FRAMES_READ_MIN of them. Ends the views given before.
uint8_t *tcp_frames_room(struct tcp_frames *frames, size_t *ret_size);
// So many octets were put there.
void tcp_frames_added(struct tcp_frames *frames, size_t length);
// True when a whole message is there.
bool tcp_frames_has_next(const struct tcp_frames *frames);
// The next whole message, a view until tcp_frames_room; false when there is none.
bool tcp_frames_next(struct tcp_frames *frames, struct octets *ret_message);
// No octet is left over: not in the middle of a message.
bool tcp_frames_is_empty(const struct tcp_frames *frames);
// Gives the memory back when nothing is in it.
void tcp_frames_trim(struct tcp_frames *frames);

#endif
