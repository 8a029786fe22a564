#include <string.h>

#include "common/daemon/settings_read.h"
#include "common/dns/name.h"

// Are two zones the same over a reload? Compared by what they say, not by where: indexes of lists
// may have moved, so remotes and keys are compared by content.

bool
settings_texts_equal(const struct settings_texts *a, const struct settings_texts *b)
{
    bool equal = a->count == b->count;
    for (size_t i = 0; equal && i < a->count; i++)
        equal = strcmp(a->items[i], b->items[i]) == 0;
    return equal;
}

static bool
prefix_equal(const struct address_prefix *a, const struct address_prefix *b)
{
    return a->bits == b->bits && address_equal(&a->address, &b->address);
}

bool
settings_prefixes_equal(const struct settings_prefixes *a, const struct settings_prefixes *b)
{
    bool equal = a->count == b->count;
    for (size_t i = 0; equal && i < a->count; i++)
        equal = prefix_equal(&a->items[i], &b->items[i]);
    return equal;
}

bool
settings_addresses_equal(const struct settings_addresses *a, const struct settings_addresses *b)
{
    bool equal = a->count == b->count;
    for (size_t i = 0; equal && i < a->count; i++)
        equal = address_equal(&a->items[i], &b->items[i]);
    return equal;
}

static bool
rule_equal(const struct acl_rule *a, const struct acl_rule *b)
{
    if (a->actions != b->actions || a->prefixes.count != b->prefixes.count ||
        a->keys.count != b->keys.count)
        return false;
    for (size_t i = 0; i < a->prefixes.count; i++)
        if (!prefix_equal(vector_at(&a->prefixes, i), vector_at(&b->prefixes, i)))
            return false;
    for (size_t i = 0; i < a->keys.count; i++)
        if (!name_equal(*(uint8_t *const *)vector_at(&a->keys, i),
                        *(uint8_t *const *)vector_at(&b->keys, i)))
            return false;
    return true;
}

bool
settings_acl_equal(const struct acl *a, const struct acl *b)
{
    bool equal = a->rules.count == b->rules.count;
    for (size_t i = 0; equal && i < a->rules.count; i++)
        equal = rule_equal(vector_at(&a->rules, i), vector_at(&b->rules, i));
    return equal;
}

static bool
key_equal(const struct tsig_key *a, const struct tsig_key *b)
{
    return name_equal(a->name, b->name) && a->algorithm == b->algorithm &&
           a->secret_length == b->secret_length &&
           memcmp(a->secret, b->secret, a->secret_length) == 0;
}

static bool
remote_equal(const struct settings_remote_view *a, const struct remote_settings *remote_a,
             const struct settings_remote_view *b, const struct remote_settings *remote_b)
{
    if (strcmp(remote_a->id, remote_b->id) != 0 ||
        !settings_addresses_equal(&remote_a->addresses, &remote_b->addresses) ||
        !address_equal(&remote_a->source, &remote_b->source))
        return false;
    if (remote_a->key == SETTINGS_NONE || remote_b->key == SETTINGS_NONE)
        return remote_a->key == remote_b->key;
    return key_equal(&a->keys[remote_a->key], &b->keys[remote_b->key]);
}

bool
settings_remotes_equal(const struct settings_remote_view *a, const struct settings_indexes *list_a,
                       const struct settings_remote_view *b, const struct settings_indexes *list_b)
{
    bool equal = list_a->count == list_b->count;
    for (size_t i = 0; equal && i < list_a->count; i++)
        equal = remote_equal(a, &a->remotes[list_a->items[i]], b, &b->remotes[list_b->items[i]]);
    return equal;
}
