#include "secondary/fetcher/zone_digest.h"

#include <string.h>

static void
add_number(struct hash_digest_state *state, uint64_t number)
{
    hash_digest_add(state, &number, sizeof(number));
}

static void
add_text(struct hash_digest_state *state, const char *text)
{
    hash_digest_add(state, text, strlen(text) + 1);
}

static void
add_address(struct hash_digest_state *state, const struct address *address)
{
    char text[ADDRESS_TEXT_MAX];
    add_text(state, address_to_text(address, text));
}

static void
add_addresses(struct hash_digest_state *state, const struct settings_addresses *addresses)
{
    add_number(state, addresses->count);
    for (size_t i = 0; i < addresses->count; i++)
        add_address(state, &addresses->items[i]);
}

static void
add_key(struct hash_digest_state *state, const struct tsig_key *key)
{
    hash_digest_add(state, key->name, name_length(key->name));
    add_number(state, key->algorithm);
    add_number(state, key->secret_length);
    hash_digest_add(state, key->secret, key->secret_length);
}

static void
add_remotes(struct hash_digest_state *state, const struct secondary_settings *settings,
            const struct settings_indexes *indexes)
{
    add_number(state, indexes->count);
    for (size_t i = 0; i < indexes->count; i++) {
        const struct remote_settings *remote = &settings->remotes[indexes->items[i]];
        add_text(state, remote->id);
        add_addresses(state, &remote->addresses);
        add_address(state, &remote->source);
        add_number(state, remote->key != SETTINGS_NONE);
        if (remote->key != SETTINGS_NONE)
            add_key(state, &settings->keys[remote->key]);
    }
}

void
zone_digest(const struct secondary_settings *settings, const struct secondary_zone_settings *zone,
            struct hash_digest *ret_digest)
{
    struct hash_digest_state state;
    hash_digest_init(&state);
    add_remotes(&state, settings, &zone->rules->primaries);
    add_remotes(&state, settings, &zone->rules->notify);
    add_number(&state, (uint64_t)zone->rules->refresh_seconds);
    add_number(&state, (uint64_t)zone->rules->retry_seconds);
    add_number(&state, zone->rules->gate.max_records);
    add_number(&state, zone->rules->gate.max_size_octets);
    add_number(&state, (uint64_t)zone->rules->request_ixfr);
    add_number(&state, zone->rules->policy != POLICY_NONE);
    if (zone->rules->policy != POLICY_NONE) {
        const struct policy_settings *policy = &settings->policies[zone->rules->policy];
        add_addresses(&state, &policy->ds_check_parents);
        add_number(&state, (uint64_t)policy->ds_check_interval_seconds);
    }
    hash_digest_end(&state, ret_digest);
    explicit_bzero(&state, sizeof(state));
}
