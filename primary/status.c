#include "primary/status_inside.h"

#include <string.h>

#include "common/daemon/clock.h"
#include "common/zone/journal.h"

#define HINTS_MAX 20 // of the status: nobody works through more at once

struct alias_status
status_alias(const struct program *program)
{
    return (struct alias_status){.aliases = program->aliases,
                                 .now_ms = loop_now_ms(program->loop),
                                 .now = clock_unix_seconds()};
}

void
status_serial_put(struct json_value *object, const char *key, bool has, uint32_t serial)
{
    if (has)
        json_value_put_integer(object, key, serial);
    else
        json_value_put_null(object, key);
}

void
status_serials_put(struct json_value *zone, const struct keeper_status *status)
{
    struct json_value *serial = json_value_put_object(zone, "serial");
    status_serial_put(serial, "source", status->has_source, status->source_serial);
    status_serial_put(serial, "unsigned", status->has_version, status->serial);
    json_value_put_null(serial, "signed");
}

static void
change_put(struct json_value *zone, const struct keeper_status *status, int64_t now)
{
    struct json_value *change = json_value_put_object(zone, "last_change");
    json_value_put_time(change, "at", status->changed_at);
    if (status->changed_at > 0)
        json_value_put_integer(change, "age_seconds", now - status->changed_at);
    else
        json_value_put_null(change, "age_seconds");
    json_value_put_integer(change, "added", (int64_t)status->added);
    json_value_put_integer(change, "removed", (int64_t)status->removed);
}

static void
notify_put(const struct program *program, struct json_value *zone, const uint8_t *apex)
{
    struct notifier_counts counts;
    struct json_value *notify = json_value_put_object(zone, "notify");
    notifier_count(program->notifier, apex, &counts);
    json_value_put_integer(notify, "downstream", (int64_t)counts.remotes);
    json_value_put_integer(notify, "acknowledged", (int64_t)counts.acknowledged);
}

static void
file_put(struct json_value *zone, const struct keeper *keeper, const struct keeper_status *status)
{
    struct json_value *file = json_value_put_object(zone, "file");
    json_value_put_text(file, "path", keeper_zone(keeper)->file);
    json_value_put_time(file, "loaded_at", status->loaded_at);
    json_value_put_time(file, "failed_at", status->load_failed_at);
    struct json_value *errors = json_value_put_array(file, "errors");
    for (size_t i = 0; i < status->errors->count; i++)
        json_value_add_text(errors, *(char **)vector_at(status->errors, i));
    struct json_value *warnings = json_value_put_array(file, "warnings");
    for (size_t i = 0; i < status->warnings->count; i++)
        json_value_add_text(warnings, *(char **)vector_at(status->warnings, i));
}

// What IXFR out can reach; null without a journal.
static void
journal_put(struct json_value *zone, const struct version *version)
{
    struct journal_extent extent = {0};
    if (version)
        journal_extent(version, &extent);
    if (extent.steps == 0) {
        json_value_put_null(zone, "journal");
        return;
    }
    struct json_value *journal = json_value_put_object(zone, "journal");
    json_value_put_integer(journal, "steps", extent.steps);
    json_value_put_integer(journal, "octets", (int64_t)extent.octets);
    json_value_put_integer(journal, "from_serial", extent.from_serial);
}

struct json_value *
status_zone(const struct program *program, struct keeper *keeper)
{
    struct json_value *zone = json_value_object();
    struct keeper_status status;
    keeper_status(keeper, &status);
    json_value_put_text(zone, "zone", keeper_zone(keeper)->domain);
    json_value_put_text(zone, "state", keeper_state_word(status.state));
    json_value_put_text(zone, "reason", status.reason);
    json_value_put_null(zone, "policy");
    status_serials_put(zone, &status);
    change_put(zone, &status, clock_unix_seconds());
    json_value_put_integer(zone, "records", (int64_t)status.records);
    json_value_put_integer(zone, "size_octets", (int64_t)status.size_octets);
    json_value_put_null(zone, "refresh");
    json_value_put_null(zone, "expire_at");
    json_value_put_null(zone, "signatures");
    json_value_put_null(zone, "gate");
    notify_put(program, zone, keeper_served(keeper)->apex);
    journal_put(zone, keeper_version(keeper));
    struct alias_status alias = status_alias(program);
    alias_status_counts(&alias, keeper_zone(keeper)->name, json_value_put_object(zone, "alias"));
    file_put(zone, keeper, &status);
    json_value_put_null(zone, "next");
    return zone;
}

