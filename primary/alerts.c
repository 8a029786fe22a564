#include "primary/alerts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/octets.h"
#include "common/daemon/clock.h"
#include "common/daemon/log.h"

#define SOCKET_USUAL "/run/tandem/primary.sock"

struct alerts {
    struct mail *mail;
    struct metrics *metrics;
    char *socket; // NULL: the one that tandemctl takes by itself
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
    if (options->socket && strcmp(options->socket, SOCKET_USUAL) != 0)
        alerts->socket = memory_text(options->socket);
    memcpy(alerts->on, options->settings->on, sizeof alerts->on);
    if (!mail_open(&alerts->mail, options->loop, &mail, fault)) {
        free(alerts->socket);
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
    free(old->socket);
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

// Commands stand behind a line's label. With a socket at an unusual place they name it, for a mail
// is read far from here.
static void
body_write(const struct alerts *alerts, const char *body, struct octets_buffer *ret_text)
{
    static const char word[] = "  tandemctl ";
    for (const char *at; alerts->socket && (at = strstr(body, word)); body = at + sizeof word - 1) {
        octets_buffer_add(ret_text, body, (size_t)(at - body));
        octets_buffer_printf(ret_text, "%s-s %s ", word, alerts->socket);
    }
    octets_buffer_printf(ret_text, "%s", body);
    octets_buffer_add_u8(ret_text, 0);
}

void
alerts_tell(struct alerts *alerts, enum alert_kind kind, const char *zone, const char *once,
            const char *subject, const char *body)
{
    struct fault fault;
    struct alert alert;
    struct octets_buffer text;
    if (!alerts->on[kind])
        return;
    octets_buffer_init(&text);
    body_write(alerts, body, &text);
    struct mail_item item = {.kind = alert_kind_word(kind),
                             .zone = zone,
                             .subject = subject,
                             .body = (const char *)text.data,
                             .once = once};
    alert_fill(&alert, kind, zone, subject);
    if (!submit(alerts, &item, &alert, &fault))
        log_error("a mail could not be queued", "zone", zone, "kind", item.kind, "reason",
                  fault.text);
    octets_buffer_close(&text);
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
