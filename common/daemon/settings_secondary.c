#include "common/daemon/settings_secondary.h"

#include <string.h>
#include <strings.h>

#include "common/base/arena.h"
#include "common/base/quantity.h"
#include "common/daemon/config_table.h"
#include "common/daemon/settings_read.h"
#include "common/dns/name.h"
#include "common/dns/nsec3_hash.h"

#define NSID_OCTETS_MAX 255 // what hostname.bind can say in one string, too
#define NSID_SHOWN_MAX  60  // of one that is wrong
#define REVIEW_TIMEOUT  60  // seconds for gate.review: it looks at a diff and may ask a service

static void
rate_limit_read(const struct settings_reading *reading, struct rate_limit_settings *limit)
{
    const struct config_scope *root = config_root(reading->config);
    const struct config_value *prefix = config_get(root, "server.rate-limit.prefix");
    limit->per_second = (unsigned)settings_integer(root, "server.rate-limit.per-second");
    limit->slip = (unsigned)settings_integer(root, "server.rate-limit.slip");
    if (prefix->item_count != 2 || prefix->items[0].integer > 32) {
        config_value_error(
            reading->config, prefix, reading->errors,
            "expected two lengths, of IPv4 (up to 32) and of IPv6 (up to 128), as in "
            "[24, 56]");
        return;
    }
    limit->prefix_v4 = (unsigned)prefix->items[0].integer;
    limit->prefix_v6 = (unsigned)prefix->items[1].integer;
}

// An identifier that says something else than the operator wrote would mislead him later.
static void
nsid_check(const struct settings_reading *reading, const char *nsid)
{
    const struct config_value *value = config_get(config_root(reading->config), "server.nsid");
    size_t length = strlen(nsid), digits = length - 2;
    bool hexadecimal = strncmp(nsid, "0x", 2) == 0;
    if (hexadecimal &&
        (strspn(nsid + 2, "0123456789abcdefABCDEF") != digits || digits % 2 != 0 || digits == 0))
        config_value_error(reading->config, value, reading->errors,
                           "expected an even number of hexadecimal digits behind 0x, got \"%.*s\"",
                           NSID_SHOWN_MAX, nsid);
    else if ((hexadecimal ? digits / 2 : length) > NSID_OCTETS_MAX)
        config_value_error(reading->config, value, reading->errors, "expected at most %d octets",
                           NSID_OCTETS_MAX);
}

static void
server_read(const struct settings_reading *reading, struct secondary_settings *settings)
{
    const struct config_scope *root = config_root(reading->config);
    settings->file = config_file(reading->config);
    settings->listen = settings_addresses(reading, root, "server.listen");
    settings->user = settings_text(root, "server.user");
    settings->server_user = settings_text(root, "server.server-user");
    settings->state_directory = settings_text(root, "server.state-directory");
    settings->workers = (unsigned)settings_integer(root, "server.workers");
    settings->tcp_clients = (unsigned)settings_integer(root, "server.tcp-clients");
    settings->tcp_idle_seconds = settings_integer(root, "server.tcp-idle");
    settings->cookies = settings_boolean(root, "server.cookies");
    settings->cookie_secret_file = settings_text(root, "server.cookie-secret-file");
    settings->nsid = settings_text(root, "server.nsid");
    nsid_check(reading, settings->nsid);
    settings->version = settings_text(root, "server.version");
    settings->control_socket = settings_text(root, "control.socket");
    rate_limit_read(reading, &settings->rate_limit);
    settings_http_read(reading, &settings->http);
    settings_log_read(reading, &settings->log);
    if (settings->listen.count == 0)
        config_value_error(reading->config, config_get(root, "server.listen"), reading->errors,
                           "expected at least one address");
}

