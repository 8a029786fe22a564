// What happens when all connections are taken? The one that has been silent longest and has nothing
// under way gives way to the new one: a crowd of idle connections cannot lock the door (RFC 9210
// section 5). A prefix that has its share already is refused instead: it would only push out its
// own (tcp_clients.h). The same when the process is out of descriptors.
//
// What does a connection cost? An idle one its place in two lists, a timer and the kernel's socket;
// what a transfer needs is allocated when one begins. A query costs no allocation, no clock (one
// reading for each turn of the loop) and, pipelined, a share of one recv and one send.
#include "secondary/server/tcp_worker.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/base/hash.h"
#include "common/base/vector.h"
#include "common/daemon/clock.h"
#include "common/daemon/log.h"
#include "common/net/listen.h"
#include "common/net/tcp_stream.h"
#include "common/transfer/xfr_out.h"
#include "secondary/server/tcp_clients.h"

struct transfer {
    struct respond_transfer asked;
    struct xfr_out out;
};

struct connection {
    struct tcp_client client; // first: tcp_clients gives it back
    struct tcp_worker *worker;
    struct tcp_stream *stream;
    struct transfer *transfer; // under way, or NULL
    bool half_closed;
};

struct listener {
    struct tcp_worker *worker;
    struct loop_watch *watch;
    int fd;
};

struct tcp_worker {
    struct loop *loop;
    struct responder *responder;
    struct tcp_worker_options options;
    struct vector listeners; // of struct listener *
    struct loop_timer *pause;
    struct tcp_clients clients;
    struct counters_tcp_seen *seen; // NULL: nobody looks
    struct transfer *next_transfer; // respond fills it; the connection that begins one takes it
    uint64_t clock_ms;              // the loop's time at which unix_seconds was read
    int64_t unix_seconds;
    uint8_t message[TCP_STREAM_MESSAGE_MAX]; // the response being made
};

// The clock, read once for all messages of a turn.
static int64_t
now_unix(struct tcp_worker *worker)
{
    uint64_t now_ms = loop_now_ms(worker->loop);
    if (worker->clock_ms != now_ms) {
        worker->clock_ms = now_ms;
        worker->unix_seconds = clock_unix_seconds();
    }
    return worker->unix_seconds;
}

static void
listeners_want(struct tcp_worker *worker, unsigned events)
{
    for (size_t i = 0; i < worker->listeners.count; i++) {
        struct listener *listener = *(struct listener **)vector_at(&worker->listeners, i);
        loop_watch_want(listener->watch, events);
    }
}

static void
pause_over(void *context)
{
    listeners_want(context, LOOP_READABLE);
}

struct tcp_worker *
tcp_worker_new(struct loop *loop, struct responder *responder)
{
    struct tcp_worker *worker = memory_zalloc(sizeof *worker);
    worker->loop = loop;
    worker->responder = responder;
    worker->pause = loop_timer_new(loop, pause_over, worker);
    worker->next_transfer = memory_zalloc(sizeof *worker->next_transfer);
    tcp_clients_init(&worker->clients, hash_key_draw());
    vector_init(&worker->listeners, sizeof(struct listener *));
    return worker;
}

void
tcp_worker_configure(struct tcp_worker *worker, const struct tcp_worker_options *options)
{
    worker->options = *options;
    tcp_clients_limit(&worker->clients, options->clients_max);
}

void
tcp_worker_show(struct tcp_worker *worker, struct counters_tcp_seen *seen)
{
    worker->seen = seen;
}

static void
transfer_end(struct connection *connection, bool done)
{
    struct tcp_worker *worker = connection->worker;
    struct counters *counters = worker->responder->counters;
    struct transfer *transfer = connection->transfer;
    if (!transfer)
        return;
    connection->transfer = NULL;
    tcp_clients_set_busy(&worker->clients, &connection->client, false, loop_now_ms(worker->loop));
    counter_add(done ? &counters->transfers_done : &counters->transfers_failed, 1);
    transfers_count(worker->responder->transfers, transfer->asked.zone_id, transfer->out.form,
                    done);
    xfr_out_close(&transfer->out);
    if (transfer->asked.is_signed)
        tsig_exchange_close(&transfer->asked.exchange);
    free(transfer);
}

static void
open_count(struct tcp_worker *worker)
{
    uint64_t *gauge = &worker->responder->counters->tcp_open;
    __atomic_store_n(gauge, worker->clients.count, __ATOMIC_RELAXED);
}

static void
connection_free(struct connection *connection)
{
    struct tcp_worker *worker = connection->worker;
    transfer_end(connection, false);
    tcp_stream_free(&connection->stream);
    tcp_clients_leave(&worker->clients, &connection->client);
    open_count(worker);
    free(connection);
}

