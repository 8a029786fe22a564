// One pass over the settings for writing and one for reading, section by section in the same order.
// A section that a role does not get is left out on both sides, by the same predicate (the wants_
// functions), so that the two cannot drift apart without the round-trip test noticing.
#include "secondary/settings.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/dns/nsec3_hash.h"

static bool
wants_state(enum message_role role)
{
    return role == ROLE_SIGNER || role == ROLE_DESK;
}

static bool
wants_serving(enum message_role role)
{
    return role == ROLE_SERVER;
}

static bool
wants_desk(enum message_role role)
{
    return role == ROLE_DESK;
}

static bool
wants_remotes(enum message_role role)
{
    return role == ROLE_FETCHER || role == ROLE_DESK;
}

static bool
wants_policies(enum message_role role)
{
    return role == ROLE_SIGNER || role == ROLE_FETCHER || role == ROLE_DESK;
}

static bool
wants_polls(enum message_role role)
{
    return role == ROLE_FETCHER || role == ROLE_DESK;
}

// Limits of what comes in: the fetcher breaks off early, the signer's gate judges.
static bool
wants_limits(enum message_role role)
{
    return role == ROLE_FETCHER || role == ROLE_SIGNER;
}

static bool
wants_signing(enum message_role role)
{
    return role == ROLE_SIGNER;
}

