#include "primary/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/daemon/clock.h"
#include "common/daemon/log.h"
#include "common/daemon/refusals.h"
#include "common/dns/rcode.h"
#include "common/dns/rrtype.h"
#include "common/net/listen.h"
#include "common/net/tcp_stream.h"
#include "common/net/udp_batch.h"
#include "common/transfer/xfr_out.h"
#include "primary/peer.h"

#define ACCEPT_LOG_SECONDS 10 // between two lines that connections wait

struct listener {
    struct serve *serve;
    int udp, tcp;
    struct loop_watch *udp_watch, *tcp_watch;
};

// One TCP connection. A transfer keeps its settings (for its key) and its version (in out).
struct client {
    struct serve *serve;
    struct client *previous, *next;
    struct tcp_stream *stream;
    bool half_closed;
    bool transferring;
    struct settings_hold *settings;
    struct tsig_exchange exchange;
    struct xfr_out out;
    char domain[NAME_TEXT_MAX];
    char key[NAME_TEXT_MAX]; // "" none
    uint32_t serial;
    uint64_t started_ms;
};

struct serve {
    struct loop *loop;
    struct settings_hold *settings;
    const struct zone_set *zones;
    struct metrics *metrics;
    struct refusals *refusals;
    struct listener *listeners;
    size_t listener_count;
    struct udp_batch *batch;
    struct loop_timer *accept_pause;
    struct client *clients;
    unsigned client_count, transfer_count;
    uint8_t *memory; // one message that is being made
};

// Counting and logging.

static void
outcome_count(struct serve *serve, const struct peer_outcome *outcome, bool tcp)
{
    if (outcome->action == PEER_SILENT)
        return;
    metrics_add(serve->metrics, METRIC_QUERIES, 1, tcp ? "tcp" : "udp", rcode_text(outcome->rcode));
    if (outcome->truncated)
        metrics_add(serve->metrics, METRIC_ANSWERS_TRUNCATED, 1);
    if (outcome->is_delta)
        metrics_add(serve->metrics, METRIC_ZONE_TRANSFERS, 1, outcome->zone->domain, "out", "ixfr",
                    "ok");
}

// The zone that a transfer was asked of, or another question's name.
static void
refusal_tell(struct serve *serve, const struct peer_request *request, const struct query *query,
             const struct peer_outcome *outcome)
{
    if (!outcome->refusal)
        return;
    const struct served_zone *zone =
        query->has_question ? zone_set_get(serve->zones, query->lower) : NULL;
    const struct refused_request refused = {
        .reason = outcome->refusal,
        .peer = request->address,
        .tcp = request->tcp,
        .name = query->has_question ? query->lower : NULL,
        .name_is_zone = zone != NULL,
        .type = query->type,
        .key_name = outcome->key ? outcome->key->name : outcome->signed_by,
        .rcode = outcome->rcode,
    };
    if (zone && query->kind == QUERY_TRANSFER)
        metrics_add(serve->metrics, METRIC_ZONE_TRANSFERS, 1, zone->domain, "out",
                    query->type == RRTYPE_IXFR ? "ixfr" : "axfr", "refused");
    refusals_tell(serve->refusals, &refused, request->now);
}

static struct peer_service
service_of(const struct serve *serve)
{
    const struct primary_settings *settings = serve->settings->settings;
    return (struct peer_service){
        .zones = serve->zones, .keys = settings->keys, .key_count = settings->key_count};
}

// UDP.

static void
packet_answer(struct serve *serve, struct udp_packet *packet, int64_t now)
{
    struct peer_service service = service_of(serve);
    struct peer_request request = {.octets = packet->request,
                                   .length = packet->request_length,
                                   .address = packet->peer,
                                   .now = now};
    struct query query;
    struct tsig_exchange exchange;
    struct peer_outcome outcome;
    if (packet->request_cut)
        return;
    peer_answer(&service, &request, &query, &exchange, packet->response, UDP_BATCH_RESPONSE_SIZE,
                &outcome);
    tsig_exchange_close(&exchange);
    packet->response_length = outcome.length;
    outcome_count(serve, &outcome, false);
    refusal_tell(serve, &request, &query, &outcome);
}

