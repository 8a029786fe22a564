#include "common/daemon/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/hash.h"
#include "common/base/vector.h"

// Why a store of our own and not counters in structs: the same few lines then serve every metric, a
// zone's series are forgotten with the zone, and the names stand in one table that a test compares
// with interface.md. Labels of a sample lie one after the other in one allocation, each with its
// NUL; that run of octets is the key.

#define SLOTS_MIN 16

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_row {
    const char *name;
    enum metric_kind kind;
    const char *labels[METRICS_LABELS_MAX + 1]; // NULL-terminated
    const char *help;
};

static const struct metric_row table[METRIC_COUNT] = {
    [METRIC_BUILD_INFO] = {"tandem_build_info", METRIC_GAUGE, {"version"}, "Always 1."},
    [METRIC_ZONE_SERIAL] = {"tandem_zone_serial", METRIC_GAUGE, {"zone", "side"}, "SOA serial."},
    [METRIC_ZONE_REFRESH_LAST_SUCCESS] = {"tandem_zone_refresh_last_success_timestamp_seconds",
                                          METRIC_GAUGE,
                                          {"zone"},
                                          "When the primary was reached last."},
    [METRIC_ZONE_EXPIRE] = {"tandem_zone_expire_timestamp_seconds",
                            METRIC_GAUGE,
                            {"zone"},
                            "When the zone stops to be answered if nothing renews it."},
    [METRIC_ZONE_RRSIG_EXPIRY] = {"tandem_zone_rrsig_expiry_timestamp_seconds",
                                  METRIC_GAUGE,
                                  {"zone"},
                                  "The earliest end of a signature in the zone."},
    [METRIC_ZONE_TRANSFERS] = {"tandem_zone_transfers_total",
                               METRIC_COUNTER,
                               {"zone", "direction", "kind", "result"},
                               "Zone transfers."},
    [METRIC_ZONE_CHANGES] = {"tandem_zone_changes_total",
                             METRIC_COUNTER,
                             {"zone", "op"},
                             "Records added and removed by changes of content."},
    [METRIC_ZONE_SIGN_DURATION] = {"tandem_zone_sign_duration_seconds",
                                   METRIC_HISTOGRAM,
                                   {NULL},
                                   "Time from a changed zone to its signed version."},
    [METRIC_SIGNATURES] = {"tandem_signatures_total",
                           METRIC_COUNTER,
                           {"zone", "reason"},
                           "Signatures made."},
    [METRIC_ZONE_GATE_HELD] = {"tandem_zone_gate_held",
                               METRIC_GAUGE,
                               {"zone", "reason"},
                               "1 while the gate holds a candidate of the zone."},
    [METRIC_ALIAS_STATE] = {"tandem_alias_state",
                            METRIC_GAUGE,
                            {"zone", "owner", "target", "state"},
                            "1 for the state that an ALIAS is in."},
    [METRIC_ALIAS_LOOKUPS] = {"tandem_alias_lookups_total",
                              METRIC_COUNTER,
                              {"result"},
                              "Look-ups of ALIAS targets."},
    [METRIC_KEY_STATE] = {"tandem_key_state",
                          METRIC_GAUGE,
                          {"zone", "keytag", "role", "state"},
                          "1 for the state that a key is in."},
    [METRIC_ALERTS] = {"tandem_alerts_total",
                       METRIC_COUNTER,
                       {"kind", "result"},
                       "Mails to the operator."},
    [METRIC_ALERT_QUEUE_LENGTH] = {"tandem_alert_queue_length",
                                   METRIC_GAUGE,
                                   {NULL},
                                   "Mails that wait to be sent."},
    [METRIC_QUERIES] = {"tandem_queries_total",
                        METRIC_COUNTER,
                        {"transport", "rcode"},
                        "Queries answered."},
    [METRIC_ANSWERS_TRUNCATED] = {"tandem_answers_truncated_total",
                                  METRIC_COUNTER,
                                  {NULL},
                                  "Answers sent with TC."},
    [METRIC_ANSWERS_LIMITED] = {"tandem_answers_limited_total",
                                METRIC_COUNTER,
                                {NULL},
                                "Answers held back by rate limiting."},
    [METRIC_ROLE_RESTARTS] = {"tandem_role_restarts_total",
                              METRIC_COUNTER,
                              {"role"},
                              "Times that a role was started again."},
    [METRIC_TCP_CONNECTIONS] = {"tandem_tcp_connections_total",
                                METRIC_COUNTER,
                                {"result"},
                                "TCP connections taken, refused or sent away by a limit, and ended "
                                "by a time-out."},
    [METRIC_TCP_CONNECTIONS_OPEN] = {"tandem_tcp_connections_open",
                                     METRIC_GAUGE,
                                     {NULL},
                                     "TCP connections that stand now."},
};

