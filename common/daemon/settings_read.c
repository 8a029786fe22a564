#include "common/daemon/settings_read.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/daemon/base64.h"
#include "common/dns/name.h"

#define SECRET_SHORT 16 // octets; RFC 8945 section 8 wants at least as many as the HMAC gives

int64_t
settings_integer(const struct config_scope *scope, const char *name)
{
    return config_get(scope, name)->integer;
}

bool
settings_boolean(const struct config_scope *scope, const char *name)
{
    return config_get(scope, name)->integer != 0;
}

const char *
settings_text(const struct config_scope *scope, const char *name)
{
    return config_get(scope, name)->text;
}

int
settings_word(const struct config_scope *scope, const char *name)
{
    return config_get(scope, name)->word;
}

static void *
array_make(const struct settings_reading *reading, size_t count, size_t size)
{
    return count ? arena_zalloc(config_arena(reading->config), count * size) : NULL;
}

struct settings_addresses
settings_addresses(const struct settings_reading *reading, const struct config_scope *scope,
                   const char *name)
{
    const struct config_value *value = config_get(scope, name);
    struct address *items = array_make(reading, value->item_count, sizeof *items);
    for (size_t i = 0; i < value->item_count; i++)
        items[i] = value->items[i].address;
    return (struct settings_addresses){items, value->item_count};
}

static struct address_prefix
prefix_of(const struct config_value *value)
{
    return (struct address_prefix){.address = value->address,
                                   .bits = (uint8_t)value->prefix_length};
}

struct settings_prefixes
settings_prefixes(const struct settings_reading *reading, const struct config_scope *scope,
                  const char *name)
{
    const struct config_value *value = config_get(scope, name);
    struct address_prefix *items = array_make(reading, value->item_count, sizeof *items);
    for (size_t i = 0; i < value->item_count; i++)
        items[i] = prefix_of(&value->items[i]);
    return (struct settings_prefixes){items, value->item_count};
}

struct settings_texts
settings_texts(const struct settings_reading *reading, const struct config_scope *scope,
               const char *name)
{
    const struct config_value *value = config_get(scope, name);
    const char **items = array_make(reading, value->item_count, sizeof *items);
    for (size_t i = 0; i < value->item_count; i++)
        items[i] = value->items[i].text;
    return (struct settings_texts){items, value->item_count};
}

struct settings_indexes
settings_indexes(const struct settings_reading *reading, const struct config_scope *scope,
                 const char *name)
{
    const struct config_value *value = config_get(scope, name);
    size_t *items = array_make(reading, value->item_count, sizeof *items);
    for (size_t i = 0; i < value->item_count; i++)
        items[i] = value->items[i].reference;
    return (struct settings_indexes){items, value->item_count};
}

void
settings_http_read(const struct settings_reading *reading, struct http_settings *ret_http)
{
    ret_http->listen = config_get(config_root(reading->config), "http.listen")->address;
}

void
settings_log_read(const struct settings_reading *reading, struct log_settings *ret_log)
{
    const struct config_scope *root = config_root(reading->config);
    ENSURE(log_level_from_word(settings_text(root, "log.level"), &ret_log->level));
    ENSURE(log_format_from_word(settings_text(root, "log.format"), &ret_log->format));
}

// ---- keys
// --------------------------------------------------------------------------------------------

static void
secret_from_file(const struct settings_reading *reading, const struct config_value *value,
                 struct tsig_key *key)
{
    char *text = NULL;
    struct fault fault;
    size_t length = 0;
    if (!reading->open_files)
        return;
    if (!settings_secret_file(value->text, &text, &fault)) {
        config_value_error(reading->config, value, reading->errors, "%s", fault.text);
        return;
    }
    if (!base64_decode(text, key->secret, sizeof key->secret, &length))
        config_value_error(reading->config, value, reading->errors,
                           "%s: expected a secret in base64", value->text);
    key->secret_length = (uint16_t)length;
    explicit_bzero(text, strlen(text));
    free(text);
}

