// What befalls a zone, and whom the program tells: metrics, the downstream servers, the operator.
#include "primary/program_inside.h"

#include <stdio.h>

#include "common/daemon/log.h"
#include "primary/established.h"

#define ALERT_LINES_MAX 100 // errors of a zone file in a mail

// A zone that is broken, or waits for its targets, may have a version that is not known here.
void
program_establish(struct program *program)
{
    struct fault fault;
    if (program->established)
        return;
    for (size_t i = 0; i < zones_count(program->zones); i++)
        if (!keeper_version(zones_at(program->zones, i)))
            return;
    program->established = established_write(program->state_directory, &fault);
    if (program->established)
        zones_establish(program->zones);
    else
        log_error("the state directory cannot be written", "reason", fault.text);
}

static void
on_published(void *context, struct keeper *keeper, bool first, bool changed)
{
    struct program *program = context;
    const struct primary_zone_settings *zone = keeper_zone(keeper);
    struct keeper_status status;
    keeper_status(keeper, &status);
    if (changed) {
        metrics_add(program->metrics, METRIC_ZONE_CHANGES, (double)status.added, zone->domain,
                    "added");
        metrics_add(program->metrics, METRIC_ZONE_CHANGES, (double)status.removed, zone->domain,
                    "removed");
    }
    // Also at a start without a change: the last NOTIFY of the run before may have been lost.
    if (changed || first)
        notifier_tell(program->notifier, program->settings, zone, keeper_version(keeper));
    if (first && program->ready)
        program_establish(program);
}

static void
broken_mail(struct program *program, struct keeper *keeper)
{
    struct keeper_status status;
    struct octets_buffer body;
    char subject[ALERTS_SUBJECT_MAX];
    const char *domain = keeper_zone(keeper)->domain;
    keeper_status(keeper, &status);
    octets_buffer_init(&body);
    octets_buffer_printf(&body, "Why      the zone file of %s is broken\n", domain);
    octets_buffer_printf(&body, "Where    %s, tandem-primary, %s\n", program->host,
                         keeper_zone(keeper)->file);
    if (status.has_version)
        octets_buffer_printf(&body, "So       the zone stays as it was, serial %u\n",
                             status.serial);
    else
        octets_buffer_printf(&body, "So       the zone is not served\n");
    for (size_t i = 0; i < status.errors->count && i < ALERT_LINES_MAX; i++)
        octets_buffer_printf(&body, "  %s\n", *(char **)vector_at(status.errors, i));
    octets_buffer_printf(&body, "Then     tandemctl reload\n");
    octets_buffer_add_u8(&body, '\0');
    snprintf(subject, sizeof subject, "%.200s: zone file broken, %s", domain,
             status.has_version ? "the zone stays as it was" : "the zone is not served");
    alerts_tell(program->alerts, ALERT_REFRESH_FAILED, domain, "zone-file", subject,
                (const char *)body.data);
    octets_buffer_close(&body);
}

static void
on_loaded(void *context, struct keeper *keeper, bool good, bool good_before)
{
    struct program *program = context;
    const char *domain = keeper_zone(keeper)->domain;
    char subject[ALERTS_SUBJECT_MAX], body[ALERTS_SUBJECT_MAX + 512];
    if (!good)
        broken_mail(program, keeper);
    if (!good || good_before)
        return;
    snprintf(subject, sizeof subject, "%.200s: zone file is good again", domain);
    snprintf(body, sizeof body,
             "Why      the zone file of %.200s was read without errors\nWhere    %s\n", domain,
             program->host);
    alerts_tell(program->alerts, ALERT_RECOVERED, domain, "zone-file", subject, body);
}

const struct keeper_events program_zone_events = {.published = on_published, .loaded = on_loaded};

void
program_zone_removed(void *context, struct keeper *keeper)
{
    struct program *program = context;
    notifier_forget(program->notifier, keeper_served(keeper)->apex);
    metrics_forget_zone(program->metrics, keeper_served(keeper)->domain);
    log_info("zone removed", "zone", keeper_served(keeper)->domain);
}