// What happened to the zone's transfer, for people.
static void
transfer_log(const struct connection *connection, bool done, const char *why)
{
    char peer[ADDRESS_TEXT_MAX], zone[NAME_TEXT_MAX], key[NAME_TEXT_MAX], serial[24], records[24];
    const struct xfr_out *out = &connection->transfer->out;
    bool is_signed = connection->transfer->asked.is_signed;
    name_to_text_short(version_apex(out->version), zone);
    snprintf(serial, sizeof serial, "%u", version_facts(out->version)->signed_serial);
    snprintf(records, sizeof records, "%llu", (unsigned long long)out->records);
    bool quiet = out->form == IXFR_OUT_SOA; // a poll
    log_at(!done   ? LOG_LEVEL_WARNING
           : quiet ? LOG_LEVEL_DEBUG
                   : LOG_LEVEL_INFO,
           done ? "zone transferred out" : why, "zone", zone, "to",
           address_to_text(tcp_stream_peer(connection->stream), peer), "key",
           is_signed ? name_to_text(connection->transfer->asked.key.name, key) : NULL, "asked",
           xfr_out_asked(out), "kind", xfr_out_kind(out), "serial", serial, "records", records);
}

static void
transfer_failed(struct connection *connection, const char *why)
{
    transfer_log(connection, false, why);
    connection_free(connection);
}

static void
transfer_done(struct connection *connection)
{
    struct tcp_worker *worker = connection->worker;
    transfer_log(connection, true, NULL);
    transfer_end(connection, true);
    if (connection->half_closed) {
        tcp_stream_finish(connection->stream);
        return;
    }
    tcp_stream_set_timeouts(connection->stream, worker->options.idle_ms, TCP_WORKER_TOTAL_MS);
    tcp_stream_resume(connection->stream);
}

// Sends about one piece, then waits until the client took it: others get their turn.
static void
transfer_go_on(struct connection *connection)
{
    struct tcp_worker *worker = connection->worker;
    struct fault fault = {0};
    size_t length, sent = 0;
    enum xfr_out_step step = XFR_OUT_MORE;
    while (step == XFR_OUT_MORE && sent < TCP_STREAM_PIECE) {
        step = xfr_out_next(&connection->transfer->out, worker->message, sizeof worker->message,
                            now_unix(worker), &length, &fault);
        if (step == XFR_OUT_FAILED) {
            transfer_failed(connection, fault.text);
            return;
        }
        if (length == 0) // an IXFR's journal takes its time: others have their turn
            break;
        if (!tcp_stream_send(connection->stream, worker->message, length)) {
            transfer_failed(connection, "a transfer out broke off: its queue is full");
            return;
        }
        sent += length;
    }
    counter_add(&worker->responder->counters->transfer_octets, sent);
    if (step == XFR_OUT_DONE)
        transfer_done(connection);
    else
        tcp_stream_want_writable(connection->stream);
}

static void
transfer_begin(struct connection *connection)
{
    struct tcp_worker *worker = connection->worker;
    struct transfer *begun = worker->next_transfer;
    struct respond_transfer *transfer = &begun->asked;
    const struct xfr_out_options options = respond_transfer_options(transfer);
    xfr_out_init(&begun->out, &options);
    worker->next_transfer = memory_zalloc(sizeof *worker->next_transfer);
    connection->transfer = begun;
    tcp_clients_set_busy(&worker->clients, &connection->client, true, loop_now_ms(worker->loop));
    counter_add(&worker->responder->counters->transfers_started, 1);
    tcp_stream_pause(connection->stream);
    tcp_stream_set_timeouts(connection->stream, TCP_WORKER_TRANSFER_IDLE_MS,
                            TCP_WORKER_TRANSFER_TOTAL_MS);
    transfer_go_on(connection);
}

static void
message_answer(struct connection *connection, const uint8_t *octets, size_t length)
{
    struct tcp_worker *worker = connection->worker;
    const struct respond_request request = {
        .peer = tcp_stream_peer(connection->stream),
        .tcp = true,
        .now = now_unix(worker),
        .octets = octets,
        .length = length,
        .memory = worker->message,
        .size = sizeof worker->message,
    };
    size_t response_length;
    tcp_clients_heard(&worker->clients, &connection->client, loop_now_ms(worker->loop));
    switch (respond(worker->responder, &request, &worker->next_transfer->asked, &response_length)) {
    case RESPOND_NOTHING: // no DNS client sends such a thing: the connection is of no use
        tcp_stream_finish(connection->stream);
        return;
    case RESPOND_MESSAGE:
        if (!tcp_stream_send(connection->stream, worker->message, response_length))
            connection_free(connection);
        return;
    case RESPOND_TRANSFER:
        transfer_begin(connection);
        return;
    }
}

// The mark comes last: what it stands for is in memory by then, whatever happens next.
static void
message_show(struct counters_tcp_seen *seen, const struct address *peer, const uint8_t *octets,
             size_t length)
{
    seen->peer = *peer;
    seen->length = (uint32_t)length;
    memcpy(seen->octets, octets, length < COUNTERS_TCP_OCTETS ? length : COUNTERS_TCP_OCTETS);
    __atomic_store_n(&seen->in_hand, 1, __ATOMIC_RELEASE);
    atomic_signal_fence(memory_order_seq_cst);
}

static void
message_came(void *context, const uint8_t *octets, size_t length)
{
    struct connection *connection = context;
    struct counters_tcp_seen *seen = connection->worker->seen;
    if (seen)
        message_show(seen, tcp_stream_peer(connection->stream), octets, length);
    message_answer(connection, octets, length); // the connection may be gone
    if (seen)
        __atomic_store_n(&seen->in_hand, 0, __ATOMIC_RELEASE);
}