static void
secret_take(const struct settings_reading *reading, const struct config_scope *scope,
            struct tsig_key *key)
{
    const struct config_value *secret = config_get(scope, "secret");
    const struct config_value *file = config_get(scope, "secret-file");
    if (secret->is_set == file->is_set) {
        config_value_error(reading->config, file->is_set ? file : config_get(scope, "id"),
                           reading->errors, "expected one of secret and secret-file, got %s",
                           file->is_set ? "both" : "neither");
        return;
    }
    if (file->is_set) {
        secret_from_file(reading, file, key);
    } else {
        ENSURE(secret->secret.length <= sizeof key->secret);
        memcpy(key->secret, secret->secret.data, secret->secret.length);
        key->secret_length = (uint16_t)secret->secret.length;
    }
    if (key->secret_length > 0 && key->secret_length < SECRET_SHORT)
        config_value_warn(
            reading->config, file->is_set ? file : secret, reading->errors,
            "a secret of %u octets is short; \"tandemctl tsig generate\" makes a good one",
            key->secret_length);
}

void
settings_secrets_check(struct config *config, struct config_errors *errors)
{
    struct settings_reading reading = {config, errors, true, NULL};
    for (size_t i = 0; i < config_count(config, "key"); i++) {
        const struct config_scope *scope = config_item(config, "key", i);
        const struct config_value *secret = config_get(scope, "secret");
        struct tsig_key key = {0};
        if (!secret->is_set && scope->node && config_node_member(scope->node, "secret"))
            continue; // there, and told as wrong already
        secret_take(&reading, scope, &key);
        explicit_bzero(&key, sizeof key);
    }
}

const struct tsig_key *
settings_keys_read(const struct settings_reading *reading, size_t *ret_count)
{
    size_t count = config_count(reading->config, "key");
    struct tsig_key *keys = array_make(reading, count, sizeof *keys);
    for (size_t i = 0; i < count; i++) {
        const struct config_scope *scope = config_item(reading->config, "key", i);
        const struct config_value *id = config_get(scope, "id");
        name_copy(keys[i].name, id->name);
        ENSURE(tsig_algorithm_from_text(settings_text(scope, "algorithm"), &keys[i].algorithm));
        secret_take(reading, scope, &keys[i]);
    }
    *ret_count = count;
    return keys;
}

const struct remote_settings *
settings_remotes_read(const struct settings_reading *reading, size_t *ret_count)
{
    size_t count = config_count(reading->config, "remote");
    struct remote_settings *remotes = array_make(reading, count, sizeof *remotes);
    for (size_t i = 0; i < count; i++) {
        const struct config_scope *scope = config_item(reading->config, "remote", i);
        remotes[i].id = settings_text(scope, "id");
        remotes[i].addresses = settings_addresses(reading, scope, "address");
        remotes[i].key = config_get(scope, "key")->reference;
        if (remotes[i].addresses.count == 0)
            config_value_error(reading->config, config_get(scope, "address"), reading->errors,
                               "expected at least one address");
    }
    *ret_count = count;
    return remotes;
}

// ---- alert
// -------------------------------------------------------------------------------------------

static void
password_read(const struct settings_reading *reading, struct alert_settings *alert)
{
    const struct config_scope *root = config_root(reading->config);
    const struct config_value *file = config_get(root, "alert.smtp.password-file");
    char *text = NULL;
    struct fault fault;
    alert->smtp_password = "";
    if (!reading->open_files || !file->text[0])
        return;
    if (!settings_secret_file(file->text, &text, &fault)) {
        config_value_error(reading->config, file, reading->errors, "%s", fault.text);
        return;
    }
    alert->smtp_password = arena_text(config_arena(reading->config), text);
    explicit_bzero(text, strlen(text));
    free(text);
}

