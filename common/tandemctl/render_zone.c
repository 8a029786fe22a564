#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/tandemctl/render_words.h"

void
render_zone_list(const struct render *render, const struct json_value *result)
{
    render_zones(render, json_value_get(result, "zones"));
}

static void
refresh_line(const struct render *render, const struct json_value *zone)
{
    char last[RENDER_PHRASE_MAX], next[RENDER_PHRASE_MAX];
    const char *error = json_value_get_text(zone, "refresh/error", NULL);
    int64_t failures = json_value_get_integer(zone, "refresh/failures", 0);
    if (!json_value_get(zone, "refresh/last_try_at") && !json_value_get(zone, "refresh/next_at"))
        return;
    const char *kind = json_value_get_text(zone, "refresh/kind", NULL);
    render_line(render, "refresh     from %s%s%s, last success %s, next %s",
                json_value_get_text(zone, "refresh/primary", "-"), kind ? " by " : "",
                kind ? kind : "", render_moment(render, zone, "refresh/last_success_at", last),
                render_moment(render, zone, "refresh/next_at", next));
    if (error || failures > 0)
        render_line(render, "            %" PRId64 " failure%s in a row: %s", failures,
                    failures == 1 ? "" : "s", error ? error : "");
}

static void
gate_line(const struct render *render, const struct json_value *zone)
{
    char since[RENDER_PHRASE_MAX];
    bool known = json_value_get_time(zone, "gate/since", 0) != 0;
    if (strcmp(json_value_get_text(zone, "gate/state", "passed"), "held") == 0)
        render_line(
            render, "gate        holds %s%s%s: %s", json_value_get_text(zone, "gate/digest", "?"),
            known ? " since " : "", known ? render_moment(render, zone, "gate/since", since) : "",
            json_value_get_text(zone, "gate/text", json_value_get_text(zone, "gate/reason", "")));
}

static void
signatures_line(const struct render *render, const struct json_value *zone)
{
    char first[RENDER_PHRASE_MAX], next[RENDER_PHRASE_MAX];
    if (json_value_kind(json_value_get(zone, "signatures")) == JSON_VALUE_OBJECT)
        render_line(render, "signatures  %" PRId64 ", first ends %s, next refresh %s",
                    json_value_get_integer(zone, "signatures/count", 0),
                    render_moment(render, zone, "signatures/first_expiry_at", first),
                    render_moment(render, zone, "signatures/next_refresh_at", next));
}

// Only while one runs: next/text says how far it is.
static void
signing_line(const struct render *render, const struct json_value *zone)
{
    if (json_value_kind(json_value_get(zone, "signing")) == JSON_VALUE_OBJECT)
        render_line(render, "now         %s", json_value_get_text(zone, "next/text", "signing"));
}

// From which serial on a downstream server gets what changed instead of the zone.
static void
journal_line(const struct render *render, const struct json_value *zone)
{
    char size[QUANTITY_TEXT_MAX];
    if (json_value_kind(json_value_get(zone, "journal")) == JSON_VALUE_OBJECT)
        render_line(
            render, "journal     %" PRId64 " changes since serial %" PRId64 ", %s",
            json_value_get_integer(zone, "journal/steps", 0),
            json_value_get_integer(zone, "journal/from_serial", 0),
            quantity_size_text((uint64_t)json_value_get_integer(zone, "journal/octets", 0), size));
}

