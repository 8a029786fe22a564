// Who may connect by TCP, and who goes when all connections are taken (RFC 7766 section 6.2.2,
// RFC 9210 section 4.1): the connections of one server in the order in which they were last heard,
// and how many each client prefix has. Every operation takes the same time with ten connections and
// with ten thousand. Pure but for memory: no descriptor, no clock. One thread.
#ifndef TANDEM_SERVER_TCP_CLIENTS_H
#define TANDEM_SERVER_TCP_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/net/address.h"

// A client prefix (as for the rate limit) gets at most this share of a server's connections, so
// that one network cannot shut out all others; never less than the minimum.
#define TCP_CLIENTS_PREFIX_SHARE 4
#define TCP_CLIENTS_PREFIX_MIN   8
#define TCP_CLIENTS_PREFIX_V4    24
#define TCP_CLIENTS_PREFIX_V6    56
// Who was heard so recently is not sent away: a round trip to the other side of the world and a
// half, so that whoever got a connection can ask one question, however many come behind.
#define TCP_CLIENTS_GRACE_MS 500

struct tcp_prefix;

// Part of the caller's connection.
struct tcp_client {
    struct tcp_client *newer, *older;
    struct tcp_prefix *prefix;
    uint64_t heard_ms; // joined or last heard
    bool busy;
};

struct tcp_client_list {
    struct tcp_client *newest, *oldest;
};

struct tcp_clients {
    struct tcp_client_list waiting, busy;
    unsigned count, max;
    struct tcp_prefix **buckets;
    size_t bucket_count; // a power of two
    size_t prefix_count;
    uint64_t hash_key;
};

// hash_key: hash_key_draw; a stranger chooses his addresses.
void tcp_clients_init(struct tcp_clients *clients, uint64_t hash_key);
void tcp_clients_close(struct tcp_clients *clients); // after all have left
// Those that are there may be more than a new maximum; none is sent away for that.
void tcp_clients_limit(struct tcp_clients *clients, unsigned max);

enum tcp_clients_verdict {
    TCP_CLIENTS_JOIN,
    TCP_CLIENTS_REPLACE, // the one silent longest must leave first
    TCP_CLIENTS_REFUSE,
};
// What to do with a new connection of this peer. A prefix that has its share already is refused: it
// would only push out others.
enum tcp_clients_verdict tcp_clients_judge(const struct tcp_clients *clients,
                                           const struct address *peer, uint64_t now_ms,
                                           struct tcp_client **ret_leaves);
void tcp_clients_join(struct tcp_clients *clients, struct tcp_client *client,
                      const struct address *peer, uint64_t now_ms);
void tcp_clients_leave(struct tcp_clients *clients, struct tcp_client *client);
// A message came.
void tcp_clients_heard(struct tcp_clients *clients, struct tcp_client *client, uint64_t now_ms);
// Has work under way (a transfer) and is not sent away, or has not any more.
void tcp_clients_set_busy(struct tcp_clients *clients, struct tcp_client *client, bool busy,
                          uint64_t now_ms);
// Whoever has been silent longest, and longer than the grace; NULL when nobody has.
struct tcp_client *tcp_clients_silent(const struct tcp_clients *clients, uint64_t now_ms);
// Anyone at all; NULL when nobody is left.
struct tcp_client *tcp_clients_any(const struct tcp_clients *clients);

#endif