struct histogram {
    size_t bound_count;
    double bounds[METRICS_BUCKETS_MAX];
    uint64_t counts[METRICS_BUCKETS_MAX + 1];
    double sum;
};

struct sample {
    char *labels; // each with its NUL, one after the other
    size_t labels_length;
    double value;
    struct histogram *histogram;
};

struct family {
    struct vector samples; // of struct sample
    uint32_t *slots;       // index + 1 of a sample; 0 empty
    size_t slot_count;     // a power of two
};

struct metrics {
    uint64_t hash_key;
    struct family families[METRIC_COUNT];
    size_t sample_count;
    uint64_t dropped;
};

struct metrics *
metrics_new(void)
{
    struct metrics *metrics = memory_zalloc(sizeof *metrics);
    metrics->hash_key = hash_key_draw();
    for (size_t i = 0; i < METRIC_COUNT; i++)
        vector_init(&metrics->families[i].samples, sizeof(struct sample));
    return metrics;
}

static void
sample_close(struct sample *sample)
{
    free(sample->labels);
    free(sample->histogram);
}

static void
family_clear(struct metrics *metrics, struct family *family)
{
    for (size_t i = 0; i < family->samples.count; i++)
        sample_close(vector_at(&family->samples, i));
    metrics->sample_count -= family->samples.count;
    vector_clear(&family->samples);
    if (family->slots)
        memset(family->slots, 0, family->slot_count * sizeof *family->slots);
}

void
metrics_free(struct metrics **metrics)
{
    if (!*metrics)
        return;
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        family_clear(*metrics, &(*metrics)->families[i]);
        vector_close(&(*metrics)->families[i].samples);
        free((*metrics)->families[i].slots);
    }
    free(*metrics);
    *metrics = NULL;
}

static size_t
label_count(enum metric metric)
{
    size_t count = 0;
    while (table[metric].labels[count])
        count++;
    return count;
}

// ---- finding a sample
// --------------------------------------------------------------------------------------

// The slot of the sample with this key, or the empty one where it would be.
static uint32_t *
slot_find(const struct metrics *metrics, const struct family *family, const char *key,
          size_t length)
{
    size_t at = hash_octets(metrics->hash_key, key, length) & (family->slot_count - 1);
    while (family->slots[at]) {
        const struct sample *sample = vector_at(&family->samples, family->slots[at] - 1);
        if (sample->labels_length == length && memcmp(sample->labels, key, length) == 0)
            break;
        at = (at + 1) & (family->slot_count - 1);
    }
    return &family->slots[at];
}

static void
slots_make(struct metrics *metrics, struct family *family)
{
    size_t wanted = SLOTS_MIN;
    while (wanted < family->samples.count * 4)
        wanted *= 2;
    if (wanted > family->slot_count) {
        free(family->slots);
        family->slots = memory_zalloc(wanted * sizeof *family->slots);
        family->slot_count = wanted;
    } else {
        memset(family->slots, 0, family->slot_count * sizeof *family->slots);
    }
    for (size_t i = 0; i < family->samples.count; i++) {
        const struct sample *sample = vector_at(&family->samples, i);
        *slot_find(metrics, family, sample->labels, sample->labels_length) = (uint32_t)i + 1;
    }
}

// The labels as one run of octets (malloc).
static char *
key_make(enum metric metric, const char *const *labels, size_t *ret_length)
{
    size_t length = 0, count = label_count(metric), used = 0;
    for (size_t i = 0; i < count; i++)
        length += strlen(labels[i]) + 1;
    char *key = memory_alloc(length + 1);
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(labels[i]) + 1;
        memcpy(key + used, labels[i], size);
        used += size;
    }
    *ret_length = length;
    return key;
}

