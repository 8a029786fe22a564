// DNS over UDP in batches: one recvmmsg, the caller answers each packet in place, one sendmmsg. One
// thread. All memory is made once: no malloc, lock, log or clock for a packet. Replies leave from
// the address that was asked (the IP_PKTINFO of the request goes back with the answer).
//
//     unsigned count = udp_batch_receive(batch, fd);
//     for (unsigned i = 0; i < count; i++) {
//         struct udp_packet *packet = udp_batch_packet(batch, i);
//         packet->response_length = answer(packet->request, ..., packet->response, ...);
//     }
//     udp_batch_send(batch, fd);      // count == UDP_BATCH_PACKETS: there may be more
#ifndef TANDEM_NET_UDP_BATCH_H
#define TANDEM_NET_UDP_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/net/address.h"

#define UDP_BATCH_PACKETS       64 // enough to hide the system call, small enough for the L2 cache
#define UDP_BATCH_REQUEST_SIZE  4096 // a longer request is cut and marked; no query needs so much
#define UDP_BATCH_RESPONSE_SIZE 4096 // the largest answer over UDP that a setting may allow

// Buffers that all began at the same place of a page would share 12 lines of the first cache.
#define UDP_BATCH_REQUEST_STRIDE (UDP_BATCH_REQUEST_SIZE + 64)

// What another process sees of a batch: mapped by the supervisor too, which logs it after a crash
// of the worker. Written by the worker, so a reader trusts nothing in it (udp_batch_seen_packet
// checks).
struct udp_batch_seen {
    uint32_t count;   // packets of the last batch
    uint32_t current; // the one that is being answered; count when all are
    struct {
        struct address peer;
        uint32_t length;
    } packet[UDP_BATCH_PACKETS];
    _Alignas(64) uint8_t request[UDP_BATCH_PACKETS][UDP_BATCH_REQUEST_STRIDE];
};

struct udp_packet {
    const uint8_t *request;
    size_t request_length;
    bool request_cut; // it was longer than UDP_BATCH_REQUEST_SIZE: answer FORMERR or nothing
    const struct address *peer; // good until the next receive
    uint8_t *response;          // UDP_BATCH_RESPONSE_SIZE octets
    size_t response_length;     // set by the caller; 0 (as it comes) = no answer
};

struct udp_batch_counters {
    uint64_t received;
    uint64_t sent;
    uint64_t dropped_full;   // the send buffer was full: the client asks again
    uint64_t dropped_failed; // the kernel refused this one (no route, firewall)
};

struct udp_batch;
// memory: sizeof(struct udp_batch_seen) octets (aligned to 64) that the caller keeps until
// udp_batch_free, for example a shared map; NULL: the batch has its own.
struct udp_batch *udp_batch_new(struct udp_batch_seen *memory);
void udp_batch_free(struct udp_batch **batch);
// Packets received: 0 to UDP_BATCH_PACKETS; 0 when there is nothing (or an ICMP error, which is
// eaten).
unsigned udp_batch_receive(struct udp_batch *batch, int fd);
// The packet number index of the last receive; marks it as the current one in struct
// udp_batch_seen. Responses stand one behind the other: a packet's place is settled by this call,
// when response_length of the packets before it is set.
struct udp_packet *udp_batch_packet(struct udp_batch *batch, unsigned index);
// Sends each response whose length is not 0; never waits, drops what the kernel does not take.
void udp_batch_send(struct udp_batch *batch, int fd);
const struct udp_batch_counters *udp_batch_counted(const struct udp_batch *batch);

// For the reader of another process's memory: the octets of packet index, NULL when index or length
// make no sense. ret_peer is a copy.
const uint8_t *udp_batch_seen_packet(const struct udp_batch_seen *seen, unsigned index,
                                     size_t *ret_length, struct address *ret_peer);

#endif
