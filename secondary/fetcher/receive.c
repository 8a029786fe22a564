#include "secondary/fetcher/receive.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/base/hash.h"
#include "common/daemon/clock.h"
#include "common/net/loop.h"
#include "common/net/tcp_stream.h"
#include "common/transfer/rr_stream.h"
#include "common/transfer/xfr_in.h"

struct receive {
    struct loop *loop;
    receive_ended *ended;
    void *context;
    struct tcp_stream *tcp;
    int memfd;
    struct rr_stream_writer stream;
    struct tsig_key key;
    struct xfr_marks *known;
    char *primary;
    bool connected, done;
    uint64_t started_ms, asked_ms, first_ms;
    struct xfr_in transfer; // last: its 64 KiB for an RDATA are not touched before one comes
};

// By which the zone would be known again; too many messages have none.
static struct xfr_marks *
marks_of(const struct xfr_in *transfer)
{
    return transfer->marks && transfer->marks->whole ? transfer->marks : NULL;
}

// The last step. The receive may be gone afterwards.
static void
conclude(struct receive *receive, struct receive_result *result)
{
    const struct xfr_in *transfer = &receive->transfer;
    tcp_stream_free(&receive->tcp);
    loop_defer_cancel(receive->loop, receive);
    result->octets = transfer->octets;
    result->records = transfer->records;
    result->serial = transfer->serial;
    result->transfer_ms = (int64_t)(loop_now_ms(receive->loop) - receive->started_ms);
    result->round_trip_ms =
        receive->first_ms ? (int64_t)(receive->first_ms - receive->asked_ms) : -1;
    result->stream = -1;
    if (result->outcome == RECEIVE_SAME)
        result->marks = xfr_marks_hold(receive->known);
    if (result->outcome == RECEIVE_ZONE) {
        result->marks = xfr_marks_hold(marks_of(transfer));
        result->stream = receive->memfd;
        result->is_delta = transfer->form != XFR_IN_WHOLE;
        rr_stream_digest(&receive->stream, &result->digest);
        receive->memfd = -1;
    }
    int stream = result->stream;
    receive->ended(receive->context, result);
    if (stream >= 0 && result->stream == stream)
        close(stream);
    xfr_marks_drop(&result->marks);
}

static void
fail(struct receive *receive, const char *reason, const struct fault *fault)
{
    struct receive_result result = {.outcome = RECEIVE_FAILED, .reason = reason, .fault = *fault};
    conclude(receive, &result);
}

static void
on_connected(void *context)
{
    struct receive *receive = context;
    receive->connected = true;
    receive->asked_ms = loop_now_ms(receive->loop);
}

// A SOA in the middle that ends a message looks like the end of the zone; what follows tells. It is
// only seen where it came together with that message: waiting for more would cost each poll a round
// trip.
static void
fail_behind_end(struct receive *receive)
{
    struct fault fault = {0};
    fault_set(&fault, FAULT_SYNTAX,
              "transfer from %s: a message behind the closing SOA; a SOA stands in the middle",
              receive->primary);
    fail(receive, "syntax", &fault);
}

static void
on_done(void *context)
{
    struct receive *receive = context;
    struct receive_result result = {.outcome = RECEIVE_ZONE};
    struct fault fault = {0};
    if (receive->transfer.step == XFR_IN_UP_TO_DATE)
        result.outcome = RECEIVE_UP_TO_DATE;
    else if (receive->transfer.step == XFR_IN_SAME)
        result.outcome = RECEIVE_SAME;
    else if (!rr_stream_seal(receive->memfd, &fault)) {
        fail(receive, "io", &fault);
        return;
    }
    conclude(receive, &result);
}

static void
on_message(void *context, const uint8_t *octets, size_t length)
{
    struct receive *receive = context;
    struct fault fault = {0};
    if (!receive->first_ms)
        receive->first_ms = loop_now_ms(receive->loop);
    if (receive->done) {
        fail_behind_end(receive);
        return;
    }
    switch (xfr_in_feed(&receive->transfer, octets, length, clock_unix_seconds(), &fault)) {
    case XFR_IN_MORE:
        return;
    case XFR_IN_FAILED:
        fail(receive, xfr_in_reason_word(receive->transfer.reason), &fault);
        return;
    case XFR_IN_UP_TO_DATE:
    case XFR_IN_SAME:
    case XFR_IN_DONE:
        receive->done = true;
        loop_defer(receive->loop, on_done, receive);
        break;
    }
}

