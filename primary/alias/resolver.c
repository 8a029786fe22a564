// What c-ares 1.18 does and how it is used here (read from its source):
//
// - A channel has one UDP socket for a server, which lives while questions are in flight. Ports
//   would vary little under load. So there are several channels for each server, taken in turn, and
//   each is replaced after some 1,000 messages; what is under way on an old one ends there.
// - It retries and fails over by itself, but hides why. One server and one try for each channel
//   leave both to question.c. ARES_FLAG_NOCHECKRESP lets SERVFAIL and REFUSED through.
// - Without ARES_FLAG_EDNS it cuts what comes by UDP at 512 octets, whatever our message allowed.
// So
//   messages with an OPT go over channels with that flag and ednspsz 1232. The flag makes it answer
//   a FORMERR without OPT by sending the message again without its last 11 octets, our OPT, which
//   is what we want; but it also takes the flag away from the whole channel. Such a channel gives
//   itself away by answers without an OPT, and question.c turns to RESOLVER_PLAIN then. What is cut
//   until then does not parse, and is asked again over TCP.
// - Over TCP it puts all questions of a channel into one connection, and when the server closes it
//   over one of them, all fail. So each question over TCP has a channel, and a connection, of its
//   own.
// - ARES_FLAG_IGNTC: a truncated answer comes to us, so that "truncated, and TCP failed" can be
// told.
// - Callbacks come from inside ares_send and ares_process_fd. They only note the answer; it is
//   delivered in the next turn, so nobody finds a channel gone under its feet.
// - It tells by sock_state_cb that it is about to close a socket: the watch is freed there, before
//   the descriptor's number can be used again.
#include "primary/alias/resolver.h"

#include <ares.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/vector.h"

struct channel {
    ares_channel ares;
    struct resolver *resolver;
    struct loop_timer *timer;
    struct vector sockets; // of struct channel_socket *
    unsigned sends, in_flight;
    bool retired; // freed when nothing is in flight
};

struct channel_socket {
    struct channel *channel;
    int fd;
    struct loop_watch *watch;
};

// A message under way, then its answer on the way up.
struct errand {
    struct channel *channel;
    resolver_call *call;
    void *context;
    uint8_t *octets;
    size_t length;
    const char *error;
};

struct resolver {
    struct loop *loop;
    struct address servers[RESOLVER_SERVERS_MAX];
    size_t server_count;
    uint64_t timeout_ms;
    struct channel *channels[RESOLVER_SERVERS_MAX][RESOLVER_WAYS][RESOLVER_CHANNELS];
    unsigned turn;
    struct vector retired;   // of struct channel *
    struct vector delivered; // of struct errand *
    bool closing;
};

// Sockets.

// All questions of a channel have the same time, so the oldest one's end comes first, and the timer
// need not move when a younger one is sent or answered: ares_timeout looks at every one. It may
// ring for nothing.
static void
channel_time(struct channel *channel)
{
    struct timeval value, *next = ares_timeout(channel->ares, NULL, &value);
    if (next)
        loop_timer_start(channel->timer,
                         (uint64_t)next->tv_sec * 1000 + (uint64_t)next->tv_usec / 1000 + 1, 0);
    else
        loop_timer_stop(channel->timer);
}

