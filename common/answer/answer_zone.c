#include "common/answer/answer.h"

unsigned
answer_zone_judge(const struct answer_service *service, const struct answer_client *client,
                  const struct answer_zone *zone, int *ret_ede)
{
    *ret_ede = EDE_NOT_AUTHORITATIVE;
    if (!zone)
        return RCODE_REFUSED;
    *ret_ede = EDE_PROHIBITED;
    if (service->may_ask && !service->may_ask(client->context, zone))
        return RCODE_REFUSED;
    *ret_ede = EDE_NOT_READY;
    if (!zone->version)
        return RCODE_SERVFAIL;
    *ret_ede = EDE_INVALID_DATA;
    if (client->now >= zone->expire_at)
        return RCODE_SERVFAIL;
    *ret_ede = EDE_NONE;
    return RCODE_NOERROR;
}

uint32_t
answer_expire(const struct answer_zone *zone, int64_t now)
{
    int64_t left = zone->expire_at - now;
    if (zone->expire_at == ANSWER_NEVER)
        return version_facts(zone->version)->soa_expire_seconds;
    return left > UINT32_MAX ? UINT32_MAX : left > 0 ? (uint32_t)left : 0;
}
