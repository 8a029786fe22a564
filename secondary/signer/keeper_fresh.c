// A zone's fresh keys: made here or, where that takes long, ordered of key_maker; saved, moved.
#include "secondary/signer/keeper_inside.h"

#include "common/daemon/log.h"
#include "secondary/signer/key_errands.h"

static enum key_storage
storage_of(const struct policy_settings *policy)
{
    return policy->key_storage == POLICY_STORAGE_PLAIN ? KEY_STORAGE_PLAIN : KEY_STORAGE_SEALED;
}

void
keeper_key_policy_fill(const struct policy_settings *policy, struct key_policy *ret_policy)
{
    key_policy_default(ret_policy);
    ret_policy->algorithm = policy->algorithm;
    ret_policy->single_type_signing = policy->single_type_signing;
    ret_policy->ksk_lifetime_seconds = policy->ksk_lifetime_seconds;
    ret_policy->zsk_lifetime_seconds = policy->zsk_lifetime_seconds;
    ret_policy->storage = storage_of(policy);
    ret_policy->dnskey_ttl_seconds = policy->dnskey_ttl_seconds;
    ret_policy->propagation_delay_seconds = policy->propagation_delay_seconds;
}

static bool
save_key(struct keeper *keeper, uint16_t tag, struct fault *fault)
{
    return key_store_save(keeper->key_store, keeper->shared->memory,
                          keyset_find(keeper->keyset, tag), fault);
}

void
keeper_drop_key_files(struct keeper *keeper, const struct key_pair *key)
{
    struct fault fault = {0};
    if (!key_store_remove(keeper->key_store, key, &fault)) {
        log_warning(fault.text, "zone", keeper->domain, "tag", LOG_NUMBER(key->tag));
    }
}

// A key that signs and is on no disk would leave its DS at the parent and be gone at the next
// start.
bool
keeper_make_key(struct keeper *keeper, enum key_role role, enum key_event event,
                const struct octets *secret, uint16_t *ret_tag, struct fault *fault)
{
    const struct key_pair *key;
    uint8_t algorithm = keyset_algorithm(keeper->keyset, keeper->policy->algorithm);
    if (secret != NULL
            ? !keyset_generate_of(keeper->keyset, role, algorithm, *secret, keeper_now(), &key,
                                  fault)
            : !keyset_generate(keeper->keyset, role, algorithm, keeper_now(), &key, fault)) {
        return false;
    }
    uint16_t tag = *ret_tag = key->tag;
    if (!keyset_move(keeper->keyset, tag, event, keeper_now(), fault) ||
        !save_key(keeper, tag, fault)) {
        keeper_drop_key_files(keeper, keyset_find(keeper->keyset, tag));
        keyset_remove(keeper->keyset, tag, NULL);
        return false;
    }
    log_info("made a key", "zone", keeper->domain, "role", key_role_word(role), "tag",
             LOG_NUMBER(tag));
    return true;
}

bool
keeper_move_key(struct keeper *keeper, uint16_t tag, const enum key_event *events, size_t count,
                struct fault *fault)
{
    const struct key_pair *key = keyset_find(keeper->keyset, tag);
    enum key_state state = key->state;
    struct key_times times = key->times;
    bool moved = true;
    for (size_t i = 0; moved && i < count; i++) {
        moved = keyset_move(keeper->keyset, tag, events[i], keeper_now(), fault);
    }
    if (!moved || !save_key(keeper, tag, fault)) {
        keyset_move_back(keeper->keyset, tag, state, &times);
        return false;
    }
    return true;
}

static unsigned
keys_missing(const struct keeper *keeper, enum key_role ret_roles[static 2])
{
    struct key_policy policy;
    keeper_key_policy_fill(keeper->policy, &policy);
    return keyset_missing(keeper->keyset, &policy, ret_roles);
}

