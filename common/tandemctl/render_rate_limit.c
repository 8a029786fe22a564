#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/tandemctl/render_words.h"

static void
kinds_cell(struct text_table *table, const struct json_value *kinds)
{
    char text[RENDER_PHRASE_MAX] = "";
    for (size_t i = 0; i < json_value_count(kinds); i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%.60s", i ? " " : "",
                 json_value_as_text(json_value_at(kinds, i), "?"));
    }
    text_table_cell(table, COLOUR_NONE, "%s", text[0] ? text : "-");
}

static void
count_cell(struct text_table *table, const struct json_value *prefix, const char *name)
{
    text_table_cell(table, COLOUR_NONE, "%" PRId64, json_value_get_integer(prefix, name, 0));
}

static void
prefixes_table(const struct render *render, const struct json_value *prefixes)
{
    static const char *const words[] = {"PREFIX", "LIMITED", "DROPPED", "TRUNCATED",
                                        "KINDS",  "SINCE",   "LAST"};
    char moment[RENDER_PHRASE_MAX];
    struct text_table *table = text_table_new(render->coloured);
    text_table_row(table);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        text_table_cell(table, COLOUR_BOLD, "%s", words[i]);
    for (size_t i = 0; i < json_value_count(prefixes); i++) {
        const struct json_value *prefix = json_value_at(prefixes, i);
        bool active = json_value_get_boolean(prefix, "active", false);
        text_table_row(table);
        text_table_cell(table, active ? COLOUR_YELLOW : COLOUR_NONE, "%s",
                        json_value_get_text(prefix, "prefix", "-"));
        count_cell(table, prefix, "limited");
        count_cell(table, prefix, "dropped");
        count_cell(table, prefix, "truncated");
        kinds_cell(table, json_value_get(prefix, "kinds"));
        text_table_cell(table, COLOUR_NONE, "%s", render_moment(render, prefix, "since", moment));
        text_table_cell(table, COLOUR_NONE, "%s", render_moment(render, prefix, "last_at", moment));
    }
    text_table_write(table, render->text);
    text_table_free(&table);
}

static void
limit_line(const struct render *render, const struct json_value *result)
{
    int64_t total = json_value_get_integer(result, "limited_total", 0);
    if (!json_value_get_boolean(result, "on", false)) {
        render_line(render,
                    "the limit is off (server.rate-limit.per-second: 0); %" PRId64
                    " answers were limited since the start",
                    total);
        return;
    }
    render_line(render,
                "at most %" PRId64 " answers of a kind each second for a /%" PRId64
                " of IPv4 and a /%" PRId64 " of IPv6, slip %" PRId64 "; %" PRId64
                " limited since the start",
                json_value_get_integer(result, "per_second", 0),
                json_value_get_integer(result, "prefix_bits/ipv4", 0),
                json_value_get_integer(result, "prefix_bits/ipv6", 0),
                json_value_get_integer(result, "slip", 0), total);
}

void
render_rate_limit_list(const struct render *render, const struct json_value *result)
{
    const struct json_value *prefixes = json_value_get(result, "prefixes");
    int64_t left_out = json_value_get_integer(result, "left_out", 0);
    if (json_value_count(prefixes) > 0)
        prefixes_table(render, prefixes);
    if (left_out > 0)
        render_line(render, "and %" PRId64 " more: --all", left_out);
    limit_line(render, result);
}
