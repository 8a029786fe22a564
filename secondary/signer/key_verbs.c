#include "secondary/signer/verbs.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/quantity.h"
#include "common/daemon/control.h"
#include "common/daemon/json_value.h"
#include "common/daemon/log.h"
#include "secondary/signer/keys/key_bind.h"
#include "secondary/signer/keys/key_import.h"

static void
put_times(struct json_value *object, const struct key_pair *key)
{
    json_value_put_time(object, "generated_at", key->times.at[KEY_GENERATED]);
    json_value_put_time(object, "published_at", key->times.at[KEY_PUBLISHED]);
    json_value_put_time(object, "activated_at", key->times.at[KEY_ACTIVE]);
    json_value_put_time(object, "retires_at", key->times.at[KEY_RETIRED]);
    json_value_put_time(object, "removes_at", key->times.at[KEY_REMOVED]);
}

// Whether the DS of a key was seen at the parent: null where nobody looked (no ds-check) or the key
// needs none.
static void
put_at_parent(const struct keeper *keeper, struct json_value *object, const struct key_pair *key)
{
    if (!keeper->ds_known || key->role == KEY_ZSK) {
        json_value_put_null(object, "at_parent");
        return;
    }
    struct octets_reader reader;
    bool found = false;
    octets_reader_init(&reader, keeper->ds_seen.data, keeper->ds_seen.length);
    while (octets_left(&reader) > 0 && !reader.failed) {
        uint16_t length = octets_read_u16(&reader);
        const uint8_t *ds = octets_read_view(&reader, length);
        uint8_t own[KEY_DS_MAX];
        if (ds != NULL && length > 4) {
            size_t own_length = key_pair_ds(key, ds[3], own);
            found = found || (own_length == length && memcmp(own, ds, length) == 0);
        }
    }
    json_value_put_boolean(object, "at_parent", found);
}

static void
put_next(const struct keeper *keeper, struct json_value *object, const struct key_pair *key)
{
    struct json_value *next = json_value_put_object(object, "next");
    bool ds_is_missing =
        json_value_kind(json_value_get(object, "at_parent")) == JSON_VALUE_BOOLEAN &&
        !json_value_get_boolean(object, "at_parent", true);
    (void)keeper;
    json_value_put_text(next, "what",
                        key->role != KEY_ZSK && key->state == KEY_ACTIVE && ds_is_missing
                            ? "put the DS at the parent"
                            : NULL);
    json_value_put_null(next, "at");
}

static void
put_key(const struct keeper *keeper, struct json_value *object, const struct key_pair *key)
{
    const struct key_algorithm *algorithm = key_algorithm_find(key->algorithm);
    json_value_put_text(object, "zone", keeper->domain);
    json_value_put_integer(object, "tag", key->tag);
    json_value_put_text(object, "role", key_role_word(key->role));
    json_value_put_text(object, "algorithm", algorithm != NULL ? algorithm->word : NULL);
    json_value_put_integer(object, "algorithm_number", key->algorithm);
    json_value_put_integer(object, "bits", algorithm != NULL ? algorithm->bits : 0);
    json_value_put_text(object, "state", key_state_word(key->state));
    put_times(object, key);
    json_value_put_text(object, "storage",
                        keeper->policy->key_storage == POLICY_STORAGE_PLAIN ? "plain" : "sealed");
    json_value_put_text(object, "origin", key->imported ? "imported" : "generated");
    put_at_parent(keeper, object, key);
    put_next(keeper, object, key);
}

static void
key_list(struct keeper *keeper, uint64_t request)
{
    struct json_value *result = json_value_object();
    json_value_put_text(result, "zone", keeper->domain);
    struct json_value *keys = json_value_put_array(result, "keys");
    for (size_t i = 0; i < keyset_count(keeper->keyset); i++) {
        put_key(keeper, json_value_add_object(keys), keyset_at(keeper->keyset, i));
    }
    verb_reply(keeper, request, &result);
}

static bool
is_published_for_ds(const struct key_pair *key)
{
    return key->role != KEY_ZSK && key_state_is_published(key->state);
}

static void
hexadecimal(const uint8_t *octets, size_t length, char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < length; i++) {
        *text++ = digits[octets[i] >> 4];
        *text++ = digits[octets[i] & 15];
    }
    *text = '\0';
}

