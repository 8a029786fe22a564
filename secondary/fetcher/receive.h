// One transfer from one address of a primary: a TCP connection, the query, the answer into a memfd
// that is sealed at the end. It ends once, well or with a sentence; whatever goes wrong, nothing of
// it is left but that sentence. Belongs to its loop.
#ifndef TANDEM_FETCHER_RECEIVE_H
#define TANDEM_FETCHER_RECEIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/hash.h"
#include "common/dns/tsig.h"
#include "common/net/address.h"

#define RECEIVE_CONNECT_MS 5000 // longer than a lost SYN and its two repetitions
#define RECEIVE_STALL_MS                                                                           \
    30000 // a live primary sends something in half a minute, also on a slow disk

struct loop;
struct receive;

struct receive_options {
    const uint8_t *apex; // copied, as all of these
    const char *primary; // "hidden 10.0.0.5@53"
    struct address peer, source;
    const struct tsig_key *key; // NULL: unsigned
    uint64_t octets_max;        // 0: no limit
    uint64_t records_max;       // 0: no limit
    uint64_t stall_ms;          // 0: RECEIVE_STALL_MS
    bool has_serial;            // ask by IXFR: what has changed since the serial
    uint32_t serial;
    uint64_t delta_records_max; // 0: no limit
    struct xfr_marks *known;    // of a whole transfer that may come again; held; NULL
};

enum receive_outcome { RECEIVE_ZONE, RECEIVE_SAME, RECEIVE_UP_TO_DATE, RECEIVE_FAILED };
struct receive_result {
    enum receive_outcome outcome;
    int stream; // RECEIVE_ZONE: sealed memfd (common/transfer/rr_stream.h); set to -1 to keep it
    uint32_t serial;
    bool is_delta;             // RECEIVE_ZONE: a delta from the serial that was asked with
    struct hash_digest digest; // RECEIVE_ZONE: of the stream
    struct xfr_marks *marks; // RECEIVE_ZONE: of the transfer, NULL where it cannot be known again;
                             // RECEIVE_SAME: known. To be held by who keeps it
    uint64_t octets, records;
    int64_t transfer_ms;
    int64_t round_trip_ms; // from the query to the first message; -1: none came
    const char *reason;    // RECEIVE_FAILED: a word for logs ("unreachable", "stalled", "refused",
                           // "tsig", ...)
    struct fault fault;    // and the sentence
};
// From the loop, once. Free the receive in here or later.
typedef void receive_ended(void *context, struct receive_result *result);

// NULL and a fault when no socket or memfd can be had.
struct receive *receive_new(struct loop *loop, const struct receive_options *options,
                            receive_ended *ended, void *context, struct fault *fault);
// Also in the middle: the connection is closed, ended is not called. *receive may be NULL.
void receive_free(struct receive **receive);

#endif
