// A request in three steps. The signature first, since access may hang on it: a request that
// carries a TSIG and fails is answered as RFC 8945 section 5.2 says and never treated as unsigned.
// Then what is asked: a transfer is this file's business, a question that of the answer room, which
// asks back for each zone whether this peer may see it. Last the response is signed with the key of
// the request.
#include "primary/peer.h"

#include <string.h>

#include "common/answer/answer.h"
#include "common/daemon/refusals.h"
#include "common/dns/rcode.h"
#include "common/dns/rrtype.h"
#include "common/transfer/xfr_out.h"

// Type, class, TTL and length of the RR, the numbers of its RDATA, and 6 octets of other data (RFC
// 8945 section 4.2).
#define TSIG_FIXED_SIZE (10 + 16 + 6)

// What may_ask is asked with.
struct peer {
    const struct peer_service *service;
    const struct peer_request *request;
    const struct query *query;
    const struct tsig_key *key; // verified; NULL: none
    struct answer_service answer;
    struct answer_client client;
};

static bool
peer_may(const struct peer *peer, const struct served_zone *zone, enum acl_action action)
{
    return acl_match(zone->acl, peer->request->address, peer->key ? peer->key->name : NULL,
                     action) != NULL;
}

// Who may transfer a zone may also ask for its SOA: a secondary does both with one permission.
static bool
may_ask(const void *context, const struct answer_zone *zone)
{
    const struct peer *peer = context;
    const struct served_zone *served = (const struct served_zone *)zone;
    bool is_soa = peer->query->type == RRTYPE_SOA && name_equal(peer->query->lower, served->apex);
    return peer_may(peer, served, ACL_QUERY) || (is_soa && peer_may(peer, served, ACL_TRANSFER));
}

// Octets that the TSIG of the response takes at most: an answer of 512 octets has none to spare.
static size_t
signature_room(const struct peer_request *request, const struct query *query)
{
    struct tsig_rr rr;
    if (!query->has_tsig || !tsig_find(request->octets, request->length, &rr) || !rr.present)
        return 0;
    return name_length(rr.key_name) + name_length(rr.algorithm_name) + TSIG_FIXED_SIZE +
           TSIG_MAC_MAX;
}

static void
peer_init(struct peer *peer, const struct peer_service *service, const struct peer_request *request,
          const struct query *query)
{
    *peer = (struct peer){.service = service, .request = request, .query = query};
    peer->answer.zones = service->zones;
    peer->answer.may_ask = may_ask;
    peer->client.address = address_octets(request->address, &peer->client.address_length);
    peer->client.tcp = request->tcp;
    peer->client.tail_room = signature_room(request, query);
    peer->client.context = peer;
    peer->client.now = request->now;
}

static void
respond_rcode(const struct peer *peer, unsigned rcode, int ede, const char *refusal,
              uint8_t *memory, size_t size, struct peer_outcome *outcome)
{
    struct answer_outcome answer;
    answer_rcode(&peer->answer, &peer->client, peer->query, rcode, false, ede, memory, size,
                 &answer);
    outcome->action = answer.length > 0 ? PEER_RESPONSE : PEER_SILENT;
    outcome->length = answer.length;
    outcome->rcode = rcode;
    outcome->refusal = refusal;
}

// RFC 8945 section 5.2. False: the request failed and the response is made.
static bool
signature_check(struct peer *peer, struct tsig_exchange *exchange, uint8_t *memory, size_t size,
                struct peer_outcome *outcome)
{
    const struct peer_request *request = peer->request;
    struct tsig_rr rr;
    unsigned error =
        tsig_check_query(request->octets, request->length, peer->service->keys,
                         peer->service->key_count, (uint64_t)request->now, exchange, &peer->key);
    outcome->key = peer->key;
    if (error == 0)
        return true;
    peer->key = outcome->key = NULL;
    bool found = tsig_find(request->octets, request->length, &rr) && rr.present;
    if (found)
        name_copy(outcome->signed_by, rr.key_name);
    if (error == RCODE_FORMERR) {
        respond_rcode(peer, RCODE_FORMERR, EDE_NONE, tsig_refusal(error), memory, size, outcome);
        return false;
    }
    respond_rcode(peer, RCODE_NOTAUTH, EDE_NONE, tsig_refusal(error), memory, size, outcome);
    if (outcome->length > 0 && found)
        outcome->length =
            tsig_sign(exchange, memory, outcome->length, size, (uint64_t)request->now, error, &rr);
    if (outcome->length == 0)
        outcome->action = PEER_SILENT;
    return false;
}

// NULL: the transfer may go; else why not.
static const char *
transfer_refusal(const struct peer *peer, const struct served_zone *zone)
{
    if (!zone)
        return REFUSALS_NO_ZONE;
    if (!peer_may(peer, zone, ACL_TRANSFER))
        return acl_refusal(zone->acl, peer->request->address, peer->key ? peer->key->name : NULL,
                           ACL_TRANSFER);
    return zone->held_reason;
}

