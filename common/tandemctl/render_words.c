#include "common/tandemctl/render_words.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_OCTETS 4096
#define ADDRESSES_SHOWN 4

static void
make_harmless(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

const char *
render_moment(const struct render *render, const struct json_value *object, const char *path,
              char text[static RENDER_PHRASE_MAX])
{
    char about[QUANTITY_TEXT_MAX];
    int64_t at = json_value_get_time(object, path, 0);
    if (at == 0)
        return strcpy(text, "-");
    bool ahead = at > render->now;
    quantity_about_text(ahead ? at - render->now : render->now - at, about);
    snprintf(text, RENDER_PHRASE_MAX, "%s%s%s", ahead ? "in " : "", about, ahead ? "" : " ago");
    return text;
}

static void
number_text(const struct json_value *object, const char *path, char text[static 24])
{
    int64_t number = json_value_get_integer(object, path, -1);
    if (number < 0)
        strcpy(text, "-");
    else
        snprintf(text, 24, "%" PRId64, number);
}

const char *
render_serial(const struct json_value *serial, char text[static RENDER_PHRASE_MAX])
{
    char source[24], before[24], after[24];
    number_text(serial, "source", source);
    number_text(serial, "unsigned", before);
    number_text(serial, "signed", after);
    if (json_value_get_integer(serial, "source", -1) >= 0)
        snprintf(text, RENDER_PHRASE_MAX, "file %s -> unsigned %s", source, before);
    else
        snprintf(text, RENDER_PHRASE_MAX, "%s -> %s", before, after);
    return text;
}

const char *
render_change(const struct json_value *object, char text[static RENDER_PHRASE_MAX])
{
    int64_t added = json_value_get_integer(object, "added", -1);
    int64_t removed = json_value_get_integer(object, "removed", -1);
    text[0] = '\0';
    if (added >= 0 && removed >= 0)
        snprintf(text, RENDER_PHRASE_MAX, "+%" PRId64 " -%" PRId64, added, removed);
    return text;
}

const char *
render_text(const struct json_value *object, const char *path, const char *otherwise,
            char text[static RENDER_PHRASE_MAX])
{
    snprintf(text, RENDER_PHRASE_MAX, "%s", json_value_get_text(object, path, otherwise));
    make_harmless(text);
    return text;
}

void
render_line(const struct render *render, const char *format, ...)
{
    char line[LINE_MAX_OCTETS];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    make_harmless(line);
    octets_buffer_printf(render->text, "%s\n", line);
}

// ---- zones
// -------------------------------------------------------------------------------------------------------

static void
zone_change_cell(const struct render *render, struct text_table *table,
                 const struct json_value *zone)
{
    char moment[RENDER_PHRASE_MAX], change[RENDER_PHRASE_MAX];
    render_moment(render, zone, "last_change/at", moment);
    render_change(json_value_get(zone, "last_change"), change);
    if (change[0])
        text_table_cell(table, COLOUR_NONE, "%s (%s)", moment, change);
    else
        text_table_cell(table, COLOUR_NONE, "%s", moment);
}

static void
zone_signature_cell(const struct render *render, struct text_table *table,
                    const struct json_value *zone)
{
    char moment[RENDER_PHRASE_MAX];
    int64_t at = json_value_get_time(zone, "signatures/first_expiry_at", 0);
    render_moment(render, zone, "signatures/first_expiry_at", moment);
    if (at == 0)
        text_table_cell(table, COLOUR_NONE, "-");
    else
        text_table_cell(table, at > render->now ? COLOUR_NONE : COLOUR_RED, "first %s %s",
                        at > render->now ? "ends" : "ended", moment);
}

// What was due a moment ago has begun or is about to.
static const char *
due(const struct render *render, const struct json_value *zone, char text[static RENDER_PHRASE_MAX])
{
    int64_t at = json_value_get_time(zone, "next/at", 0);
    return at != 0 && at <= render->now ? "now" : render_moment(render, zone, "next/at", text);
}

// Polls that fail are shown before the zone is stale: its primary may answer well for other zones.
static void
next_cell_plain(struct text_table *table, const struct json_value *zone, const char *what,
                const char *when)
{
    int64_t failures = json_value_get_integer(zone, "refresh/failures", 0);
    if (failures > 0)
        text_table_cell(table, COLOUR_YELLOW, "%s %s, %" PRId64 " failed", what, when, failures);
    else
        text_table_cell(table, COLOUR_NONE, "%s %s", what, when);
}

static void
zone_next_cell(const struct render *render, struct text_table *table, const struct json_value *zone)
{
    char moment[RENDER_PHRASE_MAX];
    const char *state = json_value_get_text(zone, "state", "");
    const char *reason = json_value_get_text(zone, "reason", NULL);
    const char *held = json_value_get_text(zone, "gate/text", reason);
    const char *what = json_value_get_text(zone, "next/what", NULL);
    if (strcmp(state, "held") == 0 && held)
        text_table_cell(table, COLOUR_NONE, "gate: %s", held);
    else if (what && strcmp(what, "sign") == 0)
        text_table_cell(table, COLOUR_NONE, "%s", json_value_get_text(zone, "next/text", what));
    else if (strcmp(state, "ok") != 0 && reason)
        text_table_cell(table, COLOUR_NONE, "%s", reason);
    else if (what)
        next_cell_plain(table, zone, what, due(render, zone, moment));
    else
        text_table_cell(table, COLOUR_NONE, "-");
}

static void
heading(struct text_table *table, const char *const *words, size_t count)
{
    text_table_row(table);
    for (size_t i = 0; i < count; i++)
        text_table_cell(table, COLOUR_BOLD, "%s", words[i]);
}
#define HEADING(table, ...)                                                                        \
    heading(table, (const char *const[]){__VA_ARGS__},                                             \
            sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void
table_end(const struct render *render, struct text_table **table)
{
    text_table_write(*table, render->text);
    text_table_free(table);
}

void
render_zones(const struct render *render, const struct json_value *zones)
{
    char serial[RENDER_PHRASE_MAX];
    struct text_table *table = text_table_new(render->coloured);
    HEADING(table, "ZONE", "STATE", "SERIAL unsigned -> signed", "LAST CHANGE", "SIGNATURES",
            "NEXT");
    for (size_t i = 0; i < json_value_count(zones); i++) {
        const struct json_value *zone = json_value_at(zones, i);
        const char *state = json_value_get_text(zone, "state", "-");
        text_table_row(table);
        text_table_cell(table, COLOUR_NONE, "%s", json_value_get_text(zone, "zone", "-"));
        text_table_cell(table, text_colour_of(state), "%s", state);
        text_table_cell(table, COLOUR_NONE, "%s",
                        render_serial(json_value_get(zone, "serial"), serial));
        zone_change_cell(render, table, zone);
        zone_signature_cell(render, table, zone);
        zone_next_cell(render, table, zone);
    }
    table_end(render, &table);
}

// ---- keys and aliases
// --------------------------------------------------------------------------------------------

void
render_keys(const struct render *render, const struct json_value *keys)
{
    char moment[RENDER_PHRASE_MAX];
    struct text_table *table = text_table_new(render->coloured);
    HEADING(table, "TAG", "ROLE", "ALGORITHM", "STATE", "ACTIVE SINCE", "STORAGE", "ORIGIN",
            "NEXT");
    for (size_t i = 0; i < json_value_count(keys); i++) {
        const struct json_value *key = json_value_at(keys, i);
        const char *state = json_value_get_text(key, "state", "-");
        text_table_row(table);
        text_table_cell(table, COLOUR_NONE, "%" PRId64, json_value_get_integer(key, "tag", 0));
        text_table_cell(table, COLOUR_NONE, "%s", json_value_get_text(key, "role", "-"));
        if (json_value_get(key, "algorithm") != NULL)
            text_table_cell(table, COLOUR_NONE, "%s", json_value_get_text(key, "algorithm", "-"));
        else
            text_table_cell(table, COLOUR_NONE, "%" PRId64,
                            json_value_get_integer(key, "algorithm_number", 0));
        text_table_cell(table, text_colour_of(state), "%s", state);
        text_table_cell(table, COLOUR_NONE, "%s",
                        render_moment(render, key, "activated_at", moment));
        text_table_cell(table, COLOUR_NONE, "%s", json_value_get_text(key, "storage", "-"));
        text_table_cell(table, COLOUR_NONE, "%s", json_value_get_text(key, "origin", "-"));
        text_table_cell(table, COLOUR_NONE, "%s", json_value_get_text(key, "next/what", "-"));
    }
    table_end(render, &table);
}

static void
addresses_cell(struct text_table *table, const struct json_value *addresses)
{
    char text[RENDER_PHRASE_MAX] = "";
    size_t count = json_value_count(addresses), used = 0;
    for (size_t i = 0; i < count && i < ADDRESSES_SHOWN; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%.60s", i ? " " : "",
                                 json_value_as_text(json_value_at(addresses, i), "?"));
    if (count > ADDRESSES_SHOWN)
        snprintf(text + used, sizeof text - used, " and %zu more", count - ADDRESSES_SHOWN);
    text_table_cell(table, COLOUR_NONE, "%s", count ? text : "-");
}

void
render_aliases(const struct render *render, const struct json_value *aliases)
{
    char moment[RENDER_PHRASE_MAX];
    struct text_table *table = text_table_new(render->coloured);
    HEADING(table, "OWNER", "STATE", "TARGET", "ADDRESSES", "SINCE", "FLAPS", "NEXT", "REASON");
    for (size_t i = 0; i < json_value_count(aliases); i++) {
        const struct json_value *alias = json_value_at(aliases, i);
        const char *state = json_value_get_text(alias, "state", "-");
        text_table_row(table);
        text_table_cell(table, COLOUR_NONE, "%s", json_value_get_text(alias, "owner", "-"));
        text_table_cell(table, text_colour_of(state), "%s", state);
        text_table_cell(table, COLOUR_NONE, "%s", json_value_get_text(alias, "target", "-"));
        addresses_cell(table, json_value_get(alias, "addresses"));
        text_table_cell(table, COLOUR_NONE, "%s", render_moment(render, alias, "since", moment));
        text_table_cell(table, COLOUR_NONE, "%" PRId64, json_value_get_integer(alias, "flaps", 0));
        text_table_cell(table, COLOUR_NONE, "%s", render_moment(render, alias, "next_at", moment));
        text_table_cell(table, COLOUR_NONE, "%s", json_value_get_text(alias, "reason", ""));
    }
    table_end(render, &table);
}

// ---- hints
// -------------------------------------------------------------------------------------------------------

// A hint is a command that works here: with the same -s that led here, unless the daemon wrote one.
static void
command_add(const struct render *render, const char *command, char *line, size_t size)
{
    static const char program[] = "tandemctl ";
    size_t used = strlen(line);
    bool ours = strncmp(command, program, sizeof program - 1) == 0;
    const char *words = ours ? command + sizeof program - 1 : command;
    if (render->socket && ours && strncmp(words, "-s ", 3) != 0)
        snprintf(line + used, size - used, "\"%s-s %s %s\"", program, render->socket, words);
    else
        snprintf(line + used, size - used, "\"%s\"", command);
}

void
render_hints(const struct render *render, const struct json_value *hints)
{
    for (size_t i = 0; i < json_value_count(hints); i++) {
        char line[LINE_MAX_OCTETS];
        const struct json_value *hint = json_value_at(hints, i);
        const struct json_value *commands = json_value_get(hint, "commands");
        const char *zone = json_value_get_text(hint, "zone", NULL);
        snprintf(line, sizeof line, "-> %s%s%s ", zone ? zone : "", zone ? ": " : "",
                 json_value_get_text(hint, "text", "see"));
        for (size_t j = 0; j < json_value_count(commands); j++) {
            size_t used = strlen(line);
            snprintf(line + used, sizeof line - used, "%s", j ? ", then " : "");
            command_add(render, json_value_as_text(json_value_at(commands, j), ""), line,
                        sizeof line);
        }
        render_line(render, "%s", line);
    }
}
