// From checked values (config_table.h) to typed settings: what both daemons have in common. Only
// settings_primary and settings_secondary use it. Memory comes from the configuration's arena, but
// for the acls of zones, which their zones close.
#ifndef TANDEM_DAEMON_SETTINGS_READ_H
#define TANDEM_DAEMON_SETTINGS_READ_H

#include "common/base/vector.h"
#include "common/daemon/config_table.h"
#include "common/daemon/settings.h"

struct settings_reading {
    struct config *config;
    struct config_errors *errors;
    bool open_files; // secrets in other files are read
    struct acl
        *acls; // one for each item of acl; between settings_acls_read and settings_acls_close
};

// Values of a scope by their name in it.
int64_t settings_integer(const struct config_scope *scope, const char *name);
bool settings_boolean(const struct config_scope *scope, const char *name);
const char *settings_text(const struct config_scope *scope, const char *name); // never NULL
int settings_word(const struct config_scope *scope, const char *name);
struct settings_addresses settings_addresses(const struct settings_reading *reading,
                                             const struct config_scope *scope, const char *name);
struct settings_prefixes settings_prefixes(const struct settings_reading *reading,
                                           const struct config_scope *scope, const char *name);
struct settings_texts settings_texts(const struct settings_reading *reading,
                                     const struct config_scope *scope, const char *name);
struct settings_indexes settings_indexes(const struct settings_reading *reading,
                                         const struct config_scope *scope, const char *name);

// Lists and maps of both files.
void settings_http_read(const struct settings_reading *reading, struct http_settings *ret_http);
void settings_log_read(const struct settings_reading *reading, struct log_settings *ret_log);
// The secrets of a file that has other errors: each key has one, its file can be read by us and by
// nobody else.
void settings_secrets_check(struct config *config, struct config_errors *errors);
const struct tsig_key *settings_keys_read(const struct settings_reading *reading,
                                          size_t *ret_count);
const struct remote_settings *settings_remotes_read(const struct settings_reading *reading,
                                                    size_t *ret_count);
void settings_alert_read(const struct settings_reading *reading, struct alert_settings *ret_alert);
void settings_acls_read(struct settings_reading *reading, const struct tsig_key *keys);
void settings_acls_close(struct settings_reading *reading);
// All acls that the list value names, put together in *acl, which is initialised here.
void settings_acl_join(const struct settings_reading *reading, const struct config_scope *scope,
                       const char *name, struct acl *acl);
// The zone's name as text without the final dot.
const char *settings_domain(const struct settings_reading *reading, const uint8_t *name);

// Equality of parts, for comparing zones over a reload.
bool settings_texts_equal(const struct settings_texts *a, const struct settings_texts *b);
bool settings_prefixes_equal(const struct settings_prefixes *a, const struct settings_prefixes *b);
bool settings_addresses_equal(const struct settings_addresses *a,
                              const struct settings_addresses *b);
bool settings_acl_equal(const struct acl *a, const struct acl *b);
// The remotes behind two lists of indexes, keys included.
struct settings_remote_view {
    const struct remote_settings *remotes;
    const struct tsig_key *keys;
};
bool settings_remotes_equal(const struct settings_remote_view *a,
                            const struct settings_indexes *list_a,
                            const struct settings_remote_view *b,
                            const struct settings_indexes *list_b);

#endif
