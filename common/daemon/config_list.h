// Inside of the settings engine: one list of maps (zones, keys), its items found by id.
#ifndef TANDEM_DAEMON_CONFIG_LIST_H
#define TANDEM_DAEMON_CONFIG_LIST_H

#include "common/daemon/config_table.h"

struct config_list {
    const struct config_row *row;
    struct config_scope **items; // in file order; the list owns the array, the arena the items
    size_t count;
    struct config_scope **by_id; // sorted by id, then by index; NULL: the list has no ids
};

void config_list_read(struct config *config, struct config_list *list, const struct config_row *row,
                      const struct config_node *node, struct config_errors *errors);
void config_list_close(struct config_list *list);
// Puts the values of templates behind those of the items.
void config_list_templates(struct config *config, struct config_list *list,
                           struct config_errors *errors);
// Duplicate ids, required keys, references.
void config_list_check(struct config *config, const struct config_list *list,
                       struct config_errors *errors);
// The list must be in the table (ENSURE).
const struct config_list *config_list_find(const struct config *config, const char *name);
// Index of the item with this id as it stands in a reference; SETTINGS_NONE (SIZE_MAX): none.
size_t config_list_index(const struct config_list *list, const char *id);
// The known id nearest to an unknown one, or NULL.
const char *config_list_nearest(const struct config_list *list, const char *id);

#endif