static void
alert_check(const struct settings_reading *reading, const struct alert_settings *alert)
{
    const struct config_scope *root = config_root(reading->config);
    struct config *config = reading->config;
    if (alert->smtp_address[0] && alert->mail_directory[0])
        config_value_error(config, config_get(root, "alert.mail-directory"), reading->errors,
                           "expected one of smtp and mail-directory, got both");
    if (alert->smtp_address[0] && alert->to.count == 0)
        config_value_error(config, config_get(root, "alert.smtp.address"), reading->errors,
                           "there is nobody to mail to; give alert.to");
    if (alert->smtp_user[0] && !alert->smtp_password_file[0])
        config_value_error(config, config_get(root, "alert.smtp.user"), reading->errors,
                           "a user without alert.smtp.password-file");
    if (alert->smtp_user[0] && alert->smtp_tls == SMTP_TLS_NONE)
        config_value_warn(config, config_get(root, "alert.smtp.user"), reading->errors,
                          "without tls the password goes over the network in the clear");
}

void
settings_alert_read(const struct settings_reading *reading, struct alert_settings *ret_alert)
{
    const struct config_scope *root = config_root(reading->config);
    struct alert_settings alert = {
        .smtp_address = settings_text(root, "alert.smtp.address"),
        .smtp_tls = (enum smtp_tls)settings_word(root, "alert.smtp.tls"),
        .smtp_user = settings_text(root, "alert.smtp.user"),
        .smtp_password_file = settings_text(root, "alert.smtp.password-file"),
        .smtp_ca_file = settings_text(root, "alert.smtp.ca-file"),
        .mail_directory = settings_text(root, "alert.mail-directory"),
        .from = settings_text(root, "alert.from"),
        .to = settings_texts(reading, root, "alert.to"),
        .min_interval_seconds = settings_integer(root, "alert.min-interval"),
        .heartbeat_seconds = settings_integer(root, "alert.heartbeat"),
    };
    const struct config_value *on = config_get(root, "alert.on");
    for (size_t i = 0; i < on->item_count; i++)
        alert.on[on->items[i].word] = true;
    password_read(reading, &alert);
    alert_check(reading, &alert);
    *ret_alert = alert;
}

// ---- access rules
// ------------------------------------------------------------------------------------

static void
acl_read_one(const struct settings_reading *reading, const struct config_scope *scope,
             const struct tsig_key *keys, struct acl *acl)
{
    const struct config_value *action = config_get(scope, "action");
    const struct config_value *address = config_get(scope, "address");
    const struct config_value *key = config_get(scope, "key");
    unsigned actions = 0;
    for (size_t i = 0; i < action->item_count; i++)
        actions |= acl_action_from_word(action->items[i].text);
    struct acl_rule *rule = acl_add(acl, settings_text(scope, "id"), actions);
    for (size_t i = 0; i < address->item_count; i++) {
        struct address_prefix prefix = prefix_of(&address->items[i]);
        acl_rule_add_prefix(rule, &prefix);
    }
    for (size_t i = 0; i < key->item_count; i++)
        acl_rule_add_key(rule, keys[key->items[i].reference].name);
    if (address->item_count == 0 && key->item_count == 0)
        config_value_warn(reading->config, action, reading->errors,
                          "acl %s has neither address nor key: everybody may %s",
                          settings_text(scope, "id"),
                          action->item_count ? action->items[0].text : "do nothing");
}

void
settings_acls_read(struct settings_reading *reading, const struct tsig_key *keys)
{
    size_t count = config_count(reading->config, "acl");
    reading->acls = memory_zalloc((count + 1) * sizeof *reading->acls);
    for (size_t i = 0; i < count; i++) {
        acl_init(&reading->acls[i]);
        acl_read_one(reading, config_item(reading->config, "acl", i), keys, &reading->acls[i]);
    }
}

void
settings_acls_close(struct settings_reading *reading)
{
    for (size_t i = 0; i < config_count(reading->config, "acl"); i++)
        acl_close(&reading->acls[i]);
    free(reading->acls);
    reading->acls = NULL;
}

void
settings_acl_join(const struct settings_reading *reading, const struct config_scope *scope,
                  const char *name, struct acl *acl)
{
    const struct config_value *value = config_get(scope, name);
    acl_init(acl);
    for (size_t i = 0; i < value->item_count; i++)
        acl_add_all(acl, &reading->acls[value->items[i].reference]);
}

const char *
settings_domain(const struct settings_reading *reading, const uint8_t *name)
{
    char text[NAME_TEXT_MAX];
    return arena_text(config_arena(reading->config), name_to_text_short(name, text));
}
