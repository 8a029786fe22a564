#include "common/daemon/config_scope.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/fault.h"
#include "common/base/quantity.h"
#include "common/daemon/config_value.h"
#include "common/dns/name.h"

#define PATH_MAX_OCTETS 256
#define SIBLINGS_MAX    64
#define KEY_MAX_OCTETS  48
#define KEYS_TEXT_MAX   1024 // as many keys as the longest map has

// ---- the shape of scopes
// -----------------------------------------------------------------------------

static bool
is_below(const char *path, const char *list)
{
    size_t length = strlen(list);
    return strncmp(path, list, length) == 0 && path[length] == '.';
}

static const struct config_row *
list_above(const struct config_table *table, const struct config_row *row)
{
    for (size_t i = 0; i < table->row_count; i++)
        if (table->rows[i].type == CONFIG_MAPS && is_below(row->path, table->rows[i].path))
            return &table->rows[i];
    return NULL;
}

// A template has the keys of its list but for the ones that make an item what it is.
static bool
belongs(const struct config_row *row, const struct config_row *above, const struct config_row *list)
{
    if (above == list)
        return true;
    if (!list || !(list->flags & CONFIG_IN_TEMPLATE) || !above ||
        strcmp(above->path, list->refers) != 0)
        return false;
    bool names_template = row->refers && strcmp(row->refers, list->path) == 0;
    return !(row->flags & CONFIG_UNIQUE) && !names_template;
}

static void
shape_make(struct config *config, const struct config_row *list, struct config_shape *shape)
{
    const struct config_table *table = config->table;
    shape->rows = arena_alloc(config->arena, table->row_count * sizeof *shape->rows);
    shape->names = arena_alloc(config->arena, table->row_count * sizeof *shape->names);
    shape->count = 0;
    for (size_t i = 0; i < table->row_count; i++) {
        const struct config_row *row = &table->rows[i], *above = list_above(table, row);
        if (!belongs(row, above, list))
            continue;
        shape->rows[shape->count] = row;
        shape->names[shape->count++] = above ? strchr(row->path, '.') + 1 : row->path;
    }
}

static struct config_shape *
shape_of(struct config *config, const struct config_row *list)
{
    size_t index = list ? (size_t)(list - config->table->rows) + 1 : 0;
    struct config_shape *shape = &config->shapes[index];
    if (!shape->rows)
        shape_make(config, list, shape);
    return shape;
}

// ---- values
// ------------------------------------------------------------------------------------------

__attribute__((format(printf, 5, 0))) static void
message_add(const struct config *config, const struct config_value *value,
            struct config_errors *errors, bool warning, const char *format, va_list arguments)
{
    char text[FAULT_TEXT_MAX];
    vsnprintf(text, sizeof text, format, arguments);
    (warning ? config_errors_warn : config_errors_add)(
        errors, config->name, value->line, value->column, "%s: %s", value->row->path, text);
}

void
config_value_error(const struct config *config, const struct config_value *value,
                   struct config_errors *errors, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    message_add(config, value, errors, false, format, arguments);
    va_end(arguments);
}

void
config_value_warn(const struct config *config, const struct config_value *value,
                  struct config_errors *errors, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    message_add(config, value, errors, true, format, arguments);
    va_end(arguments);
}

static struct config_value
value_none(const struct config_row *row)
{
    return (struct config_value){.row = row, .text = "", .word = -1, .reference = SIZE_MAX};
}

static struct config_value *
items_keep(struct config *config, const struct vector *items)
{
    if (items->count == 0)
        return NULL;
    return arena_copy(config->arena, items->items, items->count * sizeof(struct config_value));
}

// The default of a list is written "a, b".
static void
default_list_make(struct config *config, struct config_value *value)
{
    char *copy = arena_text(config->arena, value->row->fallback), *rest = NULL;
    struct vector items;
    vector_init(&items, sizeof(struct config_value));
    for (char *at = strtok_r(copy, ", ", &rest); at; at = strtok_r(NULL, ", ", &rest)) {
        struct config_value item;
        struct fault fault = {.text = ""};
        ENSURE(config_value_read(value->row, at, NULL, config->arena, &item, &fault));
        item.is_given = true;
        vector_add(&items, &item);
    }
    value->item_count = items.count;
    value->items = items_keep(config, &items);
    vector_close(&items);
}

void
config_defaults_make(struct config *config)
{
    const struct config_table *table = config->table;
    config->shapes = arena_zalloc(config->arena, (table->row_count + 1) * sizeof *config->shapes);
    config->defaults = arena_zalloc(config->arena, table->row_count * sizeof *config->defaults);
    for (size_t i = 0; i < table->row_count; i++) {
        struct config_value *value = &config->defaults[i];
        *value = value_none(&table->rows[i]);
        if (!table->rows[i].fallback || table->rows[i].type == CONFIG_MAPS)
            continue;
        if (table->rows[i].flags & CONFIG_LIST)
            default_list_make(config, value);
        else
            ENSURE(config_value_read(&table->rows[i], table->rows[i].fallback, NULL, config->arena,
                                     value, NULL));
        value->is_given = true;
        value->reference = SIZE_MAX;
    }
}

