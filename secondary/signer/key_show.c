// What keys a zone has, as the operator is told: nothing here changes anything.
#include "secondary/signer/key_show.h"

#include <string.h>

#include "common/daemon/json_value.h"
#include "secondary/signer/verbs.h"

static void
put_times(struct json_value *object, const struct key_pair *key)
{
    json_value_put_time(object, "generated_at", key->times.at[KEY_GENERATED]);
    json_value_put_time(object, "published_at", key->times.at[KEY_PUBLISHED]);
    json_value_put_time(object, "activated_at", key->times.at[KEY_ACTIVE]);
    json_value_put_time(object, "retires_at", key->times.at[KEY_RETIRED]);
    json_value_put_time(object, "removes_at", key->times.at[KEY_REMOVED]);
}

bool
key_is_at_parent(const struct keeper *keeper, const struct key_pair *key)
{
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
    return found;
}

// Null where nobody looked (no ds-check) or the key needs no DS.
static void
put_at_parent(const struct keeper *keeper, struct json_value *object, const struct key_pair *key)
{
    if (!keeper->ds_known || key->role == KEY_ZSK) {
        json_value_put_null(object, "at_parent");
    } else {
        json_value_put_boolean(object, "at_parent", key_is_at_parent(keeper, key));
    }
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

void
key_show_put(const struct keeper *keeper, struct json_value *object, const struct key_pair *key)
{
    const struct key_algorithm *algorithm = key_algorithm_find(key->algorithm);
    json_value_put_text(object, "zone", keeper->domain);
    json_value_put_integer(object, "tag", key->tag);
    json_value_put_text(object, "role", key_role_word(key->role));
    json_value_put_text(object, "algorithm", algorithm != NULL ? algorithm->word : NULL);
    json_value_put_integer(object, "algorithm_number", key->algorithm);
    json_value_put_integer(object, "bits", key_pair_bits(key));
    json_value_put_text(object, "state", key_state_word(key->state));
    put_times(object, key);
    json_value_put_text(object, "storage",
                        keeper->policy->key_storage == POLICY_STORAGE_PLAIN ? "plain" : "sealed");
    json_value_put_text(object, "origin", key->imported ? "imported" : "generated");
    put_at_parent(keeper, object, key);
    put_next(keeper, object, key);
}

void
key_show_list(struct keeper *keeper, uint64_t request)
{
    struct json_value *result = json_value_object();
    json_value_put_text(result, "zone", keeper->domain);
    struct json_value *keys = json_value_put_array(result, "keys");
    for (size_t i = 0; i < keyset_count(keeper->keyset); i++) {
        key_show_put(keeper, json_value_add_object(keys), keyset_at(keeper->keyset, i));
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

void
key_show_ds(struct keeper *keeper, uint64_t request)
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

void
key_show_dnskey(struct keeper *keeper, uint64_t request)
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

void
key_show_timeline(struct keeper *keeper, uint64_t request)
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