static void
put_ds(struct json_value *list, const struct keeper *keeper, const struct key_pair *key,
       uint8_t digest_type)
{
    uint8_t ds[KEY_DS_MAX];
    char digest[2 * KEY_DS_MAX + 1];
    size_t length = key_pair_ds(key, digest_type, ds);
    if (length <= 4) {
        return;
    }
    hexadecimal(ds + 4, length - 4, digest);
    struct json_value *object = json_value_add_object(list);
    json_value_put_owner(object, "owner", keeper->apex);
    json_value_put_integer(object, "tag", key->tag);
    json_value_put_integer(object, "algorithm_number", key->algorithm);
    json_value_put_integer(object, "digest_type", digest_type);
    json_value_put_text(object, "digest", digest);
    char name[NAME_TEXT_MAX];
    json_value_printf(object, "text", "%s %u IN DS %u %u %u %s", name_to_text(keeper->apex, name),
                      keeper->policy->dnskey_ttl_seconds, key->tag, key->algorithm, digest_type,
                      digest);
}

static void
key_ds(struct keeper *keeper, uint64_t request)
{
    struct json_value *result = json_value_object();
    json_value_put_text(result, "zone", keeper->domain);
    struct json_value *list = json_value_put_array(result, "ds");
    for (size_t i = 0; i < keyset_count(keeper->keyset); i++) {
        const struct key_pair *key = keyset_at(keeper->keyset, i);
        if (is_published_for_ds(key)) {
            put_ds(list, keeper, key, 2);
            put_ds(list, keeper, key, 4);
        }
    }
    verb_reply(keeper, request, &result);
}

static void
put_dnskey(struct json_value *list, const struct keeper *keeper, const struct key_pair *key)
{
    struct json_value *object = json_value_add_object(list);
    struct octets_buffer text;
    octets_buffer_init(&text);
    key_pair_dnskey_text(key, keeper->policy->dnskey_ttl_seconds, &text);
    json_value_put_owner(object, "owner", keeper->apex);
    json_value_put_integer(object, "ttl_seconds", keeper->policy->dnskey_ttl_seconds);
    json_value_put_integer(object, "flags", key->flags);
    json_value_put_integer(object, "protocol", 3);
    json_value_put_integer(object, "algorithm_number", key->algorithm);
    size_t length = text.length;
    while (length > 0 && text.data[length - 1] == '\n') {
        length--;
    }
    struct json_value *line = json_value_text_of((const char *)text.data, length);
    json_value_put(object, "text", &line);
    const char *line_text = json_value_get_text(object, "text", "");
    const char *last = strrchr(line_text, ' ');
    json_value_put_text(object, "public_key", last != NULL ? last + 1 : NULL);
    json_value_put_integer(object, "tag", key->tag);
    json_value_put_text(object, "role", key_role_word(key->role));
    octets_buffer_close(&text);
}

static void
key_dnskey(struct keeper *keeper, uint64_t request)
{
    struct json_value *result = json_value_object();
    json_value_put_text(result, "zone", keeper->domain);
    struct json_value *list = json_value_put_array(result, "dnskey");
    for (size_t i = 0; i < keyset_count(keeper->keyset); i++) {
        const struct key_pair *key = keyset_at(keeper->keyset, i);
        if (key_state_is_published(key->state)) {
            put_dnskey(list, keeper, key);
        }
    }
    verb_reply(keeper, request, &result);
}

static bool
read_role(const struct message_control *control, enum key_role *ret_role, struct fault *fault)
{
    const char *text = message_control_option(control, "role");
    if (text == NULL || !key_role_from_word(text, ret_role)) {
        return fault_set(fault, FAULT_SYNTAX, "--role: expected KSK, ZSK or CSK%s%s",
                         text != NULL ? ", not " : "", text != NULL ? text : "");
    }
    return true;
}

