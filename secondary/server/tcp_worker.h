// TCP: connections within limits (tcp_clients.h), pipelined queries answered as they come, AXFR out
// in pieces (RFC 7766, RFC 9210, RFC 5936). One thread. While a transfer runs on a connection no
// further message of it is read.
#ifndef TANDEM_SERVER_TCP_WORKER_H
#define TANDEM_SERVER_TCP_WORKER_H

#include "common/net/loop.h"
#include "secondary/server/respond.h"

// From accept to the end, whatever happens: a client that trickles queries to stay connected comes
// again.
#define TCP_WORKER_TOTAL_MS 600000
// A transfer: long enough for 4 GiB at 5 Mbit/s, and nothing taken for a minute ends it.
#define TCP_WORKER_TRANSFER_TOTAL_MS 7200000
#define TCP_WORKER_TRANSFER_IDLE_MS  60000
// Answers that the socket does not take before nothing more is read from a client; so one that asks
// and does not listen holds this and one message at most.
#define TCP_WORKER_QUEUE_MARK 16384
// New connections taken in one turn of the loop (about a millisecond); then the others' turn.
#define TCP_WORKER_ACCEPTS_PER_TURN 64
// After running out of descriptors while nobody is silent.
#define TCP_WORKER_PAUSE_MS 100

struct tcp_worker_options {
    unsigned clients_max; // of this server
    uint64_t idle_ms;
};

struct tcp_worker;
// responder is borrowed.
struct tcp_worker *tcp_worker_new(struct loop *loop, struct responder *responder);
void tcp_worker_configure(struct tcp_worker *worker, const struct tcp_worker_options *options);
// Where each message stands while it is answered; borrowed.
void tcp_worker_show(struct tcp_worker *worker, struct counters_tcp_seen *seen);
// Takes the listening descriptor over.
void tcp_worker_add(struct tcp_worker *worker, int *descriptor);
void tcp_worker_free(struct tcp_worker **worker);

#endif