void
render_zone_status(const struct render *render, const struct json_value *result)
{
    char words[RENDER_PHRASE_MAX], change[RENDER_PHRASE_MAX], size[QUANTITY_TEXT_MAX];
    const struct json_value *zone = json_value_get(result, "zone");
    const char *reason = json_value_get_text(zone, "reason", NULL);
    render_line(render, "%s  %s%s%s", json_value_get_text(zone, "zone", "?"),
                json_value_get_text(zone, "state", "-"), reason ? ": " : "", reason ? reason : "");
    render_line(render, "serial      %s", render_serial(json_value_get(zone, "serial"), words));
    render_moment(render, zone, "last_change/at", words);
    render_change(json_value_get(zone, "last_change"), change);
    render_line(render, "last change %s%s%s%s", words, change[0] ? " (" : "", change,
                change[0] ? ")" : "");
    render_line(render, "content     %" PRId64 " records, %s",
                json_value_get_integer(zone, "records", 0),
                quantity_size_text((uint64_t)json_value_get_integer(zone, "size_octets", 0), size));
    refresh_line(render, zone);
    gate_line(render, zone);
    signatures_line(render, zone);
    signing_line(render, zone);
    if (json_value_kind(json_value_get(zone, "notify")) == JSON_VALUE_OBJECT)
        render_line(render, "notify      %" PRId64 " of %" PRId64 " downstream acknowledged",
                    json_value_get_integer(zone, "notify/acknowledged", 0),
                    json_value_get_integer(zone, "notify/downstream", 0));
    journal_line(render, zone);
    if (json_value_get_time(zone, "expire_at", 0))
        render_line(render, "expires     %s", render_moment(render, zone, "expire_at", words));
    if (json_value_count(json_value_get(result, "keys")) > 0)
        render_keys(render, json_value_get(result, "keys"));
    if (json_value_count(json_value_get(result, "aliases")) > 0)
        render_aliases(render, json_value_get(result, "aliases"));
    render_hints(render, json_value_get(result, "hints"));
}

static void
took_cell(struct text_table *table, int64_t milliseconds)
{
    if (milliseconds < 0)
        text_table_cell(table, COLOUR_NONE, "-");
    else if (milliseconds < 10000)
        text_table_cell(table, COLOUR_NONE, "%" PRId64 " ms", milliseconds);
    else
        text_table_cell(table, COLOUR_NONE, "%" PRId64 " s", milliseconds / 1000);
}

void
render_zone_history(const struct render *render, const struct json_value *result)
{
    char words[RENDER_PHRASE_MAX];
    const struct json_value *versions = json_value_get(result, "versions");
    struct text_table *table = text_table_new(render->coloured);
    static const char *const heads[] = {
        "WHEN", "SERIAL unsigned -> signed", "CHANGE", "CAUSE", "SIGNATURES", "TOOK", "WHY"};
    text_table_row(table);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        text_table_cell(table, COLOUR_BOLD, "%s", heads[i]);
    for (size_t i = 0; i < json_value_count(versions); i++) {
        const struct json_value *version = json_value_at(versions, i);
        int64_t made = json_value_get_integer(version, "signatures_new", -1);
        text_table_row(table);
        text_table_cell(table, COLOUR_NONE, "%s", json_value_get_text(version, "at", "-"));
        text_table_cell(table, COLOUR_NONE, "%s",
                        render_serial(json_value_get(version, "serial"), words));
        text_table_cell(table, COLOUR_NONE, "%s", render_change(version, words));
        text_table_cell(table, COLOUR_NONE, "%s", json_value_get_text(version, "cause", "-"));
        if (made >= 0)
            text_table_cell(table, COLOUR_NONE, "%" PRId64 " new, %" PRId64 " kept", made,
                            json_value_get_integer(version, "signatures_kept", 0));
        else
            text_table_cell(table, COLOUR_NONE, "-");
        took_cell(table, json_value_get_integer(version, "duration_milliseconds", -1));
        text_table_cell(table, COLOUR_NONE, "%s", json_value_get_text(version, "why", ""));
    }
    text_table_write(table, render->text);
    text_table_free(&table);
}

