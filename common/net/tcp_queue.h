// The octets that a TCP connection still has to send: messages with their length fields, in order.
#ifndef TANDEM_NET_TCP_QUEUE_H
#define TANDEM_NET_TCP_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/octets.h"

#define TCP_QUEUE_LENGTH_FIELD 2

struct tcp_queue {
    struct octets_buffer buffer;
    size_t start; // of the first octet that was not sent
};

void tcp_queue_init(struct tcp_queue *queue);
void tcp_queue_close(struct tcp_queue *queue);
size_t tcp_queue_size(const struct tcp_queue *queue); // octets that wait
// Two octets of length and a copy of the message; length 1 to 65535.
void tcp_queue_add(struct tcp_queue *queue, const uint8_t *message, size_t length);
// Gives the socket what it takes without waiting. 0, or the errno that ends the connection;
// *ret_moved says whether any octet went.
int tcp_queue_flush(struct tcp_queue *queue, int fd, bool *ret_moved);
// Gives the memory back when nothing waits.
void tcp_queue_trim(struct tcp_queue *queue);

#endif
