#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/tandemctl/render_words.h"

static size_t
tail_of(const char *line)
{
    return strlen(line);
}

// "2 zones: 1 ok, 1 held."
static void
counts_line(const struct json_value *result, char *line, size_t size)
{
    const struct json_value *states = json_value_get(result, "zone_states");
    int64_t count = json_value_get_integer(
        result, "zone_count", (int64_t)json_value_count(json_value_get(result, "zones")));
    snprintf(line, size, "%" PRId64 " zone%s", count, count == 1 ? "" : "s");
    bool first = true;
    for (const char *state = json_value_next_key(states, NULL); state;
         state = json_value_next_key(states, state)) {
        int64_t number = json_value_get_integer(states, state, 0);
        if (number > 0)
            snprintf(line + tail_of(line), size - tail_of(line), "%s%" PRId64 " %s",
                     first ? ": " : ", ", number, state);
        first = first && number == 0;
    }
    snprintf(line + tail_of(line), size - tail_of(line), ".");
}

// The zone in whose row the error stands already; NULL.
static const char *
zone_that_shows(const struct json_value *zones, const char *error)
{
    for (size_t i = 0; i < json_value_count(zones); i++) {
        const struct json_value *zone = json_value_at(zones, i);
        const char *state = json_value_get_text(zone, "state", "");
        const char *reason = json_value_get_text(zone, "reason", "");
        bool shown = strcmp(state, "stale") == 0 || strcmp(state, "loading") == 0;
        size_t length = strlen(reason), tail = strlen(error);
        if (shown && length >= tail && strcmp(reason + length - tail, error) == 0)
            return json_value_get_text(zone, "zone", NULL);
    }
    return NULL;
}

static void
primaries_add(const struct json_value *result, char *line, size_t size)
{
    const struct json_value *primaries = json_value_get(result, "primaries");
    const struct json_value *zones = json_value_get(result, "zones");
    for (size_t i = 0; i < json_value_count(primaries) && tail_of(line) < size / 2; i++) {
        const struct json_value *primary = json_value_at(primaries, i);
        int64_t ms = json_value_get_integer(primary, "round_trip_milliseconds", -1);
        const char *error = json_value_get_text(primary, "error", NULL);
        snprintf(line + tail_of(line), size - tail_of(line), " primary %s %s",
                 json_value_get_text(primary, "id", "?"),
                 json_value_get_text(primary, "address", ""));
        const char *shown_by = error ? zone_that_shows(zones, error) : NULL;
        if (shown_by)
            snprintf(line + tail_of(line), size - tail_of(line), " fails, see %.255s", shown_by);
        else if (error)
            snprintf(line + tail_of(line), size - tail_of(line), " fails: %.300s", error);
        else if (ms >= 0)
            snprintf(line + tail_of(line), size - tail_of(line), " answers (%" PRId64 " ms)", ms);
        else
            snprintf(line + tail_of(line), size - tail_of(line), " was not asked yet");
    }
}

static void
alias_line(const struct render *render, const struct json_value *result)
{
    const struct json_value *states = json_value_get(result, "alias_states");
    char line[1024] = "";
    for (const char *state = json_value_next_key(states, NULL); state;
         state = json_value_next_key(states, state))
        if (json_value_get_integer(states, state, 0) > 0)
            snprintf(line + tail_of(line), sizeof line - tail_of(line), "%s%" PRId64 " %s",
                     line[0] ? ", " : "", json_value_get_integer(states, state, 0), state);
    if (line[0])
        render_line(render, "aliases: %s", line);
}

// Only roles that do not run as they should.
static void
role_lines(const struct render *render, const struct json_value *roles)
{
    char moment[RENDER_PHRASE_MAX];
    for (size_t i = 0; i < json_value_count(roles); i++) {
        const struct json_value *role = json_value_at(roles, i);
        const char *state = json_value_get_text(role, "state", "running");
        int64_t restarts = json_value_get_integer(role, "restarts", 0);
        if (strcmp(state, "running") != 0 || restarts > 0)
            render_line(render, "role %s: %s, %" PRId64 " restart%s, started %s",
                        json_value_get_text(role, "role", "?"), state, restarts,
                        restarts == 1 ? "" : "s",
                        render_moment(render, role, "started_at", moment));
    }
}

static void
mail_line(const struct render *render, const struct json_value *mail, bool always)
{
    int64_t queued = json_value_get_integer(mail, "queue_length", 0);
    const char *error = json_value_get_text(mail, "error", NULL);
    char moment[RENDER_PHRASE_MAX];
    if (!mail || (!always && queued == 0 && !error))
        return;
    render_line(render, "mail: %s, %" PRId64 " waiting, %" PRId64 " sent, the last %s%s%s",
                json_value_get_text(mail, "way", "none"), queued,
                json_value_get_integer(mail, "sent_total", 0),
                render_moment(render, mail, "last_sent_at", moment), error ? "; " : "",
                error ? error : "");
}