static void
on_time(void *context)
{
    struct channel *channel = context;
    ares_process_fd(channel->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    channel_time(channel);
}

static void
on_socket(void *context, unsigned events)
{
    const struct channel_socket *socket = context;
    struct channel *channel = socket->channel;
    int fd = socket->fd; // the socket may be gone after the call
    ares_process_fd(channel->ares, events & LOOP_READABLE ? fd : ARES_SOCKET_BAD,
                    events & LOOP_WRITABLE ? fd : ARES_SOCKET_BAD);
}

static void
socket_free(struct channel *channel, size_t index)
{
    struct channel_socket **sockets = channel->sockets.items;
    loop_watch_free(&sockets[index]->watch);
    free(sockets[index]);
    sockets[index] = sockets[--channel->sockets.count];
}

static void
on_socket_state(void *context, ares_socket_t fd, int readable, int writable)
{
    struct channel *channel = context;
    size_t i = 0;
    while (i < channel->sockets.count &&
           (*(struct channel_socket **)vector_at(&channel->sockets, i))->fd != fd)
        i++;
    if (!readable && !writable) {
        if (i < channel->sockets.count)
            socket_free(channel, i);
        return;
    }
    if (i == channel->sockets.count) {
        struct channel_socket *made = memory_zalloc(sizeof *made);
        made->channel = channel;
        made->fd = fd;
        made->watch = loop_watch_new(channel->resolver->loop, fd, on_socket, made);
        vector_add(&channel->sockets, &made);
    }
    const struct channel_socket *socket =
        *(struct channel_socket **)vector_at(&channel->sockets, i);
    loop_watch_want(socket->watch, (readable ? (unsigned)LOOP_READABLE : 0U) |
                                       (writable ? (unsigned)LOOP_WRITABLE : 0U));
}

// Channels.

static void
channel_free(struct channel *channel)
{
    loop_timer_free(&channel->timer);
    ares_destroy(channel->ares);
    while (channel->sockets.count > 0)
        socket_free(channel, channel->sockets.count - 1);
    vector_close(&channel->sockets);
    free(channel);
}

static bool
server_set(ares_channel ares, const struct address *server)
{
    struct ares_addr_port_node node = {.family = server->family,
                                       .udp_port = address_port(server),
                                       .tcp_port = address_port(server)};
    if (server->family == AF_INET)
        node.addr.addr4 = server->v4.sin_addr;
    else
        memcpy(&node.addr.addr6, &server->v6.sin6_addr, sizeof node.addr.addr6);
    return ares_set_servers_ports(ares, &node) == ARES_SUCCESS;
}

static struct channel *
channel_new(struct resolver *resolver, size_t server, enum resolver_way way)
{
    static const int flags[RESOLVER_WAYS] = {
        [RESOLVER_EDNS] = ARES_FLAG_EDNS, [RESOLVER_TCP] = ARES_FLAG_USEVC};
    struct channel *channel = memory_zalloc(sizeof *channel);
    char lookups[] = "b";
    struct ares_options options = {.flags = ARES_FLAG_NOCHECKRESP | ARES_FLAG_IGNTC | flags[way],
                                   .timeout = (int)resolver->timeout_ms,
                                   .tries = 1,
                                   .ednspsz = RESOLVER_UDP_SIZE,
                                   .lookups = lookups,
                                   .sock_state_cb = on_socket_state,
                                   .sock_state_cb_data = channel};
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
               ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB | ARES_OPT_DOMAINS;
#ifdef ARES_OPT_QUERY_CACHE // from 1.31 on; the resolver caches, and we want what it says now
    mask |= ARES_OPT_QUERY_CACHE;
#endif
    channel->resolver = resolver;
    if (ares_init_options(&channel->ares, &options, mask) != ARES_SUCCESS) {
        free(channel);
        return NULL;
    }
    if (!server_set(channel->ares, &resolver->servers[server])) {
        ares_destroy(channel->ares);
        free(channel);
        return NULL;
    }
    channel->timer = loop_timer_new(resolver->loop, on_time, channel);
    vector_init(&channel->sockets, sizeof(struct channel_socket *));
    return channel;
}

static void
on_retired(void *context)
{
    struct resolver *resolver = context;
    for (size_t i = 0; i < resolver->retired.count;) {
        struct channel **items = resolver->retired.items;
        if (items[i]->in_flight == 0) {
            channel_free(items[i]);
            items[i] = items[--resolver->retired.count];
        } else {
            i++;
        }
    }
}

static struct channel *
channel_take(struct resolver *resolver, size_t server, enum resolver_way way)
{
    struct channel **place = &resolver->channels[server][way][resolver->turn++ % RESOLVER_CHANNELS];
    unsigned most = way == RESOLVER_TCP ? 1 : RESOLVER_CHANNEL_SENDS;
    if (*place && (*place)->sends >= most) {
        (*place)->retired = true;
        vector_add(&resolver->retired, place);
        *place = NULL;
        loop_defer(resolver->loop, on_retired, resolver);
    }
    if (!*place)
        *place = channel_new(resolver, server, way);
    return *place;
}

// Errands.

static void
errand_free(struct errand *errand)
{
    free(errand->octets);
    free(errand);
}

static void
on_delivered(void *context)
{
    struct resolver *resolver = context;
    struct vector delivered = resolver->delivered;
    vector_init(&resolver->delivered, sizeof(struct errand *));
    for (size_t i = 0; i < delivered.count; i++) {
        struct errand *errand = *(struct errand **)vector_at(&delivered, i);
        errand->call(errand->context, errand->octets, errand->length, errand->error);
        errand_free(errand);
    }
    vector_close(&delivered);
}

static void
deliver(struct resolver *resolver, struct errand *errand)
{
    if (resolver->delivered.count == 0)
        loop_defer(resolver->loop, on_delivered, resolver);
    vector_add(&resolver->delivered, &errand);
}

static const char *
error_text(int status)
{
    if (status == ARES_ETIMEOUT)
        return "timeout";
    if (status == ARES_ECONNREFUSED)
        return "connection refused";
    return ares_strerror(status);
}

static void
on_answer(void *context, int status, int timeouts, unsigned char *octets, int length)
{
    struct errand *errand = context;
    struct channel *channel = errand->channel;
    struct resolver *resolver = channel->resolver;
    (void)timeouts;
    channel->in_flight--;
    if (resolver->closing) {
        errand_free(errand);
        return;
    }
    if (status == ARES_SUCCESS) {
        errand->length = (size_t)length;
        errand->octets = memory_alloc(errand->length);
        memcpy(errand->octets, octets, errand->length);
    } else {
        errand->error = error_text(status);
    }
    deliver(resolver, errand);
    if (channel->retired)
        loop_defer(resolver->loop, on_retired, resolver);
}

void
resolver_send(struct resolver *resolver, size_t server, enum resolver_way way,
              const uint8_t *octets, size_t length, resolver_call *call, void *context)
{
    ENSURE(server < resolver->server_count && length <= 512);
    struct errand *errand = memory_zalloc(sizeof *errand);
    *errand = (struct errand){.call = call, .context = context};
    struct channel *channel = errand->channel = channel_take(resolver, server, way);
    if (!channel) {
        errand->error = "c-ares has no channel";
        deliver(resolver, errand);
        return;
    }
    channel->sends++;
    channel->in_flight++;
    ares_send(channel->ares, octets, (int)length, on_answer, errand);
    if (!loop_timer_is_running(channel->timer))
        channel_time(channel);
}

// The whole.

bool
resolver_new(struct loop *loop, const struct address *servers, size_t server_count,
             uint64_t timeout_ms, struct resolver **ret_resolver, struct fault *fault)
{
    if (server_count == 0 || server_count > RESOLVER_SERVERS_MAX)
        return fault_set(fault, FAULT_CONFIG,
                         "resolver.address: %zu resolvers; 1 to %d are possible", server_count,
                         RESOLVER_SERVERS_MAX);
    int status = ares_library_init(ARES_LIB_INIT_ALL);
    if (status != ARES_SUCCESS)
        return fault_set(fault, FAULT_IO, "c-ares does not start: %s", ares_strerror(status));
    struct resolver *resolver = memory_zalloc(sizeof *resolver);
    resolver->loop = loop;
    resolver->server_count = server_count;
    resolver->timeout_ms = timeout_ms;
    memcpy(resolver->servers, servers, server_count * sizeof *servers);
    vector_init(&resolver->retired, sizeof(struct channel *));
    vector_init(&resolver->delivered, sizeof(struct errand *));
    *ret_resolver = resolver;
    return true;
}

void
resolver_free(struct resolver **resolver)
{
    struct resolver *old = *resolver;
    *resolver = NULL;
    if (!old)
        return;
    old->closing = true;
    loop_defer_cancel(old->loop, old);
    for (size_t server = 0; server < old->server_count; server++)
        for (unsigned way = 0; way < RESOLVER_WAYS; way++)
            for (unsigned i = 0; i < RESOLVER_CHANNELS; i++)
                if (old->channels[server][way][i])
                    channel_free(old->channels[server][way][i]);
    for (size_t i = 0; i < old->retired.count; i++)
        channel_free(*(struct channel **)vector_at(&old->retired, i));
    for (size_t i = 0; i < old->delivered.count; i++)
        errand_free(*(struct errand **)vector_at(&old->delivered, i));
    vector_close(&old->retired);
    vector_close(&old->delivered);
    free(old);
    ares_library_cleanup();
}