static void
transfer_answer(const struct peer *peer, uint8_t *memory, size_t size, struct peer_outcome *outcome)
{
    const struct query *query = peer->query;
    const struct served_zone *zone = outcome->zone =
        zone_set_get(peer->service->zones, query->lower);
    const char *refusal = transfer_refusal(peer, zone);
    bool ixfr = query->type == RRTYPE_IXFR;
    struct answer_outcome answer;
    if (refusal) {
        respond_rcode(peer, RCODE_REFUSED, EDE_PROHIBITED, refusal, memory, size, outcome);
    } else if (!zone->answer.version) {
        respond_rcode(peer, RCODE_SERVFAIL, EDE_NOT_READY, "the zone is not loaded", memory, size,
                      outcome);
    } else if (ixfr && !ixfr_out_read_query(peer->request->octets, peer->request->length,
                                            &outcome->client_serial)) {
        respond_rcode(peer, RCODE_FORMERR, EDE_NONE, "an IXFR without a serial", memory, size,
                      outcome);
    } else if (peer->request->tcp) {
        outcome->action = PEER_TRANSFER;
    } else if (ixfr) {
        const struct xfr_out_datagram datagram = {.version = zone->answer.version,
                                                  .client_serial = outcome->client_serial,
                                                  .edns = &query->edns,
                                                  .tail_room = peer->client.tail_room};
        answer_soa(&peer->answer, &peer->client, query, &zone->answer, memory, size, &answer);
        outcome->action = PEER_RESPONSE;
        outcome->length = xfr_out_datagram(&datagram, memory, answer.length, size);
        outcome->is_delta = outcome->length > answer.length;
    } else {
        respond_rcode(peer, RCODE_FORMERR, EDE_NONE, "a transfer goes over TCP", memory, size,
                      outcome);
    }
}

static const char *
question_refusal(const struct peer *peer, const struct served_zone *zone)
{
    if (!zone)
        return "the name is in no zone here";
    return acl_refusal(zone->acl, peer->request->address, peer->key ? peer->key->name : NULL,
                       ACL_QUERY);
}

static void
question_answer(const struct peer *peer, uint8_t *memory, size_t size, struct peer_outcome *outcome)
{
    struct answer_outcome answer;
    answer_query(&peer->answer, &peer->client, peer->query, memory, size, &answer);
    outcome->action = answer.length > 0 ? PEER_RESPONSE : PEER_SILENT;
    outcome->length = answer.length;
    outcome->rcode = answer.rcode;
    outcome->truncated = answer.truncated;
    outcome->zone = (const struct served_zone *)answer.zone;
    if (answer.rcode == RCODE_REFUSED)
        outcome->refusal = question_refusal(peer, outcome->zone);
}

static void
response_sign(const struct peer *peer, struct tsig_exchange *exchange, uint8_t *memory, size_t size,
              struct peer_outcome *outcome)
{
    struct tsig_rr rr;
    if (!peer->key || outcome->action != PEER_RESPONSE ||
        !tsig_find(peer->request->octets, peer->request->length, &rr))
        return;
    outcome->length =
        tsig_sign(exchange, memory, outcome->length, size, (uint64_t)peer->request->now, 0, &rr);
    if (outcome->length == 0)
        outcome->action = PEER_SILENT;
}

void
peer_answer(const struct peer_service *service, const struct peer_request *request,
            struct query *query, struct tsig_exchange *exchange, uint8_t *memory, size_t size,
            struct peer_outcome *ret_outcome)
{
    struct peer peer;
    *ret_outcome = (struct peer_outcome){.action = PEER_SILENT};
    tsig_exchange_init(exchange, NULL);
    query_read(request->octets, request->length, query);
    if (query->kind == QUERY_DROP)
        return;
    peer_init(&peer, service, request, query);
    if (query->has_tsig && !signature_check(&peer, exchange, memory, size, ret_outcome))
        return;
    // The expanded zone's serial moves with its content (expanded.h). A secondary that believed
    // this of a stranger would miss changes, so only who signs is told, in an answer that is
    // signed.
    peer.client.serial_follows =
        peer.key && (query->type == RRTYPE_SOA || query->type == RRTYPE_IXFR);
    if (query->kind == QUERY_TRANSFER)
        transfer_answer(&peer, memory, size, ret_outcome);
    else if (query->kind == QUERY_NOTIFY)
        respond_rcode(&peer, RCODE_REFUSED, EDE_NONE, "a primary takes no NOTIFY", memory, size,
                      ret_outcome);
    else
        question_answer(&peer, memory, size, ret_outcome);
    response_sign(&peer, exchange, memory, size, ret_outcome);
}
