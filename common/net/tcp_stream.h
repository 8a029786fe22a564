// DNS messages over one TCP connection (RFC 1035 section 4.2.2, RFC 7766), for both sides. The
// stream owns the descriptor, reads and writes without waiting, and belongs to its loop. The owner
// frees the stream, from anywhere, also inside its callbacks; nothing is called afterwards.
//
// Writing: messages are queued in memory up to queue_max and leave as the peer takes them. What is
// sent from inside a callback leaves together: when all messages of this turn were given, or with
// each queue_mark octets. A long transfer is produced in pieces: send about TCP_STREAM_PIECE
// octets, tcp_stream_want_writable, return, go on in `writable`. While more than queue_mark octets
// wait that the socket does not take, nothing is read (the peer that asks but does not listen is
// held back).
//
// Memory: a stream that waits for a message has no buffers; what is read and written in one turn
// lies in memory of the loop (loop_scratch, loop_spare).
#ifndef TANDEM_NET_TCP_STREAM_H
#define TANDEM_NET_TCP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/net/address.h"
#include "common/net/loop.h"
#include "common/net/tcp_end.h"

#define TCP_STREAM_MESSAGE_MAX 65535 // the length has 16 bits
#define TCP_STREAM_PIECE       65536 // then give way to the other connections (serving.md)
// Four messages of the greatest length; a transfer adds its pieces above the mark.
#define TCP_STREAM_QUEUE_MAX  (512 * 1024)
#define TCP_STREAM_QUEUE_MARK (64 * 1024)
// Messages given to the owner in one turn; the rest waits for the next one, so that one client with
// a deep pipeline does not hold up the others.
#define TCP_STREAM_MESSAGES_PER_TURN 64

// Zeroed gives the defaults above and no time-outs.
struct tcp_stream_options {
    // No whole message came and nothing of ours was taken for so long, so also the longest that one
    // message may take to trickle in; 0 never. While a paused stream does not wait for its peer it
    // does not count: the owner is at work.
    uint64_t idle_ms;
    uint64_t total_ms;     // from the first moment to the last; 0 never
    uint64_t connect_ms;   // client: until the connection stands; 0 = 5000
    size_t queue_max;      // octets waiting to leave, length fields included
    size_t queue_mark;     // above it reading pauses; below it `writable` comes
    struct address source; // client: leave from here; AF_UNSPEC: the kernel chooses
};

// Any may be NULL, `ended` not.
struct tcp_stream_events {
    // Client: the connection stands (messages may be sent earlier, they wait).
    void (*connected)(void *context);
    // One whole message without its length field; borrowed until the callback returns.
    void (*message)(void *context, const uint8_t *octets, size_t length);
    // Asked for by tcp_stream_want_writable, once for each asking: the queue is below its mark.
    void (*writable)(void *context);
    // The peer will send no more, between two messages. It may still listen: answer what is due,
    // then tcp_stream_finish. NULL: finish at once.
    void (*half_closed)(void *context);
    // The connection is over and its descriptor closed, once. fault says it as a sentence (NULL
    // when FINISHED). Free the stream here or later.
    void (*ended)(void *context, enum tcp_stream_end end, const struct fault *fault);
};

struct tcp_stream;
// Server: takes over *fd, which becomes -1 (from listen_accept).
struct tcp_stream *tcp_stream_accepted(struct loop *loop, int *fd, const struct address *peer,
                                       const struct tcp_stream_options *options,
                                       const struct tcp_stream_events *events, void *context);
// Client: begins to connect; `connected` or `ended` follows, never before this returns. NULL and a
// fault when no socket can be had or source does not exist here.
struct tcp_stream *tcp_stream_connect(struct loop *loop, const struct address *peer,
                                      const struct tcp_stream_options *options,
                                      const struct tcp_stream_events *events, void *context,
                                      struct fault *fault);
// Closes at once, whatever is queued. *stream may be NULL.
void tcp_stream_free(struct tcp_stream **stream);

// Queues a message of 1 to 65535 octets (copied). False, and nothing queued, when queue_max would
// be passed or the stream has ended or is finishing.
bool tcp_stream_send(struct tcp_stream *stream, const uint8_t *octets, size_t length);
void tcp_stream_want_writable(struct tcp_stream *stream);
// Sends what is queued, then closes; `ended` with FINISHED follows, never from inside this call.
// Later messages of the peer are not read.
void tcp_stream_finish(struct tcp_stream *stream);
// Stops giving messages until tcp_stream_resume (the owner is busy with one).
void tcp_stream_pause(struct tcp_stream *stream);
void tcp_stream_resume(struct tcp_stream *stream);
// New time-outs from now on (a transfer may take longer than a query): idle_ms, total_ms; 0 never.
void tcp_stream_set_timeouts(struct tcp_stream *stream, uint64_t idle_ms, uint64_t total_ms);

size_t tcp_stream_queued(const struct tcp_stream *stream); // octets waiting to leave
const struct address *tcp_stream_peer(const struct tcp_stream *stream);
uint64_t tcp_stream_messages(const struct tcp_stream *stream); // received so far

#endif