// Makes it when it is not there; NULL when there are too many.
static struct sample *
sample_get(struct metrics *metrics, enum metric metric, const char *const *labels)
{
    struct family *family = &metrics->families[metric];
    size_t length;
    char *key = key_make(metric, labels, &length);
    if (!family->slots || family->samples.count * 2 >= family->slot_count)
        slots_make(metrics, family);
    uint32_t *slot = slot_find(metrics, family, key, length);
    if (*slot || metrics->sample_count >= METRICS_SAMPLES_MAX) {
        free(key);
        metrics->dropped += *slot == 0;
        return *slot ? vector_at(&family->samples, *slot - 1) : NULL;
    }
    struct sample *sample = vector_add(&family->samples, NULL);
    sample->labels = key;
    sample->labels_length = length;
    *slot = (uint32_t)family->samples.count;
    metrics->sample_count++;
    return sample;
}

// ---- counting
// --------------------------------------------------------------------------------------------

static void
labels_take(enum metric metric, const char *labels[static METRICS_LABELS_MAX], va_list arguments)
{
    ENSURE((unsigned)metric < METRIC_COUNT && table[metric].kind != METRIC_HISTOGRAM);
    for (size_t i = 0; i < label_count(metric); i++) {
        labels[i] = va_arg(arguments, const char *);
        ENSURE(labels[i]);
    }
}

void
metrics_add_labels(struct metrics *metrics, enum metric metric, double by,
                   const char *const *labels)
{
    struct sample *sample = sample_get(metrics, metric, labels);
    if (sample)
        sample->value += by;
}

void
metrics_set_labels(struct metrics *metrics, enum metric metric, double value,
                   const char *const *labels)
{
    struct sample *sample = sample_get(metrics, metric, labels);
    if (sample)
        sample->value = value;
}

void
metrics_add(struct metrics *metrics, enum metric metric, double by, ...)
{
    const char *labels[METRICS_LABELS_MAX];
    va_list arguments;
    va_start(arguments, by);
    labels_take(metric, labels, arguments);
    va_end(arguments);
    metrics_add_labels(metrics, metric, by, labels);
}

void
metrics_set(struct metrics *metrics, enum metric metric, double value, ...)
{
    const char *labels[METRICS_LABELS_MAX];
    va_list arguments;
    va_start(arguments, value);
    labels_take(metric, labels, arguments);
    va_end(arguments);
    metrics_set_labels(metrics, metric, value, labels);
}

// Seconds: from a small zone's milliseconds to a large zone's first signing.
static const double sign_bounds[] = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2,
                                     0.5,   1,     2,     5,    10,   30,   60};

static struct histogram *
histogram_get(struct metrics *metrics, enum metric metric, const double *bounds, size_t count)
{
    ENSURE(table[metric].kind == METRIC_HISTOGRAM && count <= METRICS_BUCKETS_MAX);
    struct sample *sample = sample_get(metrics, metric, NULL);
    if (sample && !sample->histogram) {
        sample->histogram = memory_zalloc(sizeof *sample->histogram);
        memcpy(sample->histogram->bounds, bounds, count * sizeof *bounds);
        sample->histogram->bound_count = count;
    }
    return sample ? sample->histogram : NULL;
}

void
metrics_observe(struct metrics *metrics, enum metric metric, double value)
{
    size_t count = sizeof sign_bounds / sizeof sign_bounds[0], at = 0;
    struct histogram *histogram = histogram_get(metrics, metric, sign_bounds, count);
    if (!histogram)
        return;
    while (at < histogram->bound_count && value > histogram->bounds[at])
        at++;
    histogram->counts[at]++;
    histogram->sum += value;
}

void
metrics_set_histogram(struct metrics *metrics, enum metric metric, const double *bounds,
                      size_t bound_count, const uint64_t *counts, double sum)
{
    struct histogram *histogram = histogram_get(metrics, metric, bounds, bound_count);
    if (!histogram)
        return;
    memcpy(histogram->bounds, bounds, bound_count * sizeof *bounds);
    memcpy(histogram->counts, counts, (bound_count + 1) * sizeof *counts);
    histogram->bound_count = bound_count;
    histogram->sum = sum;
}

void
metrics_forget(struct metrics *metrics, enum metric metric, const char *first)
{
    struct family *family = &metrics->families[metric];
    if (!first) {
        family_clear(metrics, family);
        return;
    }
    struct sample *samples = family->samples.items;
    size_t kept = 0, count = family->samples.count;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(samples[i].labels, first) == 0)
            sample_close(&samples[i]);
        else
            samples[kept++] = samples[i];
    }
    family->samples.count = kept;
    metrics->sample_count -= count - kept;
    if (kept < count)
        slots_make(metrics, family);
}

