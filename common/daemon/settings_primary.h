// What primary.yaml says, typed. One struct owns everything below it and is frozen after loading.
#ifndef TANDEM_DAEMON_SETTINGS_PRIMARY_H
#define TANDEM_DAEMON_SETTINGS_PRIMARY_H

#include "common/daemon/settings.h"

struct config;

enum primary_serial_policy { // the words of zone.serial-policy, in this order
    PRIMARY_SERIAL_INCREMENT,
    PRIMARY_SERIAL_UNIXTIME,
    PRIMARY_SERIAL_DATESERIAL,
    PRIMARY_SERIAL_KEEP,
};
enum alias_after_hold { ALIAS_AFTER_HOLD_KEEP, ALIAS_AFTER_HOLD_DROP, ALIAS_AFTER_HOLD_REFUSE };

#define ALIAS_SETTLE_AUTO (-1) // settle_seconds: by what the target is seen to do

struct alias_settings {
    uint32_t ttl_seconds; // cap
    int64_t refresh_seconds;
    int64_t hold_seconds;
    enum alias_after_hold after_hold;
    int64_t settle_seconds; // ALIAS_SETTLE_AUTO, or 0
    unsigned max_addresses;
    struct settings_prefixes deny_address;
    struct settings_texts allow_target; // lower case: "*", "*.amazonaws.com", "name.example"; "*"
                                        // stands for any labels
};

struct primary_zone_settings {
    const uint8_t *name; // wire format, lower case
    const char *domain;  // as text, without the final dot
    const char *file;    // absolute or relative to the working folder, ready for open
    struct acl acl;      // all acls that the zone names, put together; empty: refused for all
    struct settings_indexes notify; // remotes
    enum primary_serial_policy serial_policy;
    uint64_t journal_max_octets;
    struct alias_settings alias;
    uint32_t line; // of the zone in the file
};

struct primary_settings {
    const char *file; // the configuration file
    struct settings_addresses listen;
    const char *user; // "": stay
    const char *state_directory;
    const char *control_socket;
    struct http_settings http;
    struct log_settings log;
    struct {
        struct settings_addresses addresses;
        int64_t timeout_ms;
        unsigned tries, max_in_flight;
        bool require_ad;
    } resolver;
    const struct tsig_key *keys;
    size_t key_count;
    const struct remote_settings *remotes;
    size_t remote_count;
    struct alert_settings alert;
    const struct primary_zone_settings *zones; // in file order
    size_t zone_count;
    struct config *config; // for --print-config and restart-only keys; owned
};

// False: errors says why, all of it; *ret_settings untouched. Warnings may be there on success,
// too.
bool primary_settings_load(const char *path, struct primary_settings **ret_settings,
                           struct config_errors *errors);
// The same from memory, for tests: secrets in the text are not asked for the file's mode, files
// named in it are not opened.
bool primary_settings_load_text(const char *name, const char *folder, const char *text,
                                size_t length, struct primary_settings **ret_settings,
                                struct config_errors *errors);
void primary_settings_free(struct primary_settings **settings);

// Two zones with the same settings but for their place in the file (a reload leaves such a zone
// alone).
bool primary_zone_settings_equal(const struct primary_settings *a,
                                 const struct primary_zone_settings *zone_a,
                                 const struct primary_settings *b,
                                 const struct primary_zone_settings *zone_b);

#endif