// Signatures must be renewed before the old ones, cached for the largest TTL, end (RFC 6781
// section 4.4.2); the DNSKEY RRset is one that every zone of the policy has.
static void
dnskey_ttl_check(const struct settings_reading *reading, const struct config_scope *scope,
                 const struct policy_settings *policy)
{
    if (policy->rrsig_refresh_seconds >
        (int64_t)policy->dnskey_ttl_seconds + policy->propagation_delay_seconds)
        return;
    const struct config_value *value = config_get(scope, "dnskey-ttl");
    char ttl[QUANTITY_TEXT_MAX], delay[QUANTITY_TEXT_MAX], refresh[QUANTITY_TEXT_MAX];
    if (!value->is_set && config_get(scope, "rrsig-refresh")->is_set)
        value = config_get(scope, "rrsig-refresh");
    else if (!value->is_set)
        value = config_get(scope, "propagation-delay");
    config_value_error(
        reading->config, value, reading->errors,
        "rrsig-refresh (%s) must be longer than dnskey-ttl (%s) and propagation-delay (%s) "
        "together, or caches hold signatures that have ended; lengthen it or shorten those",
        quantity_duration_text(policy->rrsig_refresh_seconds, refresh),
        quantity_duration_text(policy->dnskey_ttl_seconds, ttl),
        quantity_duration_text(policy->propagation_delay_seconds, delay));
}

// A policy that cannot hold is refused before a zone goes bogus by it.
static void
policy_check(const struct settings_reading *reading, const struct config_scope *scope,
             const struct policy_settings *policy)
{
    if (policy->rrsig_lifetime_seconds >
        policy->rrsig_refresh_seconds + policy->rrsig_jitter_seconds)
        return;
    const struct config_value *value = config_get(scope, "rrsig-lifetime");
    char lifetime[QUANTITY_TEXT_MAX], refresh[QUANTITY_TEXT_MAX], jitter[QUANTITY_TEXT_MAX];
    if (!value->is_set && config_get(scope, "rrsig-refresh")->is_set)
        value = config_get(scope, "rrsig-refresh");
    else if (!value->is_set)
        value = config_get(scope, "rrsig-jitter");
    config_value_error(reading->config, value, reading->errors,
                       "rrsig-lifetime (%s) must be longer than rrsig-refresh (%s) and "
                       "rrsig-jitter (%s) together; "
                       "lengthen it or shorten those",
                       quantity_duration_text(policy->rrsig_lifetime_seconds, lifetime),
                       quantity_duration_text(policy->rrsig_refresh_seconds, refresh),
                       quantity_duration_text(policy->rrsig_jitter_seconds, jitter));
}

// What RFC 9276 advises against works, and is said.
static void
nsec3_check(const struct settings_reading *reading, const struct config_scope *scope,
            const struct policy_settings *policy)
{
    const struct config_value *salt = config_get(scope, "nsec3.salt");
    size_t digits = strlen(policy->nsec3_salt);
    if (digits != strspn(policy->nsec3_salt, "0123456789abcdefABCDEF") || digits % 2 != 0 ||
        digits > POLICY_SALT_DIGITS_MAX)
        config_value_error(
            reading->config, salt, reading->errors,
            "expected an even number of hexadecimal digits, at most %d, or \"\" for no salt, got "
            "\"%.*s\"",
            POLICY_SALT_DIGITS_MAX, POLICY_SALT_DIGITS_MAX + 1, policy->nsec3_salt);
    else if (digits > 0)
        config_value_warn(reading->config, salt, reading->errors,
                          "a salt protects nothing and lengthens every answer (RFC 9276 section "
                          "3.1); leave it out");
    if (policy->nsec3_iterations > 0)
        config_value_warn(reading->config, config_get(scope, "nsec3.iterations"), reading->errors,
                          "%u iterations protect nothing, cost every server and validator, and "
                          "some validators treat the zone as unsigned (RFC 9276 section 3); leave "
                          "them out",
                          policy->nsec3_iterations);
}

// DNSSEC's numbers in the order of the table's words.
static uint8_t
algorithm_read(const struct config_scope *scope)
{
    static const uint8_t numbers[] = {8, 10, 13, 14, 15, 16};
    int word = settings_word(scope, "algorithm");
    ENSURE(word >= 0 && (size_t)word < sizeof numbers);
    return numbers[word];
}