static bool
is_nothing(const struct config_node *node)
{
    return node->kind == CONFIG_NODE_SCALAR && !node->quoted &&
           (!*node->text || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}

static const char *
kind_phrase(const struct config_node *node)
{
    if (is_nothing(node))
        return "nothing";
    return node->kind == CONFIG_NODE_LIST  ? "a list"
           : node->kind == CONFIG_NODE_MAP ? "a map"
                                           : "a single value";
}

static void
kind_error(const struct config *config, const struct config_row *row,
           const struct config_node *node, struct config_errors *errors)
{
    char expected[CONFIG_EXPECTED_MAX];
    config_errors_add(errors, config->name, node->line, node->column, "%s: expected %s%s, got %s",
                      row->path, row->flags & CONFIG_LIST ? "a list, each item " : "",
                      config_value_expected(row, expected), kind_phrase(node));
}

static bool
scalar_take(struct config *config, const struct config_row *row, const struct config_node *node,
            struct config_value *value, struct config_errors *errors)
{
    if (node->kind != CONFIG_NODE_SCALAR ||
        (is_nothing(node) && !(row->flags & CONFIG_PERMIT_EMPTY))) {
        kind_error(config, row, node, errors);
        return false;
    }
    struct fault fault = {.text = ""};
    const char *text = is_nothing(node) ? "" : node->text;
    if (!config_value_read(row, text, config->folder, config->arena, value, &fault)) {
        config_errors_add(errors, config->name, node->line, node->column, "%s: %s", row->path,
                          fault.text);
        return false;
    }
    value->is_set = value->is_given = true;
    value->line = node->line;
    value->column = node->column;
    value->reference = SIZE_MAX;
    return true;
}

static bool
list_take(struct config *config, const struct config_row *row, const struct config_node *node,
          struct config_value *value, struct config_errors *errors)
{
    struct vector items;
    vector_init(&items, sizeof(struct config_value));
    const struct config_node *item = node->kind == CONFIG_NODE_LIST ? node->first : node;
    bool fine = true;
    for (; item && !is_nothing(node); item = item == node ? NULL : item->next) {
        struct config_value one;
        if (scalar_take(config, row, item, &one, errors))
            vector_add(&items, &one);
        else
            fine = false;
    }
    *value = value_none(row);
    value->is_set = value->is_given = true;
    value->line = node->line;
    value->column = node->column;
    value->item_count = items.count;
    value->items = items_keep(config, &items);
    vector_close(&items);
    return fine;
}

// ---- one scope
// -----------------------------------------------------------------------------------------

struct open_map {
    const struct config_node *node;
    const char *prefix; // of its members' names: "" or "alias."
};

struct scope_reading {
    struct config *config;
    struct config_scope *scope;
    struct config_errors *errors;
    struct open_map open[CONFIG_DEPTH_MAX]; // maps that are still to be read
    unsigned open_count;
};

static void
map_open(struct scope_reading *reading, const struct config_node *node, const char *name)
{
    ENSURE(reading->open_count < CONFIG_DEPTH_MAX);
    reading->open[reading->open_count++] =
        (struct open_map){node, arena_printf(reading->config->arena, "%s.", name)};
}

static void
row_take(struct scope_reading *reading, size_t index, const struct config_node *node)
{
    const struct config_row *row = reading->scope->rows[index];
    struct config *config = reading->config;
    struct config_value value = value_none(row);
    bool fine = true;
    if (row->type == CONFIG_MAPS)
        return;
    if (node->kind == CONFIG_NODE_MAP && (row->type == CONFIG_MAP || row->flags & CONFIG_OR_MAP))
        map_open(reading, node, reading->scope->names[index]);
    if (row->type == CONFIG_MAP) {
        if (node->kind != CONFIG_NODE_MAP && !is_nothing(node))
            kind_error(config, row, node, reading->errors);
        return;
    }
    struct config_node yes = {.kind = CONFIG_NODE_SCALAR, .text = "yes"};
    if (node->kind == CONFIG_NODE_MAP && row->flags & CONFIG_OR_MAP) {
        yes.line = node->line;
        yes.column = node->column;
        node = &yes;
    }
    if (row->flags & CONFIG_LIST)
        fine = list_take(config, row, node, &value, reading->errors);
    else
        fine = scalar_take(config, row, node, &value, reading->errors);
    if (fine)
        reading->scope->values[index] = arena_copy(config->arena, &value, sizeof value);
}

// The keys that a map may have, those with maps of their own too; gives how many.
static size_t
sibling_keys(const struct config_scope *scope, const char *prefix,
             char ret_keys[static SIBLINGS_MAX][KEY_MAX_OCTETS])
{
    size_t count = 0, length = strlen(prefix);
    for (size_t i = 0; i < scope->row_count && count < SIBLINGS_MAX; i++) {
        const char *name = scope->names[i];
        if (strncmp(name, prefix, length) != 0)
            continue;
        snprintf(ret_keys[count], KEY_MAX_OCTETS, "%.*s", (int)strcspn(name + length, "."),
                 name + length);
        if (count == 0 || strcmp(ret_keys[count - 1], ret_keys[count]) != 0)
            count++;
    }
    return count;
}

// What might have been meant: the key nearest to an unknown one, or all that there are.
static void
keys_say(const struct config_scope *scope, const char *prefix, const char *key,
         char ret_text[static KEYS_TEXT_MAX])
{
    char keys[SIBLINGS_MAX][KEY_MAX_OCTETS];
    const char *words[SIBLINGS_MAX];
    size_t count = sibling_keys(scope, prefix, keys), used = 0;
    for (size_t i = 0; i < count; i++)
        words[i] = keys[i];
    const char *nearest = quantity_nearest_word(key, words, count);
    ret_text[0] = '\0';
    if (nearest)
        snprintf(ret_text, KEYS_TEXT_MAX, "; the nearest is %s", nearest);
    for (size_t i = 0; !nearest && i < count && used < KEYS_TEXT_MAX; i++)
        used += (size_t)snprintf(ret_text + used, KEYS_TEXT_MAX - used, "%s%s",
                                 i ? ", " : "; there are ", words[i]);
}

static void
unknown_key(struct scope_reading *reading, const struct open_map *map,
            const struct config_node *node)
{
    const char *list = reading->scope->list ? reading->scope->list->path : "";
    char known[KEYS_TEXT_MAX];
    keys_say(reading->scope, map->prefix, node->key, known);
    config_errors_add(reading->errors, reading->config->name, node->key_line, node->key_column,
                      "%s%s%s%.100s: no such key%s", list, *list ? "." : "", map->prefix, node->key,
                      known);
}

static void
member_take(struct scope_reading *reading, const struct open_map *map,
            const struct config_node *node)
{
    char name[PATH_MAX_OCTETS];
    int length = snprintf(name, sizeof name, "%s%s", map->prefix, node->key);
    if (length > 0 && (size_t)length < sizeof name && !strchr(node->key, '.'))
        for (size_t i = 0; i < reading->scope->row_count; i++)
            if (strcmp(reading->scope->names[i], name) == 0) {
                row_take(reading, i, node);
                return;
            }
    unknown_key(reading, map, node);
}

static const char *
id_make(struct config *config, const struct config_scope *scope)
{
    const struct config_value *value = config_scope_id(scope);
    if (!value || !value->is_set)
        return NULL;
    if (value->row->type != CONFIG_NAME)
        return value->text;
    char text[NAME_TEXT_MAX];
    return arena_text(config->arena, name_to_text(value->name, text));
}

struct config_scope *
config_scope_read(struct config *config, const struct config_row *list, size_t index,
                  const struct config_node *node, struct config_errors *errors)
{
    const struct config_shape *shape = shape_of(config, list);
    struct config_scope *scope = arena_zalloc(config->arena, sizeof *scope);
    scope->list = list;
    scope->index = index;
    scope->node = node;
    scope->rows = shape->rows;
    scope->names = shape->names;
    scope->row_count = shape->count;
    scope->values = arena_alloc(config->arena, shape->count * sizeof(struct config_value *));
    for (size_t i = 0; i < shape->count; i++)
        scope->values[i] = &config->defaults[shape->rows[i] - config->table->rows];
    struct scope_reading reading = {.config = config, .scope = scope, .errors = errors};
    if (node) {
        scope->line = node->line;
        scope->column = node->column;
        reading.open[reading.open_count++] = (struct open_map){node, ""};
    }
    while (reading.open_count > 0) {
        struct open_map map = reading.open[--reading.open_count];
        for (const struct config_node *member = map.node->first; member; member = member->next)
            member_take(&reading, &map, member);
    }
    scope->id = id_make(config, scope);
    return scope;
}

const struct config_value *
config_scope_id(const struct config_scope *scope)
{
    for (size_t i = 0; i < scope->row_count; i++)
        if (scope->rows[i]->type == CONFIG_ID ||
            (scope->rows[i]->type == CONFIG_NAME && (scope->rows[i]->flags & CONFIG_UNIQUE)))
            return scope->values[i];
    return NULL;
}

void
config_scope_check(struct config *config, const struct config_scope *scope,
                   struct config_errors *errors)
{
    bool is_template = scope->list && (scope->list->flags & CONFIG_IN_TEMPLATE);
    for (size_t i = 0; i < scope->row_count; i++) {
        const struct config_row *row = scope->rows[i];
        bool own = !is_template || is_below(row->path, scope->list->path);
        if (!(row->flags & CONFIG_REQUIRED) || scope->values[i]->is_given || !own || !scope->node)
            continue;
        // A value that is there but wrong was reported already.
        if (config_node_member(scope->node, scope->names[i]))
            continue;
        char expected[CONFIG_EXPECTED_MAX];
        config_errors_add(errors, config->name, scope->line, scope->column,
                          "%s: missing; expected %s", row->path,
                          config_value_expected(row, expected));
    }
}

const struct config_value *
config_get(const struct config_scope *scope, const char *path)
{
    for (size_t i = 0; i < scope->row_count; i++)
        if (strcmp(scope->names[i], path) == 0)
            return scope->values[i];
    ensure_failed("the key is in the table", __FILE__, __LINE__, path);
}
