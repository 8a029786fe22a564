#include "primary/alerts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/daemon/clock.h"
#include "common/daemon/log.h"

struct alerts {
    struct mail *mail;
    struct metrics *metrics;
    bool on[ALERT_KIND_COUNT];
    struct alert *ring; // ALERTS_KEPT
    size_t count, next;
};

static void
on_mail(void *context, const char *kind, const char *result)
{
    struct alerts *alerts = context;
    metrics_add(alerts->metrics, METRIC_ALERTS, 1, kind, result);
}

bool
alerts_open(const struct alerts_options *options, struct alerts **ret_alerts, struct fault *fault)
{
    struct alerts *alerts = memory_zalloc(sizeof *alerts);
    struct mail_options mail = {.alert = options->settings,
                                .state_directory = options->state_directory,
                                .host = options->host,
                                .tell = on_mail,
                                .context = alerts};
    alerts->metrics = options->metrics;
    memcpy(alerts->on, options->settings->on, sizeof alerts->on);
    if (!mail_open(&alerts->mail, options->loop, &mail, fault)) {
        free(alerts);
        return false;
    }
    alerts->ring = memory_zalloc(ALERTS_KEPT * sizeof *alerts->ring);
    *ret_alerts = alerts;
    return true;
}

void
alerts_change(struct alerts *alerts, const struct alert_settings *settings)
{
    memcpy(alerts->on, settings->on, sizeof alerts->on);
    mail_change(alerts->mail, settings);
}

void
alerts_close(struct alerts **alerts)
{
    struct alerts *old = *alerts;
    *alerts = NULL;
    if (!old)
        return;
    mail_close(&old->mail);
    free(old->ring);
    free(old);
}

static bool
submit(struct alerts *alerts, const struct mail_item *item, const struct alert *alert,
       struct fault *fault)
{
    alerts->ring[alerts->next] = *alert;
    alerts->next = (alerts->next + 1) % ALERTS_KEPT;
    if (alerts->count < ALERTS_KEPT)
        alerts->count++;
    return mail_submit(alerts->mail, item, fault);
}

static void
alert_fill(struct alert *alert, enum alert_kind kind, const char *zone, const char *subject)
{
    *alert = (struct alert){.at_seconds = clock_unix_seconds(), .kind = kind};
    snprintf(alert->zone, sizeof alert->zone, "%s", zone);
    snprintf(alert->subject, sizeof alert->subject, "%s", subject);
}

void
alerts_tell(struct alerts *alerts, enum alert_kind kind, const char *zone, const char *once,
            const char *subject, const char *body)
{
    struct fault fault;
    struct alert alert;
    struct mail_item item = {.kind = alert_kind_word(kind),
                             .zone = zone,
                             .subject = subject,
                             .body = body,
                             .once = once};
    if (!alerts->on[kind])
        return;
    alert_fill(&alert, kind, zone, subject);
    if (!submit(alerts, &item, &alert, &fault))
        log_error("a mail could not be queued", "zone", zone, "kind", item.kind, "reason",
                  fault.text);
}

bool
alerts_test(struct alerts *alerts, const char *host, struct fault *fault)
{
    struct alert alert;
    char subject[ALERTS_SUBJECT_MAX], body[ALERTS_SUBJECT_MAX + 200];
    snprintf(subject, sizeof subject, "test from tandem-primary on %.200s", host);
    snprintf(body, sizeof body,
             "This is a test of the alert path, asked for by `tandemctl alert test`.\n"
             "Where    %.200s, tandem-primary\n",
             host);
    struct mail_item item = {
        .kind = "test", .zone = "", .subject = subject, .body = body, .urgent = true};
    alert_fill(&alert, ALERT_KIND_COUNT, "", subject);
    alert.test = true;
    return submit(alerts, &item, &alert, fault);
}

size_t
alerts_count(const struct alerts *alerts)
{
    return alerts->count;
}

const struct alert *
alerts_at(const struct alerts *alerts, size_t index)
{
    ENSURE(index < alerts->count);
    return &alerts->ring[(alerts->next + ALERTS_KEPT - 1 - index) % ALERTS_KEPT];
}

const struct mail *
alerts_mail(const struct alerts *alerts)
{
    return alerts->mail;
}
