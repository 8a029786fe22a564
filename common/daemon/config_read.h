// YAML text to a tree of values with their places; the only user of libyaml. Plain YAML only: one
// document, no anchors, aliases, tags or merge keys, bounded in depth, size and number of nodes, so
// that a small file cannot become a large tree. Every scalar stays text: what it means is the
// table's business (config_table.h). The tree lives in the caller's arena.
#ifndef TANDEM_DAEMON_CONFIG_READ_H
#define TANDEM_DAEMON_CONFIG_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/daemon/config_errors.h"

#define CONFIG_FILE_SIZE_MAX (64 * 1024 * 1024) // 10,000 zones with 1 KiB each take 10 MiB
#define CONFIG_DEPTH_MAX     16                 // the deepest key of the tables is at 4
#define CONFIG_NODES_MAX     4000000
#define CONFIG_SCALAR_MAX    65536

enum config_node_kind { CONFIG_NODE_SCALAR, CONFIG_NODE_LIST, CONFIG_NODE_MAP };

struct config_node {
    enum config_node_kind kind;
    bool quoted; // the scalar stood in quotes: "" is an empty text, nothing at all is null
    uint32_t line, column; // from 1
    const char *text;      // scalar, NUL-terminated, never with a NUL inside
    const char *key;       // in a map: the name of this member, NULL elsewhere
    uint32_t key_line, key_column;
    struct config_node *first, *next; // children in file order
};

// False when the text could not be read at all or has errors (added). An empty file is an empty
// map. name is what errors call the file.
bool config_read_text(const char *name, const char *text, size_t length, struct arena *arena,
                      struct config_node **ret_root, struct config_errors *errors);
bool config_read_file(const char *path, struct arena *arena, struct config_node **ret_root,
                      struct config_errors *errors);
const struct config_node *config_node_member(const struct config_node *map, const char *key);

#endif
