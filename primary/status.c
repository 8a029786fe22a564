#include "primary/status.h"

#include <stdio.h>
#include <string.h>

#include "common/daemon/clock.h"
#include "common/dns/rdata_text.h"
#include "common/dns/rrtype.h"
#include "common/zone/find.h"
#include "common/zone/journal.h"
#include "primary/alias_status.h"

#define STATE_COUNT      5
#define HINTS_MAX        20 // of the status: nobody works through more at once
#define FINDINGS_MAX     200
#define FINDING_TEXT_MAX (NAME_TEXT_MAX + 100)

static struct alias_status
alias_status_of(const struct program *program)
{
    return (struct alias_status){.aliases = program->aliases,
                                 .now_ms = loop_now_ms(program->loop),
                                 .now = clock_unix_seconds()};
}

static void
serial_put(struct json_value *object, const char *key, bool has, uint32_t serial)
{
    if (has)
        json_value_put_integer(object, key, serial);
    else
        json_value_put_null(object, key);
}

static void
serials_put(struct json_value *zone, const struct keeper_status *status)
{
    struct json_value *serial = json_value_put_object(zone, "serial");
    serial_put(serial, "source", status->has_source, status->source_serial);
    serial_put(serial, "unsigned", status->has_version, status->serial);
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
    serials_put(zone, &status);
    change_put(zone, &status, clock_unix_seconds());
    json_value_put_integer(zone, "records", (int64_t)status.records);
    json_value_put_integer(zone, "size_octets", (int64_t)status.size_octets);
    json_value_put_null(zone, "refresh");
    json_value_put_null(zone, "expire_at");
    json_value_put_null(zone, "signatures");
    json_value_put_null(zone, "gate");
    notify_put(program, zone, keeper_served(keeper)->apex);
    journal_put(zone, keeper_version(keeper));
    struct alias_status alias = alias_status_of(program);
    alias_status_counts(&alias, keeper_zone(keeper)->name, json_value_put_object(zone, "alias"));
    file_put(zone, keeper, &status);
    json_value_put_null(zone, "next");
    return zone;
}