// A further key is introduced at once: published and signing. (Rollovers with their waiting times
// are another verb.)
static void
key_generate(struct keeper *keeper, const struct message_control *control, uint64_t request)
{
    struct fault fault = {0};
    enum key_role role;
    const struct key_pair *key;
    if (!read_role(control, &role, &fault)) {
        verb_fail(keeper, request, CONTROL_USAGE, &fault);
        return;
    }
    if (verb_flag(control, "dry_run")) {
        verb_done(keeper, request, true, "would make a key, publish it and sign with it");
        return;
    }
    bool good = keyset_generate(keeper->keyset, role, keeper->policy->algorithm, keeper_now(), &key,
                                &fault);
    uint16_t tag = good ? key->tag : 0;
    if (good) {
        good = keyset_move(keeper->keyset, tag, KEY_EVENT_INTRODUCE, keeper_now(), &fault) &&
               key_store_save(keeper->key_store, keeper->shared->memory,
                              keyset_find(keeper->keyset, tag), &fault);
        if (!good) {
            struct fault ignored = {0};
            keyset_remove(keeper->keyset, tag, &ignored);
        }
    }
    if (!good) {
        fault_wrap(&fault, "zone %s", keeper->domain);
        verb_fail(keeper, request, 0, &fault);
        return;
    }
    log_info("made a key", "zone", keeper->domain, "role", key_role_word(role), "tag",
             LOG_NUMBER(tag));
    struct json_value *result = json_value_object();
    json_value_put_boolean(result, "done", true);
    json_value_put_boolean(result, "dry_run", false);
    json_value_printf(result, "text", "made %s %u; it is being published", key_role_word(role),
                      tag);
    put_key(keeper, json_value_put_object(result, "key"), keyset_find(keeper->keyset, tag));
    verb_reply(keeper, request, &result);
    keeper_keys_changed(keeper, 0);
}

// --- import
// -------------------------------------------------------------------------------------------------------------------

static const char *
base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static bool
read_files(const struct message_control *control, struct message *message,
           struct key_import_file *files, size_t *ret_count, struct fault *fault)
{
    size_t named = control->argument_count - 1;
    if (named == 0 || named != message->descriptor_count) {
        return fault_set(fault, FAULT_SYNTAX,
                         "expected as many open files (%u) as names (%zu), and at least one",
                         message->descriptor_count, named);
    }
    for (size_t i = 0; i < named; i++) {
        if (!key_import_read(message->descriptors[i], base_name(control->arguments[i + 1]),
                             &files[i], fault)) {
            return false;
        }
        (*ret_count)++;
    }
    return true;
}

static void
close_keys(struct keeper *keeper, struct vector *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        key_pair_close(keeper->shared->memory, vector_at(keys, i));
    }
    vector_close(keys);
}

// A zone whose keys are imported before anything was published must not keep the keys that were
// made at its first start: they stay, published beside the imported ones, unless nothing was ever
// served with them. Keys that were imported one after the other all stay.
static void
drop_unpublished_keys(struct keeper *keeper)
{
    if (keeper->store != NULL && store_current(keeper->store) != NULL) {
        return;
    }
    for (size_t i = keyset_count(keeper->keyset); i-- > 0;) {
        const struct key_pair *key = keyset_at(keeper->keyset, i);
        struct fault fault = {0};
        if (key->imported) {
            continue;
        }
        if (!key_store_remove(keeper->key_store, key, &fault)) {
            log_warning(fault.text, "zone", keeper->domain);
        }
        keyset_remove(keeper->keyset, key->tag, &fault);
    }
}

static bool
keep_keys(struct keeper *keeper, struct vector *keys, struct json_value *list, struct fault *fault)
{
    drop_unpublished_keys(keeper);
    for (size_t i = 0; i < keys->count; i++) {
        struct key_pair *key = vector_at(keys, i);
        uint16_t tag = key->tag;
        if (!key_store_save(keeper->key_store, keeper->shared->memory, key, fault) ||
            !keyset_add(keeper->keyset, key, fault)) {
            return false;
        }
        log_info("imported a key", "zone", keeper->domain, "tag", LOG_NUMBER(tag));
        put_key(keeper, json_value_add_object(list), keyset_find(keeper->keyset, tag));
    }
    return true;
}

