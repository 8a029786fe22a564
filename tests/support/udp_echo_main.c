// needs: net daemon
// udp_echo ADDRESS@PORT [SIZE ...]: sends every datagram back with QR set, filled up with zeros to
// SIZE octets; of several to each in turn. It takes and sends packets just as udp_worker.c does
// (one loop, batches, rounds, the same socket options) and does nothing between, so its CPU for
// each packet is what the kernel and the batches cost: the least that a server on this machine can
// need. SIZE makes its packets as long as the answers of the server that is compared. "ready" goes
// to standard output when it listens; at TERM "received N", "sent N", "batches N", "cpu_us
// MICROSECONDS".
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/daemon/signals.h"
#include "common/dns/message_read.h"
#include "common/net/listen.h"
#include "common/net/loop.h"
#include "common/net/udp_batch.h"

#define ROUNDS    16   // batches in one turn of the loop, as UDP_WORKER_ROUNDS
#define SIZES_MAX 1000 // that a command line may give

struct echo {
    struct loop *loop;
    struct udp_batch *batch;
    int fd;
    size_t sizes[SIZES_MAX]; // of responses, at least the request's
    unsigned size_count, next_size;
    unsigned long batches;
};

static size_t
size_next(struct echo *echo)
{
    size_t size = echo->sizes[echo->next_size++];
    if (echo->next_size >= echo->size_count)
        echo->next_size = 0;
    return size;
}

static void
packet_answer(struct echo *echo, struct udp_packet *packet)
{
    size_t length = packet->request_length;
    if (packet->request_cut || length < MESSAGE_HEADER_SIZE)
        return;
    size_t size = size_next(echo);
    memcpy(packet->response, packet->request, length);
    packet->response[2] |= MESSAGE_QR >> 8;
    if (length < size)
        memset(packet->response + length, 0, size - length);
    packet->response_length = length < size ? size : length;
}

static void
readable(void *context, unsigned events)
{
    struct echo *echo = context;
    unsigned count = UDP_BATCH_PACKETS;
    (void)events;
    for (unsigned round = 0; round < ROUNDS && count == UDP_BATCH_PACKETS; round++) {
        count = udp_batch_receive(echo->batch, echo->fd);
        if (count == 0)
            return;
        for (unsigned i = 0; i < count; i++)
            packet_answer(echo, udp_batch_packet(echo->batch, i));
        udp_batch_send(echo->batch, echo->fd);
        echo->batches++;
    }
}

static void
stop(void *context)
{
    loop_stop(((struct echo *)context)->loop);
}

static bool
sizes_read(struct echo *echo, int count, char **values)
{
    for (int i = 0; i < count; i++) {
        echo->sizes[i] = strtoul(values[i], NULL, 10);
        if (echo->sizes[i] > UDP_BATCH_RESPONSE_SIZE)
            return false;
    }
    echo->size_count = (unsigned)count;
    return true;
}

static long
cpu_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000L + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
}

int
main(int count, char **values)
{
    struct echo echo = {0};
    struct address address;
    struct fault fault = {0};
    const struct listen_options options = {0};
    const struct signals_events events = {.stop = stop};
    if (count < 2 || count > 2 + SIZES_MAX) {
        fprintf(stderr, "usage: udp_echo ADDRESS@PORT [SIZE ...], %d at most\n", SIZES_MAX);
        return 2;
    }
    if (!sizes_read(&echo, count - 2, values + 2) ||
        !address_from_text(values[1], ADDRESS_PORT_DNS, &address, &fault) ||
        !listen_udp(&address, &options, &echo.fd, &fault)) {
        fprintf(stderr, "udp_echo: %s\n", fault.text[0] ? fault.text : "a SIZE is too large");
        return 1;
    }
    echo.loop = loop_new();
    echo.batch = udp_batch_new(NULL);
    struct signals *signals = signals_new(echo.loop, &events, &echo);
    struct loop_watch *watch = loop_watch_new(echo.loop, echo.fd, readable, &echo);
    loop_watch_want(watch, LOOP_READABLE);
    printf("ready\n");
    fflush(stdout);
    loop_run(echo.loop);
    const struct udp_batch_counters *counted = udp_batch_counted(echo.batch);
    printf("received %llu\nsent %llu\nbatches %lu\ncpu_us %ld\n",
           (unsigned long long)counted->received, (unsigned long long)counted->sent, echo.batches,
           cpu_us());
    loop_watch_free(&watch);
    signals_free(&signals);
    close(echo.fd);
    udp_batch_free(&echo.batch);
    loop_free(&echo.loop);
    return 0;
}
