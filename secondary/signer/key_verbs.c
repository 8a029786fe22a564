#include "secondary/signer/verbs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/quantity.h"
#include "common/daemon/control.h"
#include "common/daemon/json_value.h"
#include "common/daemon/log.h"
#include "secondary/signer/key_errands.h"
#include "secondary/signer/key_life.h"
#include "secondary/signer/key_maker.h"
#include "secondary/signer/key_show.h"
#include "secondary/signer/keys/key_bind.h"
#include "secondary/signer/keys/key_import.h"

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

// A further key is introduced at once: published and signing; a standby is published only.
// (Rollovers with their waiting times are another verb.)
static bool
key_make(struct keeper *keeper, enum key_role role, bool standby, const struct key_made *made,
         uint16_t *ret_tag, struct fault *fault)
{
    return keeper_make_key(keeper, role, standby ? KEY_EVENT_PUBLISH : KEY_EVENT_INTRODUCE,
                           made != NULL ? &made->secrets[0] : NULL, ret_tag, fault);
}

static struct json_value *
generate_result(struct keeper *keeper, bool wait, uint16_t tag)
{
    char note[KEYSET_NOTE_MAX];
    const struct key_pair *key = keyset_find(keeper->keyset, tag);
    bool differs = keyset_differs(keeper->keyset, keeper->policy->algorithm, note);
    struct json_value *result = json_value_object();
    json_value_put_boolean(result, "done", true);
    json_value_put_boolean(result, "dry_run", false);
    json_value_printf(result, "text", "made %s %u of %s; %s%s%s", key_role_word(key->role), tag,
                      key_algorithm_find(key->algorithm)->word,
                      wait ? "it is published" : "it is being published", differs ? "; " : "",
                      differs ? note : "");
    key_show_put(keeper, json_value_put_object(result, "key"), key);
    return result;
}

static key_errand_call key_verb_of;

// The algorithm may be another one since the key was ordered.
static bool
needs_thread(const struct keeper *keeper, const struct key_made *made, uint8_t *ret_algorithm)
{
    return keeper_makes_in_thread(keeper, ret_algorithm) &&
           (made == NULL || made->algorithm != *ret_algorithm);
}

static void
key_generate(struct keeper *keeper, const struct message_control *control, struct message *message,
             const struct key_made *made)
{
    struct fault fault = {0};
    enum key_role role;
    uint16_t tag;
    uint8_t algorithm;
    uint64_t request = message->request;
    bool standby = verb_flag(control, "standby");
    bool wait = verb_flag(control, "wait");
    if (!read_role(control, &role, &fault)) {
        verb_fail(keeper, request, CONTROL_USAGE, &fault);
    } else if (verb_flag(control, "dry_run")) {
        verb_done(keeper, request, true,
                  standby ? "would make a key and publish it, not sign with it"
                          : "would make a key, publish it and sign with it");
    } else if (needs_thread(keeper, made, &algorithm)) {
        if (!key_errand_order(keeper, algorithm, message, key_verb_of, &fault)) {
            verb_fail(keeper, request, 0, &fault);
        }
    } else if (!key_make(keeper, role, standby,
                         made != NULL && made->algorithm == algorithm ? made : NULL, &tag,
                         &fault)) {
        fault_wrap(&fault, "zone %s", keeper->domain);
        verb_fail(keeper, request, 0, &fault);
    } else {
        keeper_look_after_lost_key(keeper, !standby);
        wait = wait && keeper_keys_can_wait(keeper);
        struct json_value *result = generate_result(keeper, wait, tag);
        keeper_keys_changed(keeper, request, wait, &result);
    }
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

// RSA keys in PEM do not say which hash they sign with: what the zone has, or what it should have.
static uint8_t
rsa_algorithm_of(const struct keeper *keeper)
{
    uint8_t algorithm = keyset_algorithm(keeper->keyset, keeper->policy->algorithm);
    if (!key_algorithm_is_rsa(algorithm))
        algorithm = keeper->policy->algorithm;
    return key_algorithm_is_rsa(algorithm) ? algorithm : 0;
}

// Keys are taken as they are; what is worth a second look is said.
static void
put_import_text(const struct keeper *keeper, struct json_value *result,
                const struct json_value *list, bool dry_run)
{
    struct octets_buffer text;
    octets_buffer_init(&text);
    size_t count = json_value_count(list);
    octets_buffer_printf(&text, "%s %zu key%s", dry_run ? "would import" : "imported", count,
                         count == 1 ? "" : "s");
    for (size_t i = 0; i < count; i++) {
        const struct json_value *key = json_value_at(list, i);
        int64_t number = json_value_get_integer(key, "algorithm_number", 0);
        int64_t bits = json_value_get_integer(key, "bits", 0);
        if (!key_algorithm_is_rsa((uint8_t)number) || bits >= KEY_RSA_BITS_GOOD) {
            continue;
        }
        int64_t tag = json_value_get_integer(key, "tag", 0);
        octets_buffer_printf(&text,
                             "; key %" PRId64 " has %" PRId64
                             " bits, which others may break: replace it by one of %d or more",
                             tag, bits, KEY_RSA_BITS_GOOD);
        log_warning("an imported RSA key is short", "zone", keeper->domain, "tag", LOG_NUMBER(tag),
                    "bits", LOG_NUMBER(bits));
    }
    octets_buffer_add_u8(&text, '\0');
    json_value_put_text(result, "text", (const char *)text.data);
    octets_buffer_close(&text);
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
        if (key->imported) {
            continue;
        }
        keeper_drop_key_files(keeper, key);
        keyset_remove(keeper->keyset, key->tag, NULL);
    }
}

