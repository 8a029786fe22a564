// How well all goes, for machines that watch: as a Nagios check and as /healthz.
#include "primary/status_inside.h"

#include <stdio.h>
#include <string.h>

#define FINDINGS_MAX     200
#define FINDING_TEXT_MAX (NAME_TEXT_MAX + 100)

enum nagios { NAGIOS_OK, NAGIOS_WARNING, NAGIOS_CRITICAL, NAGIOS_UNKNOWN };
static const char *const nagios_words[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};

static enum nagios
nagios_of(enum keeper_state state)
{
    switch (state) {
    case KEEPER_OK:
        return NAGIOS_OK;
    case KEEPER_FAILED:
        return NAGIOS_CRITICAL;
    case KEEPER_LOADING:
    case KEEPER_WAITING:
    case KEEPER_STALE:
        break;
    }
    return NAGIOS_WARNING;
}

static void
finding_put(struct json_value *findings, enum nagios severity, const char *zone, const char *text)
{
    if (json_value_count(findings) >= FINDINGS_MAX)
        return;
    struct json_value *finding = json_value_add_object(findings);
    json_value_put_text(finding, "severity", severity == NAGIOS_CRITICAL ? "critical" : "warning");
    json_value_put_text(finding, "zone", zone);
    json_value_put_text(finding, "text", text);
}

static enum nagios
mail_finding(const struct program *program, struct json_value *findings)
{
    struct mail_status status;
    mail_status(alerts_mail(program->alerts), &status);
    if (status.last_failed_at == 0 || status.last_failed_at < status.last_sent_at ||
        status.queue_length == 0)
        return NAGIOS_OK;
    finding_put(findings, NAGIOS_WARNING, NULL, status.last_error);
    return NAGIOS_WARNING;
}

// One finding for each zone with ALIAS records in trouble: its status names them.
static enum nagios
alias_finding(const struct program *program, const struct keeper *keeper,
              struct json_value *findings)
{
    struct alias_status alias = status_alias(program);
    struct json_value *counts = json_value_object();
    char text[FINDING_TEXT_MAX];
    size_t troubled = alias_status_counts(&alias, keeper_zone(keeper)->name, counts);
    json_value_free(&counts);
    if (troubled == 0)
        return NAGIOS_OK;
    snprintf(text, sizeof text, "%zu ALIAS records are not fresh: see tandemctl alias list %s",
             troubled, keeper_zone(keeper)->domain);
    finding_put(findings, NAGIOS_WARNING, keeper_zone(keeper)->domain, text);
    return NAGIOS_WARNING;
}

// A monitor shows the first line only: with the worst finding in it, the first of its kind.
static void
summary_put(struct json_value *object, const struct json_value *findings,
            const size_t counts[static STATUS_STATES], size_t zones)
{
    const struct json_value *shown = json_value_at(findings, 0);
    for (size_t i = 0; i < json_value_count(findings); i++) {
        const struct json_value *finding = json_value_at(findings, i);
        if (strcmp(json_value_get_text(finding, "severity", ""), "critical") == 0) {
            shown = finding;
            break;
        }
    }
    const char *zone = json_value_get_text(shown, "zone", "");
    json_value_printf(object, "text", "%zu of %zu zones ok, %zu not served; %s%s%s",
                      counts[KEEPER_OK], zones, zones - counts[KEEPER_OK] - counts[KEEPER_STALE],
                      zone, zone[0] ? ": " : "", json_value_get_text(shown, "text", ""));
}

int
status_check(const struct program *program, struct json_value **ret_value)
{
    struct json_value *object = json_value_object();
    struct json_value *findings = json_value_put_array(object, "findings");
    size_t counts[STATUS_STATES], zones = zones_count(program->zones);
    enum nagios worst = mail_finding(program, findings);
    status_states_count(program, counts);
    for (size_t i = 0; i < zones; i++) {
        struct keeper *keeper = zones_at(program->zones, i);
        struct keeper_status status;
        keeper_status(keeper, &status);
        enum nagios severity = nagios_of(status.state);
        if (severity != NAGIOS_OK)
            finding_put(findings, severity, keeper_zone(keeper)->domain,
                        status.reason ? status.reason : keeper_state_word(status.state));
        worst = severity > worst ? severity : worst;
        severity = alias_finding(program, keeper, findings);
        worst = severity > worst ? severity : worst;
    }
    json_value_put_text(object, "nagios", nagios_words[worst]);
    if (worst == NAGIOS_OK)
        json_value_printf(object, "text", "%zu zones ok", zones);
    else
        summary_put(object, findings, counts, zones);
    struct json_value *numbers = json_value_put_object(object, "counts");
    json_value_put_integer(numbers, "zones", (int64_t)zones);
    json_value_put_integer(numbers, "stale", (int64_t)counts[KEEPER_STALE]);
    json_value_put_integer(numbers, "failed", (int64_t)counts[KEEPER_FAILED]);
    *ret_value = object;
    return (int)worst;
}

bool
status_healthy(const struct program *program, struct octets_buffer *text)
{
    bool healthy = true;
    for (size_t i = 0; i < zones_count(program->zones); i++) {
        struct keeper *keeper = zones_at(program->zones, i);
        if (keeper_version(keeper))
            continue;
        healthy = false;
        struct keeper_status status;
        keeper_status(keeper, &status);
        octets_buffer_printf(text, "%s is not served: %.500s\n", keeper_zone(keeper)->domain,
                             status.reason ? status.reason : keeper_state_word(status.state));
    }
    return healthy;
}
