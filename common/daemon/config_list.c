#include "common/daemon/config_list.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/quantity.h"
#include "common/base/vector.h"
#include "common/daemon/config_scope.h"
#include "common/daemon/config_value.h"
#include "common/dns/name.h"

#define NEAREST_CANDIDATES_MAX 2000 // ids that an unknown one is compared with

static int
compare_ids(const void *a, const void *b)
{
    const struct config_scope *const *left = a, *const *right = b;
    int order = strcmp((*left)->id ? (*left)->id : "", (*right)->id ? (*right)->id : "");
    if (order != 0)
        return order;
    return ((*left)->index > (*right)->index) - ((*left)->index < (*right)->index);
}

static void
item_add(struct vector *items, struct config_scope *scope)
{
    vector_add(items, &scope);
}

static void
items_read(struct config *config, const struct config_row *row, const struct config_node *node,
           struct vector *items, struct config_errors *errors)
{
    if (!node || (node->kind == CONFIG_NODE_SCALAR && !node->quoted && !*node->text))
        return;
    if (node->kind != CONFIG_NODE_LIST) {
        config_errors_add(errors, config->name, node->line, node->column,
                          "%s: expected a list of maps; begin each with \"- \"", row->path);
        return;
    }
    for (const struct config_node *item = node->first; item; item = item->next) {
        if (item->kind == CONFIG_NODE_MAP)
            item_add(items, config_scope_read(config, row, items->count, item, errors));
        else
            config_errors_add(errors, config->name, item->line, item->column,
                              "%s: expected a map (key: value)", row->path);
    }
}

// An item that is there without being written: the policy "default".
static void
implied_add(struct config *config, const struct config_row *row, struct vector *items,
            struct config_errors *errors)
{
    for (size_t i = 0; i < items->count; i++) {
        const struct config_scope *scope = *(struct config_scope **)vector_at(items, i);
        if (scope->id && strcmp(scope->id, row->fallback) == 0)
            return;
    }
    struct config_scope *scope = config_scope_read(config, row, items->count, NULL, errors);
    for (size_t i = 0; i < scope->row_count; i++)
        if (scope->values[i] == config_scope_id(scope)) {
            struct config_value *id = arena_zalloc(config->arena, sizeof *id);
            ENSURE(config_value_read(scope->rows[i], row->fallback, NULL, config->arena, id, NULL));
            id->is_given = true;
            scope->values[i] = id;
            break;
        }
    scope->id = row->fallback;
    item_add(items, scope);
}

void
config_list_read(struct config *config, struct config_list *list, const struct config_row *row,
                 const struct config_node *node, struct config_errors *errors)
{
    struct vector items;
    vector_init(&items, sizeof(struct config_scope *));
    items_read(config, row, node, &items, errors);
    if (row->fallback)
        implied_add(config, row, &items, errors);
    list->row = row;
    list->count = items.count;
    list->items = items.items; // handed over: the vector is forgotten
    list->by_id = memory_zalloc((items.count + 1) * sizeof *list->by_id);
    if (items.count) {
        memcpy(list->by_id, list->items, items.count * sizeof *list->by_id);
        qsort(list->by_id, items.count, sizeof *list->by_id, compare_ids);
    }
}

void
config_list_close(struct config_list *list)
{
    free(list->items);
    free(list->by_id);
    *list = (struct config_list){0};
}

const struct config_list *
config_list_find(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->lists.count; i++) {
        const struct config_list *list = vector_at(&config->lists, i);
        if (strcmp(list->row->path, name) == 0)
            return list;
    }
    ensure_failed("the list is in the table", __FILE__, __LINE__, name);
}

static bool
ids_are_names(const struct config_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct config_value *id = config_scope_id(list->items[i]);
        if (id)
            return id->row->type == CONFIG_NAME;
    }
    return false;
}