void
status_zone_aliases(const struct program *program, const struct keeper *keeper,
                    struct json_value *object)
{
    struct alias_status status = status_alias(program);
    size_t left_out = alias_status_list(&status, keeper_zone(keeper)->name, STATUS_ALIASES_MAX,
                                        json_value_put_array(object, "aliases"));
    json_value_put_integer(object, "aliases_left_out", (int64_t)left_out);
}

static void
zones_put(const struct program *program, struct json_value *object)
{
    struct json_value *zones = json_value_put_array(object, "zones");
    for (size_t i = 0; i < zones_count(program->zones); i++) {
        struct json_value *zone = status_zone(program, zones_at(program->zones, i));
        json_value_add(zones, &zone);
    }
}

struct json_value *
status_zone_list(const struct program *program)
{
    struct json_value *list = json_value_object();
    zones_put(program, list);
    return list;
}

void
status_states_count(const struct program *program, size_t counts[static STATUS_STATES])
{
    memset(counts, 0, STATUS_STATES * sizeof *counts);
    for (size_t i = 0; i < zones_count(program->zones); i++) {
        struct keeper_status status;
        keeper_status(zones_at(program->zones, i), &status);
        counts[status.state]++;
    }
}

static const char *
daemon_state(const size_t counts[static STATUS_STATES], size_t zones, size_t aliases_troubled)
{
    if (zones > 0 && counts[KEEPER_FAILED] == zones)
        return "failed";
    return counts[KEEPER_FAILED] + counts[KEEPER_STALE] + aliases_troubled > 0 ? "degraded" : "ok";
}

static void
hint_put(struct json_value *hints, const char *text, const char *zone, const char *command)
{
    struct json_value *hint = json_value_add_object(hints);
    json_value_put_text(hint, "text", text);
    json_value_put_text(hint, "zone", zone);
    json_value_add_text(json_value_put_array(hint, "commands"), command);
}

static void
hints_put(const struct program *program, bool aliases_troubled, struct json_value *object)
{
    struct json_value *hints = json_value_put_array(object, "hints");
    if (aliases_troubled) // which targets, since when, and what the resolver says
        hint_put(hints, "see", NULL, "tandemctl alias list");
    for (size_t i = 0; i < zones_count(program->zones) && json_value_count(hints) < HINTS_MAX;
         i++) {
        struct keeper *keeper = zones_at(program->zones, i);
        struct keeper_status status;
        keeper_status(keeper, &status);
        if (status.errors->count == 0)
            continue;
        hint_put(hints, "mend the zone file, then", keeper_zone(keeper)->domain,
                 "tandemctl reload");
    }
}

struct json_value *
status_daemon(const struct program *program)
{
    struct json_value *status = json_value_object();
    size_t counts[STATUS_STATES], zones = zones_count(program->zones);
    int64_t now = clock_unix_seconds();
    status_states_count(program, counts);
    json_value_put_text(status, "program", "tandem-primary");
    json_value_put_text(status, "version", TANDEM_VERSION);
    json_value_put_text(status, "host", program->host);
    struct alias_status alias = status_alias(program);
    struct json_value *alias_states = json_value_object();
    size_t troubled = alias_status_counts(&alias, NULL, alias_states);
    json_value_put_text(status, "state", daemon_state(counts, zones, troubled));
    json_value_put_time(status, "started_at", program->started_at);
    json_value_put_time(status, "now", now);
    json_value_put_integer(status, "uptime_seconds", now - program->started_at);
    json_value_put_time(status, "configured_at", program->configured_at);
    json_value_put_integer(status, "zone_count", (int64_t)zones);
    struct json_value *states = json_value_put_object(status, "zone_states");
    for (int i = 0; i < STATUS_STATES; i++)
        if (counts[i] > 0)
            json_value_put_integer(states, keeper_state_word((enum keeper_state)i),
                                   (int64_t)counts[i]);
    zones_put(program, status);
    alias_status_resolver(&alias, program->settings->settings,
                          json_value_put_object(status, "resolver"));
    json_value_put(status, "alias_states", &alias_states);
    struct json_value *mail = status_mail(program);
    json_value_put(status, "mail", &mail);
    hints_put(program, troubled > 0, status);
    return status;
}

