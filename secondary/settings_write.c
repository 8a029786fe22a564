// The supervisor's side: section by section, in the order in which settings_read reads them.
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/hash.h"
#include "secondary/settings_table.h"

// --- TSIG keys: which of them a role gets, as a mark for each ---

static void
mark_remote_keys(const struct secondary_settings *settings, const struct settings_indexes *remotes,
                 bool *marks)
{
    for (size_t i = 0; i < remotes->count; i++) {
        size_t key = settings->remotes[remotes->items[i]].key;
        if (key != SETTINGS_NONE) {
            marks[key] = true;
        }
    }
}

static void
mark_acl_keys(const struct secondary_settings *settings, const struct acl *acl, bool *marks)
{
    for (size_t r = 0; r < acl->rules.count; r++) {
        const struct acl_rule *rule = vector_at(&acl->rules, r);
        for (size_t k = 0; k < rule->keys.count; k++) {
            const uint8_t *const *name = vector_at(&rule->keys, k);
            for (size_t i = 0; i < settings->key_count; i++) {
                marks[i] = marks[i] || name_equal(settings->keys[i].name, *name);
            }
        }
    }
}

static bool *
mark_keys(const struct secondary_settings *settings, enum message_role role)
{
    bool *marks = memory_zalloc(settings->key_count + 1);
    if (role == ROLE_SUPERVISOR) { // also where there is no zone: a remote may name a key
        memset(marks, true, settings->key_count);
        return marks;
    }
    for (size_t z = 0; z < settings->zone_count; z++) {
        const struct secondary_zone_settings *zone = &settings->zones[z];
        if (role == ROLE_FETCHER) {
            mark_remote_keys(settings, &zone->rules->primaries, marks);
            mark_remote_keys(settings, &zone->rules->notify, marks);
        } else if (settings_table_has_serving(role)) {
            mark_acl_keys(settings, &zone->rules->acl, marks);
        }
    }
    return marks;
}

// The fetcher's keys keep their index, so that remotes may refer to them: one that it must not have
// travels as its absence. The others get a list without gaps: an absent key has the name of the
// root and an empty secret, and a server would take a request that was signed so.
static void
write_keys(const struct secondary_settings *settings, enum message_role role,
           struct octets_buffer *body)
{
    bool *marks = mark_keys(settings, role);
    uint32_t count = 0;
    for (size_t i = 0; i < settings->key_count; i++) {
        count += marks[i] || role == ROLE_FETCHER;
    }
    octets_buffer_add_u32(body, count);
    for (size_t i = 0; i < settings->key_count; i++) {
        const struct tsig_key *key = &settings->keys[i];
        if (marks[i] || role == ROLE_FETCHER) {
            octets_buffer_add_u8(body, marks[i]);
        }
        if (marks[i]) {
            octets_buffer_add(body, key->name, name_length(key->name));
            octets_buffer_add_u8(body, (uint8_t)key->algorithm);
            octets_buffer_add_u16(body, key->secret_length);
            octets_buffer_add(body, key->secret, key->secret_length);
        }
    }
    free(marks);
}

static void
write_remotes(const struct secondary_settings *settings, enum message_role role,
              struct octets_buffer *body)
{
    octets_buffer_add_u32(body, (uint32_t)settings->remote_count);
    for (size_t i = 0; i < settings->remote_count; i++) {
        settings_table_write(&settings_table_remote, &settings->remotes[i], role, body);
    }
}

static void
write_policies(const struct secondary_settings *settings, enum message_role role,
               struct octets_buffer *body)
{
    octets_buffer_add_u32(body, (uint32_t)settings->policy_count);
    for (size_t i = 0; i < settings->policy_count; i++) {
        settings_table_write(&settings_table_policy, &settings->policies[i], role, body);
    }
}

// --- Rules: what a zone has but its name. Most zones of a fleet follow one template, so equal
// rules are written once, and a zone says which ones are its own. ---

struct span {
    size_t offset, length;
};

struct rules {
    struct octets_buffer octets; // one behind the other
    struct vector spans;         // of struct span: where each of them stands
    uint32_t *slots;             // open addressing by hash: index of spans + 1, 0: free
    size_t mask;
};

static void
rules_init(struct rules *rules, size_t zones)
{
    size_t size = 16;
    while (size < zones * 2) {
        size *= 2;
    }
    octets_buffer_init(&rules->octets);
    vector_init(&rules->spans, sizeof(struct span));
    rules->slots = memory_zalloc(size * sizeof *rules->slots);
    rules->mask = size - 1;
}

static void
rules_close(struct rules *rules)
{
    octets_buffer_close(&rules->octets);
    vector_close(&rules->spans);
    free(rules->slots);
}

