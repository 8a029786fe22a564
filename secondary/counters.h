// The memory that a server shares with the supervisor and the desk: one sealed memfd for each
// server, made by the supervisor before the server starts and kept over its restarts, so that
// counters never go back. The server is the only writer of its memfd; the desk maps all of them
// read-only and sums. The last batch of packets and the message over TCP that is in hand stand
// there, too: after a crash the supervisor logs them. Readers trust nothing in it: a server that
// was taken over writes what it likes, and can neither shrink nor grow the file.
#ifndef TANDEM_SECONDARY_COUNTERS_H
#define TANDEM_SECONDARY_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/net/udp_batch.h"

#define COUNTERS_MAGIC       0x544e4432U // layout 2; another layout gets another number
#define COUNTERS_RCODES      25          // 0 to 23 by number, all others in the last
#define COUNTERS_RCODE_OTHER (COUNTERS_RCODES - 1)

enum counters_transport { COUNTERS_UDP, COUNTERS_TCP, COUNTERS_TRANSPORTS };
const char *counters_transport_word(enum counters_transport transport); // "udp", "tcp"

// All count up from zero and wrap never.
struct counters {
    uint64_t queries[COUNTERS_TRANSPORTS][COUNTERS_RCODES]; // answered, by RCODE of the answer
    uint64_t dropped;        // not answered: no query, or no answer fits
    uint64_t truncated;      // answers with TC
    uint64_t limited;        // not answered, or answered with TC, by the rate limit
    uint64_t cookies_valid;  // queries with a server cookie of ours
    uint64_t signed_queries; // with a TSIG that was verified
    uint64_t notifies, notifies_refused;
    uint64_t transfers_started, transfers_done, transfers_failed, transfers_refused;
    uint64_t transfer_octets;
    uint64_t tcp_accepted, tcp_refused, tcp_timeouts; // refused: a limit of connections
    uint64_t tcp_open;                                // a gauge: connections now
    uint64_t udp_send_dropped;                        // the kernel did not take the answer
    uint64_t versions_swapped;
    uint64_t bad_messages; // of the supervisor's that could not be read
};

// The message over TCP that is being answered, as the last batch is for datagrams.
#define COUNTERS_TCP_OCTETS 1024 // of it; what is logged of a packet, too (last_batch.h)
struct counters_tcp_seen {
    uint32_t in_hand; // 1: it is; 0: none is
    uint32_t length;  // of the whole message
    struct address peer;
    uint8_t octets[COUNTERS_TCP_OCTETS]; // its first ones
};

struct counters_memory {
    uint32_t magic;
    uint32_t size; // of this struct
    _Alignas(64) struct counters counters;
    _Alignas(64) struct counters_tcp_seen tcp;
    _Alignas(4096) struct udp_batch_seen seen;
};

// The supervisor: a memfd of the right size, zeroed, sealed against shrinking and growing.
bool counters_create(int *ret_fd, struct fault *fault);
// Maps it; the descriptor may be closed afterwards. writable: the server itself.
bool counters_map(int fd, bool writable, struct counters_memory **ret_memory, struct fault *fault);
void counters_unmap(struct counters_memory **memory); // *memory may be NULL

// The only way to count: a plain add that no reader sees half-way (there is one writer).
static inline void
counter_add(uint64_t *counter, uint64_t amount)
{
    __atomic_store_n(counter, *counter + amount, __ATOMIC_RELAXED);
}
// The writer counts an answer.
void counters_answered(struct counters *counters, enum counters_transport transport,
                       unsigned rcode);
// The reader adds what memory holds now to sum.
void counters_sum(const struct counters_memory *memory, struct counters *sum);

#endif
