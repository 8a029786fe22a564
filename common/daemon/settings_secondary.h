// What secondary.yaml says, typed. One struct owns everything below it and is frozen after loading.
#ifndef TANDEM_DAEMON_SETTINGS_SECONDARY_H
#define TANDEM_DAEMON_SETTINGS_SECONDARY_H

#include "common/daemon/settings.h"

struct config;

#define EXPIRE_SOA   (-1) // expire_seconds: the SOA's own
#define EXPIRE_NEVER (-2)

#define POLICY_NONE SETTINGS_NONE // zone.policy: none

// Hexadecimal digits of policy.nsec3.salt. RFC 5155 has room for 255 octets; each octet goes into
// every NSEC3 record and into every hash, and a salt protects nothing (RFC 9276 section 2.4).
#define POLICY_SALT_DIGITS_MAX 64

enum request_ixfr { REQUEST_IXFR_AUTO, REQUEST_IXFR_NO, REQUEST_IXFR_YES };
enum secondary_serial_policy {
    SECONDARY_SERIAL_UNIXTIME,
    SECONDARY_SERIAL_INCREMENT,
    SECONDARY_SERIAL_DATESERIAL
};
enum policy_storage { POLICY_STORAGE_SEALED, POLICY_STORAGE_PLAIN };
enum cds_publish { CDS_PUBLISH_NONE, CDS_PUBLISH_ALWAYS, CDS_PUBLISH_ROLLOVER, CDS_PUBLISH_DELETE };
enum policy_verify { POLICY_VERIFY_CHANGES, POLICY_VERIFY_ALL, POLICY_VERIFY_OFF };

struct gate_settings {
    unsigned max_removed_percent; // 100: no limit
    uint64_t max_records;         // 0: no limit
    uint64_t max_size_octets;     // 0: no limit
    uint32_t max_ttl_seconds;
    const char *review; // command line for /bin/sh -c, "": none
    int64_t review_timeout_seconds;
};

struct policy_settings {
    const char *id;
    uint8_t algorithm; // DNSSEC number: 8, 10, 13 ... 16
    bool single_type_signing;
    int64_t ksk_lifetime_seconds, zsk_lifetime_seconds; // 0: by command only
    int64_t rrsig_lifetime_seconds, rrsig_refresh_seconds, rrsig_jitter_seconds;
    enum policy_storage key_storage;
    const char *key_secret_file; // "": the default place
    uint32_t dnskey_ttl_seconds;
    int64_t propagation_delay_seconds;
    bool nsec3, nsec3_opt_out;
    unsigned
        nsec3_iterations; // 0 ... NSEC3_ITERATIONS_MAX; above 0 the configuration warns (RFC 9276)
    const char *nsec3_salt; // hexadecimal, "" for none; warns too
    enum secondary_serial_policy serial_policy;
    enum cds_publish cds_cdnskey_publish;
    struct settings_addresses ds_check_parents; // empty: no check
    int64_t ds_check_interval_seconds;
    bool zonemd;
    unsigned signing_threads; // 0: one for each core
    enum policy_verify verify;
};

// All of a zone's settings but its name: what most of ten thousand zones have in common.
struct zone_rules {
    struct settings_indexes primaries; // remotes, tried in order; at least one
    int64_t refresh_seconds, retry_seconds;
    int64_t expire_seconds; // EXPIRE_SOA, EXPIRE_NEVER or a duration
    enum request_ixfr request_ixfr;
    struct gate_settings gate;
    size_t policy;                  // index of policies, or POLICY_NONE
    struct acl acl;                 // downstream transfers and NOTIFY besides that of the primaries
    struct settings_indexes notify; // remotes
    uint64_t journal_max_octets;
};

struct secondary_zone_settings {
    const uint8_t *name; // wire format, lower case
    const char *domain;  // as text, without the final dot
    const struct zone_rules *rules;
    uint32_t line; // of the file
};

struct rate_limit_settings {
    unsigned per_second; // 0: off
    unsigned slip;
    unsigned prefix_v4, prefix_v6;
};

struct secondary_settings {
    const char *file;
    struct settings_addresses listen;
    const char *user;        // "": stay
    const char *server_user; // "": as user
    const char *state_directory;
    unsigned workers; // 0: one for each core
    unsigned tcp_clients;
    int64_t tcp_idle_seconds;
    struct rate_limit_settings rate_limit;
    bool cookies;
    const char *cookie_secret_file; // "": made by the supervisor
    const char *nsid;               // "": none; text, or octets after "0x"
    const char *version;            // answer to version.bind, "": refused
    const char *control_socket;
    struct http_settings http;
    struct log_settings log;
    const struct tsig_key *keys;
    size_t key_count;
    const struct remote_settings *remotes;
    size_t remote_count;
    struct alert_settings alert;
    const struct policy_settings *policies;
    size_t policy_count;
    const struct secondary_zone_settings *zones; // in file order
    size_t zone_count;
    struct config *config; // for --print-config and restart-only keys; owned
};

// False: errors says why, all of it; *ret_settings untouched. Warnings may be there on success,
// too.
bool secondary_settings_load(const char *path, struct secondary_settings **ret_settings,
                             struct config_errors *errors);
// The same from memory, for tests: secrets in the text are not asked for the file's mode, files
// named in it are not opened.
bool secondary_settings_load_text(const char *name, const char *folder, const char *text,
                                  size_t length, struct secondary_settings **ret_settings,
                                  struct config_errors *errors);
void secondary_settings_free(struct secondary_settings **settings);

// Two zones with the same settings but for their place in the file (a reload leaves such a zone
// alone).
bool secondary_zone_settings_equal(const struct secondary_settings *a,
                                   const struct secondary_zone_settings *zone_a,
                                   const struct secondary_settings *b,
                                   const struct secondary_zone_settings *zone_b);

#endif
