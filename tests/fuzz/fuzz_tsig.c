// needs: dns
// One message as a query to a server and as an answer to a client. A MAC is not to be had by luck:
// the verdict on changed octets must never be "good".
#include "common/dns/tsig.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW 1795263187

static void
as_query(const uint8_t *data, size_t size, const struct tsig_key *key)
{
    struct tsig_exchange exchange;
    const struct tsig_key *found;
    struct tsig_rr tsig;
    unsigned error = tsig_check_query(data, size, key, 1, NOW, &exchange, &found);
    if (tsig_find(data, size, &tsig) && tsig.present && error) {
        uint8_t answer[MESSAGE_HEADER_SIZE + TSIG_SIZE_MAX] = {0};
        if (error == 16 || error == 17 || error == 18)
            ENSURE(tsig_sign(&exchange, answer, MESSAGE_HEADER_SIZE, sizeof(answer), NOW, error,
                             &tsig));
    }
    tsig_exchange_close(&exchange);
}

static void
as_answer(const uint8_t *data, size_t size, const struct tsig_key *key)
{
    uint8_t query[MESSAGE_HEADER_SIZE + TSIG_SIZE_MAX] = {0};
    struct tsig_exchange exchange;
    struct fault fault = {0};
    tsig_exchange_init(&exchange, key);
    ENSURE(tsig_sign(&exchange, query, MESSAGE_HEADER_SIZE, sizeof(query), NOW, 0, NULL));
    // The secret is not that of the corpus, so nothing can be right.
    ENSURE(!tsig_check_answer(&exchange, data, size, NOW, &fault) && fault.kind);
    tsig_exchange_close(&exchange);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tsig_key key = {.algorithm = TSIG_HMAC_SHA256, .secret_length = 32};
    memcpy(key.name, "\3xfr\7example", 13);
    if (size > MESSAGE_SIZE_MAX)
        return 0;
    for (unsigned i = 0; i < 32; i++)
        key.secret[i] = (uint8_t)(i + 1);
    as_query(data, size, &key);
    key.secret[0] = 0xff;
    as_answer(data, size, &key);
    return 0;
}
