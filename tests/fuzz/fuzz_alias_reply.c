// needs: alias
// An answer from a resolver that may be anybody: judged without a fault, and never addresses from
// what failed.
#include <stdlib.h>

#include "common/base/fault.h"
#include "common/dns/rrtype.h"
#include "primary/alias/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t name[] = "\3wWw\7eXample";
    struct reply_question question = {.id = 0x1234, .name = name};
    for (int i = 0; i < 4; i++) {
        struct reply reply;
        question.type = i & 1 ? RRTYPE_AAAA : RRTYPE_A;
        question.exact_case = (i & 2) != 0;
        reply_init(&reply, question.type);
        reply_read(data, size, &question, &reply);
        ENSURE(reply.kind == REPLY_ADDRESSES ? reply.addresses.count > 0
                                             : reply.addresses.count == 0);
        ENSURE((reply.kind == REPLY_FAILURE) == (reply.text[0] != '\0'));
        ENSURE(reply.chain_count <= REPLY_HOPS_MAX);
        reply_close(&reply);
    }
    return 0;
}
