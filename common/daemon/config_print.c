#include "common/daemon/config_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/fault.h"
#include "common/base/quantity.h"
#include "common/daemon/config_value.h"
#include "common/daemon/json_value.h"

#define NAME_MAX_OCTETS 128

// ---- effective settings as YAML
// ------------------------------------------------------------------------

// Double quotes always: what is in them is text and nothing else, whatever it looks like.
static void
quoted_add(struct octets_buffer *text, const char *value)
{
    octets_buffer_add_u8(text, '"');
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            octets_buffer_add_u8(text, '\\');
        octets_buffer_add_u8(text, (uint8_t)*value);
    }
    octets_buffer_add_u8(text, '"');
}

static void
number_add(struct octets_buffer *text, const struct config_value *value)
{
    char number[QUANTITY_TEXT_MAX];
    if (value->row->type == CONFIG_BOOLEAN)
        octets_buffer_printf(text, "%s", value->integer ? "yes" : "no");
    else if (value->row->type == CONFIG_DURATION)
        octets_buffer_printf(text, "%s", quantity_duration_text(value->integer, number));
    else if (value->row->type == CONFIG_SIZE)
        octets_buffer_printf(text, "%s", quantity_size_text((uint64_t)value->integer, number));
    else
        octets_buffer_printf(text, "%" PRId64 "%s", value->integer,
                             value->row->type == CONFIG_PERCENT ? "%" : "");
}

static void
scalar_add(struct octets_buffer *text, const struct config_value *value)
{
    char shown[ADDRESS_PREFIX_TEXT_MAX];
    enum config_type type = value->row->type;
    if (value->word >= 0)
        octets_buffer_printf(text, "%s", value->text);
    else if (type == CONFIG_SECRET)
        quoted_add(text, "***");
    else if (type >= CONFIG_BOOLEAN && type <= CONFIG_PERCENT)
        number_add(text, value);
    else if (type == CONFIG_ADDRESS && address_is_set(&value->address))
        quoted_add(text, address_to_text(&value->address, shown));
    else
        quoted_add(text, value->text);
}

static void
value_add(struct octets_buffer *text, const struct config_value *value)
{
    if (!(value->row->flags & CONFIG_LIST)) {
        scalar_add(text, value);
        return;
    }
    octets_buffer_add(text, "[", 1);
    for (size_t i = 0; i < value->item_count; i++) {
        if (i > 0)
            octets_buffer_add(text, ", ", 2);
        scalar_add(text, &value->items[i]);
    }
    octets_buffer_add(text, "]", 1);
}

// Steps of a row below its scope: "alias.refresh" is one deep.
static unsigned
depth_of(const char *name)
{
    unsigned depth = 0;
    for (; *name; name++)
        depth += *name == '.';
    return depth;
}

