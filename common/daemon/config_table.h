// The table of settings: one row for each key, and everything that reads or shows settings works
// from the rows: parsing with all errors at once, --check, --print-config, the JSON schema, the man
// page's table. A *scope* is the root of the file or one item of a list of maps (one zone, one
// key); nested maps such as zone.alias are part of their scope, so a value is found by its path
// inside it ("alias.refresh"). Values are typed by their row; those that the file does not give
// come from the template that the zone names, then from the row's default.
#ifndef TANDEM_DAEMON_CONFIG_TABLE_H
#define TANDEM_DAEMON_CONFIG_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/octets.h"
#include "common/daemon/config_errors.h"
#include "common/daemon/config_read.h"
#include "common/net/address.h"

enum config_type {
    CONFIG_MAP,  // a nested map, part of its scope
    CONFIG_MAPS, // a list of maps, each a scope
    CONFIG_TEXT,
    CONFIG_WORD,    // one of .words
    CONFIG_BOOLEAN, // yes no on off true false
    CONFIG_INTEGER,
    CONFIG_DURATION,  // seconds
    CONFIG_SIZE,      // octets
    CONFIG_PERCENT,   // "30%" or 30
    CONFIG_ADDRESS,   // 192.0.2.1@53, default port in .minimum
    CONFIG_PREFIX,    // 192.0.2.0/24, 2001:db8::/32, a single address
    CONFIG_NAME,      // DNS name
    CONFIG_ID,        // an own name of this item, unique in its list
    CONFIG_REFERENCE, // the id of an item of .refers
    CONFIG_PATH,      // relative ones are completed by the folder of the file
    CONFIG_SECRET,    // base64; never shown
    CONFIG_HOST_PORT, // smtp.example.gov@587: a host name or an address with a port
    CONFIG_MAILBOX,   // someone@example.gov
};

enum config_flag {
    CONFIG_LIST = 1 << 0,    // a list of .type; one value alone is a list of one
    CONFIG_RESTART = 1 << 1, // a reload keeps the old value and says so
    CONFIG_REQUIRED = 1 << 2,
    CONFIG_OR_MAP = 1 << 3, // instead of the scalar a map with the rows below this one may stand
    CONFIG_UNIQUE = 1 << 4, // no two items of the list of maps have the same value here
    CONFIG_PERMIT_EMPTY = 1 << 5, // "" is a value ("not set")
    CONFIG_IN_TEMPLATE =
        1 << 6, // of a list of maps: it is the template list of .refers and has its keys
};

struct config_row {
    const char *path; // "zone.alias.refresh"
    enum config_type type;
    unsigned flags;
    const char
        *fallback; // the default as it would be written in the file, lists with ", "; NULL: none
    const char *words; // for CONFIG_WORD all words; for others words that stand beside the type:
                       // "soa|never"
    const char *performed; // the values of this version, apart by |; others are "not in this
                           // version". NULL: all
    const char
        *refers; // the list of maps that a reference names; for IN_TEMPLATE whose keys it has
    int64_t minimum, maximum; // both 0: the type's own. CONFIG_LIST: of each item
    const char *help;         // one line, without a full stop
};

struct config_table {
    const char *file_name; // "primary.yaml"
    const char *title;     // "tandem-primary configuration"
    const struct config_row *rows;
    size_t row_count;
};
extern const struct config_table config_table_primary, config_table_secondary;

// One value. word: which of the row's words it is ("soa" 0, "never" 1), -1 when it is not one of
// them.
struct config_value {
    const struct config_row *row;
    bool is_set;           // by the file, the template included
    bool is_given;         // set, or there is a default
    uint32_t line, column; // where; 0 for a default
    const char *text;      // as written (for a path: completed)
    int word;
    int64_t integer;            // BOOLEAN, INTEGER, DURATION, SIZE, PERCENT
    struct address address;     // ADDRESS, and the address of a PREFIX
    unsigned prefix_length;     // PREFIX
    const uint8_t *name;        // NAME, lower case, wire format
    struct octets secret;       // SECRET, decoded
    bool is_resolved;           // the reference was looked up
    size_t reference;           // REFERENCE: index in the list
    struct config_value *items; // LIST
    size_t item_count;
};

struct config_scope {
    const struct config_row *list; // the CONFIG_MAPS row; NULL: the root
    size_t index;                  // in its list
    uint32_t line, column;
    const struct config_scope *from_template; // whose values stand behind the own ones, or NULL
    const char *id; // of this item, canonical when it is a DNS name; NULL: the list has none
    // The rows of this scope in the order of the table, and the effective value of each, never
    // NULL; scopes share values (defaults, templates).
    const struct config_row *const *rows;
    const char *const *names; // of the rows inside this scope: "alias.refresh"
    struct config_value **values;
    size_t row_count;
    const struct config_node *node; // NULL: not in the file (the policy "default")
};

struct config; // one parsed file

// Reads and checks a file against a table. False when there is any error; *ret_config is then NULL.
// All errors go to errors, sorted by place.
bool config_load(const struct config_table *table, const char *path, struct config **ret_config,
                 struct config_errors *errors);
// The same; where the file has errors, further looks at what could be read and adds its own, so
// that all are told at once. It must not count on any value being there.
typedef void config_further(struct config *config, struct config_errors *errors);
bool config_load_further(const struct config_table *table, const char *path,
                         config_further *further, struct config **ret_config,
                         struct config_errors *errors);
// The same from memory; relative paths are completed by folder (NULL: the present one) and nothing
// is asked of the file system.
bool config_load_text(const struct config_table *table, const char *name, const char *folder,
                      const char *text, size_t length, struct config **ret_config,
                      struct config_errors *errors);
void config_free(struct config **config);
// The root scope alone, in memory of its own, for config_restart_changes: a daemon with ten
// thousand zones has no use for the rest once its settings are read. No list has items there. Freed
// by the caller; NULL for NULL.
struct config *config_root_copy(const struct config *config);

const struct config_table *config_table_of(const struct config *config);
const char *config_file(const struct config *config);
struct arena *config_arena(struct config *config);
// True when others can read the file (then it may hold no secret).
bool config_others_can_read(const struct config *config);
const struct config_scope *config_root(const struct config *config);
size_t config_count(const struct config *config, const char *list);
const struct config_scope *config_item(const struct config *config, const char *list, size_t index);
// The effective value; the path must be in the table (ENSURE).
const struct config_value *config_get(const struct config_scope *scope, const char *path);

// Further errors of a caller's own checks, at the place of a value ("file:line:column: key: ...").
void config_value_error(const struct config *config, const struct config_value *value,
                        struct config_errors *errors, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void config_value_warn(const struct config *config, const struct config_value *value,
                       struct config_errors *errors, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// Names of restart-only keys whose values differ ("server.listen"), to texts (char *, borrowed from
// the table) in a vector of const char *.
struct vector;
void config_restart_changes(const struct config *old, const struct config *fresh,
                            struct vector *ret_paths);

#endif