static void
on_udp(void *context, unsigned events)
{
    struct listener *listener = context;
    struct serve *serve = listener->serve;
    (void)events;
    for (int i = 0; i < SERVE_BATCHES_PER_TURN; i++) {
        int64_t now = clock_unix_seconds();
        unsigned count = udp_batch_receive(serve->batch, listener->udp);
        for (unsigned k = 0; k < count; k++)
            packet_answer(serve, udp_batch_packet(serve->batch, k), now);
        udp_batch_send(serve->batch, listener->udp);
        if (count < UDP_BATCH_PACKETS)
            return;
    }
}

// TCP.

static void
client_free(struct client *client)
{
    struct serve *serve = client->serve;
    if (client->previous)
        client->previous->next = client->next;
    else
        serve->clients = client->next;
    if (client->next)
        client->next->previous = client->previous;
    serve->client_count--;
    serve->transfer_count -= client->transferring;
    tcp_stream_free(&client->stream);
    xfr_out_close(&client->out);
    tsig_exchange_close(&client->exchange);
    settings_drop(&client->settings);
    free(client);
}

static void
transfer_log(struct client *client, const char *result, const char *reason)
{
    char peer[ADDRESS_TEXT_MAX];
    const char *kind = xfr_out_kind(&client->out);
    bool quiet = client->out.form == IXFR_OUT_SOA;
    metrics_add(client->serve->metrics, METRIC_ZONE_TRANSFERS, 1, client->domain, "out", kind,
                result);
    enum log_level level = reason ? LOG_LEVEL_WARNING : quiet ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
    log_at(level, reason ? "transfer broken off" : "zone transferred", "zone", client->domain,
           "peer", address_to_text(tcp_stream_peer(client->stream), peer), "key",
           client->key[0] ? client->key : NULL, "asked", xfr_out_asked(&client->out), "kind", kind,
           "serial", LOG_NUMBER(client->serial), "records", LOG_NUMBER(client->out.records),
           "messages", LOG_NUMBER(client->out.messages), "octets", LOG_NUMBER(client->out.octets),
           "milliseconds", LOG_NUMBER(loop_now_ms(client->serve->loop) - client->started_ms),
           "reason", reason);
}

// After the last message: the connection is free for the next question.
static void
transfer_end(struct client *client)
{
    client->transferring = false;
    client->serve->transfer_count--;
    transfer_log(client, "ok", NULL);
    xfr_out_close(&client->out);
    tsig_exchange_close(&client->exchange);
    settings_drop(&client->settings);
    tcp_stream_set_timeouts(client->stream, SERVE_CLIENT_IDLE_MS, 0);
    tcp_stream_resume(client->stream);
    if (client->half_closed)
        tcp_stream_finish(client->stream);
}

static void
transfer_fail(struct client *client, const struct fault *fault)
{
    transfer_log(client, "failed", fault->text);
    client_free(client);
}

// Sends about TCP_STREAM_PIECE octets, then waits until the peer has taken them.
static void
client_pump(struct client *client)
{
    struct serve *serve = client->serve;
    struct fault fault;
    size_t sent = 0, length;
    int64_t now = clock_unix_seconds();
    while (sent < TCP_STREAM_PIECE) {
        enum xfr_out_step step =
            xfr_out_next(&client->out, serve->memory, TCP_STREAM_MESSAGE_MAX, now, &length, &fault);
        if (step == XFR_OUT_FAILED) {
            transfer_fail(client, &fault);
            return;
        }
        if (length == 0) // an IXFR's journal takes its time: others have their turn
            break;
        if (!tcp_stream_send(client->stream, serve->memory, length)) {
            fault_set(&fault, FAULT_LIMIT, "the connection takes no more");
            transfer_fail(client, &fault);
            return;
        }
        if (step == XFR_OUT_DONE) {
            transfer_end(client);
            return;
        }
        sent += length;
    }
    tcp_stream_want_writable(client->stream);
}

static void
on_writable(void *context)
{
    struct client *client = context;
    if (client->transferring)
        client_pump(client);
}

