// One request, whatever its transport, to one response: the TSIG, who may do what, NOTIFY,
// transfers, counters; answers themselves come from common/answer. For a plain query nothing here
// allocates, locks, logs or reads a clock.
#ifndef TANDEM_SERVER_RESPOND_H
#define TANDEM_SERVER_RESPOND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/answer/answer.h"
#include "common/answer/query.h"
#include "common/daemon/refusals.h"
#include "common/dns/tsig.h"
#include "common/net/address.h"
#include "common/transfer/xfr_out.h"
#include "secondary/counters.h"
#include "secondary/server/hints.h"
#include "secondary/server/response_rate.h"
#include "secondary/server/transfers.h"
#include "secondary/server/zones.h"

struct responder {
    struct answer_service service;
    struct zones *zones;
    struct hints *hints;
    struct transfers *transfers; // NULL: nobody is told
    struct refusals *refusals;   // the same
    struct response_rate *rate;  // NULL: no limit
    struct counters *counters;
    const struct tsig_key *keys; // of the settings in force
    size_t key_count;
};

struct respond_request {
    const struct address *peer;
    bool tcp;
    int64_t now;     // unix seconds
    uint64_t now_ms; // monotonic; wanted where there is a rate limit and tcp is false
    const uint8_t *octets;
    size_t length;
    uint8_t *memory; // for the response
    size_t size;     // at least 512
};

// A transfer over TCP that the caller is to carry out: all that xfr_out wants.
struct respond_transfer {
    const struct served_zone *zone; // until the next message of the supervisor
    uint32_t zone_id;
    struct message_header header;
    struct message_question question;
    bool edns, dnssec_ok, has_cookie, has_expire;
    uint8_t cookie[ANSWER_COOKIE_SIZE];
    uint32_t expire;
    uint32_t client_serial; // of an IXFR
    bool is_signed;
    struct tsig_key key; // a copy: settings may change while the transfer runs
    struct tsig_exchange exchange;
};

// What xfr_out_init wants of it. Borrowed from the transfer, which stays where it is until
// xfr_out_close.
struct xfr_out_options respond_transfer_options(struct respond_transfer *transfer);

enum respond_verdict {
    RESPOND_NOTHING,
    RESPOND_MESSAGE,  // *ret_length octets in memory
    RESPOND_TRANSFER, // only over TCP; *transfer is filled
};
// transfer may be NULL where request->tcp is false.
enum respond_verdict respond(struct responder *responder, const struct respond_request *request,
                             struct respond_transfer *transfer, size_t *ret_length);
// The same for a query that was read before (and looked ahead for, answer.h).
enum respond_verdict respond_to(struct responder *responder, const struct respond_request *request,
                                const struct query *query, struct respond_transfer *transfer,
                                size_t *ret_length);

#endif
