// Prefixes are counted in a chained hash of their own: an entry lives while one of its connections
// does, so there are never more entries than connections, and nothing has to age.
#include "secondary/server/tcp_clients.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/hash.h"

#define BUCKETS_FIRST 64

struct tcp_prefix {
    struct tcp_prefix *next;
    uint64_t key;
    unsigned count; // connections, at least one
};

void
tcp_clients_init(struct tcp_clients *clients, uint64_t hash_key)
{
    memset(clients, 0, sizeof *clients);
    clients->hash_key = hash_key;
    clients->bucket_count = BUCKETS_FIRST;
    clients->buckets = memory_zalloc(BUCKETS_FIRST * sizeof *clients->buckets);
}

void
tcp_clients_close(struct tcp_clients *clients)
{
    ENSURE(clients->count == 0 && clients->prefix_count == 0);
    free(clients->buckets);
    clients->buckets = NULL;
}

void
tcp_clients_limit(struct tcp_clients *clients, unsigned max)
{
    clients->max = max;
}

// Prefixes

// The octets of the prefix, and in the lowest 8 bits its length: no two prefixes are equal.
static uint64_t
prefix_key(const struct address *peer)
{
    unsigned bits = peer->family == AF_INET ? TCP_CLIENTS_PREFIX_V4 : TCP_CLIENTS_PREFIX_V6;
    uint64_t key = 0;
    size_t length;
    const uint8_t *octets = address_octets(peer, &length);
    for (unsigned i = 0; i < bits / 8; i++)
        key = key << 8 | octets[i];
    return key << 8 | bits;
}

static struct tcp_prefix **
bucket_of(const struct tcp_clients *clients, uint64_t key)
{
    uint64_t hash = hash_finish(hash_mix(clients->hash_key, key));
    return &clients->buckets[hash & (clients->bucket_count - 1)];
}

// Where the prefix is, or the NULL at which it would be.
static struct tcp_prefix **
prefix_place(const struct tcp_clients *clients, uint64_t key)
{
    struct tcp_prefix **place = bucket_of(clients, key);
    while (*place && (*place)->key != key)
        place = &(*place)->next;
    return place;
}

static void
buckets_double(struct tcp_clients *clients)
{
    struct tcp_prefix **former = clients->buckets;
    size_t former_count = clients->bucket_count;
    clients->bucket_count *= 2;
    clients->buckets = memory_zalloc(clients->bucket_count * sizeof *clients->buckets);
    for (size_t i = 0; i < former_count; i++) {
        for (struct tcp_prefix *prefix = former[i], *next; prefix; prefix = next) {
            struct tcp_prefix **bucket = bucket_of(clients, prefix->key);
            next = prefix->next;
            prefix->next = *bucket;
            *bucket = prefix;
        }
    }
    free(former);
}

static struct tcp_prefix *
prefix_hold(struct tcp_clients *clients, const struct address *peer)
{
    uint64_t key = prefix_key(peer);
    if (clients->prefix_count >= clients->bucket_count)
        buckets_double(clients);
    struct tcp_prefix **place = prefix_place(clients, key);
    if (!*place) {
        *place = memory_zalloc(sizeof **place);
        (*place)->key = key;
        clients->prefix_count++;
    }
    (*place)->count++;
    return *place;
}

static void
prefix_drop(struct tcp_clients *clients, struct tcp_prefix *prefix)
{
    if (--prefix->count > 0)
        return;
    *prefix_place(clients, prefix->key) = prefix->next;
    clients->prefix_count--;
    free(prefix);
}

static bool
prefix_has_its_share(const struct tcp_clients *clients, const struct address *peer)
{
    unsigned share = clients->max / TCP_CLIENTS_PREFIX_SHARE;
    const struct tcp_prefix *prefix = *prefix_place(clients, prefix_key(peer));
    share = share < TCP_CLIENTS_PREFIX_MIN ? TCP_CLIENTS_PREFIX_MIN : share;
    return prefix && prefix->count >= share;
}

// The two lists

static struct tcp_client_list *
list_of(struct tcp_clients *clients, const struct tcp_client *client)
{
    return client->busy ? &clients->busy : &clients->waiting;
}

static void
list_add(struct tcp_client_list *list, struct tcp_client *client)
{
    client->older = list->newest;
    client->newer = NULL;
    *(list->newest ? &list->newest->newer : &list->oldest) = client;
    list->newest = client;
}

static void
list_remove(struct tcp_client_list *list, struct tcp_client *client)
{
    *(client->newer ? &client->newer->older : &list->newest) = client->older;
    *(client->older ? &client->older->newer : &list->oldest) = client->newer;
}

// The clients

struct tcp_client *
tcp_clients_silent(const struct tcp_clients *clients, uint64_t now_ms)
{
    struct tcp_client *oldest = clients->waiting.oldest;
    return oldest && now_ms - oldest->heard_ms >= TCP_CLIENTS_GRACE_MS ? oldest : NULL;
}

struct tcp_client *
tcp_clients_any(const struct tcp_clients *clients)
{
    return clients->waiting.oldest ? clients->waiting.oldest : clients->busy.oldest;
}

enum tcp_clients_verdict
tcp_clients_judge(const struct tcp_clients *clients, const struct address *peer, uint64_t now_ms,
                  struct tcp_client **ret_leaves)
{
    if (prefix_has_its_share(clients, peer))
        return TCP_CLIENTS_REFUSE;
    if (clients->count < clients->max)
        return TCP_CLIENTS_JOIN;
    *ret_leaves = tcp_clients_silent(clients, now_ms);
    return *ret_leaves ? TCP_CLIENTS_REPLACE : TCP_CLIENTS_REFUSE;
}

void
tcp_clients_join(struct tcp_clients *clients, struct tcp_client *client, const struct address *peer,
                 uint64_t now_ms)
{
    client->prefix = prefix_hold(clients, peer);
    client->heard_ms = now_ms;
    client->busy = false;
    list_add(&clients->waiting, client);
    clients->count++;
}

void
tcp_clients_leave(struct tcp_clients *clients, struct tcp_client *client)
{
    list_remove(list_of(clients, client), client);
    prefix_drop(clients, client->prefix);
    client->prefix = NULL;
    clients->count--;
}

void
tcp_clients_heard(struct tcp_clients *clients, struct tcp_client *client, uint64_t now_ms)
{
    struct tcp_client_list *list = list_of(clients, client);
    if (client->heard_ms == now_ms) // all messages of one turn are heard at once
        return;
    client->heard_ms = now_ms;
    list_remove(list, client);
    list_add(list, client);
}

void
tcp_clients_set_busy(struct tcp_clients *clients, struct tcp_client *client, bool busy,
                     uint64_t now_ms)
{
    list_remove(list_of(clients, client), client);
    client->busy = busy;
    client->heard_ms = now_ms;
    list_add(list_of(clients, client), client);
}
