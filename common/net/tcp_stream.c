// Two questions shape this file.
//
// Who may call whom when? An owner that is called back sends, pauses, finishes or frees the stream
// from inside the callback. So a callback comes only from stream_turn and its like, which hold the
// stream (depth) while they run: freeing inside only marks it, and the memory goes when the
// outermost one leaves. The functions that the owner calls never call back; what they find (a
// broken connection, a finish with nothing queued) waits for a deferred turn.
//
// When does the connection close? A close with unread octets in the socket makes the kernel send
// RST, which may throw away our last answers on the peer's side. So a finish sends what is queued,
// shuts our side, and reads (and drops) until the peer closes too, for at most LINGER_MS.
#include "common/net/tcp_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/net/client_socket.h"
#include "common/net/tcp_frames.h"
#include "common/net/tcp_queue.h"

#define CONNECT_MS_DEFAULT 5000
#define LINGER_MS          2000 // a round trip to the other side of the world, with one loss

struct tcp_stream {
    struct loop *loop;
    int fd;
    struct loop_watch *watch;
    struct loop_timer *timer;
    struct tcp_stream_events events;
    void *context;
    struct tcp_stream_options options;
    struct address peer;
    struct tcp_frames frames;
    struct tcp_queue queue;
    uint64_t messages;
    uint64_t born_ms;   // total_ms and connect_ms count from here
    uint64_t active_ms; // idle_ms and the lingering count from here
    int error;          // what connect or send said outside of a turn
    unsigned depth;     // callbacks and turns under way
    bool freed;
    bool ended;
    bool connecting;
    bool finishing;
    bool lingering;
    bool paused;
    bool peer_closed;
    bool told_half_closed;
    bool want_writable;
    bool deferred;
};

static void stream_deferred(void *context);

static bool
is_alive(const struct tcp_stream *stream)
{
    return !stream->ended && !stream->freed;
}

static void
enter(struct tcp_stream *stream)
{
    stream->depth++;
}

static void
forget(struct tcp_stream *stream)
{
    tcp_frames_close(&stream->frames);
    tcp_queue_close(&stream->queue);
    free(stream);
}

static void
leave(struct tcp_stream *stream)
{
    stream->depth--;
    if (stream->depth > 0)
        return;
    if (stream->freed)
        forget(stream);
    else
        tcp_queue_settle(&stream->queue);
}

static void
defer_turn(struct tcp_stream *stream)
{
    if (stream->deferred || !is_alive(stream))
        return;
    stream->deferred = true;
    loop_defer(stream->loop, stream_deferred, stream);
}

// Out of the loop, descriptor closed. The memory stays: the owner may be reading a message in it.
static void
disconnect(struct tcp_stream *stream)
{
    loop_watch_free(&stream->watch);
    loop_timer_free(&stream->timer);
    if (stream->deferred)
        loop_defer_cancel(stream->loop, stream);
    stream->deferred = false;
    if (stream->fd >= 0)
        close(stream->fd);
    stream->fd = -1;
}

static void
end_with(struct tcp_stream *stream, enum tcp_stream_end end, const struct fault *fault)
{
    disconnect(stream);
    stream->ended = true;
    enter(stream);
    stream->events.ended(stream->context, end, fault);
    leave(stream);
}

static void
end_by_error(struct tcp_stream *stream, int error)
{
    struct fault fault = {FAULT_NONE, ""};
    enum tcp_stream_end end = tcp_end_by_error(&stream->peer, error, &fault);
    end_with(stream, end, &fault);
}

static void
end_by_time(struct tcp_stream *stream)
{
    struct fault fault = {FAULT_NONE, ""};
    enum tcp_stream_end end = tcp_end_by_time(&stream->peer, stream->connecting, &fault);
    end_with(stream, end, &fault);
}

static void
end_by_cut(struct tcp_stream *stream)
{
    struct fault fault = {FAULT_NONE, ""};
    enum tcp_stream_end end = tcp_end_by_cut(&stream->peer, &fault);
    end_with(stream, end, &fault);
}

// Time. One timer, armed lazily: activity only notes its moment, and the timer finds out when it
// fires that it has to wait some more. The same for a paused stream: as long as its owner is at
// work (nothing of his waits to leave) every firing counts as activity.

static uint64_t
earlier(uint64_t deadline, uint64_t since, uint64_t span)
{
    return span != 0 && since + span < deadline ? since + span : deadline;
}