void
metrics_forget_zone(struct metrics *metrics, const char *zone)
{
    for (enum metric metric = 0; metric < METRIC_COUNT; metric++)
        if (table[metric].labels[0] && strcmp(table[metric].labels[0], "zone") == 0)
            metrics_forget(metrics, metric, zone);
}

double
metrics_value(const struct metrics *metrics, enum metric metric, const char *const *labels)
{
    const struct family *family = &metrics->families[metric];
    if (!family->slots)
        return 0;
    size_t length;
    char *key = key_make(metric, labels, &length);
    uint32_t slot = *slot_find(metrics, family, key, length);
    free(key);
    return slot ? ((const struct sample *)vector_at(&family->samples, slot - 1))->value : 0;
}

const char *
metrics_name(enum metric metric)
{
    ENSURE((unsigned)metric < METRIC_COUNT);
    return table[metric].name;
}

// ---- text
// --------------------------------------------------------------------------------------------------

static void
number_add(struct octets_buffer *text, double value)
{
    if (isnan(value))
        octets_buffer_printf(text, "NaN");
    else if (isinf(value))
        octets_buffer_printf(text, value > 0 ? "+Inf" : "-Inf");
    else if (fabs(value) < 1e15 && floor(value) == value)
        octets_buffer_printf(text, "%.0f", value);
    else
        octets_buffer_printf(text, "%.15g", value);
}

// Backslash, quote and line end are escaped; the rest must be UTF-8 without control characters,
// which label values of ours are (names in presentation format).
static void
label_add(struct octets_buffer *text, const char *value)
{
    for (; *value; value++) {
        unsigned char octet = (unsigned char)*value;
        if (octet == '\\' || octet == '"')
            octets_buffer_printf(text, "\\%c", octet);
        else if (octet == '\n')
            octets_buffer_printf(text, "\\n");
        else
            octets_buffer_add_u8(text, octet < 0x20 || octet >= 0x7f ? '?' : octet);
    }
}

static void
labels_add(struct octets_buffer *text, const struct metric_row *row, const char *labels)
{
    for (size_t i = 0; row->labels[i]; i++) {
        octets_buffer_printf(text, "%s%s=\"", i == 0 ? "{" : ",", row->labels[i]);
        label_add(text, labels);
        octets_buffer_add_u8(text, '"');
        labels += strlen(labels) + 1;
    }
    if (row->labels[0])
        octets_buffer_add_u8(text, '}');
}

static void
histogram_write(struct octets_buffer *text, const char *name, const struct histogram *histogram)
{
    uint64_t sum = 0;
    for (size_t i = 0; i <= histogram->bound_count; i++) {
        sum += histogram->counts[i];
        octets_buffer_printf(text, "%s_bucket{le=\"", name);
        number_add(text, i < histogram->bound_count ? histogram->bounds[i] : INFINITY);
        octets_buffer_printf(text, "\"} %" PRIu64 "\n", sum);
    }
    octets_buffer_printf(text, "%s_sum ", name);
    number_add(text, histogram->sum);
    octets_buffer_printf(text, "\n%s_count %" PRIu64 "\n", name, sum);
}

static void
family_write(struct octets_buffer *text, const struct metric_row *row, const struct family *family)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    octets_buffer_printf(text, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name,
                         kinds[row->kind]);
    for (size_t i = 0; i < family->samples.count; i++) {
        const struct sample *sample = vector_at(&family->samples, i);
        if (sample->histogram) {
            histogram_write(text, row->name, sample->histogram);
            continue;
        }
        octets_buffer_printf(text, "%s", row->name);
        labels_add(text, row, sample->labels);
        octets_buffer_add_u8(text, ' ');
        number_add(text, sample->value);
        octets_buffer_add_u8(text, '\n');
    }
}

void
metrics_write(const struct metrics *metrics, struct octets_buffer *ret_text)
{
    for (size_t i = 0; i < METRIC_COUNT; i++)
        if (metrics->families[i].samples.count > 0)
            family_write(ret_text, &table[i], &metrics->families[i]);
}
