#include "secondary/server/respond.h"

#include <string.h>

#include "common/dns/rrtype.h"
#include "common/net/acl.h"
#include "common/transfer/xfr_out.h"

// One request on its way.
struct exchange {
    struct responder *responder;
    const struct respond_request *request;
    struct respond_transfer *transfer;
    const struct query *query;
    struct answer_client client;
    struct answer_outcome outcome;
    const struct tsig_key *key; // that the query was signed with, verified
    bool has_tsig;              // the answer gets one, too; asked, tsig and tsig_error are set
    struct tsig_rr asked;
    struct tsig_exchange tsig;
    unsigned tsig_error;
    bool notify_taken; // as a hint, whatever the answer says of its key
};

static void
say(struct exchange *exchange, unsigned rcode, bool aa, int ede)
{
    answer_rcode(&exchange->responder->service, &exchange->client, exchange->query, rcode, aa, ede,
                 exchange->request->memory, exchange->request->size, &exchange->outcome);
}

static bool
may(const struct exchange *exchange, const struct served_zone *zone, enum acl_action action)
{
    return acl_match(zone->acl, exchange->request->peer, exchange->key ? exchange->key->name : NULL,
                     action) != NULL;
}

static struct served_zone *
zone_of_apex(const struct exchange *exchange)
{
    return zone_set_get(exchange->responder->zones->set, exchange->query->lower);
}

static void
hint_take(struct exchange *exchange, struct served_zone *zone)
{
    const struct query *query = exchange->query;
    counter_add(&exchange->responder->counters->notifies, 1);
    hints_take(exchange->responder->hints, zone, exchange->request->peer, query->has_soa,
               query->soa_serial);
    exchange->notify_taken = true;
}

// The key of the primary's transfers is not in this process, so a NOTIFY that is signed with it
// cannot be verified. It is a hint: from an address that may give it unsigned it is taken as if it
// were, beside the answer BADKEY.
static void
notify_unverified_take(struct exchange *exchange)
{
    const struct query *query = exchange->query;
    if (query->kind != QUERY_NOTIFY || !query->has_question || query->type != RRTYPE_SOA ||
        query->class != RRCLASS_IN)
        return;
    struct served_zone *zone = zone_of_apex(exchange);
    if (!zone || !may(exchange, zone, ACL_NOTIFY))
        return;
    hint_take(exchange, zone);
}

// RFC 1996 section 3.11: taken as a hint from those who may give it; the answer says nothing about
// the zone's state.
static void
notify_answer_to(struct exchange *exchange)
{
    const struct query *query = exchange->query;
    struct counters *counters = exchange->responder->counters;
    if (!query->has_question || query->type != RRTYPE_SOA || query->class != RRCLASS_IN) {
        say(exchange, RCODE_FORMERR, false, EDE_NONE);
        return;
    }
    struct served_zone *zone = zone_of_apex(exchange);
    if (!zone || !may(exchange, zone, ACL_NOTIFY)) {
        counter_add(&counters->notifies_refused, 1);
        say(exchange, RCODE_REFUSED, false, zone ? EDE_PROHIBITED : EDE_NOT_AUTHORITATIVE);
        return;
    }
    hint_take(exchange, zone);
    say(exchange, RCODE_NOERROR, true, EDE_NONE);
}

static void
transfer_fill(struct exchange *exchange, const struct served_zone *zone)
{
    struct respond_transfer *transfer = exchange->transfer;
    const struct query *query = exchange->query;
    transfer->zone = zone;
    transfer->zone_id = zone->id;
    transfer->header = query->header;
    name_copy(transfer->question.name, query->octets + MESSAGE_HEADER_SIZE);
    transfer->question.type = query->type;
    transfer->question.class = query->class;
    transfer->edns = query->edns.present;
    transfer->dnssec_ok = query->edns.dnssec_ok;
    transfer->has_cookie = answer_cookie(&exchange->responder->service, &exchange->client,
                                         &query->edns, transfer->cookie);
    transfer->has_expire = query->edns.expire;
    transfer->expire = answer_expire(&zone->answer, exchange->request->now);
    transfer->client_serial = query->soa_serial;
    transfer->is_signed = exchange->key != NULL;
    if (!exchange->key)
        return;
    transfer->key = *exchange->key;
    transfer->exchange = exchange->tsig;
    transfer->exchange.key = &transfer->key;
}