// Which TSIG keys a role gets, as a mark for each key of the settings.
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
    for (size_t z = 0; z < settings->zone_count; z++) {
        const struct secondary_zone_settings *zone = &settings->zones[z];
        if (role == ROLE_FETCHER) {
            mark_remote_keys(settings, &zone->primaries, marks);
            mark_remote_keys(settings, &zone->notify, marks);
        } else if (role == ROLE_SERVER) {
            mark_acl_keys(settings, &zone->acl, marks);
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

// The number of items of which each takes item_octets at least: a count that cannot be true must
// not allocate.
static uint32_t
read_count(struct octets_reader *reader, size_t item_octets)
{
    uint32_t count = octets_read_u32(reader);
    if (count > ROLE_SETTINGS_ITEMS_MAX || count > octets_left(reader) / item_octets) {
        reader->failed = true;
        return 0;
    }
    return count;
}

static bool
read_bool(struct octets_reader *reader)
{
    uint8_t value = octets_read_u8(reader);
    if (value > 1) {
        reader->failed = true;
    }
    return value == 1;
}

// An enumeration's value, greatest included.
static unsigned
read_choice(struct octets_reader *reader, unsigned greatest)
{
    unsigned value = octets_read_u8(reader);
    if (value > greatest) {
        reader->failed = true;
        return 0;
    }
    return value;
}

static const char *
read_text(struct octets_reader *reader, struct arena *arena)
{
    char *text = octets_read_text(reader, MESSAGES_TEXT_MAX);
    const char *copy = arena_text(arena, text != NULL ? text : "");
    free(text);
    return copy;
}

static void
read_keys(struct octets_reader *reader, struct role_settings *into)
{
    uint32_t count = read_count(reader, 1);
    struct tsig_key *keys = arena_zalloc(into->arena, sizeof *keys * (count + 1U));
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        if (!read_bool(reader)) {
            continue;
        }
        name_read_plain(reader, keys[i].name);
        keys[i].algorithm = (enum tsig_algorithm)read_choice(reader, TSIG_HMAC_SHA512);
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
write_i64(struct octets_buffer *body, int64_t value)
{
    octets_buffer_add_u64(body, (uint64_t)value);
}

static int64_t
read_i64(struct octets_reader *reader)
{
    return (int64_t)octets_read_u64(reader);
}

static void
write_address(struct octets_buffer *body, const struct address *address)
{
    octets_buffer_add(body, address, sizeof *address);
}

static void
read_address(struct octets_reader *reader, struct address *ret_address)
{
    octets_read_copy(reader, ret_address, sizeof *ret_address);
    if (ret_address->family != AF_UNSPEC && ret_address->family != AF_INET &&
        ret_address->family != AF_INET6) {
        reader->failed = true;
    }
}

static void
write_addresses(struct octets_buffer *body, const struct settings_addresses *addresses)
{
    octets_buffer_add_u32(body, (uint32_t)addresses->count);
    for (size_t i = 0; i < addresses->count; i++) {
        write_address(body, &addresses->items[i]);
    }
}

static struct settings_addresses
read_addresses(struct octets_reader *reader, struct arena *arena)
{
    uint32_t count = read_count(reader, sizeof(struct address));
    struct address *items = arena_zalloc(arena, sizeof *items * (count + 1U));
    for (uint32_t i = 0; i < count; i++) {
        read_address(reader, &items[i]);
    }
    return (struct settings_addresses){items, count};
}

static void
write_indexes(struct octets_buffer *body, const struct settings_indexes *indexes)
{
    octets_buffer_add_u32(body, (uint32_t)indexes->count);
    for (size_t i = 0; i < indexes->count; i++) {
        octets_buffer_add_u32(body, (uint32_t)indexes->items[i]);
    }
}

// Indexes of a list with limit items.
static struct settings_indexes
read_indexes(struct octets_reader *reader, struct arena *arena, size_t limit)
{
    uint32_t count = read_count(reader, sizeof(uint32_t));
    size_t *items = arena_zalloc(arena, sizeof *items * (count + 1U));
    for (uint32_t i = 0; i < count; i++) {
        items[i] = octets_read_u32(reader);
        if (items[i] >= limit) {
            reader->failed = true;
        }
    }
    return (struct settings_indexes){items, count};
}

// SETTINGS_NONE travels as the greatest 32-bit number.
static void
write_index(struct octets_buffer *body, size_t index)
{
    octets_buffer_add_u32(body, index == SETTINGS_NONE ? UINT32_MAX : (uint32_t)index);
}

static size_t
read_index(struct octets_reader *reader, size_t limit)
{
    uint32_t index = octets_read_u32(reader);
    if (index == UINT32_MAX) {
        return SETTINGS_NONE;
    }
    if (index >= limit) {
        reader->failed = true;
    }
    return index;
}

static void
write_remotes(const struct secondary_settings *settings, enum message_role role,
              struct octets_buffer *body)
{
    octets_buffer_add_u32(body, (uint32_t)settings->remote_count);
    for (size_t i = 0; i < settings->remote_count; i++) {
        const struct remote_settings *remote = &settings->remotes[i];
        octets_buffer_add_text(body, remote->id);
        write_addresses(body, &remote->addresses);
        write_index(body, role == ROLE_FETCHER ? remote->key : SETTINGS_NONE);
        write_address(body, &remote->source);
    }
}

static void
read_remotes(struct octets_reader *reader, struct role_settings *into)
{
    uint32_t count = read_count(reader, 2 * sizeof(uint32_t) + sizeof(struct address));
    struct remote_settings *remotes = arena_zalloc(into->arena, sizeof *remotes * (count + 1U));
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        remotes[i].id = read_text(reader, into->arena);
        remotes[i].addresses = read_addresses(reader, into->arena);
        remotes[i].key = read_index(reader, into->settings.key_count);
        read_address(reader, &remotes[i].source);
    }
    into->settings.remotes = remotes;
    into->settings.remote_count = count;
}

static void
write_alert(const struct alert_settings *alert, struct octets_buffer *body)
{
    octets_buffer_add_text(body, alert->smtp_address);
    octets_buffer_add_u8(body, (uint8_t)alert->smtp_tls);
    octets_buffer_add_text(body, alert->smtp_user);
    octets_buffer_add_text(body, alert->smtp_password);
    octets_buffer_add_text(body, alert->smtp_password_file);
    octets_buffer_add_text(body, alert->smtp_ca_file);
    octets_buffer_add_text(body, alert->mail_directory);
    octets_buffer_add_text(body, alert->from);
    octets_buffer_add_u32(body, (uint32_t)alert->to.count);
    for (size_t i = 0; i < alert->to.count; i++) {
        octets_buffer_add_text(body, alert->to.items[i]);
    }
    for (unsigned i = 0; i < ALERT_KIND_COUNT; i++) {
        octets_buffer_add_u8(body, alert->on[i]);
    }
    write_i64(body, alert->min_interval_seconds);
    write_i64(body, alert->heartbeat_seconds);
}

static void
read_alert(struct octets_reader *reader, struct arena *arena, struct alert_settings *alert)
{
    alert->smtp_address = read_text(reader, arena);
    alert->smtp_tls = (enum smtp_tls)read_choice(reader, SMTP_TLS_NONE);
    alert->smtp_user = read_text(reader, arena);
    alert->smtp_password = read_text(reader, arena);
    alert->smtp_password_file = read_text(reader, arena);
    alert->smtp_ca_file = read_text(reader, arena);
    alert->mail_directory = read_text(reader, arena);
    alert->from = read_text(reader, arena);
    uint32_t count = read_count(reader, sizeof(uint32_t));
    const char **items = arena_zalloc(arena, sizeof *items * (count + 1U));
    for (uint32_t i = 0; i < count; i++) {
        items[i] = read_text(reader, arena);
    }
    alert->to = (struct settings_texts){items, count};
    for (unsigned i = 0; i < ALERT_KIND_COUNT; i++) {
        alert->on[i] = read_bool(reader);
    }
    alert->min_interval_seconds = read_i64(reader);
    alert->heartbeat_seconds = read_i64(reader);
}

static void
write_signing(const struct policy_settings *policy, struct octets_buffer *body)
{
    octets_buffer_add_u8(body, policy->algorithm);
    octets_buffer_add_u8(body, policy->single_type_signing);
    write_i64(body, policy->ksk_lifetime_seconds);
    write_i64(body, policy->zsk_lifetime_seconds);
    write_i64(body, policy->rrsig_lifetime_seconds);
    write_i64(body, policy->rrsig_refresh_seconds);
    write_i64(body, policy->rrsig_jitter_seconds);
    octets_buffer_add_u8(body, (uint8_t)policy->key_storage);
    octets_buffer_add_text(body, policy->key_secret_file);
    octets_buffer_add_u32(body, policy->dnskey_ttl_seconds);
    write_i64(body, policy->propagation_delay_seconds);
    octets_buffer_add_u8(body, policy->nsec3);
    octets_buffer_add_u8(body, policy->nsec3_opt_out);
    octets_buffer_add_u8(body, (uint8_t)policy->nsec3_iterations);
    octets_buffer_add_text(body, policy->nsec3_salt);
    octets_buffer_add_u8(body, (uint8_t)policy->serial_policy);
    octets_buffer_add_u8(body, (uint8_t)policy->cds_cdnskey_publish);
    octets_buffer_add_u8(body, policy->zonemd);
    octets_buffer_add_u32(body, policy->signing_threads);
    octets_buffer_add_u8(body, (uint8_t)policy->verify);
}

static void
read_signing(struct octets_reader *reader, struct arena *arena, struct policy_settings *policy)
{
    policy->algorithm = octets_read_u8(reader);
    policy->single_type_signing = read_bool(reader);
    policy->ksk_lifetime_seconds = read_i64(reader);
    policy->zsk_lifetime_seconds = read_i64(reader);
    policy->rrsig_lifetime_seconds = read_i64(reader);
    policy->rrsig_refresh_seconds = read_i64(reader);
    policy->rrsig_jitter_seconds = read_i64(reader);
    policy->key_storage = (enum policy_storage)read_choice(reader, POLICY_STORAGE_PLAIN);
    policy->key_secret_file = read_text(reader, arena);
    policy->dnskey_ttl_seconds = octets_read_u32(reader);
    policy->propagation_delay_seconds = read_i64(reader);
    policy->nsec3 = read_bool(reader);
    policy->nsec3_opt_out = read_bool(reader);
    policy->nsec3_iterations = read_choice(reader, NSEC3_ITERATIONS_MAX);
    policy->nsec3_salt = read_text(reader, arena);
    policy->serial_policy =
        (enum secondary_serial_policy)read_choice(reader, SECONDARY_SERIAL_DATESERIAL);
    policy->cds_cdnskey_publish = (enum cds_publish)read_choice(reader, CDS_PUBLISH_DELETE);
    policy->zonemd = read_bool(reader);
    policy->signing_threads = octets_read_u32(reader);
    policy->verify = (enum policy_verify)read_choice(reader, POLICY_VERIFY_OFF);
}

// The desk shows a policy's name, the fetcher asks its parents, the signer does the rest.
static void
write_policies(const struct secondary_settings *settings, enum message_role role,
               struct octets_buffer *body)
{
    octets_buffer_add_u32(body, (uint32_t)settings->policy_count);
    for (size_t i = 0; i < settings->policy_count; i++) {
        const struct policy_settings *policy = &settings->policies[i];
        octets_buffer_add_text(body, policy->id);
        if (wants_limits(role)) {
            write_addresses(body, &policy->ds_check_parents);
            write_i64(body, policy->ds_check_interval_seconds);
        }
        if (wants_signing(role)) {
            write_signing(policy, body);
        }
    }
}

static void
read_policies(struct octets_reader *reader, enum message_role role, struct role_settings *into)
{
    uint32_t count = read_count(reader, sizeof(uint32_t));
    struct policy_settings *policies = arena_zalloc(into->arena, sizeof *policies * (count + 1U));
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        policies[i].key_secret_file = policies[i].nsec3_salt = "";
        policies[i].id = read_text(reader, into->arena);
        if (wants_limits(role)) {
            policies[i].ds_check_parents = read_addresses(reader, into->arena);
            policies[i].ds_check_interval_seconds = read_i64(reader);
        }
        if (wants_signing(role)) {
            read_signing(reader, into->arena, &policies[i]);
        }
    }
    into->settings.policies = policies;
    into->settings.policy_count = count;
}

// The zone's acl as the server needs it: with its primaries as sources of NOTIFY, by address.
static void
write_zone_acl(const struct secondary_settings *settings,
               const struct secondary_zone_settings *zone, struct octets_buffer *body)
{
    struct acl acl;
    acl_init(&acl);
    acl_add_all(&acl, &zone->acl);
    struct acl_rule *rule = NULL;
    for (size_t i = 0; i < zone->primaries.count; i++) {
        const struct remote_settings *remote = &settings->remotes[zone->primaries.items[i]];
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

static void
write_zone(const struct secondary_settings *settings, const struct secondary_zone_settings *zone,
           enum message_role role, struct octets_buffer *body)
{
    octets_buffer_add(body, zone->name, name_length(zone->name));
    octets_buffer_add_text(body, zone->domain);
    if (wants_polls(role)) {
        write_i64(body, zone->refresh_seconds);
        write_i64(body, zone->retry_seconds);
        octets_buffer_add_u8(body, (uint8_t)zone->request_ixfr);
    }
    if (wants_limits(role)) {
        octets_buffer_add_u64(body, zone->gate.max_records);
        octets_buffer_add_u64(body, zone->gate.max_size_octets);
    }
    if (wants_signing(role)) {
        write_i64(body, zone->expire_seconds);
        octets_buffer_add_u32(body, zone->gate.max_removed_percent);
        octets_buffer_add_u32(body, zone->gate.max_ttl_seconds);
        octets_buffer_add_text(body, zone->gate.review);
        write_i64(body, zone->gate.review_timeout_seconds);
        octets_buffer_add_u64(body, zone->journal_max_octets);
    }
    if (wants_policies(role)) {
        write_index(body, zone->policy);
    }
    if (wants_remotes(role)) {
        write_indexes(body, &zone->primaries);
        write_indexes(body, &zone->notify);
    }
    if (wants_serving(role)) {
        write_zone_acl(settings, zone, body);
    }
}

static void
read_zone_limits(struct octets_reader *reader, enum message_role role, struct arena *arena,
                 struct secondary_zone_settings *zone)
{
    if (wants_polls(role)) {
        zone->refresh_seconds = read_i64(reader);
        zone->retry_seconds = read_i64(reader);
        zone->request_ixfr = (enum request_ixfr)read_choice(reader, REQUEST_IXFR_YES);
    }
    if (wants_limits(role)) {
        zone->gate.max_records = octets_read_u64(reader);
        zone->gate.max_size_octets = octets_read_u64(reader);
    }
    if (wants_signing(role)) {
        zone->expire_seconds = read_i64(reader);
        zone->gate.max_removed_percent = octets_read_u32(reader);
        zone->gate.max_ttl_seconds = octets_read_u32(reader);
        zone->gate.review = read_text(reader, arena);
        zone->gate.review_timeout_seconds = read_i64(reader);
        zone->journal_max_octets = octets_read_u64(reader);
    }
}

static void
read_zone(struct octets_reader *reader, enum message_role role, struct role_settings *into,
          struct secondary_zone_settings *zone)
{
    uint8_t name[NAME_SIZE_MAX];
    acl_init(&zone->acl);
    zone->gate.review = "";
    zone->policy = POLICY_NONE;
    if (name_read_plain(reader, name)) {
        zone->name = arena_copy(into->arena, name, name_length(name));
    }
    zone->domain = read_text(reader, into->arena);
    read_zone_limits(reader, role, into->arena, zone);
    if (wants_policies(role)) {
        zone->policy = read_index(reader, into->settings.policy_count);
    }
    if (wants_remotes(role)) {
        zone->primaries = read_indexes(reader, into->arena, into->settings.remote_count);
        zone->notify = read_indexes(reader, into->arena, into->settings.remote_count);
    }
    if (wants_serving(role)) {
        acl_read(&zone->acl, reader);
    }
}

static void
write_zones(const struct secondary_settings *settings, const uint32_t *zone_ids,
            enum message_role role, struct octets_buffer *body)
{
    octets_buffer_add_u32(body, (uint32_t)settings->zone_count);
    for (size_t i = 0; i < settings->zone_count; i++) {
        octets_buffer_add_u32(body, zone_ids[i]);
        write_zone(settings, &settings->zones[i], role, body);
    }
}

static void
read_zones(struct octets_reader *reader, enum message_role role, struct role_settings *into)
{
    uint32_t count = read_count(reader, 2 * sizeof(uint32_t));
    struct secondary_zone_settings *zones = arena_zalloc(into->arena, sizeof *zones * (count + 1U));
    uint32_t *ids = arena_zalloc(into->arena, sizeof *ids * (count + 1U));
    into->settings.zones = zones;
    into->zone_ids = ids;
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        ids[i] = octets_read_u32(reader);
        read_zone(reader, role, into, &zones[i]);
        into->settings.zone_count = i + 1; // also on failure: its acl must be closed
    }
}

static void
write_cookie_secrets(const struct cookie_secrets *secrets, struct octets_buffer *body)
{
    octets_buffer_add_u8(body, (uint8_t)secrets->count);
    octets_buffer_add(body, secrets->secret, secrets->count * sizeof secrets->secret[0]);
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
write_rate_limit(const struct rate_limit_settings *limit, struct octets_buffer *body)
{
    octets_buffer_add_u32(body, limit->per_second);
    octets_buffer_add_u32(body, limit->slip);
    octets_buffer_add_u32(body, limit->prefix_v4);
    octets_buffer_add_u32(body, limit->prefix_v6);
}

static void
read_rate_limit(struct octets_reader *reader, struct rate_limit_settings *limit)
{
    limit->per_second = octets_read_u32(reader);
    limit->slip = octets_read_u32(reader);
    limit->prefix_v4 = octets_read_u32(reader);
    limit->prefix_v6 = octets_read_u32(reader);
}

static void
write_serving(const struct secondary_settings *settings, const struct role_extras *extras,
              struct octets_buffer *body)
{
    write_cookie_secrets(&extras->cookie_secrets, body);
    octets_buffer_add_text(body, settings->server_user);
    octets_buffer_add_u32(body, settings->tcp_clients);
    write_i64(body, settings->tcp_idle_seconds);
    write_rate_limit(&settings->rate_limit, body);
    octets_buffer_add_u8(body, settings->cookies);
    octets_buffer_add_text(body, settings->nsid);
    octets_buffer_add_text(body, settings->version);
}

static void
read_serving(struct octets_reader *reader, struct role_settings *into)
{
    struct secondary_settings *settings = &into->settings;
    read_cookie_secrets(reader, &into->extras.cookie_secrets);
    settings->server_user = read_text(reader, into->arena);
    settings->tcp_clients = octets_read_u32(reader);
    settings->tcp_idle_seconds = read_i64(reader);
    read_rate_limit(reader, &settings->rate_limit);
    settings->cookies = read_bool(reader);
    settings->nsid = read_text(reader, into->arena);
    settings->version = read_text(reader, into->arena);
}

static void
write_desk(const struct secondary_settings *settings, struct octets_buffer *body)
{
    octets_buffer_add_text(body, settings->file);
    octets_buffer_add_text(body, settings->control_socket);
    write_address(body, &settings->http.listen);
    write_addresses(body, &settings->listen);
    write_rate_limit(&settings->rate_limit, body);
    write_alert(&settings->alert, body);
}

static void
read_desk(struct octets_reader *reader, struct role_settings *into)
{
    into->settings.file = read_text(reader, into->arena);
    into->settings.control_socket = read_text(reader, into->arena);
    read_address(reader, &into->settings.http.listen);
    into->settings.listen = read_addresses(reader, into->arena);
    read_rate_limit(reader, &into->settings.rate_limit);
    read_alert(reader, into->arena, &into->settings.alert);
}

void
role_settings_write(const struct secondary_settings *settings, const uint32_t *zone_ids,
                    const struct role_extras *extras, enum message_role role,
                    struct octets_buffer *body)
{
    octets_buffer_add_u8(body, (uint8_t)role);
    octets_buffer_add_text(body, extras->host);
    octets_buffer_add_u32(body, extras->server_count);
    octets_buffer_add_u8(body, (uint8_t)settings->log.level);
    octets_buffer_add_u8(body, (uint8_t)settings->log.format);
    octets_buffer_add_text(body, settings->user);
    octets_buffer_add_text(body, wants_state(role) ? settings->state_directory : "");
    write_keys(settings, role, body);
    if (wants_remotes(role)) {
        write_remotes(settings, role, body);
    }
    if (wants_policies(role)) {
        write_policies(settings, role, body);
    }
    if (wants_serving(role)) {
        write_serving(settings, extras, body);
    }
    if (wants_desk(role)) {
        write_desk(settings, body);
    }
    write_zones(settings, zone_ids, role, body);
}

// Texts are never NULL in settings.
static void
init_texts(struct secondary_settings *settings)
{
    settings->file = settings->user = settings->server_user = settings->state_directory = "";
    settings->cookie_secret_file = settings->nsid = settings->version = settings->control_socket =
        "";
    struct alert_settings *alert = &settings->alert;
    alert->smtp_address = alert->smtp_user = alert->smtp_password = alert->smtp_password_file = "";
    alert->smtp_ca_file = alert->mail_directory = alert->from = "";
}

static void
read_all(struct octets_reader *reader, struct role_settings *into)
{
    struct secondary_settings *settings = &into->settings;
    enum message_role role = (enum message_role)read_choice(reader, ROLE_COUNT - 1);
    if (role == ROLE_SUPERVISOR) { // it reads the file itself
        reader->failed = true;
        return;
    }
    into->extras.host = read_text(reader, into->arena);
    into->extras.server_count = octets_read_u32(reader);
    settings->log.level = (enum log_level)read_choice(reader, LOG_LEVEL_DEBUG);
    settings->log.format = (enum log_format)read_choice(reader, LOG_FORMAT_JSON);
    settings->user = read_text(reader, into->arena);
    settings->state_directory = read_text(reader, into->arena);
    read_keys(reader, into);
    if (wants_remotes(role)) {
        read_remotes(reader, into);
    }
    if (wants_policies(role)) {
        read_policies(reader, role, into);
    }
    if (wants_serving(role)) {
        read_serving(reader, into);
    }
    if (wants_desk(role)) {
        read_desk(reader, into);
    }
    read_zones(reader, role, into);
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

bool
role_settings_read(struct octets body, struct role_settings **ret_settings)
{
    struct arena *arena = arena_new();
    struct role_settings *settings = arena_zalloc(arena, sizeof *settings);
    settings->arena = arena;
    init_texts(&settings->settings);
    struct octets_reader reader;
    octets_reader_init(&reader, body.data, body.length);
    read_all(&reader, settings);
    if (reader.failed || octets_left(&reader) != 0) {
        role_settings_free(&settings);
        return false;
    }
    sort_ids(settings);
    *ret_settings = settings;
    return true;
}

void
role_settings_free(struct role_settings **settings)
{
    if (*settings == NULL) {
        return;
    }
    for (size_t i = 0; i < (*settings)->settings.zone_count; i++) {
        // The list is ours; the settings only show it as frozen.
        struct acl *acl = (struct acl *)(uintptr_t) & (*settings)->settings.zones[i].acl;
        acl_close(acl);
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
