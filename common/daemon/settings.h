// The settings that both daemons have in common, as plain typed values. They live in an arena that
// belongs to struct primary_settings or struct secondary_settings; nothing here is freed by itself,
// nothing changes after loading. Texts are never NULL: "" is "not set". References between lists
// are indexes.
#ifndef TANDEM_DAEMON_SETTINGS_H
#define TANDEM_DAEMON_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/daemon/config_errors.h"
#include "common/daemon/log.h"
#include "common/dns/tsig.h"
#include "common/net/acl.h"
#include "common/net/address.h"

#define SETTINGS_NONE SIZE_MAX // index: none

struct settings_addresses {
    const struct address *items;
    size_t count;
};
struct settings_prefixes {
    const struct address_prefix *items;
    size_t count;
};
struct settings_texts {
    const char *const *items;
    size_t count;
};
struct settings_indexes { // into a list of the same settings
    const size_t *items;
    size_t count;
};

struct remote_settings {
    const char *id;
    struct settings_addresses addresses; // tried in order
    size_t key;                          // index of settings.keys, SETTINGS_NONE: unsigned
    struct address source;               // AF_UNSPEC: as the system chooses
};

struct log_settings {
    enum log_level level;
    enum log_format format;
};

struct http_settings {
    struct address listen; // AF_UNSPEC: no HTTP
};

enum alert_kind { // the words of alert.on, in this order
    ALERT_RESIGN,
    ALERT_GATE,
    ALERT_REFRESH_FAILED,
    ALERT_RRSIG_EXPIRING,
    ALERT_KEY,
    ALERT_DS,
    ALERT_ALIAS_HELD,
    ALERT_CRASH,
    ALERT_RECOVERED,
    ALERT_KIND_COUNT,
};
const char *alert_kind_word(enum alert_kind kind); // "refresh-failed"

enum smtp_tls { SMTP_TLS_STARTTLS, SMTP_TLS_TLS, SMTP_TLS_NONE };

struct alert_settings {
    const char *smtp_address; // "smtp.example.gov@587"; "": no SMTP
    enum smtp_tls smtp_tls;
    const char *smtp_user;     // "": no AUTH
    const char *smtp_password; // read from password-file at loading
    const char *smtp_password_file;
    const char *smtp_ca_file;   // "": the system's
    const char *mail_directory; // "": SMTP; an absolute path
    const char *from;
    struct settings_texts to;
    bool on[ALERT_KIND_COUNT];
    int64_t min_interval_seconds;
    int64_t heartbeat_seconds; // 0: none
};

// Reads a secret of one line (a password): refused when others can read the file. ret_text: malloc.
bool settings_secret_file(const char *path, char **ret_text, struct fault *fault);

#endif