struct xfr_out_options
respond_transfer_options(struct respond_transfer *transfer)
{
    return (struct xfr_out_options){
        .version = transfer->zone->answer.version,
        .query = &transfer->header,
        .question = &transfer->question,
        .exchange = transfer->is_signed ? &transfer->exchange : NULL,
        .edns = transfer->edns,
        .dnssec_ok = transfer->dnssec_ok,
        .cookie = transfer->has_cookie ? transfer->cookie : NULL,
        .has_expire = transfer->has_expire,
        .expire = transfer->expire,
        .ixfr = transfer->question.type == RRTYPE_IXFR,
        .client_serial = transfer->client_serial,
    };
}

// NULL: the question is one that a transfer may have.
static const char *
transfer_malformed(const struct exchange *exchange)
{
    const struct query *query = exchange->query;
    if (query->class != RRCLASS_IN)
        return "a transfer of another class than IN";
    if (query->type == RRTYPE_IXFR && !query->has_soa) // RFC 1995 section 3
        return "an IXFR without a serial";
    if (query->type == RRTYPE_AXFR && !exchange->request->tcp) // RFC 5936 section 4.2
        return "an AXFR goes over TCP";
    return NULL;
}

// What to answer to who asks for a transfer, and where it is an error, why.
static unsigned
transfer_judge(const struct exchange *exchange, const struct served_zone *zone, int *ret_ede,
               const char **ret_why)
{
    *ret_ede = EDE_NONE;
    *ret_why = transfer_malformed(exchange);
    if (*ret_why)
        return RCODE_FORMERR;
    if (!zone) {
        *ret_ede = EDE_NOT_AUTHORITATIVE;
        *ret_why = REFUSALS_NO_ZONE;
        return RCODE_NOTAUTH; // RFC 5936 section 2.2.1
    }
    if (!may(exchange, zone, ACL_TRANSFER)) {
        *ret_ede = EDE_PROHIBITED;
        *ret_why = acl_refusal(zone->acl, exchange->request->peer,
                               exchange->key ? exchange->key->name : NULL, ACL_TRANSFER);
        return RCODE_REFUSED;
    }
    *ret_why = "the zone is not served now, for it is not loaded or has expired; see zone status";
    return answer_zone_judge(&exchange->responder->service, &exchange->client, &zone->answer,
                             ret_ede);
}

// Not of the path of an ordinary query. A malformed question in a datagram that nobody signed is a
// scanner's: the counters know it.
static void
refusal_tell(const struct exchange *exchange, const uint8_t *key_name, unsigned rcode,
             const char *why)
{
    const struct query *query = exchange->query;
    const struct respond_request *request = exchange->request;
    struct responder *responder = exchange->responder;
    const struct served_zone *zone = query->has_question ? zone_of_apex(exchange) : NULL;
    if (query->kind == QUERY_TRANSFER) {
        counter_add(&responder->counters->transfers_refused, 1);
        if (zone)
            transfers_refused(responder->transfers, zone->id, query->type == RRTYPE_IXFR);
    }
    if (!responder->refusals || (rcode == RCODE_FORMERR && !request->tcp && !query->has_tsig))
        return;
    const struct refused_request refused = {
        .reason = why,
        .peer = request->peer,
        .tcp = request->tcp,
        .name = query->has_question ? query->lower : NULL,
        .name_is_zone = zone != NULL,
        .type = query->type,
        .key_name = key_name,
        .rcode = rcode,
    };
    refusals_tell(responder->refusals, &refused, request->now);
}

// False: an error was said.
static bool
transfer_allow(struct exchange *exchange, const struct served_zone *zone)
{
    int ede;
    const char *why;
    unsigned rcode = transfer_judge(exchange, zone, &ede, &why);
    if (rcode == RCODE_NOERROR)
        return true;
    refusal_tell(exchange, exchange->key ? exchange->key->name : NULL, rcode, why);
    say(exchange, rcode, false, ede);
    return false;
}

