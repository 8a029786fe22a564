#include "secondary/signer/keys/keyset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/dns/rdata.h"

#define GENERATE_TRIES_MAX                                                                         \
    100                // 32 tags of 65,536 are taken at most: the second try nearly always does
#define AVOIDED_MAX 64 // foreign tags; more are keys of nobody

struct keyset {
    struct key_memory *memory;
    struct key_pair **keys; // each by itself: borrowed pointers outlive an addition
    size_t count;
    uint16_t *avoided; // AVOIDED_MAX; NULL: none
    size_t avoided_count;
    uint8_t apex[]; // lower case
};

struct keyset *
keyset_new(const uint8_t *apex, struct key_memory *memory)
{
    struct keyset *keyset = memory_zalloc(sizeof *keyset + name_length(apex));
    name_copy_lower(keyset->apex, apex);
    keyset->memory = memory;
    return keyset;
}

void
keyset_free(struct keyset **keyset)
{
    if (!*keyset)
        return;
    for (size_t i = 0; i < (*keyset)->count; i++) {
        key_pair_close((*keyset)->memory, (*keyset)->keys[i]);
        free((*keyset)->keys[i]);
    }
    free((*keyset)->keys);
    free((*keyset)->avoided);
    free(*keyset);
    *keyset = NULL;
}

const uint8_t *
keyset_apex(const struct keyset *keyset)
{
    return keyset->apex;
}

struct key_memory *
keyset_memory(const struct keyset *keyset)
{
    return keyset->memory;
}

size_t
keyset_count(const struct keyset *keyset)
{
    return keyset->count;
}

const struct key_pair *
keyset_at(const struct keyset *keyset, size_t index)
{
    ENSURE(index < keyset->count);
    return keyset->keys[index];
}

static struct key_pair *
find(const struct keyset *keyset, uint16_t tag)
{
    for (size_t i = 0; i < keyset->count; i++)
        if (keyset->keys[i]->tag == tag)
            return keyset->keys[i];
    return NULL;
}

const struct key_pair *
keyset_find(const struct keyset *keyset, uint16_t tag)
{
    return find(keyset, tag);
}

bool
keyset_tag_taken(const struct keyset *keyset, uint16_t tag)
{
    for (size_t i = 0; i < keyset->avoided_count; i++)
        if (keyset->avoided[i] == tag)
            return true;
    return find(keyset, tag) != NULL;
}

void
keyset_avoid_tag(struct keyset *keyset, uint16_t tag)
{
    if (!keyset->avoided)
        keyset->avoided = memory_alloc(AVOIDED_MAX * sizeof *keyset->avoided);
    if (!keyset_tag_taken(keyset, tag) && keyset->avoided_count < AVOIDED_MAX)
        keyset->avoided[keyset->avoided_count++] = tag;
}

static int
key_order(const struct key_pair *a, const struct key_pair *b)
{
    if ((a->role == KEY_ZSK) != (b->role == KEY_ZSK))
        return a->role == KEY_ZSK ? 1 : -1;
    return (int)a->tag - (int)b->tag;
}

static bool
add_check(const struct keyset *keyset, const struct key_pair *key, struct fault *fault)
{
    char ours[NAME_TEXT_MAX], theirs[NAME_TEXT_MAX];
    if (!name_equal(key->apex, keyset->apex))
        return fault_set(fault, FAULT_CONFIG, "key %u is one of zone %s, not of %s", key->tag,
                         name_to_text_short(key->apex, theirs),
                         name_to_text_short(keyset->apex, ours));
    if (keyset_tag_taken(keyset, key->tag))
        return fault_set(fault, FAULT_EXISTS,
                         "zone %s has a key with tag %u already; tags must be unique: make another "
                         "key, or retire that one first",
                         name_to_text_short(keyset->apex, ours), key->tag);
    if (keyset->count == KEYSET_KEYS_MAX)
        return fault_set(fault, FAULT_LIMIT, "zone %s has %d keys, the most there can be",
                         name_to_text_short(keyset->apex, ours), KEYSET_KEYS_MAX);
    return true;
}

bool
keyset_add(struct keyset *keyset, struct key_pair *key, struct fault *fault)
{
    if (!add_check(keyset, key, fault))
        return false;
    struct key_pair *own = memory_alloc(sizeof *own);
    *own = *key;
    memset(key, 0, sizeof *key);
    size_t at = keyset->count++;
    keyset->keys = memory_realloc(keyset->keys, keyset->count * sizeof *keyset->keys);
    for (; at > 0 && key_order(keyset->keys[at - 1], own) > 0; at--)
        keyset->keys[at] = keyset->keys[at - 1];
    keyset->keys[at] = own;
    return true;
}

static bool
no_such_key(const struct keyset *keyset, uint16_t tag, struct fault *fault)
{
    char apex[NAME_TEXT_MAX];
    return fault_set(fault, FAULT_NOT_FOUND,
                     "zone %s has no key with tag %u; \"key list\" shows those it has",
                     name_to_text_short(keyset->apex, apex), tag);
}

