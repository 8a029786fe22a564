// What happens when all connections are taken? The one that has been silent longest and has nothing
// under way gives way to the new one: a crowd of idle connections cannot lock the door (RFC 9210
// section 5). A prefix that has its share already is refused instead: it would only push out its
// own.
#include "secondary/server/tcp_worker.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/base/vector.h"
#include "common/daemon/clock.h"
#include "common/daemon/log.h"
#include "common/dns/rrtype.h"
#include "common/net/listen.h"
#include "common/net/tcp_stream.h"
#include "common/transfer/xfr_out.h"

struct connection {
    struct tcp_worker *worker;
    struct connection *next, *previous;
    struct tcp_stream *stream;
    struct address peer;
    uint64_t heard_ms;
    bool half_closed;
    bool transferring;
    struct xfr_out out; // while transferring
    struct respond_transfer transfer;
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
    struct connection *first; // newest
    unsigned count;
    uint8_t message[TCP_STREAM_MESSAGE_MAX]; // the response being made
};

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
    vector_init(&worker->listeners, sizeof(struct listener *));
    return worker;
}

void
tcp_worker_configure(struct tcp_worker *worker, const struct tcp_worker_options *options)
{
    worker->options = *options;
}

static void
transfer_end(struct connection *connection, bool done)
{
    struct counters *counters = connection->worker->responder->counters;
    if (!connection->transferring)
        return;
    connection->transferring = false;
    counter_add(done ? &counters->transfers_done : &counters->transfers_failed, 1);
    xfr_out_close(&connection->out);
    if (connection->transfer.is_signed)
        tsig_exchange_close(&connection->transfer.exchange);
}

static void
connection_free(struct connection *connection)
{
    struct tcp_worker *worker = connection->worker;
    transfer_end(connection, false);
    tcp_stream_free(&connection->stream);
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        worker->first = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    worker->count--;
    __atomic_store_n(&worker->responder->counters->tcp_open, worker->count, __ATOMIC_RELAXED);
    free(connection);
}

// What happened to the zone's transfer, for people.
static void
transfer_log(const struct connection *connection, bool done, const char *why)
{
    char peer[ADDRESS_TEXT_MAX], zone[NAME_TEXT_MAX], serial[24], records[24];
    const struct xfr_out *out = &connection->out;
    name_to_text_short(version_apex(out->version), zone);
    snprintf(serial, sizeof serial, "%u", version_facts(out->version)->signed_serial);
    snprintf(records, sizeof records, "%llu", (unsigned long long)out->records);
    log_at(done ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, done ? "zone transferred out" : why, "zone",
           zone, "to", address_to_text(&connection->peer, peer), "kind", xfr_out_kind(out),
           "serial", serial, "records", records);
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
        step = xfr_out_next(&connection->out, worker->message, sizeof worker->message,
                            clock_unix_seconds(), &length, &fault);
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
    struct respond_transfer *transfer = &connection->transfer;
    const struct xfr_out_options options = {
        .version = transfer->zone->answer.version,
        .query = &transfer->header,
        .question = &transfer->question,
        .exchange = transfer->is_signed ? &transfer->exchange : NULL,
        .edns = transfer->edns,
        .ixfr = transfer->question.type == RRTYPE_IXFR,
        .client_serial = transfer->client_serial,
    };
    xfr_out_init(&connection->out, &options);
    connection->transferring = true;
    counter_add(&connection->worker->responder->counters->transfers_started, 1);
    tcp_stream_pause(connection->stream);
    tcp_stream_set_timeouts(connection->stream, TCP_WORKER_TRANSFER_IDLE_MS,
                            TCP_WORKER_TRANSFER_TOTAL_MS);
    transfer_go_on(connection);
}