void
render_status(const struct render *render, const struct json_value *result)
{
    char line[2048];
    render_zones(render, json_value_get(result, "zones"));
    counts_line(result, line, sizeof line);
    primaries_add(result, line, sizeof line);
    render_line(render, "%s", line);
    alias_line(render, result);
    role_lines(render, json_value_get(result, "roles"));
    mail_line(render, json_value_get(result, "mail"), false);
    render_hints(render, json_value_get(result, "hints"));
}

void
render_version(const struct render *render, const struct json_value *result)
{
    render_line(render, "%s %s", json_value_get_text(result, "program", "tandem"),
                json_value_get_text(result, "version", "?"));
}

static void
list_lines(const struct render *render, const char *what, const struct json_value *list)
{
    for (size_t i = 0; i < json_value_count(list); i++)
        render_line(render, "%s%s", what, json_value_as_text(json_value_at(list, i), ""));
}

// What every changing verb answers, with what some of them add.
void
render_done(const struct render *render, const struct json_value *result)
{
    char serial[RENDER_PHRASE_MAX];
    bool dry_run = json_value_get_boolean(result, "dry_run", false);
    const char *text = json_value_get_text(result, "text", NULL);
    const struct json_value *serials = json_value_get(result, "serial");
    if (text)
        render_line(render, "%s%s", dry_run && !strstr(text, "would") ? "would: " : "", text);
    if (serials)
        render_line(render, "%s  %s", json_value_get_text(result, "zone", ""),
                    render_serial(serials, serial));
    if (json_value_get(result, "key"))
        render_line(render, "key %" PRId64 " %s", json_value_get_integer(result, "key/tag", 0),
                    json_value_get_text(result, "key/role", ""));
    if (json_value_count(json_value_get(result, "keys")) > 0)
        render_keys(render, json_value_get(result, "keys"));
    if (json_value_count(json_value_get(result, "aliases")) > 0)
        render_aliases(render, json_value_get(result, "aliases"));
    if (json_value_get(result, "mail"))
        mail_line(render, json_value_get(result, "mail"), true);
    render_hints(render, json_value_get(result, "hints"));
}

void
render_reload(const struct render *render, const struct json_value *result)
{
    render_done(render, result);
    list_lines(render, "only at the next start: ", json_value_get(result, "restart_keys"));
    list_lines(render, "zone added: ", json_value_get(result, "zones_added"));
    list_lines(render, "zone removed: ", json_value_get(result, "zones_removed"));
    list_lines(render, "zone changed: ", json_value_get(result, "zones_changed"));
    list_lines(render, "warning: ", json_value_get(result, "warnings"));
    list_lines(render, "", json_value_get(result, "errors"));
}

// One line, then one for each finding (the plugin interface of Nagios: text | performance data).
void
render_check(const struct render *render, const struct json_value *result)
{
    char line[1024];
    const struct json_value *counts = json_value_get(result, "counts");
    snprintf(line, sizeof line, "TANDEM %s - %.600s",
             json_value_get_text(result, "nagios", "UNKNOWN"),
             json_value_get_text(result, "text", ""));
    const char *joint = " | ";
    for (const char *name = json_value_next_key(counts, NULL); name;
         name = json_value_next_key(counts, name)) {
        snprintf(line + tail_of(line), sizeof line - tail_of(line), "%s%s=%" PRId64, joint, name,
                 json_value_get_integer(counts, name, 0));
        joint = " ";
    }
    render_line(render, "%s", line);
    const struct json_value *findings = json_value_get(result, "findings");
    for (size_t i = 0; i < json_value_count(findings); i++) {
        const struct json_value *finding = json_value_at(findings, i);
        const char *zone = json_value_get_text(finding, "zone", NULL);
        render_line(render, "%s: %s%s%s", json_value_get_text(finding, "severity", "warning"),
                    zone ? zone : "", zone ? ": " : "", json_value_get_text(finding, "text", ""));
    }
}

void
render_alert_list(const struct render *render, const struct json_value *result)
{
    char moment[RENDER_PHRASE_MAX];
    const struct json_value *alerts = json_value_get(result, "alerts");
    struct text_table *table = text_table_new(render->coloured);
    text_table_row(table);
    static const char *const words[] = {"WHEN", "STATE", "KIND", "ZONE", "SUBJECT"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        text_table_cell(table, COLOUR_BOLD, "%s", words[i]);
    for (size_t i = 0; i < json_value_count(alerts); i++) {
        const struct json_value *alert = json_value_at(alerts, i);
        const char *state = json_value_get_text(alert, "state", "-");
        text_table_row(table);
        text_table_cell(table, COLOUR_NONE, "%s", render_moment(render, alert, "at", moment));
        text_table_cell(table, text_colour_of(state), "%s", state);
        text_table_cell(table, COLOUR_NONE, "%s", json_value_get_text(alert, "kind", "-"));
        text_table_cell(table, COLOUR_NONE, "%s", json_value_get_text(alert, "zone", "-"));
        text_table_cell(table, COLOUR_NONE, "%s", json_value_get_text(alert, "subject", ""));
    }
    text_table_write(table, render->text);
    text_table_free(&table);
    mail_line(render, json_value_get(result, "mail"), true);
}
