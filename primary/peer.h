// One request of a peer, judged: who signed it, what it asks for, whether it may, and the response.
// Octets in, octets or the decision to transfer out; no sockets, no clock, no log. The primary is
// hidden: whoever no access rule names gets REFUSED.
#ifndef TANDEM_PRIMARY_PEER_H
#define TANDEM_PRIMARY_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/answer/query.h"
#include "common/dns/tsig.h"
#include "common/net/address.h"
#include "common/zone/zone_set.h"
#include "primary/served.h"

struct peer_service {
    const struct zone_set *zones; // of struct served_zone *
    const struct tsig_key *keys;
    size_t key_count;
};

struct peer_request {
    const uint8_t *octets;
    size_t length;
    const struct address *address;
    bool tcp;
    int64_t now; // unix seconds
};

enum peer_action {
    PEER_SILENT,
    PEER_RESPONSE, // length octets are in the memory
    PEER_TRANSFER, // over TCP, by xfr_out with the exchange
};
struct peer_outcome {
    enum peer_action action;
    size_t length;
    unsigned rcode;
    bool truncated;
    uint32_t client_serial;           // of an IXFR
    bool is_delta;                    // PEER_RESPONSE: the difference itself, in a datagram
    const struct served_zone *zone;   // that was asked for; NULL: none here
    const char *refusal;              // why it was refused, for the log; NULL: it was not
    const struct tsig_key *key;       // that signed the request, verified; NULL: none
    uint8_t signed_by[NAME_SIZE_MAX]; // the key that it names, where its signature is refused;
                                      // root: none
};

// query and exchange are the caller's: with PEER_TRANSFER they are used on (until
// tsig_exchange_close, which the caller calls in every case). memory: at least 4096 octets, not
// overlapping the request.
void peer_answer(const struct peer_service *service, const struct peer_request *request,
                 struct query *query, struct tsig_exchange *exchange, uint8_t *memory, size_t size,
                 struct peer_outcome *ret_outcome);

#endif