static void
message_came(void *context, const uint8_t *octets, size_t length)
{
    struct connection *connection = context;
    struct tcp_worker *worker = connection->worker;
    const struct respond_request request = {
        .peer = &connection->peer,
        .tcp = true,
        .now = clock_unix_seconds(),
        .octets = octets,
        .length = length,
        .memory = worker->message,
        .size = sizeof worker->message,
    };
    size_t response_length;
    connection->heard_ms = loop_now_ms(worker->loop);
    switch (respond(worker->responder, &request, &connection->transfer, &response_length)) {
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

static void
stream_writable(void *context)
{
    struct connection *connection = context;
    if (connection->transferring)
        transfer_go_on(connection);
}

static void
stream_half_closed(void *context)
{
    struct connection *connection = context;
    connection->half_closed = true;
    if (!connection->transferring)
        tcp_stream_finish(connection->stream);
}

static void
stream_ended(void *context, enum tcp_stream_end end, const struct fault *fault)
{
    struct connection *connection = context;
    if (end == TCP_STREAM_END_TIMEOUT)
        counter_add(&connection->worker->responder->counters->tcp_timeouts, 1);
    if (connection->transferring)
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

static struct address_prefix
prefix_of(const struct address *peer)
{
    struct address_prefix prefix = {.address = *peer,
                                    .bits = peer->family == AF_INET ? TCP_WORKER_PREFIX_V4
                                                                    : TCP_WORKER_PREFIX_V6};
    size_t length;
    uint8_t octets[16] = {0};
    const uint8_t *from = address_octets(peer, &length);
    memcpy(octets, from, prefix.bits / 8);
    address_from_octets(octets, length, 0, &prefix.address);
    return prefix;
}

static bool
prefix_has_its_share(const struct tcp_worker *worker, const struct address *peer)
{
    struct address_prefix prefix = prefix_of(peer);
    unsigned share = worker->options.clients_max / TCP_WORKER_PREFIX_SHARE, taken = 0;
    share = share < TCP_WORKER_PREFIX_MIN ? TCP_WORKER_PREFIX_MIN : share;
    if (worker->count < share)
        return false;
    for (const struct connection *at = worker->first; at; at = at->next)
        taken += address_prefix_match(&prefix, &at->peer);
    return taken >= share;
}

// Ends the connection that is silent longest; false when all have work under way.
static bool
room_make(struct tcp_worker *worker)
{
    struct connection *silent = NULL;
    for (struct connection *at = worker->first; at; at = at->next)
        if (!at->transferring && tcp_stream_queued(at->stream) == 0 &&
            (!silent || at->heard_ms < silent->heard_ms))
            silent = at;
    if (!silent)
        return false;
    counter_add(&worker->responder->counters->tcp_refused, 1);
    connection_free(silent);
    return true;
}

static void
connection_new(struct tcp_worker *worker, int *fd, const struct address *peer)
{
    const struct tcp_stream_options options = {.idle_ms = worker->options.idle_ms,
                                               .total_ms = TCP_WORKER_TOTAL_MS};
    struct connection *connection = memory_zalloc(sizeof *connection);
    connection->worker = worker;
    connection->peer = *peer;
    connection->heard_ms = loop_now_ms(worker->loop);
    connection->next = worker->first;
    if (worker->first)
        worker->first->previous = connection;
    worker->first = connection;
    worker->count++;
    connection->stream =
        tcp_stream_accepted(worker->loop, fd, peer, &options, &stream_events, connection);
    counter_add(&worker->responder->counters->tcp_accepted, 1);
    __atomic_store_n(&worker->responder->counters->tcp_open, worker->count, __ATOMIC_RELAXED);
}

static void
connection_admit(struct tcp_worker *worker, int fd, const struct address *peer)
{
    bool full = worker->count >= worker->options.clients_max;
    if (prefix_has_its_share(worker, peer) || (full && !room_make(worker))) {
        counter_add(&worker->responder->counters->tcp_refused, 1);
        close(fd);
        return;
    }
    connection_new(worker, &fd, peer);
}

static void
listener_readable(void *context, unsigned events)
{
    struct listener *listener = context;
    struct tcp_worker *worker = listener->worker;
    struct address peer;
    int fd;
    (void)events;
    // A backlog's worth at most, then the others' turn.
    for (unsigned i = 0; i < LISTEN_TCP_BACKLOG; i++) {
        enum listen_accepted accepted = listen_accept(listener->fd, &fd, &peer);
        if (accepted == LISTEN_ACCEPTED) {
            connection_admit(worker, fd, &peer);
            continue;
        }
        if (accepted == LISTEN_EXHAUSTED) {
            log_limited(LOG_LEVEL_ERROR, "accept", 60,
                        "no TCP connection can be taken: descriptors or memory are out");
            listeners_want(worker, 0);
            loop_timer_start(worker->pause, TCP_WORKER_PAUSE_MS, 0);
        }
        return;
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
    while ((*worker)->first)
        connection_free((*worker)->first);
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
