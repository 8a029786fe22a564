// One question over UDP as a client: sends the octets, waits, sends again, gives the answer. For
// SOA polls, NOTIFY (RFC 1996 section 3.6) and DS look-ups. The socket is connected (the kernel
// drops what comes from elsewhere) and has a port of its own choice (RFC 5452 section 9.2). Belongs
// to its loop.
#ifndef TANDEM_NET_UDP_EXCHANGE_H
#define TANDEM_NET_UDP_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/net/address.h"
#include "common/net/loop.h"

#define UDP_EXCHANGE_TRIES_MAX 16
// Datagrams that do not answer the question are passed over; after so many somebody guesses.
#define UDP_EXCHANGE_STRAYS_MAX 64

struct udp_exchange_options {
    struct address peer;
    struct address source; // AF_UNSPEC: the kernel chooses; a port of 0 is right
    const uint8_t *octets; // the message; copied
    size_t length;
    unsigned tries;      // 0 = 3
    uint64_t timeout_ms; // of the first try, doubled for each next one up to 60 s; 0 = 2000
};

struct udp_exchange_events {
    // A datagram from the peer: true when it is the answer (ID, question and signature are the
    // caller's to check); false passes it over and goes on waiting. octets are borrowed.
    bool (*answer)(void *context, const uint8_t *octets, size_t length);
    // Over, once: fault is NULL after an answer; else FAULT_TIMEOUT, FAULT_REFUSED (nothing listens
    // there), FAULT_LIMIT (strays) or FAULT_IO. Free the exchange here or later.
    void (*ended)(void *context, const struct fault *fault);
};

struct udp_exchange;
// Sends at once. NULL and a fault when no socket can be had or source does not exist here.
struct udp_exchange *udp_exchange_new(struct loop *loop, const struct udp_exchange_options *options,
                                      const struct udp_exchange_events *events, void *context,
                                      struct fault *fault);
// Also from inside its callbacks; no callback comes afterwards. *exchange may be NULL.
void udp_exchange_free(struct udp_exchange **exchange);

#endif
