#include "common/net/tcp_queue.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

void
tcp_queue_init(struct tcp_queue *queue, struct octets_buffer *spare)
{
    octets_buffer_init(&queue->buffer);
    queue->start = 0;
    queue->spare = spare;
}

void
tcp_queue_close(struct tcp_queue *queue)
{
    octets_buffer_close(&queue->buffer);
    queue->start = 0;
}

size_t
tcp_queue_size(const struct tcp_queue *queue)
{
    return queue->buffer.length - queue->start;
}

static void
spare_borrow(struct tcp_queue *queue)
{
    queue->buffer = *queue->spare;
    octets_buffer_init(queue->spare);
}

void
tcp_queue_add(struct tcp_queue *queue, const uint8_t *message, size_t length)
{
    if (!queue->buffer.data)
        spare_borrow(queue);
    uint8_t *at = octets_buffer_reserve(&queue->buffer, TCP_QUEUE_LENGTH_FIELD + length);
    octets_put_u16(at, (uint16_t)length);
    memcpy(at + TCP_QUEUE_LENGTH_FIELD, message, length);
    queue->buffer.length += TCP_QUEUE_LENGTH_FIELD + length;
}

// What was sent makes room. Moving what is left only when it is the smaller half keeps the cost of
// an octet constant.
static void
close_gap(struct tcp_queue *queue)
{
    size_t left = tcp_queue_size(queue);
    if (left > queue->start)
        return;
    if (left > 0)
        memmove(queue->buffer.data, queue->buffer.data + queue->start, left);
    queue->buffer.length = left;
    queue->start = 0;
}

int
tcp_queue_flush(struct tcp_queue *queue, int fd, bool *ret_moved)
{
    *ret_moved = false;
    while (tcp_queue_size(queue) > 0) { // every turn sends octets, or ends, or was interrupted
        size_t size = tcp_queue_size(queue);
        ssize_t sent = send(fd, queue->buffer.data + queue->start, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN ? 0 : errno;
        queue->start += (size_t)sent;
        *ret_moved = true;
        close_gap(queue);
        if ((size_t)sent < size)
            return 0; // the socket is full: asking again would only be told so
    }
    return 0;
}

static void
spare_return(struct tcp_queue *queue, struct octets_buffer memory)
{
    memory.length = 0;
    if (queue->spare->data || memory.capacity > TCP_QUEUE_SPARE_MAX)
        octets_buffer_close(&memory);
    else
        *queue->spare = memory;
}

void
tcp_queue_settle(struct tcp_queue *queue)
{
    struct octets_buffer memory = queue->buffer;
    size_t left = tcp_queue_size(queue);
    // More than half full: it is of the right size, and the next borrower makes a new spare.
    if (!memory.data || left > memory.capacity / 2)
        return;
    octets_buffer_init(&queue->buffer);
    if (left > 0)
        octets_buffer_add(&queue->buffer, memory.data + queue->start, left);
    queue->start = 0;
    spare_return(queue, memory);
}