// made: as many secrets as keys are missing; NULL: they are made here.
static bool
make_missing(struct keeper *keeper, const struct key_made *made, struct fault *fault)
{
    enum key_role roles[2];
    unsigned count = keys_missing(keeper, roles);
    for (unsigned i = 0; i < count; i++) {
        uint16_t tag;
        if (!keeper_make_key(keeper, roles[i], KEY_EVENT_INTRODUCE,
                             made != NULL ? &made->secrets[i] : NULL, &tag, fault)) {
            return false;
        }
    }
    if (count > 0) {
        log_info("the zone has its first keys", "zone", keeper->domain, "next",
                 "put the DS at the parent: tandemctl key ds");
    }
    keeper->awaits_ds = keeper->blocked_by_ds = false;
    return true;
}

bool
keeper_makes_in_thread(const struct keeper *keeper, uint8_t *ret_algorithm)
{
    *ret_algorithm = keyset_algorithm(keeper->keyset, keeper->policy->algorithm);
    return key_algorithm_is_rsa(*ret_algorithm) && keeper->shared->key_maker != NULL;
}

static void keys_made(void *context, const struct key_made *made, const struct fault *failed);

bool
keeper_make_keys(struct keeper *keeper, struct fault *fault)
{
    enum key_role roles[2];
    unsigned count = keys_missing(keeper, roles);
    uint8_t algorithm;
    if (!keeper_makes_in_thread(keeper, &algorithm) || count == 0) {
        return make_missing(keeper, NULL, fault);
    }
    key_maker_order(keeper->shared->key_maker, algorithm, count, keys_made, keeper);
    keeper->awaits_keys = true;
    keeper->awaits_ds = keeper->blocked_by_ds = false;
    return true;
}

void
keeper_note_algorithm(const struct keeper *keeper)
{
    char note[KEYSET_NOTE_MAX];
    if (keyset_differs(keeper->keyset, keeper->policy->algorithm, note)) {
        log_warning(note, "zone", keeper->domain);
    }
}

void
keeper_keys_failed(struct keeper *keeper, struct fault *fault)
{
    fault_wrap(fault, "zone %s: cannot make its keys", keeper->domain);
    keeper_fault_set(keeper, fault, EVENT_KEY, "");
    keyset_free(&keeper->keyset);
}

// A reload may have brought another algorithm, or one key instead of two: then they are ordered
// anew.
static bool
made_fit(const struct keeper *keeper, const struct key_made *made)
{
    enum key_role roles[2];
    return made->count >= keys_missing(keeper, roles) &&
           made->algorithm == keyset_algorithm(keeper->keyset, keeper->policy->algorithm);
}

static void
settle_keys(struct keeper *keeper, const struct key_made *made, const struct fault *failed)
{
    struct fault fault = {0};
    keeper->awaits_keys = false;
    if (keeper->policy == NULL) { // a reload took it: with the next one they are looked for again
        keyset_free(&keeper->keyset);
        return;
    }
    if (failed != NULL) {
        fault = *failed;
    }
    if (failed != NULL || !(made_fit(keeper, made) ? make_missing(keeper, made, &fault)
                                                   : keeper_make_keys(keeper, &fault))) {
        keeper_keys_failed(keeper, &fault);
        keeper_tell_next_waits(keeper);
    } else if (!keeper->awaits_keys) {
        keeper_fault_clear(keeper);
        keeper_note_algorithm(keeper);
    }
    keeper_tell_facts(keeper);
}

static void
keys_made(void *context, const struct key_made *made, const struct fault *failed)
{
    struct keeper *keeper = context;
    settle_keys(keeper, made, failed);
    if (!keeper->awaits_keys) { // before anything is signed: an import may replace what was made
        key_errands_go_on(keeper);
    }
    keeper->go_on(keeper);
}

void
keeper_forget_key_order(struct keeper *keeper)
{
    if (keeper->awaits_keys) {
        key_maker_forget(keeper->shared->key_maker, keeper);
        keeper->awaits_keys = false;
    }
}