static uint64_t
next_deadline(const struct tcp_stream *stream)
{
    uint64_t deadline = UINT64_MAX;
    if (stream->connecting)
        deadline = earlier(deadline, stream->born_ms, stream->options.connect_ms);
    else if (stream->lingering)
        deadline = earlier(deadline, stream->active_ms, LINGER_MS);
    else
        deadline = earlier(deadline, stream->active_ms, stream->options.idle_ms);
    return earlier(deadline, stream->born_ms, stream->options.total_ms);
}

static void
arm_timer(struct tcp_stream *stream)
{
    uint64_t now = loop_now_ms(stream->loop);
    uint64_t deadline = next_deadline(stream);
    if (deadline == UINT64_MAX)
        loop_timer_stop(stream->timer);
    else
        loop_timer_start(stream->timer, deadline > now ? deadline - now : 0, 0);
}

static bool
owner_works(const struct tcp_stream *stream)
{
    return stream->paused && !stream->want_writable && tcp_stream_queued(stream) == 0;
}

static void
timer_fires(void *context)
{
    struct tcp_stream *stream = context;
    enter(stream);
    if (owner_works(stream))
        stream->active_ms = loop_now_ms(stream->loop);
    if (loop_now_ms(stream->loop) < next_deadline(stream)) {
        arm_timer(stream);
    } else if (stream->lingering) {
        end_with(stream, TCP_STREAM_END_FINISHED, NULL);
    } else {
        end_by_time(stream);
    }
    leave(stream);
}

// Writing

size_t
tcp_stream_queued(const struct tcp_stream *stream)
{
    return tcp_queue_size(&stream->queue);
}

// Gives 0 or the error that ends the connection.
static int
flush_queue(struct tcp_stream *stream)
{
    bool moved;
    int error = tcp_queue_flush(&stream->queue, stream->fd, &moved);
    if (moved)
        stream->active_ms = loop_now_ms(stream->loop);
    return error;
}

// Reading

static void
drop_unread(struct tcp_stream *stream)
{
    ssize_t length = recv(stream->fd, loop_scratch(stream->loop), LOOP_SCRATCH_SIZE, 0);
    if (length == 0 || (length < 0 && errno != EAGAIN && errno != EINTR))
        end_with(stream, TCP_STREAM_END_FINISHED, NULL);
}