static bool
save_all(struct keeper *keeper, struct vector *keys, struct fault *fault)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (!key_store_save(keeper->key_store, keeper->shared->memory, vector_at(keys, i), fault)) {
            for (size_t k = 0; k <= i; k++) {
                keeper_drop_key_files(keeper, vector_at(keys, k));
            }
            return false;
        }
    }
    return true;
}

// On the disk first, then in the set: what cannot be saved changes nothing.
static bool
keep_keys(struct keeper *keeper, struct vector *keys, struct json_value *list, struct fault *fault)
{
    if (keyset_count(keeper->keyset) + keys->count > KEYSET_KEYS_MAX) {
        return fault_set(fault, FAULT_LIMIT, "%zu keys here and %zu in the files, %d are the most",
                         keyset_count(keeper->keyset), keys->count, KEYSET_KEYS_MAX);
    }
    if (!save_all(keeper, keys, fault)) {
        return false;
    }
    drop_unpublished_keys(keeper);
    for (size_t i = 0; i < keys->count; i++) {
        struct key_pair *key = vector_at(keys, i);
        uint16_t tag = key->tag;
        if (!keyset_add(keeper->keyset, key, fault)) {
            return false;
        }
        log_info("imported a key", "zone", keeper->domain, "tag", LOG_NUMBER(tag));
        key_show_put(keeper, json_value_add_object(list), keyset_find(keeper->keyset, tag));
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
    struct key_import_options options = {.now = keeper_now(),
                                         .standby = verb_flag(control, "standby"),
                                         .rsa_algorithm = rsa_algorithm_of(keeper)};
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
            key_show_put(keeper, json_value_add_object(list), vector_at(&keys, i));
        }
    } else if (good) {
        good = keep_keys(keeper, &keys, list, &fault);
    }
    if (good) {
        put_import_text(keeper, result, list, dry_run);
        if (dry_run) {
            verb_reply(keeper, message->request, &result);
        } else {
            keeper_keys_changed(keeper, message->request, verb_flag(control, "wait"), &result);
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

// --- export
// -------------------------------------------------------------------------------------------------------------------

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
    const struct key_pair *key = verb_key(keeper, control, request);
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

static void
key_verb_of(struct keeper *keeper, const struct message_control *control, struct message *message,
            const struct key_made *made)
{
    struct fault fault = {0};
    uint64_t request = message->request;
    if (keeper->policy != NULL && keeper->awaits_keys) {
        if (!key_errand_wait(keeper, message, key_verb_of, &fault)) {
            verb_fail(keeper, request, 0, &fault);
        }
    } else if (keeper->policy == NULL || keeper->keyset == NULL) {
        fault_set(&fault, FAULT_REFUSED,
                  keeper->policy == NULL
                      ? "zone %s has policy: none: its keys are elsewhere"
                      : "zone %s: its keys cannot be read, see \"tandemctl status\"",
                  keeper->domain);
        verb_fail(keeper, request, CONTROL_FAILED, &fault);
    } else if (strcmp(control->verb, "list") == 0) {
        key_show_list(keeper, request);
    } else if (strcmp(control->verb, "ds") == 0) {
        key_show_ds(keeper, request);
    } else if (strcmp(control->verb, "dnskey") == 0) {
        key_show_dnskey(keeper, request);
    } else if (strcmp(control->verb, "generate") == 0) {
        key_generate(keeper, control, message, made);
    } else if (strcmp(control->verb, "import") == 0) {
        key_import_files(keeper, control, message);
    } else if (strcmp(control->verb, "export") == 0) {
        key_export(keeper, control, request);
    } else if (strcmp(control->verb, "activate") == 0) {
        key_activate(keeper, control, request);
    } else if (strcmp(control->verb, "retire") == 0) {
        key_retire(keeper, control, request);
    } else if (strcmp(control->verb, "timeline") == 0) {
        key_show_timeline(keeper, request);
    } else {
        fault_set(&fault, FAULT_UNSUPPORTED, "key %s: not in this version", control->verb);
        verb_fail(keeper, request, CONTROL_FAILED, &fault);
    }
}

void
key_verb(struct keeper *keeper, const struct message_control *control, struct message *message)
{
    key_verb_of(keeper, control, message, NULL);
}