static void
key_import_files(struct keeper *keeper, const struct message_control *control,
                 struct message *message)
{
    struct fault fault = {0};
    struct key_import_file files[MESSAGES_DESCRIPTORS_MAX] = {0};
    size_t count = 0;
    struct vector keys;
    vector_init(&keys, sizeof(struct key_pair));
    struct key_import_options options = {.now = keeper_now()};
    bool good = true;
    if (message_control_option(control, "role") != NULL) {
        options.has_role = true;
        good = read_role(control, &options.role, &fault);
    }
    struct json_value *result = json_value_object();
    bool dry_run = verb_flag(control, "dry_run");
    json_value_put_boolean(result, "done", !dry_run);
    json_value_put_boolean(result, "dry_run", dry_run);
    struct json_value *list = json_value_put_array(result, "keys");
    good = good && read_files(control, message, files, &count, &fault) &&
           key_import(keeper->keyset, files, count, &options, &keys, &fault);
    if (good && dry_run) {
        for (size_t i = 0; i < keys.count; i++) {
            put_key(keeper, json_value_add_object(list), vector_at(&keys, i));
        }
    } else if (good) {
        good = keep_keys(keeper, &keys, list, &fault);
    }
    if (good) {
        json_value_printf(result, "text", "%s %zu keys", dry_run ? "would import" : "imported",
                          json_value_count(list));
        verb_reply(keeper, message->request, &result);
        if (!dry_run) {
            keeper_keys_changed(keeper, 0);
        }
    } else {
        fault_wrap(&fault, "zone %s: nothing was imported", keeper->domain);
        verb_fail(keeper, message->request, 0, &fault);
        json_value_free(&result);
    }
    close_keys(keeper, &keys);
    for (size_t i = 0; i < count; i++) {
        key_scratch_free((void *)(uintptr_t)files[i].text.data);
    }
}

// --- export, retire, timeline
// -------------------------------------------------------------------------------------------------

static const struct key_pair *
named_key(struct keeper *keeper, const struct message_control *control, uint64_t request)
{
    struct fault fault = {0};
    uint64_t tag;
    if (control->argument_count < 2 ||
        !quantity_unsigned(control->arguments[1], UINT16_MAX, &tag, &fault)) {
        fault_wrap(&fault, "TAG");
        verb_fail(keeper, request, CONTROL_USAGE, &fault);
        return NULL;
    }
    const struct key_pair *key = keyset_find(keeper->keyset, (uint16_t)tag);
    if (key == NULL) {
        fault_set(&fault, FAULT_NOT_FOUND, "zone %s has no key %s; see \"tandemctl key list %s\"",
                  keeper->domain, control->arguments[1], keeper->domain);
        verb_fail(keeper, request, CONTROL_NOT_FOUND, &fault);
    }
    return key;
}

static void
put_file(struct json_value *files, const char *base, const char *ending, const char *text,
         size_t length)
{
    struct json_value *file = json_value_add_object(files);
    json_value_printf(file, "name", "%s%s", base, ending);
    struct json_value *value = json_value_text_of(text, length);
    json_value_put(file, "text", &value);
}

static void
key_export(struct keeper *keeper, const struct message_control *control, uint64_t request)
{
    const struct key_pair *key = named_key(keeper, control, request);
    if (key == NULL) {
        return;
    }
    char base[KEY_BIND_NAME_MAX];
    struct octets_buffer public_text;
    char *private_text = key_scratch_new(KEY_BIND_TEXT_MAX);
    octets_buffer_init(&public_text);
    key_bind_file_name(key, base);
    key_bind_write_public(key, keeper->policy->dnskey_ttl_seconds, &public_text);
    size_t private_length = key_bind_write_private(keeper->shared->memory, key, private_text);
    struct json_value *result = json_value_object();
    json_value_put_text(result, "zone", keeper->domain);
    json_value_put_integer(result, "tag", key->tag);
    struct json_value *files = json_value_put_array(result, "files");
    put_file(files, base, ".key", (const char *)public_text.data, public_text.length);
    put_file(files, base, ".private", private_text, private_length);
    log_warning("a private key was exported", "zone", keeper->domain, "tag", LOG_NUMBER(key->tag),
                "uid", LOG_NUMBER(control->peer_uid));
    verb_reply(keeper, request, &result);
    key_scratch_free(private_text);
    octets_buffer_close(&public_text);
}

