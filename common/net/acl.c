#include "common/net/acl.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/dns/name.h"

static const struct {
    const char *word;
    enum acl_action action;
} action_words[] = {{"transfer", ACL_TRANSFER}, {"query", ACL_QUERY}, {"notify", ACL_NOTIFY}};

#define ACTION_WORDS (sizeof(action_words) / sizeof(action_words[0]))

void
acl_init(struct acl *acl)
{
    vector_init(&acl->rules, sizeof(struct acl_rule));
}

static void
rule_close(struct acl_rule *rule)
{
    for (size_t i = 0; i < rule->keys.count; i++)
        free(*(uint8_t **)vector_at(&rule->keys, i));
    vector_close(&rule->keys);
    vector_close(&rule->prefixes);
    free(rule->id);
}

void
acl_close(struct acl *acl)
{
    for (size_t i = 0; i < acl->rules.count; i++)
        rule_close(vector_at(&acl->rules, i));
    vector_close(&acl->rules);
}

struct acl_rule *
acl_add(struct acl *acl, const char *id, unsigned actions)
{
    struct acl_rule *rule = vector_add(&acl->rules, NULL);
    rule->id = id ? memory_text(id) : NULL;
    rule->actions = actions;
    vector_init(&rule->prefixes, sizeof(struct address_prefix));
    vector_init(&rule->keys, sizeof(uint8_t *));
    return rule;
}

void
acl_rule_add_prefix(struct acl_rule *rule, const struct address_prefix *prefix)
{
    vector_add(&rule->prefixes, prefix);
}

void
acl_rule_add_key(struct acl_rule *rule, const uint8_t *key_name)
{
    uint8_t *copy = memory_alloc(name_length(key_name));
    name_copy_lower(copy, key_name);
    vector_add(&rule->keys, &copy);
}

void
acl_add_all(struct acl *acl, const struct acl *from)
{
    for (size_t i = 0; i < from->rules.count; i++) {
        const struct acl_rule *rule = vector_at(&from->rules, i);
        struct acl_rule *copy = acl_add(acl, rule->id, rule->actions);
        for (size_t p = 0; p < rule->prefixes.count; p++)
            acl_rule_add_prefix(copy, vector_at(&rule->prefixes, p));
        for (size_t k = 0; k < rule->keys.count; k++)
            acl_rule_add_key(copy, *(uint8_t **)vector_at(&rule->keys, k));
    }
}

static bool
prefixes_match(const struct acl_rule *rule, const struct address *address)
{
    for (size_t i = 0; i < rule->prefixes.count; i++)
        if (address_prefix_match(vector_at(&rule->prefixes, i), address))
            return true;
    return rule->prefixes.count == 0;
}

static bool
keys_match(const struct acl_rule *rule, const uint8_t *key_name)
{
    for (size_t i = 0; key_name && i < rule->keys.count; i++)
        if (name_equal(*(uint8_t **)vector_at(&rule->keys, i), key_name))
            return true;
    return rule->keys.count == 0;
}

const struct acl_rule *
acl_match(const struct acl *acl, const struct address *address, const uint8_t *key_name,
          enum acl_action action)
{
    for (size_t i = 0; i < acl->rules.count; i++) {
        const struct acl_rule *rule = vector_at(&acl->rules, i);
        if ((rule->actions & (unsigned)action) != 0 && keys_match(rule, key_name) &&
            prefixes_match(rule, address))
            return rule;
    }
    return NULL;
}

const char *
acl_refusal(const struct acl *acl, const struct address *address, const uint8_t *key_name,
            enum acl_action action)
{
    bool has_address = false, has_key = false;
    for (size_t i = 0; i < acl->rules.count; i++) {
        const struct acl_rule *rule = vector_at(&acl->rules, i);
        if ((rule->actions & (unsigned)action) == 0)
            continue;
        has_address = has_address || prefixes_match(rule, address);
        has_key = has_key || keys_match(rule, key_name);
    }
    if (has_address && !key_name)
        return "it is not signed, and the acl of the zone wants a key (TSIG) of this address; let "
               "the "
               "peer sign with the key that the acl names";
    if (has_address)
        return "the acl of the zone wants another key of this address; let the peer sign with that "
               "one, or name this one in the acl";
    if (has_key)
        return "the acl of the zone takes it from other addresses only; name this address in the "
               "acl";
    return "no acl of the zone lets this address and key do it; name them in an acl of the zone "
           "that "
           "has this action";
}

