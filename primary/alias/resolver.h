// Octets to a resolver and back: the only door to c-ares. It chooses sockets and ports, keeps time,
// and matches answers to questions; what is asked, of whom, and what an answer is worth is decided
// in question.c. Belongs to its loop.
#ifndef TANDEM_ALIAS_RESOLVER_H
#define TANDEM_ALIAS_RESOLVER_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/net/address.h"
#include "common/net/loop.h"

#define RESOLVER_UDP_SIZE      1232 // EDNS; what arrives without fragments everywhere
#define RESOLVER_CHANNELS      4    // for each server and way: as many ports in use at once
#define RESOLVER_CHANNEL_SENDS 1000 // then a channel, and its port, is replaced
#define RESOLVER_SERVERS_MAX   8

enum resolver_way {
    RESOLVER_EDNS,  // UDP; the message ends with an OPT of 11 octets
    RESOLVER_PLAIN, // UDP without EDNS
    RESOLVER_TCP,
};
#define RESOLVER_WAYS 3

struct resolver;
bool resolver_new(struct loop *loop, const struct address *servers, size_t server_count,
                  uint64_t timeout_ms, struct resolver **ret_resolver, struct fault *fault);
// What is under way is forgotten: no call comes any more.
void resolver_free(struct resolver **resolver);

// octets NULL: none came; error says why ("timeout", "connection refused"), static.
typedef void resolver_call(void *context, const uint8_t *octets, size_t length, const char *error);
// Sends one message to servers[server] and calls once, never from inside this call. The ID must be
// one that no other message under way has.
void resolver_send(struct resolver *resolver, size_t server, enum resolver_way way,
                   const uint8_t *octets, size_t length, resolver_call *call, void *context);

#endif