static const char *
last_part(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

static bool
is_below(const struct config_scope *scope, size_t above, size_t index)
{
    size_t length = strlen(scope->names[above]);
    return strncmp(scope->names[above], scope->names[index], length) == 0 &&
           scope->names[index][length] == '.';
}

// Of a row that takes a map instead of a scalar: the map says something, so it is shown.
static bool
is_map(const struct config_scope *scope, size_t index)
{
    for (size_t i = index + 1; scope->rows[index]->flags & CONFIG_OR_MAP && i < scope->row_count;
         i++)
        if (is_below(scope, index, i) && scope->values[i]->is_set)
            return true;
    return false;
}

// A map that may stand instead of a scalar is shown as the scalar where its keys have their
// defaults.
static bool
is_below_scalar(const struct config_scope *scope, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if ((scope->rows[i]->flags & CONFIG_OR_MAP) && is_below(scope, i, index))
            return !is_map(scope, i);
    return false;
}

static bool
is_shown(const struct config_scope *scope, size_t index)
{
    const struct config_value *value = scope->values[index];
    bool is_template = scope->list && (scope->list->flags & CONFIG_IN_TEMPLATE);
    if (scope->rows[index]->type == CONFIG_MAPS || is_below_scalar(scope, index))
        return false;
    if (scope->rows[index]->type != CONFIG_MAP)
        return is_template ? value->is_set : value->is_given;
    for (size_t i = index + 1; i < scope->row_count; i++)
        if (is_below(scope, index, i) && is_shown(scope, i))
            return true;
    return false;
}

static void
scope_add(struct octets_buffer *text, const struct config_scope *scope)
{
    bool first = scope->list != NULL;
    for (size_t i = 0; i < scope->row_count; i++) {
        unsigned indent = depth_of(scope->names[i]) * 2 + (scope->list ? 4 : 0);
        if (!is_shown(scope, i))
            continue;
        if (first)
            octets_buffer_printf(text, "  - %s:", last_part(scope->names[i]));
        else
            octets_buffer_printf(text, "%*s%s:", (int)indent, "", last_part(scope->names[i]));
        first = false;
        if (scope->rows[i]->type != CONFIG_MAP && !is_map(scope, i)) {
            octets_buffer_add(text, " ", 1);
            value_add(text, scope->values[i]);
        }
        octets_buffer_add(text, "\n", 1);
    }
}

void
config_print(const struct config *config, struct octets_buffer *ret_text)
{
    const struct config_table *table = config_table_of(config);
    octets_buffer_printf(ret_text, "# %s, effective settings of %s\n", table->title,
                         config_file(config));
    scope_add(ret_text, config_root(config));
    for (size_t i = 0; i < table->row_count; i++) {
        const struct config_row *row = &table->rows[i];
        size_t count = row->type == CONFIG_MAPS ? config_count(config, row->path) : 0;
        if (count > 0)
            octets_buffer_printf(ret_text, "%s:\n", row->path);
        for (size_t j = 0; j < count; j++)
            scope_add(ret_text, config_item(config, row->path, j));
    }
}

// ---- JSON schema
// -----------------------------------------------------------------------------------------

static const char *
schema_pattern(enum config_type type)
{
    switch ((int)type) {
    case CONFIG_DURATION:
        return "^([0-9]+|([0-9]+[smhdw])+)$";
    case CONFIG_SIZE:
        return "^([0-9]+|([0-9]+(B|KiB|KB|k|K|MiB|MB|M|GiB|GB|G))+)$";
    case CONFIG_PERCENT:
        return "^[0-9]{1,3}%$";
    case CONFIG_ID:
        return "^[A-Za-z0-9._-]{1,64}$";
    case CONFIG_SECRET:
        return "^[A-Za-z0-9+/= ]+$";
    case CONFIG_MAILBOX:
        return "^[^@ ]+@[A-Za-z0-9.-]+$";
    default:
        return NULL;
    }
}

static bool
takes_numbers(enum config_type type)
{
    return type == CONFIG_DURATION || type == CONFIG_SIZE || type == CONFIG_PERCENT;
}

static void
enumeration_add(struct json_value *schema, const char *words)
{
    struct json_value *list = json_value_put_array(schema, "enum");
    for (const char *at = words; *at;) {
        size_t length = strcspn(at, "|");
        struct json_value *word = json_value_text_of(at, length);
        json_value_add(list, &word);
        at += length + (at[length] == '|');
    }
}

static void
scalar_schema(const struct config_row *row, struct json_value *schema)
{
    const char *pattern = schema_pattern(row->type);
    struct json_value *any = NULL;
    if (row->type == CONFIG_WORD) {
        enumeration_add(schema, row->words);
        return;
    }
    if (row->type == CONFIG_BOOLEAN || row->type == CONFIG_INTEGER) {
        json_value_put_text(schema, "type", row->type == CONFIG_BOOLEAN ? "boolean" : "integer");
        if (row->maximum > row->minimum) {
            json_value_put_integer(schema, "minimum", row->minimum);
            json_value_put_integer(schema, "maximum", row->maximum);
        }
        return;
    }
    any = json_value_put_array(schema, "anyOf");
    if (takes_numbers(row->type))
        json_value_put_text(json_value_add_object(any), "type", "integer");
    if (row->words)
        enumeration_add(json_value_add_object(any), row->words);
    struct json_value *text = json_value_add_object(any);
    json_value_put_text(text, "type", "string");
    if (pattern && !(row->flags & CONFIG_PERMIT_EMPTY))
        json_value_put_text(text, "pattern", pattern);
}

static void
description_add(const struct config_row *row, struct json_value *schema)
{
    json_value_put_text(schema, "description", row->help);
    if (row->fallback && row->type != CONFIG_MAPS)
        json_value_put_text(schema, "default", row->fallback);
}

// The schema of a map of keys with nothing else in it.
static struct json_value *
map_schema(struct json_value *schema)
{
    json_value_put_text(schema, "type", "object");
    json_value_put_boolean(schema, "additionalProperties", false);
    return json_value_put_object(schema, "properties");
}

// Where the keys of the map with this path are collected; made when a row asks first.
struct schema_place {
    const char *path;
    struct json_value *properties;
    struct json_value *schema;
};
struct schema_places {
    struct schema_place items[CONFIG_DEPTH_MAX * 4];
    size_t count;
};

static struct schema_place *
place_above(struct schema_places *places, const char *path)
{
    for (size_t i = places->count; i > 1; i--) {
        size_t length = strlen(places->items[i - 1].path);
        if (strncmp(places->items[i - 1].path, path, length) == 0 && path[length] == '.')
            return &places->items[i - 1];
    }
    return &places->items[0];
}

static void
place_add(struct schema_places *places, const char *path, struct json_value *schema)
{
    ENSURE(places->count < sizeof places->items / sizeof places->items[0]);
    places->items[places->count++] = (struct schema_place){path, map_schema(schema), schema};
}

// A required key that a template may give cannot be demanded of the item.
static bool
may_inherit(const struct config_table *table, const char *list, const struct config_row *row)
{
    for (size_t i = 0; i < table->row_count; i++)
        if ((table->rows[i].flags & CONFIG_IN_TEMPLATE) && strcmp(table->rows[i].refers, list) == 0)
            return !(row->flags & CONFIG_UNIQUE);
    return false;
}

static void
required_add(struct json_value *schema, const char *name)
{
    struct json_value *text = json_value_text(name);
    if (!json_value_get(schema, "required"))
        json_value_put_array(schema, "required");
    struct json_value *list = json_value_copy(json_value_get(schema, "required"));
    json_value_add(list, &text);
    json_value_put(schema, "required", &list);
}

static void
row_schema(struct schema_places *places, const struct config_table *table,
           const struct config_row *row)
{
    struct schema_place *above = place_above(places, row->path);
    const char *name = last_part(row->path);
    struct json_value *schema = json_value_put_object(above->properties, name);
    description_add(row, schema);
    if ((row->flags & CONFIG_REQUIRED) && !(may_inherit(table, above->path, row)))
        required_add(above->schema, name);
    if (row->type == CONFIG_MAP) {
        place_add(places, row->path, schema);
    } else if (row->type == CONFIG_MAPS || row->flags & CONFIG_LIST) {
        struct json_value *list = schema;
        if (row->type != CONFIG_MAPS) { // one value alone is a list of one
            struct json_value *any = json_value_put_array(schema, "anyOf");
            scalar_schema(row, json_value_add_object(any));
            list = json_value_add_object(any);
        }
        json_value_put_text(list, "type", "array");
        struct json_value *item = json_value_put_object(list, "items");
        if (row->type == CONFIG_MAPS)
            place_add(places, row->path, item);
        else
            scalar_schema(row, item);
    } else if (row->flags & CONFIG_OR_MAP) {
        struct json_value *any = json_value_put_array(schema, "anyOf");
        scalar_schema(row, json_value_add_object(any));
        place_add(places, row->path, json_value_add_object(any));
    } else {
        scalar_schema(row, schema);
    }
}

// A template has the keys of its list's items.
static void
template_schema(struct schema_places *places, const struct config_table *table)
{
    for (size_t i = 0; i < places->count; i++) {
        const struct config_row *row = NULL;
        for (size_t j = 0; places->items[i].path[0] && j < table->row_count; j++)
            if (strcmp(table->rows[j].path, places->items[i].path) == 0)
                row = &table->rows[j];
        if (!row || !(row->flags & CONFIG_IN_TEMPLATE))
            continue;
        for (size_t j = 0; j < places->count; j++) {
            if (strcmp(places->items[j].path, row->refers) != 0)
                continue;
            const struct json_value *from = places->items[j].properties;
            for (const char *key = json_value_next_key(from, NULL); key;
                 key = json_value_next_key(from, key)) {
                struct json_value *copy = json_value_copy(json_value_get(from, key));
                if (strcmp(key, "domain") != 0 && strcmp(key, "template") != 0)
                    json_value_put(places->items[i].properties, key, &copy);
                else
                    json_value_free(&copy);
            }
        }
    }
}

void
config_schema(const struct config_table *table, struct octets_buffer *ret_text)
{
    struct json_value *schema = json_value_object();
    struct schema_places places = {.count = 0};
    json_value_put_text(schema, "$schema", "https://json-schema.org/draft/2020-12/schema");
    json_value_put_text(schema, "title", table->title);
    place_add(&places, "", schema);
    for (size_t i = 0; i < table->row_count; i++)
        row_schema(&places, table, &table->rows[i]);
    template_schema(&places, table);
    size_t length;
    char *text = json_value_write(schema, 2, &length);
    octets_buffer_add(ret_text, text, length);
    octets_buffer_add(ret_text, "\n", 1);
    free(text);
    json_value_free(&schema);
}

// ---- man page
// --------------------------------------------------------------------------------------------

// A backslash, and a dot or quote at the start of a line, mean something to roff.
static void
roff_add(struct octets_buffer *text, const char *words)
{
    if (*words == '.' || *words == '\'')
        octets_buffer_printf(text, "\\&");
    for (; *words; words++) {
        if (*words == '\\' || *words == '-')
            octets_buffer_add_u8(text, '\\');
        octets_buffer_add_u8(text, *words == '\\' ? 'e' : (uint8_t)*words);
    }
}

void
config_manual(const struct config_table *table, struct octets_buffer *ret_text)
{
    for (size_t i = 0; i < table->row_count; i++) {
        const struct config_row *row = &table->rows[i];
        char expected[CONFIG_EXPECTED_MAX];
        octets_buffer_printf(ret_text, ".TP\n.B ");
        roff_add(ret_text, row->path);
        octets_buffer_printf(ret_text, "\n");
        roff_add(ret_text, row->help);
        octets_buffer_printf(ret_text, ".\n");
        roff_add(ret_text, row->flags & CONFIG_LIST ? "A list of: " : "Takes ");
        roff_add(ret_text, config_value_expected(row, expected));
        if (row->fallback && *row->fallback) {
            octets_buffer_printf(ret_text, "; default ");
            roff_add(ret_text, row->fallback);
        }
        octets_buffer_printf(ret_text, "%s%s.\n", row->flags & CONFIG_REQUIRED ? "; required" : "",
                             row->flags & CONFIG_RESTART ? "; read at start only" : "");
    }
}
