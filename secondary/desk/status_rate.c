#include "secondary/desk/status_rate.h"

#include <stdio.h>

static void
prefixes_read(const struct known *known, int64_t now, struct vector *list)
{
    vector_init(list, sizeof(struct rate_prefix));
    if (known->rate_table != NULL) {
        rate_prefixes_read(&known->rate_table->prefixes, known->rate_key, now, list);
    }
}

static size_t
active_count(const struct vector *list)
{
    size_t count = 0; // they come first
    while (count < list->count && ((const struct rate_prefix *)vector_at(list, count))->active) {
        count++;
    }
    return count;
}

static void
prefix_put(struct json_value *prefixes, const struct rate_prefix *prefix)
{
    char text[ADDRESS_PREFIX_TEXT_MAX];
    struct json_value *object = json_value_add_object(prefixes);
    json_value_put_text(object, "prefix", address_prefix_to_text(&prefix->prefix, text));
    json_value_put_boolean(object, "active", prefix->active);
    json_value_put_integer(object, "limited", prefix->dropped + prefix->truncated);
    json_value_put_integer(object, "dropped", prefix->dropped);
    json_value_put_integer(object, "truncated", prefix->truncated);
    struct json_value *kinds = json_value_put_array(object, "kinds");
    for (unsigned kind = 0; kind < RATE_KINDS; kind++) {
        if ((prefix->kinds & 1U << kind) != 0) {
            json_value_add_text(kinds, rate_kind_word((enum rate_kind)kind));
        }
    }
    json_value_put_time(object, "since", prefix->since);
    json_value_put_time(object, "last_at", prefix->last);
}

static void
limit_put(const struct known *known, struct json_value *object)
{
    const struct rate_limit_settings *limit = &known->settings->settings.rate_limit;
    struct counters sum;
    known_sum(known, &sum);
    json_value_put_boolean(object, "on", limit->per_second > 0);
    json_value_put_integer(object, "per_second", limit->per_second);
    json_value_put_integer(object, "slip", limit->slip);
    struct json_value *bits = json_value_put_object(object, "prefix_bits");
    json_value_put_integer(bits, "ipv4", limit->prefix_v4);
    json_value_put_integer(bits, "ipv6", limit->prefix_v6);
    json_value_put_integer(object, "limited_total",
                           sum.limited < INT64_MAX ? (int64_t)sum.limited : INT64_MAX);
}

struct json_value *
status_rate_list(const struct known *known, bool all, int64_t now)
{
    struct json_value *object = json_value_object();
    struct vector list;
    prefixes_read(known, now, &list);
    size_t shown = all || list.count < STATUS_RATE_PREFIXES ? list.count : STATUS_RATE_PREFIXES;
    limit_put(known, object);
    json_value_put_integer(object, "active", (int64_t)active_count(&list));
    struct json_value *prefixes = json_value_put_array(object, "prefixes");
    for (size_t i = 0; i < shown; i++) {
        prefix_put(prefixes, vector_at(&list, i));
    }
    json_value_put_integer(object, "left_out", (int64_t)(list.count - shown));
    vector_close(&list);
    return object;
}

void
status_rate_hint(const struct known *known, const char *tool, int64_t now, struct json_value *hints)
{
    struct vector list;
    prefixes_read(known, now, &list);
    size_t count = active_count(&list);
    if (count > 0) {
        const struct rate_prefix *first = vector_at(&list, 0);
        char text[ADDRESS_PREFIX_TEXT_MAX];
        struct json_value *hint = json_value_add_object(hints);
        json_value_printf(hint, "text",
                          "answers are limited: %zu client prefix%s, most of all %s; see", count,
                          count == 1 ? "" : "es", address_prefix_to_text(&first->prefix, text));
        json_value_put_null(hint, "zone");
        struct json_value *commands = json_value_put_array(hint, "commands");
        char command[600];
        snprintf(command, sizeof command, "%s rate-limit list", tool);
        json_value_add_text(commands, command);
    }
    vector_close(&list);
}