size_t
config_list_index(const struct config_list *list, const char *id)
{
    char canonical[NAME_TEXT_MAX];
    if (ids_are_names(list)) {
        static const uint8_t root[1] = {0};
        uint8_t name[NAME_SIZE_MAX];
        if (!name_from_text(id, root, name, NULL))
            return SIZE_MAX;
        id = name_to_text(name, canonical);
    }
    struct config_scope wanted = {.id = id}, *key = &wanted;
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (compare_ids(&list->by_id[middle], &key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < list->count && list->by_id[low]->id && strcmp(list->by_id[low]->id, id) == 0;
    return found ? list->by_id[low]->index : SIZE_MAX;
}

const char *
config_list_nearest(const struct config_list *list, const char *id)
{
    const char *known[NEAREST_CANDIDATES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < list->count && count < NEAREST_CANDIDATES_MAX; i++)
        if (list->items[i]->id)
            known[count++] = list->items[i]->id;
    return quantity_nearest_word(id, known, count);
}

static void
unknown_reference(const struct config *config, const struct config_value *value,
                  const struct config_list *list, struct config_errors *errors)
{
    const char *nearest = config_list_nearest(list, value->text);
    config_value_error(config, value, errors, "no item of %s has the id \"%.100s\"%s%s%s",
                       list->row->path, value->text, nearest ? "; the nearest is " : "",
                       nearest ? nearest : "", list->count == 0 ? "; there is none at all" : "");
}

static void
reference_resolve(const struct config *config, struct config_value *value,
                  struct config_errors *errors)
{
    if (value->is_resolved || value->word >= 0 || !value->is_given || !value->text[0])
        return;
    const struct config_list *list = config_list_find(config, value->row->refers);
    value->is_resolved = true;
    value->reference = config_list_index(list, value->text);
    if (value->reference == SIZE_MAX)
        unknown_reference(config, value, list, errors);
}

static void
references_resolve(const struct config *config, const struct config_scope *scope,
                   struct config_errors *errors)
{
    for (size_t i = 0; i < scope->row_count; i++) {
        struct config_value *value = scope->values[i];
        if (value->row->type != CONFIG_REFERENCE)
            continue;
        if (!(value->row->flags & CONFIG_LIST))
            reference_resolve(config, value, errors);
        for (size_t j = 0; j < value->item_count; j++)
            reference_resolve(config, &value->items[j], errors);
    }
}

static void
template_apply(struct config_scope *scope, const struct config_scope *template)
{
    scope->from_template = template;
    for (size_t i = 0; i < scope->row_count; i++)
        for (size_t j = 0; j < template->row_count && !scope->values[i]->is_set; j++)
            if (template->rows[j] == scope->rows[i] && template->values[j]->is_set)
                scope->values[i] = template->values[j];
}

// The row of the items that names their template; NULL: they have none.
static const struct config_row *
template_row(const struct config *config, const struct config_list *list)
{
    if (list->row->flags & CONFIG_IN_TEMPLATE || list->count == 0)
        return NULL;
    const struct config_scope *scope = list->items[0];
    for (size_t i = 0; i < scope->row_count; i++) {
        const struct config_row *row = scope->rows[i];
        if (row->type == CONFIG_REFERENCE && !(row->flags & CONFIG_LIST) &&
            config_list_find(config, row->refers)->row->flags & CONFIG_IN_TEMPLATE)
            return row;
    }
    return NULL;
}

void
config_list_templates(struct config *config, struct config_list *list, struct config_errors *errors)
{
    const struct config_row *row = template_row(config, list);
    if (!row)
        return;
    const struct config_list *templates = config_list_find(config, row->refers);
    for (size_t i = 0; i < list->count; i++)
        for (size_t j = 0; j < list->items[i]->row_count; j++)
            if (list->items[i]->rows[j] == row) {
                struct config_value *value = list->items[i]->values[j];
                reference_resolve(config, value, errors);
                if (value->reference != SIZE_MAX)
                    template_apply(list->items[i], templates->items[value->reference]);
            }
}

static void
duplicates_find(const struct config *config, const struct config_list *list,
                struct config_errors *errors)
{
    for (size_t i = 1; i < list->count; i++) {
        const struct config_scope *first = list->by_id[i - 1], *second = list->by_id[i];
        if (!first->id || !second->id || strcmp(first->id, second->id) != 0)
            continue;
        const struct config_value *place = config_scope_id(first);
        config_value_error(config, config_scope_id(second), errors,
                           "%s stands here a second time; the first is at %s:%u:%u",
                           config_scope_id(second)->text, config->name, place->line, place->column);
    }
}

void
config_list_check(struct config *config, const struct config_list *list,
                  struct config_errors *errors)
{
    duplicates_find(config, list, errors);
    for (size_t i = 0; i < list->count; i++) {
        config_scope_check(config, list->items[i], errors);
        references_resolve(config, list->items[i], errors);
    }
}