// IXFR over UDP: the SOA, and the difference where it fits (RFC 1995 section 2).
static void
datagram_answer_to(struct exchange *exchange, const struct served_zone *zone)
{
    const struct respond_request *request = exchange->request;
    const struct answer_service *service = &exchange->responder->service;
    answer_soa(service, &exchange->client, exchange->query, &zone->answer, request->memory,
               request->size, &exchange->outcome);
    const struct xfr_out_datagram datagram = {.version = zone->answer.version,
                                              .client_serial = exchange->query->soa_serial,
                                              .edns = &exchange->query->edns,
                                              .tail_room = exchange->client.tail_room};
    size_t alone = exchange->outcome.length;
    exchange->outcome.length = xfr_out_datagram(&datagram, request->memory, alone, request->size);
    if (exchange->outcome.length > alone)
        transfers_count(exchange->responder->transfers, zone->id, IXFR_OUT_DELTA, true);
}

static enum respond_verdict
transfer_answer_to(struct exchange *exchange)
{
    const struct served_zone *zone = zone_of_apex(exchange);
    if (!transfer_allow(exchange, zone))
        return RESPOND_MESSAGE;
    if (exchange->request->tcp) {
        transfer_fill(exchange, zone);
        return RESPOND_TRANSFER;
    }
    datagram_answer_to(exchange, zone);
    return RESPOND_MESSAGE;
}

// Octets of a TSIG that reports an error: names as the query has them, no MAC, at most a time.
#define TSIG_ERROR_FIXED (10 + 16 + 6)

static size_t
tsig_room(const struct exchange *exchange)
{
    if (exchange->key)
        return tsig_size(exchange->key);
    return name_length(exchange->asked.key_name) + name_length(exchange->asked.algorithm_name) +
           TSIG_ERROR_FIXED + TSIG_MAC_MAX;
}

// A NOTIFY whose key is not in this process is as it should be, and goes to the hints; what else
// fails here is the transfer of a downstream server or the question before it, and told.
static void
tsig_refuse(struct exchange *exchange, unsigned error)
{
    bool found = exchange->has_tsig && exchange->asked.present;
    unsigned rcode = error == RCODE_FORMERR ? RCODE_FORMERR : RCODE_NOTAUTH;
    if (error == RCODE_BADKEY && exchange->query->kind == QUERY_NOTIFY)
        notify_unverified_take(exchange);
    else
        refusal_tell(exchange, found ? exchange->asked.key_name : NULL, rcode, tsig_refusal(error));
    if (error == RCODE_FORMERR)
        exchange->has_tsig = false;
    else
        exchange->client.tail_room = tsig_room(exchange);
    say(exchange, rcode, false, EDE_NONE);
}

// RFC 8945 section 5.2: false when the answer is an error, which was then said.
static bool
tsig_take(struct exchange *exchange)
{
    const struct respond_request *request = exchange->request;
    unsigned error = RCODE_FORMERR;
    exchange->has_tsig = tsig_find(request->octets, request->length, &exchange->asked);
    if (exchange->has_tsig)
        error = tsig_check_query(request->octets, request->length, exchange->responder->keys,
                                 exchange->responder->key_count, (uint64_t)request->now,
                                 &exchange->tsig, &exchange->key);
    exchange->tsig_error = error;
    if (error != 0) {
        tsig_refuse(exchange, error);
        return false;
    }
    exchange->client.tail_room = tsig_room(exchange);
    counter_add(&exchange->responder->counters->signed_queries, 1);
    return true;
}

// The answer to a signed query is signed, also one that says what was wrong with the signature.
static void
tsig_give(struct exchange *exchange)
{
    const struct respond_request *request = exchange->request;
    if (exchange->has_tsig)
        exchange->outcome.length =
            tsig_sign(&exchange->tsig, request->memory, exchange->outcome.length, request->size,
                      (uint64_t)request->now, exchange->tsig_error, &exchange->asked);
}

