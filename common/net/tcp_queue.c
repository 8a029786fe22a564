#include "common/net/tcp_queue.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

void
tcp_queue_init(struct tcp_queue *queue)
{
    octets_buffer_init(&queue->buffer);
    queue->start = 0;
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

void
tcp_queue_add(struct tcp_queue *queue, const uint8_t *message, size_t length)
{
    octets_buffer_add_u16(&queue->buffer, (uint16_t)length);
    octets_buffer_add(&queue->buffer, message, length);
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
        ssize_t sent =
            send(fd, queue->buffer.data + queue->start, tcp_queue_size(queue), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN ? 0 : errno;
        queue->start += (size_t)sent;
        *ret_moved = true;
        close_gap(queue);
    }
    return 0;
}

void
tcp_queue_trim(struct tcp_queue *queue)
{
    if (tcp_queue_size(queue) == 0)
        tcp_queue_close(queue);
}