static void
policy_read(const struct settings_reading *reading, const struct config_scope *scope,
            struct policy_settings *policy)
{
    policy->id = scope->id;
    policy->algorithm = algorithm_read(scope);
    policy->single_type_signing = settings_boolean(scope, "single-type-signing");
    policy->ksk_lifetime_seconds = settings_integer(scope, "ksk-lifetime");
    policy->zsk_lifetime_seconds = settings_integer(scope, "zsk-lifetime");
    policy->rrsig_lifetime_seconds = settings_integer(scope, "rrsig-lifetime");
    policy->rrsig_refresh_seconds = settings_integer(scope, "rrsig-refresh");
    policy->rrsig_jitter_seconds = settings_integer(scope, "rrsig-jitter");
    policy->key_storage = (enum policy_storage)settings_word(scope, "key-storage");
    policy->key_secret_file = settings_text(scope, "key-secret-file");
    policy->dnskey_ttl_seconds = (uint32_t)settings_integer(scope, "dnskey-ttl");
    policy->propagation_delay_seconds = settings_integer(scope, "propagation-delay");
    policy->nsec3 = settings_boolean(scope, "nsec3");
    policy->nsec3_opt_out = settings_boolean(scope, "nsec3.opt-out");
    policy->nsec3_iterations = (unsigned)settings_integer(scope, "nsec3.iterations");
    policy->nsec3_salt = settings_text(scope, "nsec3.salt");
    policy->serial_policy = (enum secondary_serial_policy)settings_word(scope, "serial-policy");
    policy->cds_cdnskey_publish = (enum cds_publish)settings_word(scope, "cds-cdnskey-publish");
    policy->ds_check_parents = settings_addresses(reading, scope, "ds-check.parent");
    policy->ds_check_interval_seconds = settings_integer(scope, "ds-check.interval");
    policy->zonemd = settings_boolean(scope, "zonemd");
    policy->signing_threads = (unsigned)settings_integer(scope, "signing-threads");
    policy->verify = (enum policy_verify)settings_word(scope, "verify");
    policy_check(reading, scope, policy);
    dnskey_ttl_check(reading, scope, policy);
    nsec3_check(reading, scope, policy);
}

static void
policies_read(const struct settings_reading *reading, struct secondary_settings *settings)
{
    size_t count = config_count(reading->config, "policy");
    struct policy_settings *policies =
        arena_zalloc(config_arena(reading->config), (count + 1) * sizeof *policies);
    for (size_t i = 0; i < count; i++)
        policy_read(reading, config_item(reading->config, "policy", i), &policies[i]);
    settings->policies = policies;
    settings->policy_count = count;
}

// An NSEC3 stands one label of 32 octets below the apex, and a name has 255 (RFC 5155 section 3).
static void
zone_nsec3_check(const struct settings_reading *reading, const struct config_scope *scope,
                 const struct secondary_zone_settings *zone, const struct policy_settings *policy)
{
    if (policy->nsec3 && name_length(zone->name) > NSEC3_APEX_MAX)
        config_value_error(reading->config, config_get(scope, "domain"), reading->errors,
                           "a name of %zu octets has no room for hashed names below it (%d at "
                           "most): policy %s with nsec3 cannot sign this zone; give it a policy "
                           "with nsec3: no",
                           name_length(zone->name), NSEC3_APEX_MAX, policy->id);
}

static void
zone_ttl_check(const struct settings_reading *reading, const struct config_scope *scope,
               const struct secondary_zone_settings *zone, const struct policy_settings *policy)
{
    int64_t needed = zone->rules->gate.max_ttl_seconds + policy->propagation_delay_seconds;
    if (needed < policy->rrsig_refresh_seconds)
        return;
    const struct config_value *max_ttl = config_get(scope, "gate.max-ttl");
    char ttl[QUANTITY_TEXT_MAX], delay[QUANTITY_TEXT_MAX], refresh[QUANTITY_TEXT_MAX];
    config_value_error(
        reading->config, max_ttl->is_set ? max_ttl : config_get(scope, "domain"), reading->errors,
        "gate.max-ttl (%s) and propagation-delay (%s) together must be shorter than rrsig-refresh "
        "(%s) of policy %s",
        quantity_duration_text(zone->rules->gate.max_ttl_seconds, ttl),
        quantity_duration_text(policy->propagation_delay_seconds, delay),
        quantity_duration_text(policy->rrsig_refresh_seconds, refresh), policy->id);
}

static void
policy_of_zone_check(const struct settings_reading *reading, const struct config_scope *scope,
                     const struct secondary_zone_settings *zone,
                     const struct policy_settings *policy)
{
    zone_ttl_check(reading, scope, zone, policy);
    zone_nsec3_check(reading, scope, zone, policy);
}