static const char *
end_word(const struct receive *receive, enum tcp_stream_end end)
{
    if (!receive->connected)
        return "unreachable";
    return end == TCP_STREAM_END_TIMEOUT ? "stalled" : "cut";
}

static void
on_ended(void *context, enum tcp_stream_end end, const struct fault *why)
{
    struct receive *receive = context;
    struct fault fault = {0};
    if (receive->done)
        return; // the primary closed first: as it should be
    xfr_in_cut(&receive->transfer, why ? why->text : "the primary closed the connection", &fault);
    fail(receive, end_word(receive, end), &fault);
}

// Writes the query into the stream; it waits there until the connection stands.
static bool
ask(struct receive *receive)
{
    uint8_t query[XFR_IN_QUERY_MAX];
    size_t length = xfr_in_query(&receive->transfer, query, sizeof(query), clock_unix_seconds());
    receive->asked_ms = loop_now_ms(receive->loop);
    return tcp_stream_send(receive->tcp, query, length);
}

static void
transfer_init(struct receive *receive, const struct receive_options *options)
{
    const struct xfr_in_options transfer = {
        .apex = options->apex,
        .primary = receive->primary,
        .id = (uint16_t)hash_key_draw(),
        .key = options->key ? &receive->key : NULL,
        .octets_max = options->octets_max ? options->octets_max : RR_STREAM_SIZE_MAX,
        .records_max = options->records_max,
        .ixfr = options->has_serial,
        .serial = options->serial,
        .delta_records_max = options->delta_records_max,
        .wants_marks = !options->has_serial,
        .known = options->has_serial ? NULL : receive->known,
    };
    xfr_in_init(&receive->transfer, &transfer, &receive->stream, clock_unix_seconds());
}

struct receive *
receive_new(struct loop *loop, const struct receive_options *options, receive_ended *ended,
            void *context, struct fault *fault)
{
    static const struct tcp_stream_events events = {
        .connected = on_connected, .message = on_message, .ended = on_ended};
    const struct tcp_stream_options stream = {
        .idle_ms = options->stall_ms ? options->stall_ms : RECEIVE_STALL_MS,
        .total_ms = (uint64_t)XFR_IN_SECONDS_MAX * 1000,
        .connect_ms = RECEIVE_CONNECT_MS,
        .source = options->source,
    };
    int memfd = rr_stream_memfd("tandem-transfer", fault);
    if (memfd < 0)
        return NULL;
    struct receive *receive = memory_alloc(sizeof(*receive));
    memset(receive, 0, offsetof(struct receive, transfer));
    receive->loop = loop;
    receive->ended = ended;
    receive->context = context;
    receive->memfd = memfd;
    receive->primary = memory_text(options->primary);
    if (options->key)
        receive->key = *options->key;
    receive->known = xfr_marks_hold(options->known);
    receive->started_ms = loop_now_ms(loop);
    rr_stream_writer_init(&receive->stream, options->apex, memfd);
    transfer_init(receive, options);
    receive->tcp = tcp_stream_connect(loop, &options->peer, &stream, &events, receive, fault);
    if (!receive->tcp || !ask(receive))
        receive_free(&receive);
    return receive;
}

void
receive_free(struct receive **receive)
{
    struct receive *gone = *receive;
    if (!gone)
        return;
    tcp_stream_free(&gone->tcp);
    loop_defer_cancel(gone->loop, gone);
    xfr_in_close(&gone->transfer);
    rr_stream_writer_close(&gone->stream);
    xfr_marks_drop(&gone->known);
    if (gone->memfd >= 0)
        close(gone->memfd);
    explicit_bzero(&gone->key, sizeof(gone->key));
    free(gone->primary);
    free(gone);
    *receive = NULL;
}
