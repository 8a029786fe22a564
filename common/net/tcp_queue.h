// The octets that a TCP connection still has to send: messages with their length fields, in order.
// While there is nothing to wait for, the memory is a spare that all queues of a loop share: it is
// borrowed with the first message and given back when the socket has taken all, so a connection
// has memory of its own only while its peer is slower than we are.
#ifndef TANDEM_NET_TCP_QUEUE_H
#define TANDEM_NET_TCP_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/octets.h"

#define TCP_QUEUE_LENGTH_FIELD 2
// A spare that grew beyond this (by a piece of a transfer on top of a full queue) is not kept.
#define TCP_QUEUE_SPARE_MAX (256 * 1024)

struct tcp_queue {
    struct octets_buffer buffer;
    size_t start;                // of the first octet that was not sent
    struct octets_buffer *spare; // empty; its memory is NULL while somebody has borrowed it
};

// spare: borrowed; its owner closes it.
void tcp_queue_init(struct tcp_queue *queue, struct octets_buffer *spare);
void tcp_queue_close(struct tcp_queue *queue);
size_t tcp_queue_size(const struct tcp_queue *queue); // octets that wait
// Two octets of length and a copy of the message; length 1 to 65535.
void tcp_queue_add(struct tcp_queue *queue, const uint8_t *message, size_t length);
// Gives the socket what it takes without waiting. 0, or the errno that ends the connection;
// *ret_moved says whether any octet went.
int tcp_queue_flush(struct tcp_queue *queue, int fd, bool *ret_moved);
// Gives the spare back, at the latest before another connection's turn: what still waits is copied
// to memory of its size.
void tcp_queue_settle(struct tcp_queue *queue);

#endif