static void
stream_writable(void *context)
{
    struct connection *connection = context;
    if (connection->transfer)
        transfer_go_on(connection);
}

static void
stream_half_closed(void *context)
{
    struct connection *connection = context;
    connection->half_closed = true;
    if (!connection->transfer)
        tcp_stream_finish(connection->stream);
}

static void
stream_ended(void *context, enum tcp_stream_end end, const struct fault *fault)
{
    struct connection *connection = context;
    if (end == TCP_STREAM_END_TIMEOUT)
        counter_add(&connection->worker->responder->counters->tcp_timeouts, 1);
    if (connection->transfer)
        transfer_log(connection, false,
                     fault ? fault->text : "the client closed during a transfer");
    connection_free(connection);
}

static const struct tcp_stream_events stream_events = {
    .message = message_came,
    .writable = stream_writable,
    .half_closed = stream_half_closed,
    .ended = stream_ended,
};

static void
connection_new(struct tcp_worker *worker, int *fd, const struct address *peer)
{
    const struct tcp_stream_options options = {.idle_ms = worker->options.idle_ms,
                                               .total_ms = TCP_WORKER_TOTAL_MS,
                                               .queue_mark = TCP_WORKER_QUEUE_MARK};
    struct connection *connection = memory_zalloc(sizeof *connection);
    connection->worker = worker;
    tcp_clients_join(&worker->clients, &connection->client, peer, loop_now_ms(worker->loop));
    connection->stream =
        tcp_stream_accepted(worker->loop, fd, peer, &options, &stream_events, connection);
    counter_add(&worker->responder->counters->tcp_accepted, 1);
    open_count(worker);
}

// A connection that stood, or wanted to, and must go because of a limit.
static void
refused_count(struct tcp_worker *worker)
{
    counter_add(&worker->responder->counters->tcp_refused, 1);
}

static void
connection_admit(struct tcp_worker *worker, int *fd, const struct address *peer)
{
    struct tcp_client *leaves;
    switch (tcp_clients_judge(&worker->clients, peer, loop_now_ms(worker->loop), &leaves)) {
    case TCP_CLIENTS_REFUSE:
        refused_count(worker);
        close(*fd);
        return;
    case TCP_CLIENTS_REPLACE:
        refused_count(worker);
        connection_free((struct connection *)leaves);
        break;
    case TCP_CLIENTS_JOIN:
        break;
    }
    connection_new(worker, fd, peer);
}

// Out of descriptors or memory: the one silent longest gives its own, or all wait for a moment.
static void
exhausted(struct tcp_worker *worker)
{
    struct tcp_client *silent = tcp_clients_silent(&worker->clients, loop_now_ms(worker->loop));
    log_limited(LOG_LEVEL_ERROR, "accept", 60,
                "no more TCP connections can be taken: descriptors or memory are out; lower "
                "tcp-clients or raise the limit of open files");
    if (silent) {
        refused_count(worker);
        connection_free((struct connection *)silent);
        return;
    }
    listeners_want(worker, 0);
    loop_timer_start(worker->pause, TCP_WORKER_PAUSE_MS, 0);
}

static void
listener_readable(void *context, unsigned events)
{
    struct listener *listener = context;
    struct address peer;
    int fd;
    (void)events;
    for (unsigned i = 0; i < TCP_WORKER_ACCEPTS_PER_TURN; i++) {
        enum listen_accepted accepted = listen_accept(listener->fd, &fd, &peer);
        // Without a descriptor the kernel says so before it looks whether anybody waits. That one
        // does is known at the beginning of a turn only.
        if (accepted == LISTEN_EXHAUSTED && i == 0)
            exhausted(listener->worker);
        if (accepted != LISTEN_ACCEPTED)
            return;
        connection_admit(listener->worker, &fd, &peer);
    }
}

void
tcp_worker_add(struct tcp_worker *worker, int *descriptor)
{
    struct listener *listener = memory_zalloc(sizeof *listener);
    listener->worker = worker;
    listener->fd = *descriptor;
    *descriptor = -1;
    listener->watch = loop_watch_new(worker->loop, listener->fd, listener_readable, listener);
    loop_watch_want(listener->watch, LOOP_READABLE);
    vector_add(&worker->listeners, &listener);
}

void
tcp_worker_free(struct tcp_worker **worker)
{
    if (!*worker)
        return;
    for (struct tcp_client *left; (left = tcp_clients_any(&(*worker)->clients));)
        connection_free((struct connection *)left);
    tcp_clients_close(&(*worker)->clients);
    free((*worker)->next_transfer);
    for (size_t i = 0; i < (*worker)->listeners.count; i++) {
        struct listener *listener = *(struct listener **)vector_at(&(*worker)->listeners, i);
        loop_watch_free(&listener->watch);
        close(listener->fd);
        free(listener);
    }
    vector_close(&(*worker)->listeners);
    loop_timer_free(&(*worker)->pause);
    free(*worker);
    *worker = NULL;
}
