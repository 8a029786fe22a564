#include "common/answer/answer.h"

#include <string.h>

#include "common/answer/chaos.h"
#include "common/answer/reply.h"
#include "common/answer/resolve.h"
#include "common/base/fault.h"
#include "common/dns/rrtype.h"

static bool
cookie_valid(const struct answer_service *service, const struct answer_client *client,
             const struct edns *edns)
{
    return service->cookies_on && edns->cookie_length > COOKIE_CLIENT_SIZE &&
           cookie_check(&service->cookies, edns->cookie, edns->cookie_length, client->address,
                        client->address_length, (uint32_t)client->now);
}

// QDCOUNT 0: RFC 7873 section 5.4. Without cookies here such a message asks for nothing.
static unsigned
cookie_only(const struct answer_service *service, const struct query *query, bool valid)
{
    if (!service->cookies_on || service->cookies.count == 0)
        return RCODE_FORMERR;
    return query->edns.cookie_length == COOKIE_CLIENT_SIZE || valid ? RCODE_NOERROR
                                                                    : RCODE_BADCOOKIE;
}

// QCLASS ANY is answered from class IN and is never authoritative (RFC 1035 section 6.2).
static unsigned
question_answer(const struct answer_service *service, const struct answer_client *client,
                const struct query *query, struct reply *reply, struct answer_outcome *outcome)
{
    if (query->class == RRCLASS_CH)
        return chaos_answer(reply, service, query);
    if (query->class != RRCLASS_IN && query->class != RRCLASS_ANY)
        return RCODE_REFUSED;
    unsigned rcode = resolve_question(service, client, reply, outcome);
    if (query->class == RRCLASS_ANY)
        reply->flags &= (uint16_t)~MESSAGE_AA;
    return rcode;
}

// A type that no zone holds and that cannot be asked for, in a query that is well otherwise (RFC
// 9824 section 3.5).
static bool
type_is_wrong(const struct query *query)
{
    return query->has_question && query->rcode == RCODE_FORMERR && !query->edns.malformed &&
           rrtype_is_meta(query->type) && query->type != RRTYPE_ANY && query->type != RRTYPE_AXFR &&
           query->type != RRTYPE_IXFR;
}

static unsigned
kind_answer(const struct answer_service *service, const struct answer_client *client,
            const struct query *query, struct reply *reply, struct answer_outcome *outcome)
{
    switch (query->kind) {
    case QUERY_ERROR:
        if (type_is_wrong(query))
            reply->edns.ede = EDE_INVALID_QUERY_TYPE;
        return query->rcode;
    case QUERY_COOKIE:
        return cookie_only(service, query, outcome->cookie_valid);
    case QUERY_QUESTION:
        return question_answer(service, client, query, reply, outcome);
    case QUERY_DROP:
    case QUERY_NOTIFY:
    case QUERY_TRANSFER:
        break;
    }
    return RCODE_NOTIMP;
}

static void
answer_end(struct reply *reply, unsigned rcode, struct answer_outcome *outcome)
{
    if (rcode == RCODE_SERVFAIL || rcode == RCODE_REFUSED)
        reply_clear(reply);
    outcome->rcode = (uint16_t)rcode;
    outcome->truncated = reply->truncated;
    outcome->length = reply_end(reply, rcode);
}

void
answer_query(const struct answer_service *service, const struct answer_client *client,
             const struct query *query, uint8_t *memory, size_t size,
             struct answer_outcome *ret_outcome)
{
    struct reply reply;
    *ret_outcome = (struct answer_outcome){0};
    if (query->kind == QUERY_DROP)
        return;
    ret_outcome->cookie_valid = cookie_valid(service, client, &query->edns);
    reply_begin(&reply, service, client, query, memory, size);
    unsigned rcode = kind_answer(service, client, query, &reply, ret_outcome);
    answer_end(&reply, rcode, ret_outcome);
}

void
answer_rcode(const struct answer_service *service, const struct answer_client *client,
             const struct query *query, unsigned rcode, bool aa, int ede, uint8_t *memory,
             size_t size, struct answer_outcome *ret_outcome)
{
    struct reply reply;
    *ret_outcome = (struct answer_outcome){0};
    reply_begin(&reply, service, client, query, memory, size);
    reply.edns.ede = ede;
    reply.flags |= aa ? MESSAGE_AA : 0;
    answer_end(&reply, rcode, ret_outcome);
}

void
answer_truncated(const struct answer_service *service, const struct answer_client *client,
                 const struct query *query, uint8_t *memory, size_t size,
                 struct answer_outcome *ret_outcome)
{
    struct reply reply;
    *ret_outcome = (struct answer_outcome){0};
    reply_begin(&reply, service, client, query, memory, size);
    reply.truncated = true;
    answer_end(&reply, RCODE_NOERROR, ret_outcome);
}

void
answer_soa(const struct answer_service *service, const struct answer_client *client,
           const struct query *query, const struct answer_zone *zone, uint8_t *memory, size_t size,
           struct answer_outcome *ret_outcome)
{
    struct reply reply;
    struct rrset soa;
    ENSURE(zone->version);
    *ret_outcome = (struct answer_outcome){.kind = ANSWER_POSITIVE, .zone = zone};
    reply_begin(&reply, service, client, query, memory, size);
    reply.flags |= MESSAGE_AA;
    struct reply_rrset add = {
        .section = MESSAGE_ANSWER, .owner = version_apex(zone->version), .rrset = &soa};
    bool found = node_rrset_find(version_apex_node(zone->version), RRTYPE_SOA, &soa);
    if (found)
        reply_add(&reply, &add, NULL);
    resolve_expire_add(&reply, client, zone);
    answer_end(&reply, found ? RCODE_NOERROR : RCODE_SERVFAIL, ret_outcome);
}