void
status_zone_aliases(const struct program *program, const struct keeper *keeper,
                    struct json_value *object)
{
    struct alias_status status = alias_status_of(program);
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

// How many zones are in each state.
static void
states_count(const struct program *program, size_t counts[static STATE_COUNT])
{
    memset(counts, 0, STATE_COUNT * sizeof *counts);
    for (size_t i = 0; i < zones_count(program->zones); i++) {
        struct keeper_status status;
        keeper_status(zones_at(program->zones, i), &status);
        counts[status.state]++;
    }
}

static const char *
daemon_state(const size_t counts[static STATE_COUNT], size_t zones, size_t aliases_troubled)
{
    if (zones > 0 && counts[KEEPER_FAILED] == zones)
        return "failed";
    return counts[KEEPER_FAILED] + counts[KEEPER_STALE] + aliases_troubled > 0 ? "degraded" : "ok";
}

static void
hints_put(const struct program *program, struct json_value *object)
{
    struct json_value *hints = json_value_put_array(object, "hints");
    for (size_t i = 0; i < zones_count(program->zones) && json_value_count(hints) < HINTS_MAX;
         i++) {
        struct keeper *keeper = zones_at(program->zones, i);
        struct keeper_status status;
        keeper_status(keeper, &status);
        if (status.errors->count == 0)
            continue;
        struct json_value *hint = json_value_add_object(hints);
        json_value_put_text(hint, "text", "mend the zone file, then");
        json_value_put_text(hint, "zone", keeper_zone(keeper)->domain);
        struct json_value *commands = json_value_put_array(hint, "commands");
        json_value_add_text(commands, "tandemctl reload");
    }
}

struct json_value *
status_daemon(const struct program *program)
{
    struct json_value *status = json_value_object();
    size_t counts[STATE_COUNT], zones = zones_count(program->zones);
    int64_t now = clock_unix_seconds();
    states_count(program, counts);
    json_value_put_text(status, "program", "tandem-primary");
    json_value_put_text(status, "version", TANDEM_VERSION);
    json_value_put_text(status, "host", program->host);
    struct alias_status alias = alias_status_of(program);
    struct json_value *alias_states = json_value_object();
    size_t troubled = alias_status_counts(&alias, NULL, alias_states);
    json_value_put_text(status, "state", daemon_state(counts, zones, troubled));
    json_value_put_time(status, "started_at", program->started_at);
    json_value_put_time(status, "now", now);
    json_value_put_integer(status, "uptime_seconds", now - program->started_at);
    json_value_put_time(status, "configured_at", program->configured_at);
    json_value_put_integer(status, "zone_count", (int64_t)zones);
    struct json_value *states = json_value_put_object(status, "zone_states");
    for (int i = 0; i < STATE_COUNT; i++)
        if (counts[i] > 0)
            json_value_put_integer(states, keeper_state_word((enum keeper_state)i),
                                   (int64_t)counts[i]);
    zones_put(program, status);
    alias_status_resolver(&alias, program->settings->settings,
                          json_value_put_object(status, "resolver"));
    json_value_put(status, "alias_states", &alias_states);
    struct json_value *mail = status_mail(program);
    json_value_put(status, "mail", &mail);
    hints_put(program, status);
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

// Records.

static void
record_put(struct json_value *record, const uint8_t *owner, uint32_t ttl, uint16_t type,
           const uint8_t *rdata, uint16_t rdlength)
{
    char type_text[RRTYPE_TEXT_MAX];
    struct octets_buffer text;
    octets_buffer_init(&text);
    rdata_to_text(type, rdata, rdlength, &text);
    octets_buffer_add_u8(&text, '\0');
    json_value_put_owner(record, "owner", owner);
    json_value_put_integer(record, "ttl_seconds", ttl);
    json_value_put_text(record, "type", rrtype_text(type, type_text));
    json_value_put_text(record, "data", (const char *)text.data);
    octets_buffer_close(&text);
}

// Gives how many were left out.
static size_t
node_records_put(struct json_value *records, const struct node *node, uint16_t type)
{
    size_t left_out = 0;
    for (unsigned i = 0; i < node_rrset_count(node); i++) {
        struct rrset rrset;
        struct rr rr;
        uint32_t position = 0;
        node_rrset_at(node, i, &rrset);
        if (type != 0 && rrset.type != type)
            continue;
        while (rrset_next(rrset.wire, rrset.wire_length, &position, &rr)) {
            if (json_value_count(records) >= STATUS_RECORDS_MAX)
                left_out++;
            else
                record_put(json_value_add_object(records), node_owner(node), rr.ttl, rr.type,
                           rr.rdata, rr.rdlength);
        }
    }
    return left_out;
}

struct json_value *
status_zone_records(struct keeper *keeper, const uint8_t *owner, uint16_t type)
{
    struct json_value *object = json_value_object();
    struct keeper_status status;
    const struct version *version = keeper_version(keeper);
    const struct node *node;
    size_t left_out = 0;
    keeper_status(keeper, &status);
    json_value_put_text(object, "zone", keeper_zone(keeper)->domain);
    serials_put(object, &status);
    struct json_value *records = json_value_put_array(object, "records");
    if (version && owner) {
        if ((node = zone_find_exact(version, owner)))
            left_out = node_records_put(records, node, type);
    } else if (version) {
        struct version_cursor cursor;
        version_cursor_first(&cursor, version);
        while ((node = version_cursor_next(&cursor)))
            left_out += node_records_put(records, node, type);
    }
    json_value_put_integer(object, "left_out", (int64_t)left_out);
    json_value_put_null(object, "alias");
    return object;
}

static void
changes_put(struct json_value *object, const struct diff *diff, const uint8_t *apex)
{
    struct diff_walk walk;
    struct diff_rr rr;
    size_t left_out = 0;
    struct json_value *changes = json_value_put_array(object, "changes");
    diff_walk_init(&walk, diff, DIFF_WHOLE, apex);
    while (diff_walk_next(&walk, &rr)) {
        if (json_value_count(changes) >= STATUS_CHANGES_MAX) {
            left_out++;
            continue;
        }
        struct json_value *change = json_value_add_object(changes);
        json_value_put_text(change, "op", rr.added ? "+" : "-");
        record_put(change, rr.owner, rr.ttl, rr.type, rr.rdata, rr.rdlength);
    }
    json_value_put_integer(object, "left_out", (int64_t)left_out);
}

static void
version_serial_put(struct json_value *object, const char *key, const struct version *version)
{
    struct json_value *serial = json_value_put_object(object, key);
    serial_put(serial, "unsigned", version != NULL,
               version ? version_facts(version)->signed_serial : 0);
    json_value_put_null(serial, "signed");
}

struct json_value *
status_zone_diff(struct keeper *keeper)
{
    struct json_value *object = json_value_object();
    const struct version *before = keeper_version_before(keeper), *now = keeper_version(keeper);
    const uint8_t *apex = keeper_served(keeper)->apex;
    struct diff diff;
    struct diff_counts counts = {0};
    diff_init(&diff);
    if (before && now)
        diff_version_version(before, now, DIFF_WHOLE, &diff);
    diff_count(&diff, DIFF_WHOLE, apex, &counts);
    json_value_put_text(object, "zone", keeper_zone(keeper)->domain);
    json_value_put_boolean(object, "held", false);
    json_value_put_null(object, "digest");
    json_value_put_null(object, "reason");
    version_serial_put(object, "from", before);
    version_serial_put(object, "to", now);
    json_value_put_integer(object, "added", (int64_t)counts.added_rrs);
    json_value_put_integer(object, "removed", (int64_t)counts.removed_rrs);
    changes_put(object, &diff, apex);
    diff_close(&diff);
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

// Checks.

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
    struct alias_status alias = alias_status_of(program);
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

int
status_check(const struct program *program, struct json_value **ret_value)
{
    struct json_value *object = json_value_object();
    struct json_value *findings = json_value_put_array(object, "findings");
    size_t counts[STATE_COUNT], zones = zones_count(program->zones);
    enum nagios worst = mail_finding(program, findings);
    states_count(program, counts);
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
        json_value_printf(object, "text", "%zu of %zu zones ok, %zu not served", counts[KEEPER_OK],
                          zones, zones - counts[KEEPER_OK] - counts[KEEPER_STALE]);
    struct json_value *numbers = json_value_put_object(object, "counts");
    json_value_put_integer(numbers, "zones", (int64_t)zones);
    json_value_put_integer(numbers, "stale", (int64_t)counts[KEEPER_STALE]);
    json_value_put_integer(numbers, "failed", (int64_t)counts[KEEPER_FAILED]);
    *ret_value = object;
    return (int)worst;
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

bool
status_healthy(const struct program *program, struct octets_buffer *text)
{
    bool healthy = true;
    for (size_t i = 0; i < zones_count(program->zones); i++) {
        struct keeper *keeper = zones_at(program->zones, i);
        if (keeper_version(keeper))
            continue;
        healthy = false;
        octets_buffer_printf(text, "%s is not served\n", keeper_zone(keeper)->domain);
    }
    return healthy;
}
