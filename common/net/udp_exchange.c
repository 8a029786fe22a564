// The same octets go out again on the same socket: a late answer to the first try still counts, and
// a signature made once (TSIG) stays good for its five minutes of fudge. The waiting time doubles,
// so a slow path is not flooded.
#include "common/net/udp_exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/net/client_socket.h"

#define TRIES_DEFAULT      3
#define TIMEOUT_MS_DEFAULT 2000
#define TIMEOUT_MS_MAX     60000
#define ANSWER_SIZE_MAX    65535 // of a UDP datagram
#define READS_PER_TURN     16    // then the rest of the loop has its turn
#define REFUSED_MS         500   // until the next try when the peer's host says "nobody here"

struct udp_exchange {
    struct loop *loop;
    int fd;
    struct loop_watch *watch;
    struct loop_timer *timer;
    struct udp_exchange_events events;
    void *context;
    struct address peer;
    uint8_t *octets;
    size_t length;
    unsigned tries_left;
    uint64_t timeout_ms;
    unsigned strays;
    int error;      // of the last try; what is said when none is left
    unsigned depth; // callbacks under way
    bool freed;
    bool ended;
};

static void
enter(struct udp_exchange *exchange)
{
    exchange->depth++;
}

static void
leave(struct udp_exchange *exchange)
{
    exchange->depth--;
    if (exchange->depth == 0 && exchange->freed)
        free(exchange);
}

static void
disconnect(struct udp_exchange *exchange)
{
    loop_watch_free(&exchange->watch);
    loop_timer_free(&exchange->timer);
    if (exchange->fd >= 0)
        close(exchange->fd);
    exchange->fd = -1;
    free(exchange->octets);
    exchange->octets = NULL;
}

static bool
is_alive(const struct udp_exchange *exchange)
{
    return !exchange->ended && !exchange->freed;
}

static void
end_with(struct udp_exchange *exchange, const struct fault *fault)
{
    disconnect(exchange);
    exchange->ended = true;
    enter(exchange);
    exchange->events.ended(exchange->context, fault);
    leave(exchange);
}

static void
end_without_answer(struct udp_exchange *exchange)
{
    struct fault fault = {FAULT_NONE, ""};
    char text[ADDRESS_TEXT_MAX];
    address_to_text(&exchange->peer, text);
    if (exchange->error == ECONNREFUSED)
        fault_set(&fault, FAULT_REFUSED, "UDP to %s: refused; nothing listens there", text);
    else if (exchange->error != 0)
        fault_set_errno(&fault, exchange->error, "UDP to %s", text);
    else
        fault_set(&fault, FAULT_TIMEOUT, "UDP to %s: no answer in time", text);
    end_with(exchange, &fault);
}

// What the kernel says of a try is kept and waited out: the peer may be restarting.
static void
send_once(struct udp_exchange *exchange)
{
    exchange->tries_left--;
    exchange->error = 0;
    // The first send may only report the ICMP error of the try before; then it is sent again.
    for (int i = 0; i < 2; i++) {
        if (send(exchange->fd, exchange->octets, exchange->length, MSG_NOSIGNAL) >= 0)
            break;
        if (i == 1)
            exchange->error = errno;
    }
    loop_timer_start(exchange->timer, exchange->timeout_ms, 0);
    exchange->timeout_ms *= 2;
    if (exchange->timeout_ms > TIMEOUT_MS_MAX)
        exchange->timeout_ms = TIMEOUT_MS_MAX;
}

static void
timer_fires(void *context)
{
    struct udp_exchange *exchange = context;
    enter(exchange);
    if (exchange->tries_left > 0)
        send_once(exchange);
    else
        end_without_answer(exchange);
    leave(exchange);
}

static void
note_error(struct udp_exchange *exchange, int error)
{
    exchange->error = error;
    if (exchange->tries_left == 0)
        end_without_answer(exchange);
    else if (exchange->timeout_ms > REFUSED_MS)
        loop_timer_start(exchange->timer, REFUSED_MS, 0);
}

static void
take_datagram(struct udp_exchange *exchange, const uint8_t *octets, size_t length)
{
    bool answered = exchange->events.answer(exchange->context, octets, length);
    if (!is_alive(exchange))
        return;
    if (answered)
        end_with(exchange, NULL);
    else if (++exchange->strays >= UDP_EXCHANGE_STRAYS_MAX) {
        struct fault fault = {FAULT_NONE, ""};
        char text[ADDRESS_TEXT_MAX];
        fault_set(&fault, FAULT_LIMIT, "UDP to %s: %d answers that do not belong to the question",
                  address_to_text(&exchange->peer, text), UDP_EXCHANGE_STRAYS_MAX);
        end_with(exchange, &fault);
    }
}

static void
watch_fires(void *context, unsigned events)
{
    struct udp_exchange *exchange = context;
    uint8_t octets[ANSWER_SIZE_MAX];
    (void)events;
    enter(exchange);
    for (int i = 0; i < READS_PER_TURN && is_alive(exchange); i++) {
        ssize_t length = recv(exchange->fd, octets, sizeof(octets), 0);
        if (length >= 0)
            take_datagram(exchange, octets, (size_t)length);
        else if (errno == EAGAIN || errno == EINTR)
            break;
        else
            note_error(exchange, errno);
    }
    leave(exchange);
}

static int
open_connected(const struct udp_exchange_options *options, struct fault *fault)
{
    char text[ADDRESS_TEXT_MAX];
    int fd = client_socket_open(SOCK_DGRAM, &options->peer, &options->source, fault);
    if (fd < 0)
        return -1;
    if (connect(fd, &options->peer.any, address_sockaddr_length(&options->peer)) == 0)
        return fd;
    fault_set_errno(fault, errno, "UDP to %s", address_to_text(&options->peer, text));
    close(fd);
    return -1;
}

static void
fill_from(struct udp_exchange *exchange, const struct udp_exchange_options *options)
{
    exchange->peer = options->peer;
    exchange->octets = memory_alloc(options->length);
    memcpy(exchange->octets, options->octets, options->length);
    exchange->length = options->length;
    exchange->tries_left = options->tries ? options->tries : TRIES_DEFAULT;
    if (exchange->tries_left > UDP_EXCHANGE_TRIES_MAX)
        exchange->tries_left = UDP_EXCHANGE_TRIES_MAX;
    exchange->timeout_ms = options->timeout_ms ? options->timeout_ms : TIMEOUT_MS_DEFAULT;
}

struct udp_exchange *
udp_exchange_new(struct loop *loop, const struct udp_exchange_options *options,
                 const struct udp_exchange_events *events, void *context, struct fault *fault)
{
    ENSURE(options->length > 0 && events->answer && events->ended);
    int fd = open_connected(options, fault);
    if (fd < 0)
        return NULL;
    struct udp_exchange *exchange = memory_zalloc(sizeof(*exchange));
    exchange->loop = loop;
    exchange->fd = fd;
    exchange->events = *events;
    exchange->context = context;
    fill_from(exchange, options);
    exchange->watch = loop_watch_new(loop, fd, watch_fires, exchange);
    exchange->timer = loop_timer_new(loop, timer_fires, exchange);
    loop_watch_want(exchange->watch, LOOP_READABLE);
    send_once(exchange);
    return exchange;
}

void
udp_exchange_free(struct udp_exchange **pointer)
{
    struct udp_exchange *exchange = *pointer;
    *pointer = NULL;
    if (!exchange)
        return;
    disconnect(exchange);
    exchange->freed = true;
    if (exchange->depth == 0)
        free(exchange);
}
