// Inside of the settings engine (config_table.h is its face): one scope read from its map, typed
// row by row. Only config_table, config_scope, config_list and config_print use it.
#ifndef TANDEM_DAEMON_CONFIG_SCOPE_H
#define TANDEM_DAEMON_CONFIG_SCOPE_H

#include <sys/types.h>

#include "common/base/vector.h"
#include "common/daemon/config_table.h"

struct config {
    struct arena *arena;
    const struct config_table *table;
    const char *name;
    const char *folder; // NULL: paths stay as they are
    mode_t mode;
    bool others_can_read;
    struct config_scope *root;
    struct vector lists;           // of struct config_list, in the order of the table
    struct config_value *defaults; // one for each row of the table
    struct config_shape *shapes;   // the rows of the root, then of each list of maps
};

// Which rows a scope has, and their names inside it.
struct config_shape {
    const struct config_row **rows;
    const char **names;
    size_t count;
};

void config_defaults_make(struct config *config);
// node NULL: a scope of defaults only.
struct config_scope *config_scope_read(struct config *config, const struct config_row *list,
                                       size_t index, const struct config_node *node,
                                       struct config_errors *errors);
// The row that names an item of this scope; NULL: none does.
const struct config_value *config_scope_id(const struct config_scope *scope);
// Required keys that are missing.
void config_scope_check(struct config *config, const struct config_scope *scope,
                        struct config_errors *errors);

#endif
