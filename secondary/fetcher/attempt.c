// The order: SOA by UDP, then IXFR, then AXFR, each only where the one before gave no answer to
// rely on. A connection that cannot be made ends it all: the same address would not be reached by
// another question either.
#include "secondary/fetcher/attempt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/daemon/log.h"
#include "common/dns/name.h"
#include "common/net/loop.h"
#include "common/transfer/xfr_marks.h"
#include "secondary/fetcher/primaries.h"
#include "secondary/fetcher/soa_check.h"

#define ATTEMPT_LOG_SECONDS                                                                        \
    3600 // the same failure of IXFR with the same zone is logged once in so long

struct attempt {
    struct loop *loop;
    attempt_ended *ended;
    void *context;
    struct attempt_options options;
    uint8_t apex[NAME_SIZE_MAX];
    char label[PRIMARIES_LABEL_MAX], domain[NAME_TEXT_MAX];
    struct tsig_key key;
    struct soa_check *soa_check;
    struct receive *receive;
    enum basis_ask asking;
    struct attempt_result result;
};

static void
conclude(struct attempt *attempt, enum attempt_outcome outcome, struct receive_result *received)
{
    struct attempt_result *result = &attempt->result;
    result->outcome = outcome;
    result->by = attempt->asking;
    result->received = received;
    attempt->ended(attempt->context, result);
}

static void on_received(void *context, struct receive_result *received);

static bool
transfer(struct attempt *attempt, enum basis_ask ask, struct fault *fault)
{
    attempt->asking = ask;
    attempt->options.receive.has_serial = ask == BASIS_IXFR;
    attempt->options.receive.serial = attempt->options.serial;
    attempt->receive =
        receive_new(attempt->loop, &attempt->options.receive, on_received, attempt, fault);
    return attempt->receive != NULL;
}

// From the loop: what cannot even begin has failed.
static void
go_on_with(struct attempt *attempt, enum basis_ask ask)
{
    struct receive_result failed = {
        .outcome = RECEIVE_FAILED, .stream = -1, .reason = "local", .round_trip_ms = -1};
    if (!transfer(attempt, ask, &failed.fault))
        conclude(attempt, ATTEMPT_FAILED, &failed);
}

static void
take_unchanged(struct attempt *attempt, uint32_t serial)
{
    attempt->result.serial = serial;
    if (attempt->options.compare)
        go_on_with(attempt, BASIS_AXFR);
    else
        conclude(attempt, ATTEMPT_UNCHANGED, NULL);
}

static void
on_soa(void *context, bool follows, uint32_t serial, int64_t round_trip_ms)
{
    struct attempt *attempt = context;
    soa_check_free(&attempt->soa_check);
    attempt->result.denied = !follows;
    if (follows)
        attempt->result.round_trip_ms = round_trip_ms;
    if (!follows)
        go_on_with(attempt, BASIS_AXFR);
    else if (serial == attempt->options.serial)
        take_unchanged(attempt, serial);
    else
        go_on_with(attempt, BASIS_IXFR);
}

static void
log_delta_failure(const struct attempt *attempt, const char *reason, const char *text)
{
    char key[LOG_LIMIT_KEY_MAX];
    snprintf(key, sizeof key, "ixfr %s %.80s", reason, attempt->domain);
    log_limited(LOG_LEVEL_INFO, key, ATTEMPT_LOG_SECONDS, text, "zone", attempt->domain, "primary",
                attempt->label, "reason", reason, "now", "the whole zone is asked for");
}

// A serial before ours is no news to RFC 1995 and doubtful to us.
static void
take_ixfr(struct attempt *attempt, struct receive_result *received)
{
    if (received->outcome == RECEIVE_ZONE) {
        conclude(attempt, received->is_delta ? ATTEMPT_DELTA : ATTEMPT_ZONE, received);
    } else if (received->outcome == RECEIVE_UP_TO_DATE &&
               received->serial == attempt->options.serial) {
        take_unchanged(attempt, received->serial);
    } else if (received->outcome == RECEIVE_UP_TO_DATE) {
        log_delta_failure(attempt, "serial", "the primary's serial went back");
        go_on_with(attempt, BASIS_AXFR);
    } else if (strcmp(received->reason, "unreachable") == 0) {
        conclude(attempt, ATTEMPT_FAILED, received);
    } else {
        attempt->result.deltas_failed++;
        attempt->result.denied = strcmp(received->reason, "refused") == 0;
        log_delta_failure(attempt, received->reason, received->fault.text);
        go_on_with(attempt, BASIS_AXFR);
    }
}

static enum attempt_outcome
outcome_of_axfr(enum receive_outcome outcome)
{
    if (outcome == RECEIVE_SAME)
        return ATTEMPT_SAME;
    return outcome == RECEIVE_ZONE ? ATTEMPT_ZONE : ATTEMPT_FAILED;
}

static void
on_received(void *context, struct receive_result *received)
{
    struct attempt *attempt = context;
    receive_free(&attempt->receive);
    attempt->result.octets += received->octets;
    if (received->round_trip_ms >= 0)
        attempt->result.round_trip_ms = received->round_trip_ms;
    if (attempt->asking == BASIS_IXFR)
        take_ixfr(attempt, received);
    else
        conclude(attempt, outcome_of_axfr(received->outcome), received);
}

static void
copy_options(struct attempt *attempt, const struct attempt_options *options)
{
    struct receive_options *receive = &attempt->options.receive;
    attempt->options = *options;
    name_copy(attempt->apex, options->receive.apex);
    snprintf(attempt->label, sizeof attempt->label, "%s", options->receive.primary);
    snprintf(attempt->domain, sizeof attempt->domain, "%s", options->domain);
    receive->apex = attempt->apex;
    receive->primary = attempt->label;
    receive->known = xfr_marks_hold(receive->known);
    if (receive->key) {
        attempt->key = *receive->key;
        receive->key = &attempt->key;
    }
}

static bool
begin(struct attempt *attempt, struct fault *fault)
{
    const struct receive_options *receive = &attempt->options.receive;
    if (attempt->options.ask != BASIS_SOA)
        return transfer(attempt, attempt->options.ask, fault);
    ENSURE(receive->key);
    attempt->asking = BASIS_SOA;
    const struct soa_check_options check = {.apex = receive->apex,
                                            .primary = receive->primary,
                                            .peer = receive->peer,
                                            .source = receive->source,
                                            .key = receive->key};
    attempt->soa_check = soa_check_new(attempt->loop, &check, on_soa, attempt);
    return attempt->soa_check || transfer(attempt, BASIS_AXFR, fault);
}

struct attempt *
attempt_new(struct loop *loop, const struct attempt_options *options, attempt_ended *ended,
            void *context, struct fault *fault)
{
    struct attempt *attempt = memory_zalloc(sizeof *attempt);
    attempt->loop = loop;
    attempt->ended = ended;
    attempt->context = context;
    attempt->result.round_trip_ms = -1;
    copy_options(attempt, options);
    if (!begin(attempt, fault))
        attempt_free(&attempt);
    return attempt;
}

void
attempt_free(struct attempt **attempt)
{
    struct attempt *gone = *attempt;
    if (!gone)
        return;
    soa_check_free(&gone->soa_check);
    receive_free(&gone->receive);
    xfr_marks_drop(&gone->options.receive.known);
    explicit_bzero(&gone->key, sizeof gone->key);
    free(gone);
    *attempt = NULL;
}
