// What of the settings travels, as tables: one row for each value, with what it is and who gets it.
// One writer and one reader work from the rows, so a value cannot be written and not read, and who
// gets what is read off one file. For settings_write and settings_read only.
#ifndef TANDEM_SECONDARY_SETTINGS_TABLE_H
#define TANDEM_SECONDARY_SETTINGS_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/octets.h"
#include "secondary/settings.h"

enum settings_kind {
    SETTINGS_BOOL,
    SETTINGS_BOOLS,  // an array of .count
    SETTINGS_OCTET,  // uint8_t
    SETTINGS_CHOICE, // an enumeration or unsigned below .count
    SETTINGS_U32,
    SETTINGS_U64,
    SETTINGS_I64,
    SETTINGS_TEXT,      // "" for who does not get it
    SETTINGS_TEXTS,     // struct settings_texts
    SETTINGS_ADDRESS,   // struct address
    SETTINGS_ADDRESSES, // struct settings_addresses
    SETTINGS_KEY,       // size_t: index of a key, SETTINGS_NONE: none, and for who does not get it
    SETTINGS_POLICY,    // the same of a policy
    SETTINGS_REMOTES,   // struct settings_indexes of remotes
};

struct settings_row {
    uint16_t offset; // in the struct that the table is of
    uint8_t kind;    // enum settings_kind
    uint8_t roles;   // who is sent it: 1 << enum message_role, or-ed
    unsigned count;
};

struct settings_table {
    const struct settings_row *rows;
    size_t count;
};

extern const struct settings_table settings_table_extras; // struct role_extras, secrets apart
extern const struct settings_table settings_table_root;   // struct secondary_settings, lists apart
extern const struct settings_table settings_table_remote; // struct remote_settings
extern const struct settings_table settings_table_policy; // struct policy_settings
// struct zone_rules: all but the access rules.
extern const struct settings_table settings_table_rules;

// Who gets which list at all.
bool settings_table_has_remotes(enum message_role role);
bool settings_table_has_policies(enum message_role role);
bool settings_table_has_serving(enum message_role role); // cookie secrets, access rules

// Writes what role gets of object, in the order of the rows.
void settings_table_write(const struct settings_table *table, const void *object,
                          enum message_role role, struct octets_buffer *body);
// Reads it into object; lists and texts go into into's arena, indexes are held against its lists.
void settings_table_read(const struct settings_table *table, struct octets_reader *reader,
                         enum message_role role, const struct role_settings *into, void *object);

// role_settings_read of what the supervisor wrote for itself.
bool settings_read_own(struct octets body, struct role_settings **ret_settings);
// A text into the arena.
const char *settings_read_text(struct octets_reader *reader, struct arena *arena);
// The number of items of which each takes item_octets at least: a count that cannot be true must
// not allocate.
uint32_t settings_read_count(struct octets_reader *reader, size_t item_octets);

#endif
