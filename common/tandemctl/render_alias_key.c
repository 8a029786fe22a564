#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/quantity.h"
#include "common/tandemctl/render_words.h"

void
render_alias_list(const struct render *render, const struct json_value *result)
{
    int64_t left_out = json_value_get_integer(result, "left_out", 0);
    render_aliases(render, json_value_get(result, "aliases"));
    if (left_out > 0)
        render_line(render, "and %" PRId64 " more; name a zone to see less of them", left_out);
}

static void
type_line(const struct render *render, const char *type, const struct json_value *look_up)
{
    char asked[RENDER_PHRASE_MAX], changed[RENDER_PHRASE_MAX];
    const char *error = json_value_get_text(look_up, "error", NULL);
    if (json_value_count(look_up) == 0)
        return;
    render_line(render, "  %-4s  %s, %" PRId64 " addresses, %s from %s, asked %s, changed %s%s%s",
                type, json_value_get_text(look_up, "state", "-"),
                json_value_get_integer(look_up, "count", 0),
                json_value_get_text(look_up, "rcode", "no answer"),
                json_value_get_text(look_up, "resolver", "-"),
                render_moment(render, look_up, "asked_at", asked),
                render_moment(render, look_up, "changed_at", changed), error ? ": " : "",
                error ? error : "");
}

static void
alias_lines(const struct render *render, const struct json_value *alias)
{
    char since[RENDER_PHRASE_MAX], until[RENDER_PHRASE_MAX], settle[QUANTITY_TEXT_MAX];
    const struct json_value *addresses = json_value_get(alias, "addresses");
    const char *reason = json_value_get_text(alias, "reason", NULL);
    render_line(render, "%s -> %s  %s%s%s", json_value_get_text(alias, "owner", "?"),
                json_value_get_text(alias, "target", "?"), json_value_get_text(alias, "state", "-"),
                reason ? ": " : "", reason ? reason : "");
    render_line(
        render,
        "  since %s%s%s, TTL %" PRId64 ", %s, %" PRId64 " hops, %" PRId64 " flaps, settle %s",
        render_moment(render, alias, "since", since),
        json_value_get_time(alias, "until", 0) ? ", hold ends " : "",
        json_value_get_time(alias, "until", 0) ? render_moment(render, alias, "until", until) : "",
        json_value_get_integer(alias, "ttl_seconds", 0),
        json_value_get_boolean(alias, "local", false) ? "from a zone held here"
                                                      : "from the resolver",
        json_value_get_integer(alias, "hops", 0), json_value_get_integer(alias, "flaps", 0),
        quantity_duration_text(json_value_get_integer(alias, "settle_seconds", 0), settle));
    type_line(render, "A", json_value_get(alias, "a"));
    type_line(render, "AAAA", json_value_get(alias, "aaaa"));
    for (size_t i = 0; i < json_value_count(addresses); i++)
        render_line(render, "  %s", json_value_as_text(json_value_at(addresses, i), "?"));
}

void
render_alias_show(const struct render *render, const struct json_value *result)
{
    const struct json_value *owners = json_value_get(result, "owners");
    const struct json_value *aliases = json_value_get(result, "aliases");
    if (json_value_get(result, "alias"))
        alias_lines(render, json_value_get(result, "alias"));
    for (size_t i = 0; i < json_value_count(aliases); i++)
        alias_lines(render, json_value_at(aliases, i));
    for (size_t i = 0; i < json_value_count(owners); i++)
        render_line(render, "same target: %s", json_value_as_text(json_value_at(owners, i), "?"));
}

static void
addresses_add(struct octets_buffer *line, char sign, const struct json_value *addresses)
{
    for (size_t i = 0; i < json_value_count(addresses); i++)
        octets_buffer_printf(line, " %c%s", sign,
                             json_value_as_text(json_value_at(addresses, i), "?"));
}

void
render_alias_history(const struct render *render, const struct json_value *result)
{
    const struct json_value *events = json_value_get(result, "events");
    for (size_t i = 0; i < json_value_count(events); i++) {
        const struct json_value *event = json_value_at(events, i);
        struct octets_buffer line;
        octets_buffer_init(&line);
        addresses_add(&line, '+', json_value_get(event, "added"));
        addresses_add(&line, '-', json_value_get(event, "removed"));
        octets_buffer_add_u8(&line, 0);
        const char *text = json_value_get_text(event, "text", NULL);
        render_line(render, "%s  %-4s %s%s%s%s", json_value_get_text(event, "at", "-"),
                    json_value_get_text(event, "type", "-"),
                    json_value_get_text(event, "what", "-"), (const char *)line.data,
                    text ? ": " : "", text ? text : "");
        octets_buffer_close(&line);
    }
}

void
render_key_list(const struct render *render, const struct json_value *result)
{
    render_keys(render, json_value_get(result, "keys"));
    render_hints(render, json_value_get(result, "hints"));
}

static void
text_lines(const struct render *render, const struct json_value *list)
{
    for (size_t i = 0; i < json_value_count(list); i++)
        render_line(render, "%s", json_value_get_text(json_value_at(list, i), "text", ""));
}

void
render_key_ds(const struct render *render, const struct json_value *result)
{
    text_lines(render, json_value_get(result, "ds"));
}

void
render_key_dnskey(const struct render *render, const struct json_value *result)
{
    text_lines(render, json_value_get(result, "dnskey"));
}

void
render_key_timeline(const struct render *render, const struct json_value *result)
{
    const struct json_value *steps = json_value_get(result, "steps");
    for (size_t i = 0; i < json_value_count(steps); i++) {
        const struct json_value *step = json_value_at(steps, i);
        const char *text = json_value_get_text(step, "text", NULL);
        render_line(render, "%s  %5" PRId64 " %-4s %s%s%s", json_value_get_text(step, "at", "-"),
                    json_value_get_integer(step, "tag", 0), json_value_get_text(step, "role", "-"),
                    json_value_get_text(step, "what", "-"), text ? ": " : "", text ? text : "");
    }
}

// Only with --stdout; otherwise the files are written (key_files.h).
void
render_key_export(const struct render *render, const struct json_value *result)
{
    const struct json_value *files = json_value_get(result, "files");
    for (size_t i = 0; i < json_value_count(files); i++) {
        const struct json_value *file = json_value_at(files, i);
        render_line(render, "; %s", json_value_get_text(file, "name", "?"));
        octets_buffer_printf(render->text, "%s", json_value_get_text(file, "text", ""));
    }
}