bool
acl_match_unsigned(const struct acl *acl, const struct address *address, enum acl_action action)
{
    return acl_match(acl, address, NULL, action) != NULL;
}

unsigned
acl_action_from_word(const char *word)
{
    for (size_t i = 0; i < ACTION_WORDS; i++)
        if (strcmp(action_words[i].word, word) == 0)
            return action_words[i].action;
    return 0;
}

const char *
acl_action_word(enum acl_action action)
{
    for (size_t i = 0; i < ACTION_WORDS; i++)
        if (action_words[i].action == action)
            return action_words[i].word;
    return "none";
}

static void
prefix_write(const struct address_prefix *prefix, struct octets_buffer *buffer)
{
    size_t length;
    const uint8_t *octets = address_octets(&prefix->address, &length);
    octets_buffer_add_u8(buffer, prefix->bits);
    octets_buffer_add_u8(buffer, (uint8_t)length);
    octets_buffer_add(buffer, octets, length);
}

void
acl_write(const struct acl *acl, struct octets_buffer *buffer)
{
    octets_buffer_add_u32(buffer, (uint32_t)acl->rules.count);
    for (size_t i = 0; i < acl->rules.count; i++) {
        const struct acl_rule *rule = vector_at(&acl->rules, i);
        octets_buffer_add_text(buffer, rule->id);
        octets_buffer_add_u8(buffer, (uint8_t)rule->actions);
        octets_buffer_add_u32(buffer, (uint32_t)rule->prefixes.count);
        for (size_t p = 0; p < rule->prefixes.count; p++)
            prefix_write(vector_at(&rule->prefixes, p), buffer);
        octets_buffer_add_u32(buffer, (uint32_t)rule->keys.count);
        for (size_t k = 0; k < rule->keys.count; k++) {
            const uint8_t *key = *(uint8_t **)vector_at(&rule->keys, k);
            octets_buffer_add(buffer, key, name_length(key));
        }
    }
}

static bool
reader_fail(struct octets_reader *reader)
{
    reader->failed = true;
    return false;
}

static bool
prefixes_read(struct acl_rule *rule, struct octets_reader *reader)
{
    uint32_t count = octets_read_u32(reader);
    if (count > ACL_PREFIXES_MAX)
        return reader_fail(reader);
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        struct address_prefix prefix;
        prefix.bits = octets_read_u8(reader);
        uint8_t length = octets_read_u8(reader);
        const uint8_t *octets = octets_read_view(reader, length);
        if (!octets || !address_from_octets(octets, length, 0, &prefix.address) ||
            prefix.bits > (prefix.address.family == AF_INET ? 32 : 128))
            return reader_fail(reader);
        acl_rule_add_prefix(rule, &prefix);
    }
    return !reader->failed;
}

static bool
keys_read(struct acl_rule *rule, struct octets_reader *reader)
{
    uint32_t count = octets_read_u32(reader);
    if (count > ACL_KEYS_MAX)
        return reader_fail(reader);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t name[NAME_SIZE_MAX];
        if (!name_read_plain(reader, name))
            return reader_fail(reader);
        acl_rule_add_key(rule, name);
    }
    return !reader->failed;
}

bool
acl_read(struct acl *acl, struct octets_reader *reader)
{
    uint32_t count = octets_read_u32(reader);
    if (count > ACL_RULES_MAX)
        return reader_fail(reader);
    for (uint32_t i = 0; i < count; i++) {
        char *id = octets_read_text(reader, NAME_TEXT_MAX);
        unsigned actions = octets_read_u8(reader);
        struct acl_rule *rule = acl_add(acl, id && id[0] ? id : NULL, actions);
        free(id);
        if (!prefixes_read(rule, reader) || !keys_read(rule, reader))
            return false;
    }
    return !reader->failed;
}