struct json_value *
status_zone_history(struct keeper *keeper)
{
    struct json_value *object = json_value_object();
    struct keeper_status status;
    const struct history_step *step;
    keeper_status(keeper, &status);
    json_value_put_text(object, "zone", keeper_zone(keeper)->domain);
    struct json_value *versions = json_value_put_array(object, "versions");
    for (size_t i = 0; (step = history_at(status.history, i)); i++) {
        struct json_value *version = json_value_add_object(versions);
        json_value_put_time(version, "at", step->at_seconds);
        struct json_value *serial = json_value_put_object(version, "serial");
        json_value_put_integer(serial, "source", step->source_serial);
        json_value_put_integer(serial, "unsigned", step->serial);
        json_value_put_null(serial, "signed");
        json_value_put_text(version, "cause", step->cause);
        json_value_put_text(version, "why", step->why);
        json_value_put_integer(version, "added", (int64_t)step->added);
        json_value_put_integer(version, "removed", (int64_t)step->removed);
        json_value_put_integer(version, "duration_milliseconds", step->duration_ms);
    }
    return object;
}

// Mail.

struct json_value *
status_mail(const struct program *program)
{
    struct json_value *object = json_value_object();
    struct mail_status status;
    mail_status(alerts_mail(program->alerts), &status);
    json_value_put_integer(object, "queue_length", (int64_t)status.queue_length);
    json_value_put_time(object, "oldest_at", status.oldest_at);
    json_value_put_integer(object, "sent_total", (int64_t)status.sent_total);
    json_value_put_integer(object, "failed_total", (int64_t)status.failed_total);
    json_value_put_time(object, "last_sent_at", status.last_sent_at);
    json_value_put_time(object, "last_failed_at", status.last_failed_at);
    json_value_put_time(object, "next_try_at", status.next_try_at);
    json_value_put_text(object, "error", status.last_error[0] ? status.last_error : NULL);
    json_value_put_text(object, "way", status.way);
    return object;
}

struct json_value *
status_alerts(const struct program *program)
{
    struct json_value *object = json_value_object();
    struct json_value *mail = status_mail(program);
    struct mail_status status;
    mail_status(alerts_mail(program->alerts), &status);
    json_value_put(object, "mail", &mail);
    struct json_value *alerts = json_value_put_array(object, "alerts");
    for (size_t i = 0; i < alerts_count(program->alerts); i++) {
        const struct alert *alert = alerts_at(program->alerts, i);
        struct json_value *one = json_value_add_object(alerts);
        bool queued = status.oldest_at > 0 && alert->at_seconds >= status.oldest_at;
        json_value_put_time(one, "at", alert->at_seconds);
        json_value_put_text(one, "kind", alert->test ? "test" : alert_kind_word(alert->kind));
        json_value_put_text(one, "zone", alert->zone[0] ? alert->zone : NULL);
        json_value_put_text(one, "subject", alert->subject);
        json_value_put_text(one, "state", queued ? "queued" : "sent");
    }
    return object;
}

void
status_gauges(const struct program *program)
{
    struct mail_status mail;
    for (size_t i = 0; i < zones_count(program->zones); i++) {
        struct keeper *keeper = zones_at(program->zones, i);
        const char *domain = keeper_zone(keeper)->domain;
        struct keeper_status status;
        keeper_status(keeper, &status);
        if (status.has_version)
            metrics_set(program->metrics, METRIC_ZONE_SERIAL, (double)status.serial, domain,
                        "unsigned");
        if (status.has_source)
            metrics_set(program->metrics, METRIC_ZONE_REFRESH_LAST_SUCCESS,
                        (double)status.loaded_at, domain);
    }
    aliases_gauges(program->aliases, loop_now_ms(program->loop));
    mail_status(alerts_mail(program->alerts), &mail);
    metrics_set(program->metrics, METRIC_ALERT_QUEUE_LENGTH, (double)mail.queue_length);
}