static int64_t
expire_read(const struct config_value *value)
{
    return value->word == 0 ? EXPIRE_SOA : value->word == 1 ? EXPIRE_NEVER : value->integer;
}

static void
gate_read(const struct config_scope *scope, struct gate_settings *gate)
{
    gate->max_removed_percent = (unsigned)settings_integer(scope, "gate.max-removed");
    gate->max_records = (uint64_t)settings_integer(scope, "gate.max-records");
    gate->max_size_octets = (uint64_t)settings_integer(scope, "gate.max-size");
    gate->max_ttl_seconds = (uint32_t)settings_integer(scope, "gate.max-ttl");
    gate->review = settings_text(scope, "gate.review");
    gate->review_timeout_seconds = REVIEW_TIMEOUT;
}

static void
zone_read(const struct settings_reading *reading, const struct config_scope *scope,
          const struct secondary_settings *settings, struct secondary_zone_settings *zone)
{
    const struct config_value *policy = config_get(scope, "policy");
    struct zone_rules *rules = arena_zalloc(config_arena(reading->config), sizeof *rules);
    zone->rules = rules;
    zone->name = config_get(scope, "domain")->name;
    zone->domain = settings_domain(reading, zone->name);
    rules->primaries = settings_indexes(reading, scope, "primary");
    rules->refresh_seconds = settings_integer(scope, "refresh");
    rules->retry_seconds = settings_integer(scope, "retry");
    rules->expire_seconds = expire_read(config_get(scope, "expire"));
    rules->request_ixfr = (enum request_ixfr)settings_word(scope, "request-ixfr");
    rules->policy = policy->word == 0 ? POLICY_NONE : policy->reference;
    rules->notify = settings_indexes(reading, scope, "notify");
    rules->journal_max_octets = (uint64_t)settings_integer(scope, "journal-max-size");
    zone->line = scope->line;
    gate_read(scope, &rules->gate);
    settings_acl_join(reading, scope, "acl", &rules->acl);
    if (rules->primaries.count == 0)
        config_value_error(reading->config, config_get(scope, "primary"), reading->errors,
                           "expected at least one remote");
    if (rules->policy != POLICY_NONE)
        policy_of_zone_check(reading, scope, zone, &settings->policies[rules->policy]);
}

static void
zones_read(const struct settings_reading *reading, struct secondary_settings *settings)
{
    size_t count = config_count(reading->config, "zone");
    struct secondary_zone_settings *zones =
        arena_zalloc(config_arena(reading->config), (count + 1) * sizeof *zones);
    for (size_t i = 0; i < count; i++)
        zone_read(reading, config_item(reading->config, "zone", i), settings, &zones[i]);
    settings->zones = zones;
    settings->zone_count = count;
}

static struct secondary_settings *
settings_make(struct config *config, bool open_files, struct config_errors *errors)
{
    struct settings_reading reading = {config, errors, open_files, NULL};
    struct secondary_settings *settings = arena_zalloc(config_arena(config), sizeof *settings);
    settings->config = config;
    server_read(&reading, settings);
    settings->keys = settings_keys_read(&reading, &settings->key_count);
    settings->remotes = settings_remotes_read(&reading, &settings->remote_count);
    settings_alert_read(&reading, &settings->alert);
    policies_read(&reading, settings);
    settings_acls_read(&reading, settings->keys);
    zones_read(&reading, settings);
    settings_acls_close(&reading);
    return settings;
}

static bool
settings_finish(struct config *config, bool open_files, struct secondary_settings **ret_settings,
                struct config_errors *errors)
{
    struct secondary_settings *settings = settings_make(config, open_files, errors);
    config_errors_sort(errors);
    if (errors->error_count > 0) {
        secondary_settings_free(&settings);
        return false;
    }
    *ret_settings = settings;
    return true;
}

bool
secondary_settings_load(const char *path, struct secondary_settings **ret_settings,
                        struct config_errors *errors)
{
    struct config *config = NULL;
    return config_load_further(&config_table_secondary, path, settings_secrets_check, &config,
                               errors) &&
           settings_finish(config, true, ret_settings, errors);
}