static bool
rules_same(const struct rules *rules, const struct span *a, const struct span *b)
{
    return a->length == b->length &&
           memcmp(rules->octets.data + a->offset, rules->octets.data + b->offset, a->length) == 0;
}

// The index of what was added to the octets from start on: its own, or that of an equal one, and
// then the octets go.
static uint32_t
rules_settle(struct rules *rules, size_t start)
{
    const struct span span = {start, rules->octets.length - start};
    // Who could choose collisions here has written the configuration.
    size_t slot = hash_octets(0, rules->octets.data + start, span.length) & rules->mask;
    for (; rules->slots[slot] != 0; slot = (slot + 1) & rules->mask) {
        uint32_t index = rules->slots[slot] - 1;
        if (rules_same(rules, vector_at(&rules->spans, index), &span)) {
            rules->octets.length = start;
            return index;
        }
    }
    vector_add(&rules->spans, &span);
    rules->slots[slot] = (uint32_t)rules->spans.count;
    return rules->slots[slot] - 1;
}

// The zone's acl; as the server needs it, with its primaries as sources of NOTIFY, by address.
static void
write_zone_acl(const struct secondary_settings *settings,
               const struct secondary_zone_settings *zone, enum message_role role,
               struct octets_buffer *body)
{
    struct acl acl;
    acl_init(&acl);
    acl_add_all(&acl, &zone->rules->acl);
    struct acl_rule *rule = NULL;
    for (size_t i = 0; role == ROLE_SERVER && i < zone->rules->primaries.count; i++) {
        const struct remote_settings *remote = &settings->remotes[zone->rules->primaries.items[i]];
        for (size_t k = 0; k < remote->addresses.count; k++) {
            struct address_prefix prefix = {.address = remote->addresses.items[k]};
            prefix.bits = prefix.address.family == AF_INET ? 32 : 128;
            address_set_port(&prefix.address, 0);
            rule = rule != NULL ? rule : acl_add(&acl, "primary", ACL_NOTIFY);
            acl_rule_add_prefix(rule, &prefix);
        }
    }
    acl_write(&acl, body);
    acl_close(&acl);
}

static uint32_t
rules_add(struct rules *rules, const struct secondary_settings *settings,
          const struct secondary_zone_settings *zone, enum message_role role)
{
    size_t start = rules->octets.length;
    settings_table_write(&settings_table_rules, zone->rules, role, &rules->octets);
    if (settings_table_has_serving(role)) {
        write_zone_acl(settings, zone, role, &rules->octets);
    }
    return rules_settle(rules, start);
}

// --- Zones ---

static void
write_zones(const struct secondary_settings *settings, const uint32_t *zone_ids,
            enum message_role role, struct octets_buffer *body)
{
    struct rules rules;
    struct octets_buffer zones;
    rules_init(&rules, settings->zone_count);
    octets_buffer_init(&zones);
    for (size_t i = 0; i < settings->zone_count; i++) {
        const struct secondary_zone_settings *zone = &settings->zones[i];
        octets_buffer_add_u32(&zones, zone_ids[i]);
        octets_buffer_add(&zones, zone->name, name_length(zone->name));
        octets_buffer_add_text(&zones, zone->domain);
        octets_buffer_add_u32(&zones, rules_add(&rules, settings, zone, role));
    }
    octets_buffer_add_u32(body, (uint32_t)rules.spans.count);
    octets_buffer_add(body, rules.octets.data, rules.octets.length);
    octets_buffer_add_u32(body, (uint32_t)settings->zone_count);
    octets_buffer_add(body, zones.data, zones.length);
    octets_buffer_close(&zones);
    rules_close(&rules);
}

static void
write_cookie_secrets(const struct cookie_secrets *secrets, struct octets_buffer *body)
{
    octets_buffer_add_u8(body, (uint8_t)secrets->count);
    octets_buffer_add(body, secrets->secret, secrets->count * sizeof secrets->secret[0]);
}

void
role_settings_write(const struct secondary_settings *settings, const uint32_t *zone_ids,
                    const struct role_extras *extras, enum message_role role,
                    struct octets_buffer *body)
{
    octets_buffer_add_u8(body, (uint8_t)role);
    settings_table_write(&settings_table_extras, extras, role, body);
    settings_table_write(&settings_table_root, settings, role, body);
    write_keys(settings, role, body);
    if (settings_table_has_remotes(role)) {
        write_remotes(settings, role, body);
    }
    if (settings_table_has_policies(role)) {
        write_policies(settings, role, body);
    }
    if (settings_table_has_serving(role)) {
        write_cookie_secrets(&extras->cookie_secrets, body);
    }
    write_zones(settings, zone_ids, role, body);
}