// Whether the zone could still be signed without this key.
static bool
can_spare(struct keeper *keeper, const struct key_pair *key)
{
    const struct key_pair *signing[KEYSET_KEYS_MAX];
    bool spare = true;
    if (key_pair_signs_dnskey(key)) {
        spare = keyset_signing(keeper->keyset, true, signing) > 1;
    }
    if (key_pair_signs_zone(key)) {
        spare = spare && keyset_signing(keeper->keyset, false, signing) > 1;
    }
    return spare;
}

static void
key_retire(struct keeper *keeper, const struct message_control *control, uint64_t request)
{
    struct fault fault = {0};
    const struct key_pair *key = named_key(keeper, control, request);
    if (key == NULL) {
        return;
    }
    uint16_t tag = key->tag;
    if (!can_spare(keeper, key)) {
        fault_set(&fault, FAULT_REFUSED,
                  "zone %s: without key %u the zone could not be signed; make its successor first "
                  "(tandemctl key "
                  "generate %s --role %s)",
                  keeper->domain, tag, keeper->domain, key_role_word(key->role));
        verb_fail(keeper, request, CONTROL_FAILED, &fault);
        return;
    }
    if (verb_flag(control, "dry_run")) {
        verb_done(keeper, request, true, "would take the key out of signing");
        return;
    }
    if (!keyset_move(keeper->keyset, tag, KEY_EVENT_RETIRE, keeper_now(), &fault) ||
        !key_store_save(keeper->key_store, keeper->shared->memory, keyset_find(keeper->keyset, tag),
                        &fault)) {
        fault_wrap(&fault, "zone %s", keeper->domain);
        verb_fail(keeper, request, 0, &fault);
        return;
    }
    verb_done(keeper, request, false, "the key signs no more; its DNSKEY stays published");
    keeper_keys_changed(keeper, 0);
}

static void
key_timeline(struct keeper *keeper, uint64_t request)
{
    struct json_value *result = json_value_object();
    json_value_put_text(result, "zone", keeper->domain);
    struct json_value *steps = json_value_put_array(result, "steps");
    for (size_t i = 0; i < keyset_count(keeper->keyset); i++) {
        const struct key_pair *key = keyset_at(keeper->keyset, i);
        for (unsigned state = 0; state < KEY_STATE_COUNT; state++) {
            if (key->times.at[state] == 0) {
                continue;
            }
            struct json_value *step = json_value_add_object(steps);
            json_value_put_time(step, "at", key->times.at[state]);
            json_value_put_integer(step, "tag", key->tag);
            json_value_put_text(step, "role", key_role_word(key->role));
            json_value_put_text(step, "what", key_state_word((enum key_state)state));
            json_value_put_null(step, "text");
        }
    }
    verb_reply(keeper, request, &result);
}

void
key_verb(struct keeper *keeper, const struct message_control *control, struct message *message)
{
    struct fault fault = {0};
    uint64_t request = message->request;
    if (keeper->policy == NULL || keeper->keyset == NULL) {
        fault_set(&fault, FAULT_REFUSED,
                  keeper->policy == NULL
                      ? "zone %s has policy: none: its keys are elsewhere"
                      : "zone %s: its keys cannot be read, see \"tandemctl status\"",
                  keeper->domain);
        verb_fail(keeper, request, CONTROL_FAILED, &fault);
    } else if (strcmp(control->verb, "list") == 0) {
        key_list(keeper, request);
    } else if (strcmp(control->verb, "ds") == 0) {
        key_ds(keeper, request);
    } else if (strcmp(control->verb, "dnskey") == 0) {
        key_dnskey(keeper, request);
    } else if (strcmp(control->verb, "generate") == 0) {
        key_generate(keeper, control, request);
    } else if (strcmp(control->verb, "import") == 0) {
        key_import_files(keeper, control, message);
    } else if (strcmp(control->verb, "export") == 0) {
        key_export(keeper, control, request);
    } else if (strcmp(control->verb, "retire") == 0) {
        key_retire(keeper, control, request);
    } else if (strcmp(control->verb, "timeline") == 0) {
        key_timeline(keeper, request);
    } else {
        fault_set(&fault, FAULT_UNSUPPORTED, "key %s: not in this version", control->verb);
        verb_fail(keeper, request, CONTROL_FAILED, &fault);
    }
}