static void
transfer_begin(struct client *client, const struct query *query, const struct peer_outcome *outcome)
{
    struct serve *serve = client->serve;
    struct message_question question = {.type = query->type, .class = query->class};
    struct xfr_out_options options = {
        .version = outcome->zone->answer.version,
        .query = &query->header,
        .question = &question,
        .exchange = outcome->key ? &client->exchange : NULL,
        .edns = query->edns.present,
        .dnssec_ok = query->edns.dnssec_ok,
        .has_expire = query->edns.expire,
        .expire = answer_expire(&outcome->zone->answer, clock_unix_seconds()),
        .ixfr = query->type == RRTYPE_IXFR,
        .client_serial = outcome->client_serial};
    name_copy(question.name, query->octets + MESSAGE_HEADER_SIZE);
    xfr_out_init(&client->out, &options);
    client->settings = settings_hold(serve->settings);
    client->serial = version_facts(outcome->zone->answer.version)->signed_serial;
    client->started_ms = loop_now_ms(serve->loop);
    snprintf(client->domain, sizeof client->domain, "%s", outcome->zone->domain);
    client->key[0] = '\0';
    if (outcome->key)
        name_to_text(outcome->key->name, client->key);
    client->transferring = true;
    serve->transfer_count++;
    tcp_stream_pause(client->stream);
    tcp_stream_set_timeouts(client->stream, SERVE_TRANSFER_IDLE_MS, SERVE_TRANSFER_TOTAL_MS);
    client_pump(client);
}

static void
on_message(void *context, const uint8_t *octets, size_t length)
{
    struct client *client = context;
    struct serve *serve = client->serve;
    struct peer_service service = service_of(serve);
    struct peer_request request = {.octets = octets,
                                   .length = length,
                                   .address = tcp_stream_peer(client->stream),
                                   .tcp = true,
                                   .now = clock_unix_seconds()};
    struct query query;
    struct peer_outcome outcome;
    peer_answer(&service, &request, &query, &client->exchange, serve->memory,
                TCP_STREAM_MESSAGE_MAX, &outcome);
    outcome_count(serve, &outcome, true);
    refusal_tell(serve, &request, &query, &outcome);
    if (outcome.action == PEER_TRANSFER) {
        transfer_begin(client, &query, &outcome);
        return;
    }
    tsig_exchange_close(&client->exchange);
    if (outcome.action == PEER_RESPONSE)
        tcp_stream_send(client->stream, serve->memory, outcome.length);
}

static void
on_half_closed(void *context)
{
    struct client *client = context;
    client->half_closed = true;
    if (!client->transferring)
        tcp_stream_finish(client->stream);
}

static void
on_ended(void *context, enum tcp_stream_end end, const struct fault *fault)
{
    struct client *client = context;
    (void)end;
    if (client->transferring)
        transfer_log(client, "failed", fault ? fault->text : "the peer closed the connection");
    client_free(client);
}

static const struct tcp_stream_events client_events = {.message = on_message,
                                                       .writable = on_writable,
                                                       .half_closed = on_half_closed,
                                                       .ended = on_ended};

static void
client_accept(struct serve *serve, int *fd, const struct address *peer)
{
    struct tcp_stream_options options = {.idle_ms = SERVE_CLIENT_IDLE_MS};
    struct client *client = memory_zalloc(sizeof *client);
    client->serve = serve;
    tsig_exchange_init(&client->exchange, NULL);
    client->stream = tcp_stream_accepted(serve->loop, fd, peer, &options, &client_events, client);
    client->next = serve->clients;
    if (client->next)
        client->next->previous = client;
    serve->clients = client;
    serve->client_count++;
}

static void
listeners_want(struct serve *serve, unsigned events)
{
    for (size_t i = 0; i < serve->listener_count; i++)
        loop_watch_want(serve->listeners[i].tcp_watch, events);
}

static void
on_accept_pause_over(void *context)
{
    listeners_want(context, LOOP_READABLE);
}

static void
accept_pause(struct serve *serve, const char *reason)
{
    log_limited(LOG_LEVEL_WARNING, "accept", ACCEPT_LOG_SECONDS, "connections wait", "reason",
                reason);
    listeners_want(serve, 0);
    loop_timer_start(serve->accept_pause, SERVE_ACCEPT_PAUSE_MS, 0);
}

