// A stream of the server's side and a raw client socket, or a stream at both ends, on one loop;
// what happened to a side is counted.
#ifndef TANDEM_TESTS_STREAM_BED_H
#define TANDEM_TESTS_STREAM_BED_H

#include "common/net/tcp_stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/net/listen.h"

#define TURNS_MAX 20000 // a test that needs more hangs

// What happened to one side of a connection.
struct side {
    struct loop *loop;
    struct tcp_stream *stream;
    unsigned connected;
    unsigned messages;
    size_t octets;
    unsigned writable;
    unsigned half_closed;
    unsigned ended;
    enum tcp_stream_end end;
    enum fault_kind kind;
    char text[FAULT_TEXT_MAX];
    char last[64];
    bool echo;
    bool free_on_message;
    bool free_on_end;
    bool pause_on_message;
    bool finish_on_message;
    size_t to_produce; // messages of 16 KiB still to send from `writable`
    size_t queue_seen; // the longest queue
};

static inline void
on_connected(void *context)
{
    struct side *side = context;
    side->connected++;
}

static inline void
on_message(void *context, const uint8_t *octets, size_t length)
{
    struct side *side = context;
    side->messages++;
    side->octets += length;
    if (side->echo)
        assert_true(tcp_stream_send(side->stream, octets, length));
    if (side->pause_on_message)
        tcp_stream_pause(side->stream);
    if (side->finish_on_message)
        tcp_stream_finish(side->stream);
    if (side->free_on_message)
        tcp_stream_free(&side->stream);
    // Borrowed until the callback returns, whatever was done to the stream in it.
    size_t part = length < sizeof(side->last) - 1 ? length : sizeof(side->last) - 1;
    memcpy(side->last, octets, part);
    side->last[part] = '\0';
}

static inline void
on_writable(void *context)
{
    static const uint8_t piece[16384];
    struct side *side = context;
    side->writable++;
    for (size_t sent = 0; side->to_produce > 0 && sent < TCP_STREAM_PIECE; sent += sizeof(piece)) {
        if (!tcp_stream_send(side->stream, piece, sizeof(piece)))
            break;
        side->to_produce--;
    }
    if (tcp_stream_queued(side->stream) > side->queue_seen)
        side->queue_seen = tcp_stream_queued(side->stream);
    if (side->to_produce > 0)
        tcp_stream_want_writable(side->stream);
    else
        tcp_stream_finish(side->stream);
}

static inline void
on_half_closed(void *context)
{
    struct side *side = context;
    side->half_closed++;
}

static inline void
on_ended(void *context, enum tcp_stream_end end, const struct fault *fault)
{
    struct side *side = context;
    side->ended++;
    side->end = end;
    if (fault) {
        side->kind = fault->kind;
        memcpy(side->text, fault->text, sizeof(side->text));
    }
    if (side->free_on_end)
        tcp_stream_free(&side->stream);
}

static const struct tcp_stream_events EVENTS = {on_connected, on_message, on_writable, NULL,
                                                on_ended};

static const struct tcp_stream_events PATIENT = {on_connected, on_message, on_writable,
                                                 on_half_closed, on_ended};

static const struct tcp_stream_options DEFAULTS = {0};

static inline int
listen_anywhere(struct address *ret_address)
{
    const struct listen_options alone = {0};
    int fd = -1;
    assert_true(address_from_text("127.0.0.1@0", 0, ret_address, NULL));
    assert_true(listen_tcp(ret_address, &alone, &fd, NULL));
    assert_true(listen_local_address(fd, ret_address, NULL));
    return fd;
}

// A raw client socket and the stream of the server's side.
static inline int
open_pair(struct side *server, const struct tcp_stream_options *options,
          const struct tcp_stream_events *events)
{
    struct timeval patience = {2, 0};
    struct address address;
    struct address peer;
    int accepted;
    int listener = listen_anywhere(&address);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, &address.any, address_sockaddr_length(&address)), 0);
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(listen_accept(listener, &accepted, &peer), LISTEN_ACCEPTED);
    close(listener);
    server->stream = tcp_stream_accepted(server->loop, &accepted, &peer, options, events, server);
    assert_int_equal(accepted, -1);
    assert_true(address_equal(tcp_stream_peer(server->stream), &peer));
    return client;
}

static inline void
turn(struct loop *loop)
{
    loop_run_once(loop, false);
}

static inline void
run_until(struct loop *loop, const unsigned *counter, unsigned value)
{
    for (unsigned i = 0; i < TURNS_MAX && *counter < value; i++) {
        loop_run_once(loop, false);
        if (*counter < value)
            usleep(100);
    }
    assert_int_equal(*counter, value);
}

static inline void
put(int fd, const char *octets, size_t length)
{
    assert_int_equal(send(fd, octets, length, MSG_NOSIGNAL), length);
}

static inline void
close_side(struct side *side, int client)
{
    tcp_stream_free(&side->stream);
    if (client >= 0)
        close(client);
    loop_free(&side->loop);
}

#endif