bool
secondary_settings_load_text(const char *name, const char *folder, const char *text, size_t length,
                             struct secondary_settings **ret_settings, struct config_errors *errors)
{
    struct config *config = NULL;
    return config_load_text(&config_table_secondary, name, folder, text, length, &config, errors) &&
           settings_finish(config, false, ret_settings, errors);
}

// The settings and all but the acls lie in the configuration's arena.
void
secondary_settings_free(struct secondary_settings **settings)
{
    if (!*settings)
        return;
    for (size_t i = 0; i < (*settings)->zone_count; i++) {
        struct acl acl = (*settings)->zones[i].rules->acl;
        acl_close(&acl);
    }
    struct config *config = (*settings)->config;
    config_free(&config);
    *settings = NULL;
}

static bool
gate_equal(const struct gate_settings *a, const struct gate_settings *b)
{
    return a->max_removed_percent == b->max_removed_percent && a->max_records == b->max_records &&
           a->max_size_octets == b->max_size_octets && a->max_ttl_seconds == b->max_ttl_seconds &&
           strcmp(a->review, b->review) == 0;
}

static bool
policy_equal(const struct policy_settings *a, const struct policy_settings *b)
{
    return strcmp(a->id, b->id) == 0 && a->algorithm == b->algorithm &&
           a->single_type_signing == b->single_type_signing &&
           a->ksk_lifetime_seconds == b->ksk_lifetime_seconds &&
           a->zsk_lifetime_seconds == b->zsk_lifetime_seconds &&
           a->rrsig_lifetime_seconds == b->rrsig_lifetime_seconds &&
           a->rrsig_refresh_seconds == b->rrsig_refresh_seconds &&
           a->rrsig_jitter_seconds == b->rrsig_jitter_seconds && a->key_storage == b->key_storage &&
           strcmp(a->key_secret_file, b->key_secret_file) == 0 &&
           a->dnskey_ttl_seconds == b->dnskey_ttl_seconds &&
           a->propagation_delay_seconds == b->propagation_delay_seconds && a->nsec3 == b->nsec3 &&
           a->nsec3_opt_out == b->nsec3_opt_out && a->nsec3_iterations == b->nsec3_iterations &&
           strcasecmp(a->nsec3_salt, b->nsec3_salt) == 0 && a->serial_policy == b->serial_policy &&
           a->cds_cdnskey_publish == b->cds_cdnskey_publish &&
           settings_addresses_equal(&a->ds_check_parents, &b->ds_check_parents) &&
           a->ds_check_interval_seconds == b->ds_check_interval_seconds && a->zonemd == b->zonemd &&
           a->signing_threads == b->signing_threads && a->verify == b->verify;
}

static bool
policies_equal(const struct secondary_settings *a, size_t index_a,
               const struct secondary_settings *b, size_t index_b)
{
    if (index_a == POLICY_NONE || index_b == POLICY_NONE)
        return index_a == index_b;
    return policy_equal(&a->policies[index_a], &b->policies[index_b]);
}

bool
secondary_zone_settings_equal(const struct secondary_settings *a,
                              const struct secondary_zone_settings *zone_a,
                              const struct secondary_settings *b,
                              const struct secondary_zone_settings *zone_b)
{
    struct settings_remote_view view_a = {a->remotes, a->keys}, view_b = {b->remotes, b->keys};
    const struct zone_rules *of_a = zone_a->rules, *of_b = zone_b->rules;
    return name_equal(zone_a->name, zone_b->name) &&
           of_a->refresh_seconds == of_b->refresh_seconds &&
           of_a->retry_seconds == of_b->retry_seconds &&
           of_a->expire_seconds == of_b->expire_seconds &&
           of_a->request_ixfr == of_b->request_ixfr &&
           of_a->journal_max_octets == of_b->journal_max_octets &&
           gate_equal(&of_a->gate, &of_b->gate) &&
           policies_equal(a, of_a->policy, b, of_b->policy) &&
           settings_acl_equal(&of_a->acl, &of_b->acl) &&
           settings_remotes_equal(&view_a, &of_a->primaries, &view_b, &of_b->primaries) &&
           settings_remotes_equal(&view_a, &of_a->notify, &view_b, &of_b->notify);
}
