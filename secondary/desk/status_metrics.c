#include "secondary/desk/status_metrics.h"

#include <stdio.h>
#include <string.h>

#include "common/dns/rcode.h"
#include "secondary/counters.h"
#include "secondary/desk/status.h"

static void
transfers_out_metrics(const struct known_zone *zone, struct metrics *metrics)
{
    const struct known_transfers *of = &zone->transfers;
    const struct {
        const char *kind, *result;
        uint64_t count;
    } rows[] = {
        {"axfr", "ok", of->whole_ok},           {"axfr", "failed", of->whole_failed},
        {"axfr", "refused", of->whole_refused}, {"ixfr", "ok", of->deltas_ok},
        {"ixfr", "failed", of->deltas_failed},  {"ixfr", "refused", of->deltas_refused},
        {"soa", "ok", of->up_to_date},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].count >
            0) { // ten thousand zones without downstream servers have no rows of zeros
            metrics_set(metrics, METRIC_ZONE_TRANSFERS, (double)rows[i].count, zone->domain, "out",
                        rows[i].kind, rows[i].result);
        }
    }
}

static void
zone_metrics(const struct known_zone *zone, struct metrics *metrics)
{
    const char *name = zone->domain;
    const struct message_zone_facts *facts = &zone->facts;
    metrics_forget(metrics, METRIC_ZONE_GATE_HELD, name);
    metrics_forget(metrics, METRIC_KEY_STATE, name);
    if (zone->has_poll) {
        metrics_set(metrics, METRIC_ZONE_REFRESH_LAST_SUCCESS,
                    (double)zone->poll.last_success_seconds, name);
        metrics_set(metrics, METRIC_ZONE_TRANSFERS, (double)zone->poll.transfers_ok, name, "in",
                    "axfr", "ok");
        metrics_set(metrics, METRIC_ZONE_TRANSFERS, (double)zone->poll.transfers_failed, name, "in",
                    "axfr", "failed");
        metrics_set(metrics, METRIC_ZONE_TRANSFERS, (double)zone->poll.deltas_ok, name, "in",
                    "ixfr", "ok");
        metrics_set(metrics, METRIC_ZONE_TRANSFERS, (double)zone->poll.deltas_failed, name, "in",
                    "ixfr", "failed");
        metrics_set(metrics, METRIC_ZONE_TRANSFERS, (double)zone->poll.unchanged, name, "in", "soa",
                    "ok");
    }
    transfers_out_metrics(zone, metrics);
    if (!zone->has_facts) {
        return;
    }
    bool held = strcmp(facts->state, "held") == 0;
    metrics_set(metrics, METRIC_ZONE_GATE_HELD, held ? 1 : 0, name, held ? facts->reason_word : "");
    metrics_set(metrics, METRIC_ZONE_CHANGES, (double)facts->changes_added, name, "added");
    metrics_set(metrics, METRIC_ZONE_CHANGES, (double)facts->changes_removed, name, "removed");
    metrics_set(metrics, METRIC_SIGNATURES, (double)facts->signatures_changed, name, "change");
    metrics_set(metrics, METRIC_SIGNATURES, (double)facts->signatures_refreshed, name, "refresh");
    metrics_set(metrics, METRIC_SIGNATURES, (double)facts->signatures_initial, name, "initial");
    if (facts->has_version) {
        metrics_set(metrics, METRIC_ZONE_SERIAL, facts->unsigned_serial, name, "unsigned");
        metrics_set(metrics, METRIC_ZONE_SERIAL, facts->signed_serial, name, "signed");
        metrics_set(metrics, METRIC_ZONE_EXPIRE, (double)facts->expires_seconds, name);
        metrics_set(metrics, METRIC_ZONE_RRSIG_EXPIRY, (double)facts->signature_expiry_seconds,
                    name);
    }
    for (uint32_t i = 0; i < facts->key_count; i++) {
        char tag[8];
        snprintf(tag, sizeof tag, "%u", facts->keys[i].tag);
        metrics_set(metrics, METRIC_KEY_STATE, 1, name, tag, facts->keys[i].role,
                    facts->keys[i].state);
    }
}

static void
sign_metrics(const struct known *known, struct metrics *metrics)
{
    static const int64_t bounds_ms[] = MESSAGE_SIGN_BOUNDS_MS;
    enum { BOUNDS = sizeof bounds_ms / sizeof bounds_ms[0] };
    double bounds[BOUNDS];
    uint64_t counts[BOUNDS + 1] = {0};
    double sum = 0;
    for (size_t i = 0; i < BOUNDS; i++) {
        bounds[i] = (double)bounds_ms[i] / 1000.0;
    }
    for (size_t z = 0; z < known->zones.count; z++) {
        const struct known_zone *zone = vector_at(&known->zones, z);
        for (size_t i = 0; i <= BOUNDS; i++) {
            counts[i] += zone->facts.sign_histogram[i];
        }
        sum += (double)zone->facts.sign_microseconds / 1e6;
    }
    metrics_set_histogram(metrics, METRIC_ZONE_SIGN_DURATION, bounds, BOUNDS, counts, sum);
}

static void
server_metrics(const struct known *known, struct metrics *metrics)
{
    struct counters sum;
    known_sum(known, &sum);
    for (unsigned transport = 0; transport < COUNTERS_TRANSPORTS; transport++) {
        for (unsigned rcode = 0; rcode < COUNTERS_RCODES; rcode++) {
            if (sum.queries[transport][rcode] > 0) {
                metrics_set(metrics, METRIC_QUERIES, (double)sum.queries[transport][rcode],
                            counters_transport_word((enum counters_transport)transport),
                            rcode == COUNTERS_RCODE_OTHER ? "other" : rcode_text(rcode));
            }
        }
    }
    metrics_set(metrics, METRIC_ANSWERS_TRUNCATED, (double)sum.truncated);
    metrics_set(metrics, METRIC_ANSWERS_LIMITED, (double)sum.limited);
    metrics_set(metrics, METRIC_TCP_CONNECTIONS, (double)sum.tcp_accepted, "accepted");
    metrics_set(metrics, METRIC_TCP_CONNECTIONS, (double)sum.tcp_refused, "refused");
    metrics_set(metrics, METRIC_TCP_CONNECTIONS, (double)sum.tcp_timeouts, "timeout");
    metrics_set(metrics, METRIC_TCP_CONNECTIONS_OPEN, (double)sum.tcp_open);
}

void
status_metrics(const struct known *known, const struct mail_status *mail, struct metrics *metrics)
{
    metrics_set(metrics, METRIC_BUILD_INFO, 1, TANDEM_VERSION);
    for (size_t i = 0; i < known->zones.count; i++) {
        zone_metrics(vector_at(&known->zones, i), metrics);
    }
    sign_metrics(known, metrics);
    server_metrics(known, metrics);
    metrics_set(metrics, METRIC_ALERT_QUEUE_LENGTH, (double)mail->queue_length);
    for (size_t i = 0; i < known->roles.count; i++) {
        const struct message_role_facts *role = vector_at(&known->roles, i);
        char word[STATUS_ROLE_WORD_MAX];
        metrics_set(metrics, METRIC_ROLE_RESTARTS, role->restarts, status_role_word(role, word));
    }
}
