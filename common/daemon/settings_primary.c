#include "common/daemon/settings_primary.h"

#include <string.h>

#include "common/base/arena.h"
#include "common/daemon/config_table.h"
#include "common/daemon/settings_read.h"
#include "common/dns/name.h"

static void
server_read(const struct settings_reading *reading, struct primary_settings *settings)
{
    const struct config_scope *root = config_root(reading->config);
    settings->file = config_file(reading->config);
    settings->listen = settings_addresses(reading, root, "server.listen");
    settings->user = settings_text(root, "server.user");
    settings->state_directory = settings_text(root, "server.state-directory");
    settings->control_socket = settings_text(root, "control.socket");
    settings->resolver.addresses = settings_addresses(reading, root, "resolver.address");
    settings->resolver.timeout_ms = settings_integer(root, "resolver.timeout") * 1000;
    settings->resolver.tries = (unsigned)settings_integer(root, "resolver.tries");
    settings->resolver.max_in_flight = (unsigned)settings_integer(root, "resolver.max-in-flight");
    settings->resolver.require_ad = settings_boolean(root, "resolver.require-ad");
    settings_http_read(reading, &settings->http);
    settings_log_read(reading, &settings->log);
    if (settings->resolver.addresses.count == 0)
        config_value_error(reading->config, config_get(root, "resolver.address"), reading->errors,
                           "expected at least one address");
    if (settings->listen.count == 0)
        config_value_error(reading->config, config_get(root, "server.listen"), reading->errors,
                           "expected at least one address");
}

static void
alias_read(const struct settings_reading *reading, const struct config_scope *scope,
           struct alias_settings *alias)
{
    const struct config_value *settle = config_get(scope, "alias.settle");
    alias->ttl_seconds = (uint32_t)settings_integer(scope, "alias.ttl");
    alias->refresh_seconds = settings_integer(scope, "alias.refresh");
    alias->hold_seconds = settings_integer(scope, "alias.hold");
    alias->after_hold = (enum alias_after_hold)settings_word(scope, "alias.after-hold");
    alias->settle_seconds = settle->word == 0 ? ALIAS_SETTLE_AUTO : settle->integer;
    alias->max_addresses = (unsigned)settings_integer(scope, "alias.max-addresses");
    alias->deny_address = settings_prefixes(reading, scope, "alias.deny-address");
    alias->allow_target = settings_texts(reading, scope, "alias.allow-target");
}

static void
zone_read(const struct settings_reading *reading, const struct config_scope *scope,
          struct primary_zone_settings *zone)
{
    zone->name = config_get(scope, "domain")->name;
    zone->domain = settings_domain(reading, zone->name);
    zone->file = settings_text(scope, "file");
    zone->notify = settings_indexes(reading, scope, "notify");
    zone->serial_policy = (enum primary_serial_policy)settings_word(scope, "serial-policy");
    zone->journal_max_octets = (uint64_t)settings_integer(scope, "journal-max-size");
    zone->line = scope->line;
    settings_acl_join(reading, scope, "acl", &zone->acl);
    alias_read(reading, scope, &zone->alias);
}

static void
zones_read(const struct settings_reading *reading, struct primary_settings *settings)
{
    size_t count = config_count(reading->config, "zone");
    struct primary_zone_settings *zones =
        arena_zalloc(config_arena(reading->config), (count + 1) * sizeof *zones);
    for (size_t i = 0; i < count; i++)
        zone_read(reading, config_item(reading->config, "zone", i), &zones[i]);
    settings->zones = zones;
    settings->zone_count = count;
}

static struct primary_settings *
settings_make(struct config *config, bool open_files, struct config_errors *errors)
{
    struct settings_reading reading = {config, errors, open_files, NULL};
    struct primary_settings *settings = arena_zalloc(config_arena(config), sizeof *settings);
    settings->config = config;
    server_read(&reading, settings);
    settings->keys = settings_keys_read(&reading, &settings->key_count);
    settings->remotes = settings_remotes_read(&reading, &settings->remote_count);
    settings_alert_read(&reading, &settings->alert);
    settings_acls_read(&reading, settings->keys);
    zones_read(&reading, settings);
    settings_acls_close(&reading);
    return settings;
}

static bool
settings_finish(struct config *config, bool open_files, struct primary_settings **ret_settings,
                struct config_errors *errors)
{
    struct primary_settings *settings = settings_make(config, open_files, errors);
    config_errors_sort(errors);
    if (errors->error_count > 0) {
        primary_settings_free(&settings);
        return false;
    }
    *ret_settings = settings;
    return true;
}

bool
primary_settings_load(const char *path, struct primary_settings **ret_settings,
                      struct config_errors *errors)
{
    struct config *config = NULL;
    return config_load_further(&config_table_primary, path, settings_secrets_check, &config,
                               errors) &&
           settings_finish(config, true, ret_settings, errors);
}

bool
primary_settings_load_text(const char *name, const char *folder, const char *text, size_t length,
                           struct primary_settings **ret_settings, struct config_errors *errors)
{
    struct config *config = NULL;
    return config_load_text(&config_table_primary, name, folder, text, length, &config, errors) &&
           settings_finish(config, false, ret_settings, errors);
}

// The settings and all but the acls lie in the configuration's arena.
void
primary_settings_free(struct primary_settings **settings)
{
    if (!*settings)
        return;
    for (size_t i = 0; i < (*settings)->zone_count; i++) {
        struct acl acl = (*settings)->zones[i].acl;
        acl_close(&acl);
    }
    struct config *config = (*settings)->config;
    config_free(&config);
    *settings = NULL;
}

static bool
alias_equal(const struct alias_settings *a, const struct alias_settings *b)
{
    return a->ttl_seconds == b->ttl_seconds && a->refresh_seconds == b->refresh_seconds &&
           a->hold_seconds == b->hold_seconds && a->after_hold == b->after_hold &&
           a->settle_seconds == b->settle_seconds && a->max_addresses == b->max_addresses &&
           settings_prefixes_equal(&a->deny_address, &b->deny_address) &&
           settings_texts_equal(&a->allow_target, &b->allow_target);
}

bool
primary_zone_settings_equal(const struct primary_settings *a,
                            const struct primary_zone_settings *zone_a,
                            const struct primary_settings *b,
                            const struct primary_zone_settings *zone_b)
{
    struct settings_remote_view view_a = {a->remotes, a->keys}, view_b = {b->remotes, b->keys};
    return name_equal(zone_a->name, zone_b->name) && strcmp(zone_a->file, zone_b->file) == 0 &&
           zone_a->serial_policy == zone_b->serial_policy &&
           zone_a->journal_max_octets == zone_b->journal_max_octets &&
           settings_acl_equal(&zone_a->acl, &zone_b->acl) &&
           settings_remotes_equal(&view_a, &zone_a->notify, &view_b, &zone_b->notify) &&
           alias_equal(&zone_a->alias, &zone_b->alias);
}