// Makes room by closing the oldest connection that does nothing. False: all are transfers.
static bool
idle_close(struct serve *serve)
{
    struct client *oldest = NULL;
    for (struct client *client = serve->clients; client; client = client->next)
        if (!client->transferring)
            oldest = client;
    if (oldest)
        client_free(oldest);
    return oldest != NULL;
}

static void
on_tcp(void *context, unsigned events)
{
    struct listener *listener = context;
    struct serve *serve = listener->serve;
    struct address peer;
    int fd;
    (void)events;
    while (serve->client_count < SERVE_CLIENTS_MAX || idle_close(serve))
        switch (listen_accept(listener->tcp, &fd, &peer)) {
        case LISTEN_ACCEPTED:
            client_accept(serve, &fd, &peer);
            break;
        case LISTEN_NOTHING:
            return;
        case LISTEN_EXHAUSTED:
            accept_pause(serve, "out of descriptors or memory");
            return;
        }
    accept_pause(serve, "too many connections");
}

// The whole.

static bool
listener_open(struct serve *serve, struct listener *listener, const struct address *address,
              struct fault *fault)
{
    struct listen_options options = {0};
    *listener = (struct listener){.serve = serve, .udp = -1, .tcp = -1};
    return listen_udp(address, &options, &listener->udp, fault) &&
           listen_tcp(address, &options, &listener->tcp, fault);
}

bool
serve_new(const struct serve_options *options, struct serve **ret_serve, struct fault *fault)
{
    const struct settings_addresses *listen = &options->settings->settings->listen;
    struct serve *serve = memory_zalloc(sizeof *serve);
    serve->loop = options->loop;
    serve->settings = settings_hold(options->settings);
    serve->zones = options->zones;
    serve->metrics = options->metrics;
    serve->refusals = refusals_new();
    serve->memory = memory_alloc(TCP_STREAM_MESSAGE_MAX);
    serve->listeners = memory_zalloc((listen->count + 1) * sizeof *serve->listeners);
    serve->batch = udp_batch_new(NULL);
    serve->accept_pause = loop_timer_new(serve->loop, on_accept_pause_over, serve);
    bool good = true;
    for (size_t i = 0; good && i < listen->count; i++) {
        serve->listener_count++;
        good = listener_open(serve, &serve->listeners[i], &listen->items[i], fault);
    }
    if (!good) {
        fault_wrap(fault, "server.listen");
        serve_free(&serve);
        return false;
    }
    *ret_serve = serve;
    return true;
}

void
serve_start(struct serve *serve)
{
    for (size_t i = 0; i < serve->listener_count; i++) {
        struct listener *listener = &serve->listeners[i];
        listener->udp_watch = loop_watch_new(serve->loop, listener->udp, on_udp, listener);
        listener->tcp_watch = loop_watch_new(serve->loop, listener->tcp, on_tcp, listener);
        loop_watch_want(listener->udp_watch, LOOP_READABLE);
        loop_watch_want(listener->tcp_watch, LOOP_READABLE);
    }
}

void
serve_change(struct serve *serve, struct settings_hold *settings)
{
    struct settings_hold *old = serve->settings;
    serve->settings = settings_hold(settings);
    settings_drop(&old);
}

unsigned
serve_transfer_count(const struct serve *serve)
{
    return serve->transfer_count;
}

void
serve_free(struct serve **serve)
{
    struct serve *old = *serve;
    *serve = NULL;
    if (!old)
        return;
    while (old->clients)
        client_free(old->clients);
    for (size_t i = 0; i < old->listener_count; i++) {
        loop_watch_free(&old->listeners[i].udp_watch);
        loop_watch_free(&old->listeners[i].tcp_watch);
        if (old->listeners[i].udp >= 0)
            close(old->listeners[i].udp);
        if (old->listeners[i].tcp >= 0)
            close(old->listeners[i].tcp);
    }
    free(old->listeners);
    loop_timer_free(&old->accept_pause);
    udp_batch_free(&old->batch);
    settings_drop(&old->settings);
    refusals_free(&old->refusals);
    free(old->memory);
    free(old);
}
