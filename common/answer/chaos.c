#include "common/answer/chaos.h"

#include "common/dns/rcode.h"
#include "common/dns/rrtype.h"

#define NAME(text) ((const uint8_t *)(text)) // string literals below end with the root label

static const char *
chaos_text(const struct answer_service *service, const uint8_t *name)
{
    if (name_equal(name, NAME("\7version\4bind")) || name_equal(name, NAME("\7version\6server")))
        return service->version;
    if (name_equal(name, NAME("\10hostname\4bind")) || name_equal(name, NAME("\2id\6server")))
        return service->identity;
    return NULL;
}

unsigned
chaos_answer(struct reply *reply, const struct answer_service *service, const struct query *query)
{
    const char *text = chaos_text(service, query->lower);
    if (!text || text[0] == '\0')
        return RCODE_REFUSED;
    if (query->type == RRTYPE_TXT || query->type == RRTYPE_ANY)
        reply_add_chaos(reply, text);
    return RCODE_NOERROR;
}
