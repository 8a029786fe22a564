#include "common/daemon/config_table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/quantity.h"
#include "common/base/vector.h"
#include "common/daemon/config_list.h"
#include "common/daemon/config_scope.h"
#include "common/daemon/config_value.h"
#include "common/dns/name.h"

// How a file becomes values.
//
// 1. config_read gives a tree. 2. The root and each item of a list of maps become a scope; what the
// file says in it is typed at once (config_scope). 3. When all scopes are there, their ids are
// sorted, and what needs the others is done: templates, duplicates, references, required keys
// (config_list). Each step goes on after an error, so that one run shows all of them; only a file
// that is no YAML ends at once.
//
// Defaults are typed once for each row and shared by all scopes, as are a template's values: 10,000
// zones cost what they say, not what they might say.

static struct config *
config_new(const struct config_table *table, const char *name, const char *folder)
{
    struct arena *arena = arena_new();
    struct config *config = arena_zalloc(arena, sizeof *config);
    config->arena = arena;
    config->table = table;
    config->name = arena_text(arena, name);
    config->folder = folder ? arena_text(arena, folder) : NULL;
    vector_init(&config->lists, sizeof(struct config_list));
    config_defaults_make(config);
    return config;
}

void
config_free(struct config **config)
{
    if (!*config)
        return;
    for (size_t i = 0; i < (*config)->lists.count; i++)
        config_list_close(vector_at(&(*config)->lists, i));
    vector_close(&(*config)->lists);
    struct arena *arena = (*config)->arena;
    arena_free(&arena);
    *config = NULL;
}

static void
scalar_own(struct arena *arena, struct config_value *value)
{
    value->text = value->text ? arena_text(arena, value->text) : NULL;
    if (value->name)
        value->name = arena_copy(arena, value->name, name_length(value->name));
    if (value->secret.length > 0)
        value->secret.data = arena_copy(arena, value->secret.data, value->secret.length);
}

static struct config_value *
value_copy(struct arena *arena, const struct config_value *value)
{
    struct config_value *copy = arena_copy(arena, value, sizeof *value);
    scalar_own(arena, copy);
    copy->items = NULL;
    if (value->item_count > 0)
        copy->items = arena_copy(arena, value->items, value->item_count * sizeof *value->items);
    for (size_t i = 0; i < value->item_count; i++) // items have no items
        scalar_own(arena, &copy->items[i]);
    return copy;
}

struct config *
config_root_copy(const struct config *config)
{
    if (!config)
        return NULL;
    struct config *copy = config_new(config->table, config->name, config->folder);
    copy->root = config_scope_read(copy, NULL, 0, NULL, NULL);
    ENSURE(copy->root->row_count == config->root->row_count);
    for (size_t i = 0; i < copy->root->row_count; i++)
        if (config->root->values[i]->is_set)
            copy->root->values[i] = value_copy(copy->arena, config->root->values[i]);
    return copy;
}

static void
lists_read(struct config *config, const struct config_node *root, struct config_errors *errors)
{
    for (size_t i = 0; i < config->table->row_count; i++) {
        const struct config_row *row = &config->table->rows[i];
        if (row->type != CONFIG_MAPS)
            continue;
        struct config_list *list = vector_add(&config->lists, NULL);
        config_list_read(config, list, row, config_node_member(root, row->path), errors);
    }
}

// A secret in a file that everybody can read is no secret.
static void
check_secrets(struct config *config, struct config_errors *errors)
{
    for (size_t i = 0; config->others_can_read && i < config->lists.count; i++) {
        struct config_list *list = vector_at(&config->lists, i);
        for (size_t j = 0; j < list->count; j++) {
            const struct config_scope *scope = list->items[j];
            for (size_t k = 0; k < scope->row_count; k++)
                if (scope->rows[k]->type == CONFIG_SECRET && scope->values[k]->is_set)
                    config_value_error(config, scope->values[k], errors,
                                       "a secret in a file that others can read (mode %04o); use "
                                       "chmod 640, or secret-file",
                                       config->mode & 07777);
        }
    }
}

