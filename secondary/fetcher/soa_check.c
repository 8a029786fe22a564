#include "secondary/fetcher/soa_check.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/hash.h"
#include "common/daemon/clock.h"
#include "common/net/loop.h"
#include "common/net/udp_exchange.h"
#include "common/transfer/soa_query.h"

struct soa_check {
    struct loop *loop;
    soa_check_ended *ended;
    void *context;
    struct udp_exchange *udp;
    struct soa_query query;
    struct tsig_key key;
    char *primary;
    bool answered;
    uint32_t serial;
    uint64_t asked_ms;
};

// A bad answer ends the question as a good one does: it is asked in another way then.
static bool
on_datagram(void *context, const uint8_t *octets, size_t length)
{
    struct soa_check *check = context;
    struct fault fault = {0};
    enum soa_query_result result =
        soa_query_read(&check->query, octets, length, clock_unix_seconds(), &check->serial, &fault);
    check->answered = result == SOA_QUERY_SERIAL;
    return result != SOA_QUERY_OTHER;
}

static void
on_ended(void *context, const struct fault *why)
{
    struct soa_check *check = context;
    bool follows = !why && check->answered && check->query.follows;
    int64_t milliseconds = (int64_t)(loop_now_ms(check->loop) - check->asked_ms);
    udp_exchange_free(&check->udp);
    check->ended(check->context, follows, check->serial, milliseconds);
}

struct soa_check *
soa_check_new(struct loop *loop, const struct soa_check_options *options, soa_check_ended *ended,
              void *context)
{
    static const struct udp_exchange_events events = {.answer = on_datagram, .ended = on_ended};
    struct soa_check *check = memory_zalloc(sizeof *check);
    uint8_t octets[SOA_QUERY_SIZE_MAX];
    struct fault fault = {0};
    check->loop = loop;
    check->ended = ended;
    check->context = context;
    check->key = *options->key;
    check->primary = memory_text(options->primary);
    check->asked_ms = loop_now_ms(loop);
    soa_query_init(&check->query, options->apex, check->primary, &check->key);
    check->query.asks_follows = true;
    const struct udp_exchange_options udp = {
        .peer = options->peer,
        .source = options->source,
        .octets = octets,
        .length = soa_query_write(&check->query, (uint16_t)hash_key_draw(), octets, sizeof octets,
                                  clock_unix_seconds()),
        .tries = SOA_CHECK_TRIES,
        .timeout_ms = SOA_CHECK_TIMEOUT_MS,
    };
    check->udp = udp_exchange_new(loop, &udp, &events, check, &fault);
    if (!check->udp)
        soa_check_free(&check);
    return check;
}

void
soa_check_free(struct soa_check **check)
{
    struct soa_check *gone = *check;
    if (!gone)
        return;
    udp_exchange_free(&gone->udp);
    soa_query_close(&gone->query);
    explicit_bzero(&gone->key, sizeof gone->key);
    free(gone->primary);
    free(gone);
    *check = NULL;
}