// All that is there, for the turn that follows at once. Gives 0 or the error that ends the
// connection.
static int
read_some(struct tcp_stream *stream)
{
    uint8_t *scratch = loop_scratch(stream->loop);
    ssize_t length = recv(stream->fd, scratch, LOOP_SCRATCH_SIZE, 0);
    if (length < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : errno;
    if (length == 0)
        stream->peer_closed = true;
    tcp_frames_take(&stream->frames, scratch, (size_t)length);
    return 0;
}

// Flushes; false when the stream has ended (or was freed meanwhile).
static bool
flush_or_end(struct tcp_stream *stream)
{
    int error = is_alive(stream) && !stream->connecting ? flush_queue(stream) : 0;
    if (error != 0)
        end_by_error(stream, error);
    return is_alive(stream);
}

static bool
may_deliver(const struct tcp_stream *stream)
{
    return is_alive(stream) && !stream->paused && !stream->finishing && !stream->connecting &&
           tcp_stream_queued(stream) <= stream->options.queue_mark;
}

// A full queue is given to the socket at once: with a deep pipeline that is one send for each
// queue_mark octets, and memory for no more than that.
static bool
next_message(struct tcp_stream *stream, struct octets *ret_message)
{
    if (tcp_stream_queued(stream) > stream->options.queue_mark && !flush_or_end(stream))
        return false;
    return may_deliver(stream) && tcp_frames_next(&stream->frames, ret_message);
}

static void
deliver_messages(struct tcp_stream *stream)
{
    struct octets message;
    for (unsigned i = 0; i < TCP_STREAM_MESSAGES_PER_TURN && next_message(stream, &message); i++) {
        stream->messages++;
        stream->active_ms = loop_now_ms(stream->loop);
        if (stream->events.message)
            stream->events.message(stream->context, message.data, message.length);
    }
    tcp_frames_keep(&stream->frames);
}

// The peer has closed its side and all that it sent was given out. Of one that closed in the middle
// of a message the answers to those before still go out.
static void
notice_half_close(struct tcp_stream *stream)
{
    bool cut = !tcp_frames_is_empty(&stream->frames);
    if (!stream->peer_closed || stream->told_half_closed || stream->finishing || stream->paused ||
        tcp_frames_has_next(&stream->frames) || (cut && tcp_stream_queued(stream) > 0))
        return;
    stream->told_half_closed = true;
    if (cut)
        end_by_cut(stream);
    else if (stream->events.half_closed)
        stream->events.half_closed(stream->context);
    else
        stream->finishing = true;
}

// A turn: what can be done now for all that may have happened

static void
ask_for_more(struct tcp_stream *stream)
{
    if (!stream->want_writable || stream->finishing ||
        tcp_stream_queued(stream) > stream->options.queue_mark)
        return;
    stream->want_writable = false;
    if (stream->events.writable)
        stream->events.writable(stream->context);
}

static void
finish_if_sent(struct tcp_stream *stream)
{
    if (!stream->finishing || stream->lingering || tcp_stream_queued(stream) > 0)
        return;
    if (stream->peer_closed || shutdown(stream->fd, SHUT_WR) != 0) {
        end_with(stream, TCP_STREAM_END_FINISHED, NULL);
        return;
    }
    stream->lingering = true;
    stream->active_ms = loop_now_ms(stream->loop);
    tcp_frames_close(&stream->frames);
    arm_timer(stream);
}

static unsigned
wanted_events(const struct tcp_stream *stream)
{
    unsigned events = 0;
    if (stream->connecting)
        return LOOP_WRITABLE;
    if (stream->lingering)
        return LOOP_READABLE;
    if (may_deliver(stream) && !stream->peer_closed && !tcp_frames_has_next(&stream->frames))
        events |= LOOP_READABLE;
    if (tcp_stream_queued(stream) > 0 || stream->want_writable)
        events |= LOOP_WRITABLE;
    return events;
}

static void
update_wanted(struct tcp_stream *stream)
{
    loop_watch_want(stream->watch, wanted_events(stream));
    if (may_deliver(stream) && tcp_frames_has_next(&stream->frames))
        defer_turn(stream);
}

static void
stream_turn(struct tcp_stream *stream)
{
    enter(stream);
    deliver_messages(stream);
    if (flush_or_end(stream))
        notice_half_close(stream);
    if (is_alive(stream) && !stream->connecting)
        ask_for_more(stream);
    if (flush_or_end(stream) && !stream->connecting)
        finish_if_sent(stream);
    if (is_alive(stream))
        update_wanted(stream);
    leave(stream);
}

static void
stream_deferred(void *context)
{
    struct tcp_stream *stream = context;
    stream->deferred = false;
    if (stream->error != 0)
        end_by_error(stream, stream->error);
    else
        stream_turn(stream);
}

static int
socket_error(int fd)
{
    int error = 0;
    socklen_t length = sizeof(error);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
        return errno;
    return error;
}

static void
connection_stands(struct tcp_stream *stream)
{
    stream->connecting = false;
    stream->active_ms = loop_now_ms(stream->loop);
    arm_timer(stream);
    if (stream->events.connected)
        stream->events.connected(stream->context);
}

static void
watch_fires(void *context, unsigned events)
{
    struct tcp_stream *stream = context;
    int error = 0;
    enter(stream);
    if (stream->connecting) {
        error = socket_error(stream->fd);
        if (error == 0)
            connection_stands(stream);
    } else if (stream->lingering) {
        drop_unread(stream);
    } else if (events & LOOP_READABLE) {
        error = read_some(stream);
    }
    if (error != 0)
        end_by_error(stream, error);
    else if (is_alive(stream) && !stream->lingering)
        stream_turn(stream);
    leave(stream);
}

// Beginning and end

static void
fill_defaults(struct tcp_stream_options *options)
{
    if (options->connect_ms == 0)
        options->connect_ms = CONNECT_MS_DEFAULT;
    if (options->queue_max == 0)
        options->queue_max = TCP_STREAM_QUEUE_MAX;
    if (options->queue_mark == 0)
        options->queue_mark = TCP_STREAM_QUEUE_MARK;
}

static struct tcp_stream *
stream_new(struct loop *loop, int fd, const struct address *peer,
           const struct tcp_stream_options *options, const struct tcp_stream_events *events)
{
    struct tcp_stream *stream = memory_zalloc(sizeof(*stream));
    ENSURE(events->ended != NULL);
    stream->loop = loop;
    stream->fd = fd;
    stream->peer = *peer;
    stream->options = *options;
    stream->events = *events;
    fill_defaults(&stream->options);
    tcp_frames_init(&stream->frames);
    tcp_queue_init(&stream->queue, loop_spare(loop));
    stream->born_ms = loop_now_ms(loop);
    stream->active_ms = stream->born_ms;
    stream->watch = loop_watch_new(loop, fd, watch_fires, stream);
    stream->timer = loop_timer_new(loop, timer_fires, stream);
    return stream;
}

struct tcp_stream *
tcp_stream_accepted(struct loop *loop, int *fd, const struct address *peer,
                    const struct tcp_stream_options *options,
                    const struct tcp_stream_events *events, void *context)
{
    struct tcp_stream *stream = stream_new(loop, *fd, peer, options, events);
    stream->context = context;
    *fd = -1;
    arm_timer(stream);
    update_wanted(stream);
    return stream;
}

struct tcp_stream *
tcp_stream_connect(struct loop *loop, const struct address *peer,
                   const struct tcp_stream_options *options, const struct tcp_stream_events *events,
                   void *context, struct fault *fault)
{
    int fd = client_socket_open(SOCK_STREAM, peer, &options->source, fault);
    if (fd < 0)
        return NULL;
    struct tcp_stream *stream = stream_new(loop, fd, peer, options, events);
    stream->context = context;
    stream->connecting = true;
    // Standing at once is seen as writable too, so only an error is told apart.
    if (connect(fd, &peer->any, address_sockaddr_length(peer)) != 0 && errno != EINPROGRESS) {
        stream->error = errno;
        defer_turn(stream);
        return stream;
    }
    arm_timer(stream);
    update_wanted(stream);
    return stream;
}

void
tcp_stream_free(struct tcp_stream **pointer)
{
    struct tcp_stream *stream = *pointer;
    *pointer = NULL;
    if (!stream)
        return;
    disconnect(stream);
    stream->freed = true;
    if (stream->depth == 0)
        forget(stream);
}

// What the owner asks for

bool
tcp_stream_send(struct tcp_stream *stream, const uint8_t *octets, size_t length)
{
    ENSURE(length >= 1 && length <= TCP_STREAM_MESSAGE_MAX);
    if (!is_alive(stream) || stream->finishing || stream->error != 0 ||
        tcp_stream_queued(stream) + TCP_QUEUE_LENGTH_FIELD + length > stream->options.queue_max)
        return false;
    tcp_queue_add(&stream->queue, octets, length);
    if (stream->depth > 0)
        return true; // the end of the turn sends it
    if (!stream->connecting)
        stream->error = flush_queue(stream);
    tcp_queue_settle(&stream->queue);
    if (stream->error != 0)
        defer_turn(stream);
    else if (!stream->connecting)
        update_wanted(stream);
    return true;
}

void
tcp_stream_want_writable(struct tcp_stream *stream)
{
    if (!is_alive(stream))
        return;
    stream->want_writable = true;
    if (stream->depth == 0)
        update_wanted(stream);
}

void
tcp_stream_finish(struct tcp_stream *stream)
{
    stream->finishing = true;
    if (stream->depth == 0)
        defer_turn(stream);
}

void
tcp_stream_pause(struct tcp_stream *stream)
{
    if (!is_alive(stream))
        return;
    stream->paused = true;
    if (stream->depth == 0)
        update_wanted(stream);
}

void
tcp_stream_resume(struct tcp_stream *stream)
{
    if (!is_alive(stream) || !stream->paused)
        return;
    stream->paused = false;
    stream->active_ms = loop_now_ms(stream->loop);
    arm_timer(stream);
    if (stream->depth == 0)
        defer_turn(stream); // messages that came before the pause may wait
}

void
tcp_stream_set_timeouts(struct tcp_stream *stream, uint64_t idle_ms, uint64_t total_ms)
{
    if (!is_alive(stream))
        return;
    stream->options.idle_ms = idle_ms;
    stream->options.total_ms = total_ms;
    stream->active_ms = loop_now_ms(stream->loop);
    // connect_ms counts from born_ms too; while connecting only the total moves on.
    if (!stream->connecting)
        stream->born_ms = stream->active_ms;
    arm_timer(stream);
}

const struct address *
tcp_stream_peer(const struct tcp_stream *stream)
{
    return &stream->peer;
}

uint64_t
tcp_stream_messages(const struct tcp_stream *stream)
{
    return stream->messages;
}