static bool
tree_take(struct config *config, const struct config_node *root, struct config_errors *errors)
{
    if (root->kind != CONFIG_NODE_MAP) {
        config_errors_add(errors, config->name, root->line, root->column,
                          "expected keys such as server: and zone:");
        return false;
    }
    config->root = config_scope_read(config, NULL, 0, root, errors);
    lists_read(config, root, errors);
    for (size_t i = 0; i < config->lists.count; i++)
        config_list_templates(config, vector_at(&config->lists, i), errors);
    config_scope_check(config, config->root, errors);
    for (size_t i = 0; i < config->lists.count; i++)
        config_list_check(config, vector_at(&config->lists, i), errors);
    check_secrets(config, errors);
    return errors->error_count == 0;
}

static bool
config_finish(struct config *config, bool fine, struct config **ret_config,
              struct config_errors *errors)
{
    config_errors_sort(errors);
    if (fine)
        *ret_config = config;
    else
        config_free(&config);
    return fine;
}

bool
config_load_text(const struct config_table *table, const char *name, const char *folder,
                 const char *text, size_t length, struct config **ret_config,
                 struct config_errors *errors)
{
    struct config *config = config_new(table, name, folder);
    struct config_node *root = NULL;
    bool readable = config_read_text(name, text, length, config->arena, &root, errors);
    bool fine = root && tree_take(config, root, errors) && readable;
    return config_finish(config, fine, ret_config, errors);
}

static char *
folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return memory_text(".");
    size_t length = slash == path ? 1 : (size_t)(slash - path);
    char *folder = memory_zalloc(length + 1);
    memcpy(folder, path, length);
    return folder;
}

bool
config_load(const struct config_table *table, const char *path, struct config **ret_config,
            struct config_errors *errors)
{
    return config_load_further(table, path, NULL, ret_config, errors);
}

bool
config_load_further(const struct config_table *table, const char *path, config_further *further,
                    struct config **ret_config, struct config_errors *errors)
{
    char *folder = folder_of(path);
    struct config *config = config_new(table, path, folder);
    free(folder);
    struct stat status;
    if (stat(path, &status) == 0) {
        config->mode = status.st_mode;
        config->others_can_read = (status.st_mode & S_IROTH) != 0;
    }
    struct config_node *root = NULL;
    bool readable = config_read_file(path, config->arena, &root, errors);
    bool fine = root && tree_take(config, root, errors) && readable;
    if (!fine && further && root && root->kind == CONFIG_NODE_MAP)
        further(config, errors);
    return config_finish(config, fine, ret_config, errors);
}

const char *
config_file(const struct config *config)
{
    return config->name;
}

struct arena *
config_arena(struct config *config)
{
    return config->arena;
}

const struct config_table *
config_table_of(const struct config *config)
{
    return config->table;
}

bool
config_others_can_read(const struct config *config)
{
    return config->others_can_read;
}

const struct config_scope *
config_root(const struct config *config)
{
    return config->root;
}

size_t
config_count(const struct config *config, const char *list)
{
    return config_list_find(config, list)->count;
}

const struct config_scope *
config_item(const struct config *config, const char *list, size_t index)
{
    const struct config_list *found = config_list_find(config, list);
    ENSURE(index < found->count);
    return found->items[index];
}

void
config_restart_changes(const struct config *old, const struct config *fresh,
                       struct vector *ret_paths)
{
    ENSURE(old->table == fresh->table);
    for (size_t i = 0; i < old->root->row_count; i++) {
        const struct config_row *row = old->root->rows[i];
        if ((row->flags & CONFIG_RESTART) &&
            !config_value_equal(old->root->values[i], fresh->root->values[i]))
            vector_add(ret_paths, &row->path);
    }
}
