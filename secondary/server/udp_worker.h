// UDP: batch in, answers, batch out, in the loop's turn. No memory of its own but the batch, which
// stands in the map shared with the supervisor.
#ifndef TANDEM_SERVER_UDP_WORKER_H
#define TANDEM_SERVER_UDP_WORKER_H

#include "common/net/loop.h"
#include "common/net/udp_batch.h"
#include "secondary/server/respond.h"

// Batches taken from one socket before the others, TCP and the supervisor get their turn.
#define UDP_WORKER_ROUNDS 16

struct udp_worker;
// responder is borrowed; seen: where the batch stands.
struct udp_worker *udp_worker_new(struct loop *loop, struct responder *responder,
                                  struct udp_batch_seen *seen);
// Takes the descriptor over.
void udp_worker_add(struct udp_worker *worker, int *descriptor);
void udp_worker_free(struct udp_worker **worker);

#endif
