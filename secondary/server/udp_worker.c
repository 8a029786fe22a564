#include "secondary/server/udp_worker.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/base/vector.h"
#include "common/daemon/clock.h"

struct udp_socket {
    struct udp_worker *worker;
    struct loop_watch *watch;
    int fd;
};

struct udp_worker {
    struct loop *loop;
    struct responder *responder;
    struct udp_batch *batch;
    struct query queries[UDP_BATCH_PACKETS]; // of the batch
    struct vector sockets;                   // of struct udp_socket *
    uint64_t send_dropped;                   // as counted so far
};

struct udp_worker *
udp_worker_new(struct loop *loop, struct responder *responder, struct udp_batch_seen *seen)
{
    struct udp_worker *worker = memory_zalloc(sizeof *worker);
    worker->loop = loop;
    worker->responder = responder;
    worker->batch = udp_batch_new(seen);
    vector_init(&worker->sockets, sizeof(struct udp_socket *));
    return worker;
}

// Of a batch.
struct moment {
    int64_t now;
    uint64_t now_ms;
};

static struct moment
moment_now(const struct responder *responder)
{
    return (struct moment){clock_unix_seconds(), responder->rate ? clock_monotonic_ms() : 0};
}

static void
packet_answer(struct responder *responder, struct udp_packet *packet, const struct query *query,
              const struct moment *moment)
{
    const struct respond_request request = {
        .peer = packet->peer,
        .now = moment->now,
        .now_ms = moment->now_ms,
        .octets = packet->request,
        .length = packet->request_length,
        .memory = packet->response,
        .size = UDP_BATCH_RESPONSE_SIZE,
    };
    // No query needs so many octets; what was cut off is gone, so there is nothing to answer.
    if (packet->request_cut) {
        counter_add(&responder->counters->dropped, 1);
        return;
    }
    respond_to(responder, &request, query, NULL, &packet->response_length);
}

// All of the batch wait for memory together (answer.h).
static void
batch_answer(struct udp_worker *worker, unsigned count)
{
    struct responder *responder = worker->responder;
    struct query *queries = worker->queries;
    struct moment moment = moment_now(responder);
    for (unsigned i = 0; i < count; i++) {
        const struct udp_packet *packet = udp_batch_packet(worker->batch, i);
        query_read(packet->request, packet->request_length, &queries[i]);
    }
    _Static_assert(UDP_BATCH_PACKETS <= ANSWER_BATCH_MAX, "a batch is looked ahead for at once");
    answer_look_ahead(&responder->service, queries, count);
    for (unsigned i = 0; i < count; i++)
        packet_answer(responder, udp_batch_packet(worker->batch, i), &queries[i], &moment);
}

static void
drops_count(struct udp_worker *worker)
{
    const struct udp_batch_counters *counted = udp_batch_counted(worker->batch);
    uint64_t dropped = counted->dropped_full + counted->dropped_failed;
    counter_add(&worker->responder->counters->udp_send_dropped, dropped - worker->send_dropped);
    worker->send_dropped = dropped;
}

static void
socket_readable(void *context, unsigned events)
{
    struct udp_socket *socket = context;
    struct udp_worker *worker = socket->worker;
    unsigned count = UDP_BATCH_PACKETS;
    (void)events;
    for (unsigned round = 0; round < UDP_WORKER_ROUNDS && count == UDP_BATCH_PACKETS; round++) {
        count = udp_batch_receive(worker->batch, socket->fd);
        if (count == 0)
            break;
        batch_answer(worker, count);
        udp_batch_send(worker->batch, socket->fd);
    }
    drops_count(worker);
}

void
udp_worker_add(struct udp_worker *worker, int *descriptor)
{
    struct udp_socket *socket = memory_zalloc(sizeof *socket);
    socket->worker = worker;
    socket->fd = *descriptor;
    *descriptor = -1;
    socket->watch = loop_watch_new(worker->loop, socket->fd, socket_readable, socket);
    loop_watch_want(socket->watch, LOOP_READABLE);
    vector_add(&worker->sockets, &socket);
}

void
udp_worker_free(struct udp_worker **worker)
{
    if (!*worker)
        return;
    for (size_t i = 0; i < (*worker)->sockets.count; i++) {
        struct udp_socket *socket = *(struct udp_socket **)vector_at(&(*worker)->sockets, i);
        loop_watch_free(&socket->watch);
        close(socket->fd);
        free(socket);
    }
    vector_close(&(*worker)->sockets);
    udp_batch_free(&(*worker)->batch);
    free(*worker);
    *worker = NULL;
}