bool
keyset_remove(struct keyset *keyset, uint16_t tag, struct fault *fault)
{
    size_t at = 0;
    while (at < keyset->count && keyset->keys[at]->tag != tag)
        at++;
    if (at == keyset->count)
        return no_such_key(keyset, tag, fault);
    key_pair_close(keyset->memory, keyset->keys[at]);
    free(keyset->keys[at]);
    keyset->count--;
    memmove(keyset->keys + at, keyset->keys + at + 1,
            (keyset->count - at) * sizeof keyset->keys[0]);
    return true;
}

bool
keyset_move(struct keyset *keyset, uint16_t tag, enum key_event event, int64_t now,
            struct fault *fault)
{
    struct key_pair *key = find(keyset, tag);
    if (!key)
        return no_such_key(keyset, tag, fault);
    if (!key_state_move(&key->state, &key->times, event, now, fault))
        return fault_wrap(fault, "key %u", tag);
    return true;
}

void
keyset_move_back(struct keyset *keyset, uint16_t tag, enum key_state state,
                 const struct key_times *times)
{
    struct key_pair *key = find(keyset, tag);
    ENSURE(key != NULL);
    key->state = state;
    key->times = *times;
}

// Takes the key over, or closes it.
static bool
fresh_add(struct keyset *keyset, struct key_pair *key, const struct key_pair **ret_key,
          struct fault *fault)
{
    uint16_t tag = key->tag;
    if (!keyset_add(keyset, key, fault)) {
        key_pair_close(keyset->memory, key);
        return false;
    }
    *ret_key = find(keyset, tag);
    return true;
}

bool
keyset_generate_of(struct keyset *keyset, enum key_role role, uint8_t algorithm,
                   struct octets secret, int64_t now, const struct key_pair **ret_key,
                   struct fault *fault)
{
    struct key_pair key;
    struct key_parts parts = {.role = role, .algorithm = algorithm, .secret = secret};
    if (!key_pair_from_parts(keyset->memory, keyset->apex, &parts, &key, fault))
        return false;
    key.times.at[KEY_GENERATED] = now;
    if (!keyset_tag_taken(keyset, key.tag))
        return fresh_add(keyset, &key, ret_key, fault);
    key_pair_close(keyset->memory, &key);
    return keyset_generate(keyset, role, algorithm, now, ret_key, fault);
}

bool
keyset_generate(struct keyset *keyset, enum key_role role, uint8_t algorithm, int64_t now,
                const struct key_pair **ret_key, struct fault *fault)
{
    for (int i = 0; i < GENERATE_TRIES_MAX; i++) {
        struct key_pair key;
        if (!key_pair_generate(keyset->memory, keyset->apex, role, algorithm, now, &key, fault))
            return false;
        if (!keyset_tag_taken(keyset, key.tag))
            return fresh_add(keyset, &key, ret_key, fault);
        key_pair_close(keyset->memory, &key);
    }
    return fault_set(fault, FAULT_LIMIT, "no free key tag found in %d tries", GENERATE_TRIES_MAX);
}

unsigned
keyset_missing(const struct keyset *keyset, const struct key_policy *policy,
               enum key_role ret_roles[static 2])
{
    bool dnskey = false, zone = false;
    for (size_t i = 0; i < keyset->count; i++) {
        const struct key_pair *key = keyset->keys[i];
        if (!key_state_is_published(key->state) || key->state > KEY_ACTIVE)
            continue;
        dnskey = dnskey || key->role != KEY_ZSK;
        zone = zone || key->role != KEY_KSK;
    }
    unsigned count = 0;
    if (!dnskey && !zone && policy->single_type_signing) {
        ret_roles[count++] = KEY_CSK;
        return count;
    }
    if (!dnskey)
        ret_roles[count++] = KEY_KSK;
    if (!zone)
        ret_roles[count++] = KEY_ZSK;
    return count;
}

uint8_t
keyset_algorithm(const struct keyset *keyset, uint8_t wanted)
{
    const struct key_pair *keys[KEYSET_KEYS_MAX];
    unsigned count = keyset_published(keyset, keys);
    for (unsigned i = 0; i < count; i++)
        if (keys[i]->algorithm == wanted)
            return wanted;
    return count ? keys[0]->algorithm : wanted;
}

bool
keyset_differs(const struct keyset *keyset, uint8_t wanted, char ret_note[static KEYSET_NOTE_MAX])
{
    uint8_t at_hand = keyset_algorithm(keyset, wanted);
    if (at_hand == wanted)
        return false;
    snprintf(ret_note, KEYSET_NOTE_MAX,
             "the policy says algorithm %s, the zone's keys are of %s and go on signing; algorithm "
             "rollovers are not in this version: set algorithm: %s in the policy, or import keys "
             "of %s",
             key_algorithm_find(wanted)->word, key_algorithm_find(at_hand)->word,
             key_algorithm_find(at_hand)->word, key_algorithm_find(wanted)->word);
    return true;
}