static enum respond_verdict
kind_respond(struct exchange *exchange)
{
    const struct query *query = exchange->query;
    switch (query->kind) {
    case QUERY_NOTIFY:
        notify_answer_to(exchange);
        return RESPOND_MESSAGE;
    case QUERY_TRANSFER:
        return transfer_answer_to(exchange);
    case QUERY_DROP:
    case QUERY_ERROR:
    case QUERY_COOKIE:
    case QUERY_QUESTION:
        break;
    }
    answer_query(&exchange->responder->service, &exchange->client, query, exchange->request->memory,
                 exchange->request->size, &exchange->outcome);
    return RESPOND_MESSAGE;
}

// A zone's value in the zone_set is the first member of our struct.
static uint32_t
zone_number(const struct answer_zone *zone)
{
    return zone ? ((const struct served_zone *)(const void *)zone)->id : MESSAGE_NO_ZONE;
}

static enum rate_verdict
rate_verdict_of(const struct exchange *exchange)
{
    const struct respond_request *request = exchange->request;
    const struct response_rate_answer answer = {.peer = request->peer,
                                                .query = exchange->query,
                                                .outcome = &exchange->outcome,
                                                .zone = zone_number(exchange->outcome.zone),
                                                .now = request->now,
                                                .now_ms = request->now_ms};
    return response_rate_take(exchange->responder->rate, &answer);
}

// The rate limit's word on an answer that is ready; it may take it away or make it a TC. Not on a
// NOTIFY that was taken: whoever may send it has one for each of his zones, and repeats it until it
// is answered; the answer is no larger than it.
static void
limit(struct exchange *exchange)
{
    const struct respond_request *request = exchange->request;
    struct responder *responder = exchange->responder;
    if (!responder->rate || request->tcp || exchange->outcome.cookie_valid || exchange->key ||
        exchange->notify_taken)
        return;
    enum rate_verdict verdict = rate_verdict_of(exchange);
    if (verdict == RATE_SEND)
        return;
    counter_add(&responder->counters->limited, 1);
    if (verdict == RATE_DROP)
        exchange->outcome.length = 0;
    else
        answer_truncated(&responder->service, &exchange->client, exchange->query, request->memory,
                         request->size, &exchange->outcome);
}

static void
count(const struct exchange *exchange)
{
    struct counters *counters = exchange->responder->counters;
    if (exchange->outcome.length == 0) {
        counter_add(&counters->dropped, 1);
        return;
    }
    counters_answered(counters, exchange->request->tcp ? COUNTERS_TCP : COUNTERS_UDP,
                      exchange->outcome.rcode);
    if (exchange->outcome.truncated)
        counter_add(&counters->truncated, 1);
    if (exchange->outcome.cookie_valid)
        counter_add(&counters->cookies_valid, 1);
}

static struct answer_client
client_of(const struct respond_request *request)
{
    struct answer_client client = {.tcp = request->tcp, .now = request->now};
    client.address = address_octets(request->peer, &client.address_length);
    return client;
}

enum respond_verdict
respond(struct responder *responder, const struct respond_request *request,
        struct respond_transfer *transfer, size_t *ret_length)
{
    struct query query;
    query_read(request->octets, request->length, &query);
    return respond_to(responder, request, &query, transfer, ret_length);
}

enum respond_verdict
respond_to(struct responder *responder, const struct respond_request *request,
           const struct query *query, struct respond_transfer *transfer, size_t *ret_length)
{
    struct exchange exchange;
    *ret_length = 0;
    if (query->kind == QUERY_DROP) {
        counter_add(&responder->counters->dropped, 1);
        return RESPOND_NOTHING;
    }
    exchange.responder = responder;
    exchange.request = request;
    exchange.transfer = transfer;
    exchange.query = query;
    exchange.key = NULL;
    exchange.has_tsig = exchange.notify_taken = false;
    exchange.client = client_of(request);
    enum respond_verdict verdict = RESPOND_MESSAGE;
    if (!query->has_tsig || tsig_take(&exchange))
        verdict = kind_respond(&exchange);
    if (verdict == RESPOND_TRANSFER)
        return verdict;
    limit(&exchange);
    if (exchange.outcome.length > 0)
        tsig_give(&exchange);
    count(&exchange);
    *ret_length = exchange.outcome.length;
    return *ret_length > 0 ? RESPOND_MESSAGE : RESPOND_NOTHING;
}
