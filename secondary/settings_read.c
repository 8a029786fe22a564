// A role's side. What many zones have in common came once (settings_write), and is there once:
// zones with equal rules share them.
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "secondary/body.h"
#include "secondary/settings_table.h"

static void
read_keys(struct octets_reader *reader, struct role_settings *into)
{
    uint32_t count = settings_read_count(reader, 1);
    struct tsig_key *keys = arena_zalloc(into->arena, sizeof *keys * (count + 1U));
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        if (!body_read_bool(reader)) {
            continue;
        }
        name_read_plain(reader, keys[i].name);
        keys[i].algorithm = (enum tsig_algorithm)body_read_choice(reader, TSIG_HMAC_SHA512 + 1);
        keys[i].secret_length = octets_read_u16(reader);
        if (keys[i].secret_length > TSIG_SECRET_MAX) {
            reader->failed = true;
            return;
        }
        octets_read_copy(reader, keys[i].secret, keys[i].secret_length);
    }
    into->settings.keys = keys;
    into->settings.key_count = count;
}

static void
read_remotes(struct octets_reader *reader, enum message_role role, struct role_settings *into)
{
    uint32_t count = settings_read_count(reader, 2 * sizeof(uint32_t) + sizeof(struct address));
    struct remote_settings *remotes = arena_zalloc(into->arena, sizeof *remotes * (count + 1U));
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        settings_table_read(&settings_table_remote, reader, role, into, &remotes[i]);
    }
    into->settings.remotes = remotes;
    into->settings.remote_count = count;
}

static void
read_policies(struct octets_reader *reader, enum message_role role, struct role_settings *into)
{
    uint32_t count = settings_read_count(reader, sizeof(uint32_t));
    struct policy_settings *policies = arena_zalloc(into->arena, sizeof *policies * (count + 1U));
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        settings_table_read(&settings_table_policy, reader, role, into, &policies[i]);
    }
    into->settings.policies = policies;
    into->settings.policy_count = count;
}

// --- Zones ---

// Octets of the shortest rules: the server's, an empty list.
#define RULES_OCTETS_MIN sizeof(uint32_t)
// Of the shortest zone: number, a name of one octet, the length of its text, which rules.
#define ZONE_OCTETS_MIN (3 * sizeof(uint32_t) + 1)

static void
read_rules(struct octets_reader *reader, enum message_role role, struct role_settings *into)
{
    uint32_t count = settings_read_count(reader, RULES_OCTETS_MIN);
    struct zone_rules *rules = arena_zalloc(into->arena, sizeof *rules * (count + 1U));
    into->rules = rules;
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        acl_init(&rules[i].acl);
        into->rules_count = i + 1; // also on failure: its acl must be closed
        settings_table_read(&settings_table_rules, reader, role, into, &rules[i]);
        if (settings_table_has_serving(role)) {
            acl_read(&rules[i].acl, reader);
        }
    }
}

static void
read_zone(struct octets_reader *reader, struct role_settings *into,
          struct secondary_zone_settings *zone)
{
    uint8_t name[NAME_SIZE_MAX];
    const uint8_t *own = NULL;
    if (name_read_plain(reader, name)) {
        own = arena_copy(into->arena, name, name_length(name));
    }
    const char *domain = settings_read_text(reader, into->arena);
    uint32_t rules = octets_read_u32(reader);
    if (rules >= into->rules_count) {
        reader->failed = true;
        return;
    }
    *zone = (struct secondary_zone_settings){
        .name = own, .domain = domain, .rules = &into->rules[rules]};
}

static void
read_zones(struct octets_reader *reader, struct role_settings *into)
{
    uint32_t count = settings_read_count(reader, ZONE_OCTETS_MIN);
    struct secondary_zone_settings *zones = arena_zalloc(into->arena, sizeof *zones * (count + 1U));
    uint32_t *ids = arena_zalloc(into->arena, sizeof *ids * (count + 1U));
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        ids[i] = octets_read_u32(reader);
        read_zone(reader, into, &zones[i]);
    }
    into->settings.zones = zones;
    into->settings.zone_count = count;
    into->zone_ids = ids;
}

static void
read_cookie_secrets(struct octets_reader *reader, struct cookie_secrets *secrets)
{
    secrets->count = octets_read_u8(reader);
    if (secrets->count > sizeof secrets->secret / sizeof secrets->secret[0]) {
        secrets->count = 0;
        reader->failed = true;
    }
    octets_read_copy(reader, secrets->secret, secrets->count * sizeof secrets->secret[0]);
}

static void
read_all(struct octets_reader *reader, bool own, struct role_settings *into)
{
    enum message_role role = (enum message_role)body_read_choice(reader, ROLE_COUNT);
    if (role == ROLE_SUPERVISOR && !own) { // it reads the file itself
        reader->failed = true;
        return;
    }
    settings_table_read(&settings_table_extras, reader, role, into, &into->extras);
    settings_table_read(&settings_table_root, reader, role, into, &into->settings);
    read_keys(reader, into);
    if (settings_table_has_remotes(role)) {
        read_remotes(reader, role, into);
    }
    if (settings_table_has_policies(role)) {
        read_policies(reader, role, into);
    }
    if (settings_table_has_serving(role)) {
        read_cookie_secrets(reader, &into->extras.cookie_secrets);
    }
    read_rules(reader, role, into);
    read_zones(reader, into);
}

static int
compare_ids(const void *a, const void *b)
{
    const struct role_zone *left = a;
    const struct role_zone *right = b;
    return left->id < right->id ? -1 : left->id > right->id;
}

// Messages name zones by number, status asks for each of ten thousand.
static void
sort_ids(struct role_settings *settings)
{
    size_t count = settings->settings.zone_count;
    struct role_zone *by_id = arena_zalloc(settings->arena, sizeof *by_id * (count + 1));
    for (size_t i = 0; i < count; i++) {
        by_id[i] = (struct role_zone){settings->zone_ids[i], (uint32_t)i};
    }
    qsort(by_id, count, sizeof *by_id, compare_ids);
    settings->by_id = by_id;
}

// own: written by this very process, for itself.
static bool
settings_read(struct octets body, bool own, struct role_settings **ret_settings)
{
    struct arena *arena = arena_new();
    struct role_settings *settings = arena_zalloc(arena, sizeof *settings);
    settings->arena = arena;
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    read_all(&reader, own, settings);
    if (!body_read_end(&reader)) {
        role_settings_free(&settings);
        return false;
    }
    sort_ids(settings);
    *ret_settings = settings;
    return true;
}

bool
role_settings_read(struct octets body, struct role_settings **ret_settings)
{
    return settings_read(body, false, ret_settings);
}

bool
settings_read_own(struct octets body, struct role_settings **ret_settings)
{
    return settings_read(body, true, ret_settings);
}

void
role_settings_free(struct role_settings **settings)
{
    if (*settings == NULL) {
        return;
    }
    for (size_t i = 0; i < (*settings)->rules_count; i++) {
        acl_close(&(*settings)->rules[i].acl);
    }
    struct arena *arena = (*settings)->arena;
    *settings = NULL;
    arena_free(&arena);
}

size_t
role_settings_zone(const struct role_settings *settings, uint32_t zone_id)
{
    const struct role_zone key = {.id = zone_id};
    const struct role_zone *found =
        settings->settings.zone_count == 0
            ? NULL
            : bsearch(&key, settings->by_id, settings->settings.zone_count, sizeof key,
                      compare_ids);
    return found != NULL ? found->index : SETTINGS_NONE;
}