unsigned
keyset_signing(const struct keyset *keyset, bool dnskey,
               const struct key_pair *ret_keys[static KEYSET_KEYS_MAX])
{
    unsigned count = 0;
    for (size_t i = 0; i < keyset->count; i++) {
        const struct key_pair *key = keyset->keys[i];
        if (dnskey ? !key_pair_signs_dnskey(key) : !key_pair_signs_zone(key))
            continue;
        unsigned at = count++;
        for (; at > 0 && ret_keys[at - 1]->tag > key->tag; at--)
            ret_keys[at] = ret_keys[at - 1];
        ret_keys[at] = key;
    }
    return count;
}

unsigned
keyset_published(const struct keyset *keyset,
                 const struct key_pair *ret_keys[static KEYSET_KEYS_MAX])
{
    unsigned count = 0;
    for (size_t i = 0; i < keyset->count; i++) {
        const struct key_pair *key = keyset->keys[i];
        if (!key_state_is_published(key->state))
            continue;
        unsigned at = count++;
        for (; at > 0 && rdata_compare(ret_keys[at - 1]->dnskey, ret_keys[at - 1]->dnskey_length,
                                       key->dnskey, key->dnskey_length) > 0;
             at--)
            ret_keys[at] = ret_keys[at - 1];
        ret_keys[at] = key;
    }
    return count;
}

static bool
signs_with(const struct keyset *keyset, bool dnskey, uint8_t algorithm)
{
    const struct key_pair *keys[KEYSET_KEYS_MAX];
    unsigned count = keyset_signing(keyset, dnskey, keys);
    for (unsigned i = 0; i < count; i++)
        if (keys[i]->algorithm == algorithm && keys[i]->secret)
            return true;
    return false;
}

// RFC 4035 section 2.2: each algorithm of the DNSKEY set signs everything.
static bool
algorithm_covered(const struct keyset *keyset, uint8_t algorithm, struct fault *fault)
{
    char apex[NAME_TEXT_MAX];
    bool dnskey = signs_with(keyset, true, algorithm);
    if (dnskey && signs_with(keyset, false, algorithm))
        return true;
    return fault_set(fault, FAULT_CONFIG,
                     "zone %s has no active %s of algorithm %u (%s), of which it has other keys; "
                     "\"key import\" one, or retire and remove those",
                     name_to_text_short(keyset->apex, apex),
                     dnskey ? "ZSK or CSK (signs the zone)" : "KSK or CSK (signs the DNSKEY set)",
                     algorithm, key_algorithm_name(algorithm));
}

bool
keyset_can_sign(const struct keyset *keyset, struct fault *fault)
{
    const struct key_pair *keys[KEYSET_KEYS_MAX];
    unsigned count = keyset_published(keyset, keys);
    char apex[NAME_TEXT_MAX];
    if (count == 0)
        return fault_set(fault, FAULT_CONFIG,
                         "zone %s has no published key; \"key generate\" or \"key import\" one",
                         name_to_text_short(keyset->apex, apex));
    for (unsigned i = 0; i < count; i++)
        if (!algorithm_covered(keyset, keys[i]->algorithm, fault))
            return false;
    return true;
}

bool
keyset_matches_ds(const struct keyset *keyset, const uint8_t *ds, size_t length)
{
    const struct key_pair *keys[KEYSET_KEYS_MAX];
    unsigned count = keyset_signing(keyset, true, keys);
    for (unsigned i = 0; length > 4 && i < count; i++) {
        uint8_t own[KEY_DS_MAX];
        size_t own_length = key_pair_ds(keys[i], ds[3], own);
        if (own_length == length && memcmp(own, ds, length) == 0)
            return true;
    }
    return false;
}

// Whether one of the two can do part of the other's work.
static bool
work_is_shared(const struct key_pair *a, const struct key_pair *b)
{
    return a->role == KEY_CSK || b->role == KEY_CSK || a->role == b->role;
}

int64_t
keyset_known_at(const struct keyset *keyset, const struct key_pair *key,
                const struct key_policy *policy)
{
    int64_t published = key->times.at[KEY_PUBLISHED];
    for (size_t i = 0; i < keyset->count; i++) {
        const struct key_pair *other = keyset->keys[i];
        int64_t before = other->times.at[KEY_PUBLISHED];
        if (other != key && work_is_shared(key, other) && before != 0 && before <= published)
            return published + policy->propagation_delay_seconds + policy->dnskey_ttl_seconds;
    }
    return published;
}

int64_t
keyset_spare_at(const struct keyset *keyset, const struct key_pair *key, bool dnskey,
                const struct key_policy *policy, const struct key_pair **ret_other)
{
    const struct key_pair *signing[KEYSET_KEYS_MAX];
    unsigned count = keyset_signing(keyset, dnskey, signing);
    int64_t first = INT64_MAX;
    *ret_other = NULL;
    for (unsigned i = 0; i < count; i++) {
        int64_t known_at = keyset_known_at(keyset, signing[i], policy);
        if (signing[i] == key || signing[i]->algorithm != key->algorithm || known_at >= first)
            continue;
        first = known_at;
        *ret_other = signing[i];
    }
    return first;
}
