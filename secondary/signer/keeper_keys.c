// A zone's keys: opened, made at a first start, or held back until the parent's DS is known.
#include "secondary/signer/keeper_inside.h"

#include <stdio.h>
#include <string.h>

#include "common/daemon/log.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"

static enum serial_policy
serial_policy_of(const struct policy_settings *policy)
{
    switch (policy->serial_policy) {
    case SECONDARY_SERIAL_INCREMENT:
        return SERIAL_INCREMENT;
    case SECONDARY_SERIAL_DATESERIAL:
        return SERIAL_DATESERIAL;
    case SECONDARY_SERIAL_UNIXTIME:
    default:
        return SERIAL_UNIXTIME;
    }
}

static unsigned
hex_digit(char digit)
{
    return (unsigned)(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
}

// The configuration has checked the digits and their number.
static void
fill_nsec3(const struct policy_settings *policy, struct nsec3_parameters *ret_parameters)
{
    const char *salt = policy->nsec3_salt;
    *ret_parameters =
        (struct nsec3_parameters){.algorithm = NSEC3_SHA1,
                                  .flags = policy->nsec3_opt_out ? NSEC3_FLAG_OPT_OUT : 0,
                                  .iterations = (uint16_t)policy->nsec3_iterations,
                                  .salt_length = (uint8_t)(strlen(salt) / 2)};
    for (size_t i = 0; i < ret_parameters->salt_length; i++) {
        ret_parameters->salt[i] =
            (uint8_t)(hex_digit(salt[2 * i]) << 4 | hex_digit(salt[2 * i + 1]));
    }
}

void
keeper_sign_policy_fill(const struct policy_settings *policy, struct sign_policy *ret_policy)
{
    sign_policy_default(ret_policy);
    ret_policy->rrsig_lifetime_seconds = policy->rrsig_lifetime_seconds;
    ret_policy->rrsig_refresh_seconds = policy->rrsig_refresh_seconds;
    ret_policy->rrsig_jitter_seconds = policy->rrsig_jitter_seconds;
    ret_policy->serial_policy = serial_policy_of(policy);
    ret_policy->dnskey_ttl_seconds = policy->dnskey_ttl_seconds;
    ret_policy->verify = policy->verify == POLICY_VERIFY_ALL   ? VERIFY_EVERYTHING
                         : policy->verify == POLICY_VERIFY_OFF ? VERIFY_OFF
                                                               : VERIFY_CHANGES;
    ret_policy->nsec3 = policy->nsec3;
    if (policy->nsec3) {
        fill_nsec3(policy, &ret_policy->nsec3_parameters);
    }
    ret_policy->zonemd = policy->zonemd;
}

static bool
nsec3_differs(const struct nsec3_parameters *served, const struct nsec3_parameters *wanted,
              char *why, size_t size)
{
    if (served->flags != wanted->flags) {
        snprintf(why, size, "the policy changed: NSEC3 %s opt-out",
                 wanted->flags & NSEC3_FLAG_OPT_OUT ? "with" : "without");
        return true;
    }
    if (!nsec3_parameters_equal(served, wanted)) {
        snprintf(why, size, "the policy changed: NSEC3 with another salt or iterations");
        return true;
    }
    return false;
}

static bool
denial_differs(const struct keeper *keeper, char *why, size_t size)
{
    const struct nsec3_parameters *served = version_nsec3(keeper_served(keeper));
    if (served != NULL && keeper->sign_policy->nsec3) {
        return nsec3_differs(served, &keeper->sign_policy->nsec3_parameters, why, size);
    }
    if ((served != NULL) == keeper->sign_policy->nsec3) {
        return false;
    }
    snprintf(why, size, "the policy changed: %s",
             served != NULL ? "NSEC instead of NSEC3" : "NSEC3 instead of NSEC");
    return true;
}

bool
keeper_policy_differs(const struct keeper *keeper, char *why, size_t size)
{
    const struct version *served = keeper_served(keeper);
    const struct node *apex = served != NULL ? version_apex_node(served) : NULL;
    struct rrset dnskey, zonemd;
    if (keeper->policy == NULL || apex == NULL || !version_facts(served)->is_signed) {
        return false;
    }
    if (denial_differs(keeper, why, size)) {
        return true;
    }
    if (node_rrset_find(apex, RRTYPE_ZONEMD, &zonemd) != keeper->sign_policy->zonemd) {
        snprintf(why, size, "the policy changed: %s",
                 keeper->sign_policy->zonemd ? "with ZONEMD" : "without ZONEMD");
        return true;
    }
    if (node_rrset_find(apex, RRTYPE_DNSKEY, &dnskey) &&
        dnskey.ttl != keeper->sign_policy->dnskey_ttl_seconds) {
        snprintf(why, size, "the policy changed: dnskey-ttl %u -> %u s", dnskey.ttl,
                 keeper->sign_policy->dnskey_ttl_seconds);
        return true;
    }
    return false;
}

struct lost_key {
    uint16_t tag;
    enum key_role role;
};

static bool
is_missing(const enum key_role *roles, unsigned count, enum key_role role)
{
    return (count > 0 && roles[0] == role) || (count > 1 && roles[1] == role);
}

// A key that the served zone publishes and that is not here: caches have it, and the parent may
// have its DS. The first whose work nobody else can do, or else the first.
static bool
find_lost_key(const struct keeper *keeper, struct lost_key *ret_lost)
{
    const struct version *served = keeper_served(keeper);
    const struct node *apex = served != NULL ? version_apex_node(served) : NULL;
    struct key_policy policy;
    enum key_role roles[2];
    struct rrset dnskey;
    struct rr rr;
    uint32_t position = 0;
    bool found = false;
    if (apex == NULL || !node_rrset_find(apex, RRTYPE_DNSKEY, &dnskey)) {
        return false;
    }
    keeper_key_policy_fill(keeper->policy, &policy);
    unsigned missing = keyset_missing(keeper->keyset, &policy, roles);
    enum key_role entry = is_missing(roles, missing, KEY_CSK) ? KEY_CSK : KEY_KSK;
    while (rrset_next(dnskey.wire, dnskey.wire_length, &position, &rr)) {
        struct lost_key lost = {.tag = rdata_dnskey_tag(rr.rdata, rr.rdlength),
                                .role = (rr.rdata[1] & KEY_FLAG_SEP) != 0 ? entry : KEY_ZSK};
        if (keyset_find(keeper->keyset, lost.tag) != NULL) {
            continue;
        }
        if (!found || is_missing(roles, missing, lost.role)) {
            *ret_lost = lost;
        }
        found = true;
    }
    return found;
}

// A fresh key in the place of one whose file is gone would end the chain of trust at the next
// change, without a word: the operator decides.
static bool
keys_are_lost(const struct keeper *keeper, struct fault *fault)
{
    struct lost_key lost;
    if (!find_lost_key(keeper, &lost)) {
        return false;
    }
    const char *role = key_role_word(lost.role);
    fault_set(
        fault, FAULT_NOT_FOUND,
        "zone %s: the file of key %u (%s), which the served zone publishes, is gone from %s: a "
        "fresh one would break the chain of trust, so nothing new is signed and what is "
        "served stays until its signatures end; put it back from the backup, then "
        "\"tandemctl reload\", or \"tandemctl key import %s FILE...\"; only where it is lost "
        "for good \"tandemctl key generate %s --role %s\", and its DS at the parent",
        keeper->domain, lost.tag, role, keeper->key_directory, keeper->domain, keeper->domain,
        role);
    return true;
}

void
keeper_look_after_lost_key(struct keeper *keeper, bool replaced)
{
    struct fault fault = {0};
    struct key_policy policy;
    enum key_role roles[2];
    keeper_key_policy_fill(keeper->policy, &policy);
    if (keeper->key_lost && replaced && keyset_missing(keeper->keyset, &policy, roles) == 0) {
        keeper->key_lost = false;
    } else if (keeper->key_lost && keys_are_lost(keeper, &fault)) {
        keeper_fault_set(keeper, &fault, EVENT_KEY, "tandemctl reload");
    } else {
        keeper->key_lost = false;
    }
}

static bool
open_keys(struct keeper *keeper, struct fault *fault)
{
    const struct key_seal *seal = NULL;
    struct key_policy policy;
    keeper_key_policy_fill(keeper->policy, &policy);
    if (policy.storage == KEY_STORAGE_SEALED || key_store_has_sealed(keeper->key_directory)) {
        seal =
            keeper->shared->seal(keeper->shared->context, keeper->policy->key_secret_file, fault);
        if (seal == NULL) {
            return false;
        }
    }
    struct key_store_options options = {
        .storage = policy.storage, .seal = seal, .dnskey_ttl = keeper->policy->dnskey_ttl_seconds};
    if (keeper->key_store == NULL &&
        !key_store_open(keeper->key_directory, keeper->apex, &options, &keeper->key_store, fault)) {
        return false;
    }
    struct keyset *keyset = keyset_new(keeper->apex, keeper->shared->memory);
    if (!key_store_load(keeper->key_store, keyset, keeper_now(), fault)) {
        keyset_free(&keyset);
        return false;
    }
    keeper->keyset = keyset;
    return true;
}

// A subject and a list show the beginning of a sentence: the cause stands there, what follows from
// it behind.
static void
put_cause_first(const struct keeper *keeper, struct fault *fault, const char *so)
{
    struct fault cause = *fault;
    fault_set(fault, cause.kind, "zone %s: the keys cannot be read: %.1400s; %s", keeper->domain,
              cause.text, so);
}

// Keys from the disk, or fresh ones where there are none. False: the zone's fault says why not, or
// they are being made, or the parent's DS is waited for.
static bool
take_keys(struct keeper *keeper)
{
    struct fault fault = {0};
    if (!open_keys(keeper, &fault)) {
        put_cause_first(keeper, &fault,
                        "so nothing new is signed and what is served stays until its signatures "
                        "end; mend this, then \"tandemctl reload\"");
        keeper_fault_set(keeper, &fault, EVENT_KEY, "tandemctl reload");
        return false;
    }
    bool none = keyset_count(keeper->keyset) == 0;
    if (none && keeper->policy->ds_check_parents.count > 0) {
        keeper->awaits_ds = true;
        return false;
    }
    if (keys_are_lost(keeper, &fault)) {
        keeper->key_lost = true;
        keeper_fault_set(keeper, &fault, EVENT_KEY, "tandemctl reload");
        return false;
    }
    if (!keeper_make_keys(keeper, &fault)) {
        keeper_keys_failed(keeper, &fault);
        return false;
    }
    if (!keeper->awaits_keys) {
        keeper_fault_clear(keeper);
    }
    return !keeper->awaits_keys;
}

// A key in memory, published or about to be, has its file.
static bool
every_key_has_its_file(const struct keeper *keeper, const struct keyset *files, struct fault *fault)
{
    for (size_t i = 0; i < keyset_count(keeper->keyset); i++) {
        const struct key_pair *key = keyset_at(keeper->keyset, i);
        if (keyset_find(files, key->tag) == NULL) {
            return fault_set(fault, FAULT_NOT_FOUND, "%s: the file of key %u (%s) is gone",
                             keeper->key_directory, key->tag, key_role_word(key->role));
        }
    }
    return true;
}

// A daemon that runs has its keys; whether the next start will have them is found out at each
// reload, while the keys in memory can still be exported.
static void
check_files(struct keeper *keeper)
{
    struct fault fault = {0};
    struct keyset *files = keyset_new(keeper->apex, keeper->shared->memory);
    if (!key_store_load(keeper->key_store, files, keeper_now(), &fault) ||
        !every_key_has_its_file(keeper, files, &fault)) {
        put_cause_first(keeper, &fault,
                        "its keys go on signing from memory, but a restart could not read their "
                        "files; mend this, or \"tandemctl key export\" them now");
        log_error(fault.text, "zone", keeper->domain);
        keeper_tell_simple_event(keeper, EVENT_KEY, fault.text, fault.text, "");
    }
    keyset_free(&files);
}

// Keys as they are on disk; at a first start made, or held back until the parent's DS is known.
void
keeper_prepare_keys(struct keeper *keeper)
{
    if (keeper->key_lost) { // the files are looked at again
        keeper->key_lost = false;
        keyset_free(&keeper->keyset);
    }
    bool had_keys = keeper->keyset != NULL;
    if (keeper->policy == NULL || (!had_keys && !take_keys(keeper))) {
        return;
    }
    if (had_keys) {
        check_files(keeper);
    }
    keeper_note_algorithm(keeper);
}

bool
keeper_keys_ready(const struct keeper *keeper)
{
    return keeper->policy == NULL || (keeper->keyset != NULL && !keeper->awaits_ds &&
                                      !keeper->awaits_keys && !keeper->key_lost);
}

void
keeper_take_ds(struct keeper *keeper, const struct message_ds_seen *seen)
{
    struct fault fault = {0};
    if (seen->answered) {
        keeper->ds_seen.length = 0;
        octets_buffer_add(&keeper->ds_seen, seen->rdatas.data, seen->rdatas.length);
        keeper->ds_known = true;
    }
    if (!keeper->awaits_ds || !seen->answered) {
        return;
    }
    if (seen->ds_count == 0) {
        if (!keeper_make_keys(keeper, &fault)) {
            keeper_fault_set(keeper, &fault, EVENT_KEY, "");
        } else if (!keeper->awaits_keys) {
            keeper_fault_clear(keeper);
        }
        keeper->go_on(keeper);
        return;
    }
    char hint[NAME_TEXT_MAX + 64];
    keeper->blocked_by_ds = true;
    snprintf(hint, sizeof hint, "tandemctl key import %s FILE...", keeper->domain);
    fault_set(&fault, FAULT_REFUSED,
              "zone %s: the parent has %u DS records and no key is here: a fresh key would break "
              "the chain of trust, so "
              "nothing is published; import the zone's keys (%s)",
              keeper->domain, seen->ds_count, hint);
    keeper_fault_set(keeper, &fault, EVENT_DS, hint);
}
