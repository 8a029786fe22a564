// The metrics of interface.md: one frozen table of names, and a store of samples that is written
// out in the Prometheus text format. One thread at a time (the loop's). Labels are given as texts
// in the order of the table's label names; they are escaped on the way out.
#ifndef TANDEM_DAEMON_METRICS_H
#define TANDEM_DAEMON_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/octets.h"

#define METRICS_LABELS_MAX 4
#define METRICS_SAMPLES_MAX                                                                        \
    2000000 // 10,000 zones with 200 series each; further ones are dropped and counted
#define METRICS_BUCKETS_MAX 24

enum metric {
    METRIC_BUILD_INFO,                // version
    METRIC_ZONE_SERIAL,               // zone, side (unsigned|signed)
    METRIC_ZONE_REFRESH_LAST_SUCCESS, // zone
    METRIC_ZONE_EXPIRE,               // zone
    METRIC_ZONE_RRSIG_EXPIRY,         // zone
    METRIC_ZONE_TRANSFERS,            // zone, direction (in|out), kind (axfr|ixfr|soa), result
                                      // (ok|failed|refused)
    METRIC_ZONE_CHANGES,              // zone, op (added|removed)
    METRIC_ZONE_SIGN_DURATION,        // histogram, seconds
    METRIC_SIGNATURES,                // zone, reason (change|refresh|initial|key)
    METRIC_ZONE_GATE_HELD,            // zone, reason
    METRIC_ALIAS_STATE,               // zone, owner, target, state: 1 for the present state
    METRIC_ALIAS_LOOKUPS,             // result
    METRIC_KEY_STATE,                 // zone, keytag, role, state: 1 for the present state
    METRIC_ALERTS,                    // kind, result (sent|failed|queued)
    METRIC_ALERT_QUEUE_LENGTH,
    METRIC_QUERIES, // transport (udp|tcp), rcode
    METRIC_ANSWERS_TRUNCATED,
    METRIC_ANSWERS_LIMITED,
    METRIC_ROLE_RESTARTS,   // role
    METRIC_TCP_CONNECTIONS, // result (accepted|refused|timeout)
    METRIC_TCP_CONNECTIONS_OPEN,
    METRIC_COUNT,
};

struct metrics;

struct metrics *metrics_new(void);
void metrics_free(struct metrics **metrics);

// Counters and gauges. As many labels as the table says, each a const char *.
void metrics_add(struct metrics *metrics, enum metric metric, double by, ...);
void metrics_set(struct metrics *metrics, enum metric metric, double value, ...);
// The same with an array; as many as the table says.
void metrics_add_labels(struct metrics *metrics, enum metric metric, double by,
                        const char *const *labels);
void metrics_set_labels(struct metrics *metrics, enum metric metric, double value,
                        const char *const *labels);
// One observation of a histogram.
void metrics_observe(struct metrics *metrics, enum metric metric, double value);
// A histogram that another process counted: counts[i] observations up to bounds[i] (ascending, not
// summed up), counts[bound_count] above the last; replaces what was there.
void metrics_set_histogram(struct metrics *metrics, enum metric metric, const double *bounds,
                           size_t bound_count, const uint64_t *counts, double sum);
// Forgets the samples of one metric whose first label is first (NULL: all), before gauges with a
// state label are set anew, or when a zone is gone.
void metrics_forget(struct metrics *metrics, enum metric metric, const char *first);
void metrics_forget_zone(struct metrics *metrics,
                         const char *zone); // of every metric that has a zone label

// 0 when there is no such sample.
double metrics_value(const struct metrics *metrics, enum metric metric, const char *const *labels);
const char *metrics_name(enum metric metric);
// Text exposition format 0.0.4, families in the order of the table; families without samples are
// left out.
void metrics_write(const struct metrics *metrics, struct octets_buffer *ret_text);

#endif