static void
record_line(const struct render *render, enum text_colour colour, const char *front,
            const struct json_value *record)
{
    char owner[RENDER_PHRASE_MAX];
    struct octets_buffer line;
    octets_buffer_init(&line);
    octets_buffer_printf(
        &line, "%s%s %" PRId64 " %s ", front, render_text(record, "owner", "?", owner),
        json_value_get_integer(record, "ttl_seconds", 0), json_value_get_text(record, "type", "?"));
    octets_buffer_printf(&line, "%s", json_value_get_text(record, "data", ""));
    octets_buffer_add_u8(&line, 0);
    for (char *at = (char *)line.data; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = '?';
    text_coloured(render->text, render->coloured, colour, (const char *)line.data);
    octets_buffer_add_u8(render->text, '\n');
    octets_buffer_close(&line);
}

static void
left_out_line(const struct render *render, const struct json_value *result, const char *how)
{
    int64_t left_out = json_value_get_integer(result, "left_out", 0);
    if (left_out > 0)
        render_line(render, "; %" PRId64 " more are not shown (%s)", left_out, how);
}

void
render_zone_show(const struct render *render, const struct json_value *result)
{
    char serial[RENDER_PHRASE_MAX];
    const struct json_value *records = json_value_get(result, "records");
    render_line(render, "; %s  %s", json_value_get_text(result, "zone", "?"),
                render_serial(json_value_get(result, "serial"), serial));
    for (size_t i = 0; i < json_value_count(records); i++)
        record_line(render, COLOUR_NONE, "", json_value_at(records, i));
    if (json_value_count(records) == 0)
        render_line(render, "; no such records");
    left_out_line(render, result, "zone export has all");
    if (json_value_count(json_value_get(result, "aliases")) > 0)
        render_aliases(render, json_value_get(result, "aliases"));
}

void
render_zone_diff(const struct render *render, const struct json_value *result)
{
    char from[RENDER_PHRASE_MAX], change[RENDER_PHRASE_MAX];
    const struct json_value *changes = json_value_get(result, "changes");
    const char *digest = json_value_get_text(result, "digest", NULL);
    bool held = json_value_get_boolean(result, "held", false);
    render_serial(json_value_get(result, "from"), from);
    if (held)
        render_line(render, "; %s  %s, held unsigned %" PRId64 " (%s)",
                    json_value_get_text(result, "zone", "?"), from,
                    json_value_get_integer(result, "to/unsigned", 0),
                    render_change(result, change));
    else if (json_value_count(changes) == 0)
        render_line(render, "; %s  %s, nothing is held; no change of content is known",
                    json_value_get_text(result, "zone", "?"),
                    render_serial(json_value_get(result, "to"), from));
    else
        render_line(render, "; %s  %s, nothing is held; the last change of content (%s):",
                    json_value_get_text(result, "zone", "?"), from, render_change(result, change));
    if (held)
        render_line(render, "; the gate holds it: %s", json_value_get_text(result, "reason", ""));
    for (size_t i = 0; i < json_value_count(changes); i++) {
        const struct json_value *record = json_value_at(changes, i);
        char front[3] = {json_value_get_text(record, "op", " ")[0], ' ', '\0'};
        record_line(render,
                    front[0] == '+'   ? COLOUR_GREEN
                    : front[0] == '-' ? COLOUR_RED
                                      : COLOUR_NONE,
                    front, record);
    }
    left_out_line(render, result,
                  held ? "--all shows them" : "they are not kept; zone history has the counts");
    if (held && digest)
        render_line(render, "-> publish it: \"tandemctl %s%s%szone accept %s %s\"",
                    render->socket ? "-s " : "", render->socket ? render->socket : "",
                    render->socket ? " " : "", json_value_get_text(result, "zone", "?"), digest);
}

// What was looked at, where the daemon says so.
static void
verify_scope_line(const struct render *render, const struct json_value *result)
{
    const char *denial = json_value_get_text(result, "denial", NULL);
    if (!denial)
        return;
    render_line(render, "  %" PRId64 " records in %" PRId64 " RRsets; a chain of %" PRId64 " %s%s",
                json_value_get_integer(result, "records", 0),
                json_value_get_integer(result, "rrsets", 0),
                json_value_get_integer(result, "chain", 0),
                strcmp(denial, "nsec3") == 0  ? "NSEC3"
                : strcmp(denial, "nsec") == 0 ? "NSEC"
                                              : "owners",
                json_value_get_boolean(result, "zonemd", false) ? "; ZONEMD digested" : "");
}

void
render_zone_verify(const struct render *render, const struct json_value *result)
{
    char first[RENDER_PHRASE_MAX];
    const struct json_value *problems = json_value_get(result, "problems");
    render_line(render, "%s: %s, %" PRId64 " signatures, %" PRId64 " names, first ends %s",
                json_value_get_text(result, "zone", "?"),
                json_value_get_boolean(result, "verified", false) ? "verified" : "NOT verified",
                json_value_get_integer(result, "signatures", 0),
                json_value_get_integer(result, "names", 0),
                render_moment(render, result, "first_expiry_at", first));
    verify_scope_line(render, result);
    for (size_t i = 0; i < json_value_count(problems); i++)
        render_line(render, "  %s", json_value_as_text(json_value_at(problems, i), ""));
    left_out_line(render, result, "mend these and verify again");
}

// Chunks went out as they came; a short text may also come with the result.
void
render_zone_export(const struct render *render, const struct json_value *result)
{
    const char *text = json_value_get_text(result, "text", "");
    octets_buffer_add(render->text, text, strlen(text));
}
