// What may happen to a key when. A signature is of use to a resolver only with the DNSKEY that made
// it, and both are cached apart: whoever takes a signing key away must know that the keys left are
// in every cached DNSKEY RRset, and for the DNSKEY RRset's own signature that the parent has their
// DS. A further key beside one that goes on signing needs no waiting.
#include "secondary/signer/key_life.h"

#include <string.h>

#include "common/base/quantity.h"
#include "common/daemon/control.h"
#include "common/daemon/json_value.h"
#include "common/daemon/log.h"
#include "secondary/signer/key_show.h"
#include "secondary/signer/verbs.h"

// --- activate

// Through "ready" where it is still "published": the zone is signed by the old keys as well, so a
// cache that lacks the new one loses nothing.
static bool
activate(struct keeper *keeper, const struct key_pair *key, struct fault *fault)
{
    static const enum key_event events[] = {KEY_EVENT_READY, KEY_EVENT_ACTIVATE};
    size_t skipped = key->state == KEY_PUBLISHED ? 0 : 1;
    return keeper_move_key(keeper, key->tag, events + skipped, 2 - skipped, fault);
}

static bool
activate_check(const struct keeper *keeper, const struct key_pair *key, struct fault *fault)
{
    enum key_state next;
    if (key->state == KEY_PUBLISHED ||
        key_state_next(key->state, KEY_EVENT_ACTIVATE, &next, fault)) {
        return true;
    }
    return fault_wrap(fault, "zone %s: key %u", keeper->domain, key->tag);
}

void
key_activate(struct keeper *keeper, const struct message_control *control, uint64_t request)
{
    struct fault fault = {0};
    const struct key_pair *key = verb_key(keeper, control, request);
    if (key == NULL) {
        return;
    }
    uint16_t tag = key->tag;
    if (!activate_check(keeper, key, &fault)) {
        verb_fail(keeper, request, CONTROL_FAILED, &fault);
    } else if (verb_flag(control, "dry_run")) {
        verb_done(keeper, request, true, "would sign with the key, beside those that sign now");
    } else if (!activate(keeper, key, &fault)) {
        fault_wrap(&fault, "zone %s", keeper->domain);
        verb_fail(keeper, request, 0, &fault);
    } else {
        log_info("a key was activated", "zone", keeper->domain, "tag", LOG_NUMBER(tag));
        struct json_value *result =
            verb_done_result(keeper, false, "the key signs, beside those that signed before");
        keeper_keys_changed(keeper, request, verb_flag(control, "wait"), &result);
    }
}

// --- retire

// A key that has never signed is taken back; one that has stays published until caches forget.
static enum key_event
retire_event(const struct key_pair *key)
{
    return key->state < KEY_ACTIVE ? KEY_EVENT_REMOVE : KEY_EVENT_RETIRE;
}

// dnskey: its signature of the DNSKEY RRset; else those of the rest.
static bool
work_can_be_left(const struct keeper *keeper, const struct key_pair *key, bool dnskey,
                 struct fault *fault)
{
    struct key_policy policy;
    const struct key_pair *other;
    char when[QUANTITY_TEXT_MAX];
    keeper_key_policy_fill(keeper->policy, &policy);
    int64_t spare_at = keyset_spare_at(keeper->keyset, key, dnskey, &policy, &other);
    if (other == NULL) {
        return fault_set(fault, FAULT_REFUSED,
                         "zone %s: without key %u the zone could not be signed; make its successor "
                         "first (tandemctl key generate %s --role %s)",
                         keeper->domain, key->tag, keeper->domain, key_role_word(key->role));
    }
    if (spare_at > keeper_now()) {
        return fault_set(fault, FAULT_REFUSED,
                         "zone %s: resolvers may hold the zone's keys without %u, the successor of "
                         "%u, until %s; retire %u then (dnskey-ttl and propagation-delay of the "
                         "policy say how long)",
                         keeper->domain, other->tag, key->tag, quantity_time_text(spare_at, when),
                         key->tag);
    }
    return true;
}

// Whether the parent has a DS of a key that would go on signing the DNSKEY RRset. True where nobody
// looks (no ds-check), and where the parent has none at all: then nobody validates the zone.
static bool
parent_knows_another(const struct keeper *keeper, const struct key_pair *key)
{
    const struct key_pair *signing[KEYSET_KEYS_MAX];
    unsigned count = keyset_signing(keeper->keyset, true, signing);
    if (!keeper->ds_known || keeper->ds_seen.length == 0) {
        return true;
    }
    for (unsigned i = 0; i < count; i++) {
        if (signing[i] != key && key_is_at_parent(keeper, signing[i])) {
            return true;
        }
    }
    return false;
}

// Faults: the zone, or the chain of trust to it, would be broken without the key; it is in no state
// for that.
static bool
retire_check(const struct keeper *keeper, const struct key_pair *key, struct fault *fault)
{
    enum key_state next;
    if (key_pair_signs_dnskey(key) && !work_can_be_left(keeper, key, true, fault)) {
        return false;
    }
    if (key_pair_signs_zone(key) && !work_can_be_left(keeper, key, false, fault)) {
        return false;
    }
    if (key_pair_signs_dnskey(key) && !parent_knows_another(keeper, key)) {
        return fault_set(fault, FAULT_REFUSED,
                         "zone %s: the parent has no DS of a key that would stay; put the "
                         "successor's there first (tandemctl key ds %s), then retire %u",
                         keeper->domain, keeper->domain, key->tag);
    }
    if (!key_state_next(key->state, retire_event(key), &next, fault)) {
        return fault_wrap(fault, "zone %s: key %u", keeper->domain, key->tag);
    }
    return true;
}

static const char *
retired_text(const struct keeper *keeper, const struct key_pair *key)
{
    if (retire_event(key) == KEY_EVENT_REMOVE) {
        return "the key never signed; its DNSKEY leaves the zone";
    }
    return key_pair_signs_dnskey(key) && !keeper->ds_known
               ? "the key signs no more; its DNSKEY stays published. Nobody here watches the "
                 "parent (no ds-check): see that it has the DS of the key that stays"
               : "the key signs no more; its DNSKEY stays published";
}

void
key_retire(struct keeper *keeper, const struct message_control *control, uint64_t request)
{
    struct fault fault = {0};
    const struct key_pair *key = verb_key(keeper, control, request);
    if (key == NULL) {
        return;
    }
    if (!retire_check(keeper, key, &fault)) {
        verb_fail(keeper, request, CONTROL_FAILED, &fault);
        return;
    }
    if (verb_flag(control, "dry_run")) {
        verb_done(keeper, request, true, "would take the key out of signing");
        return;
    }
    const char *text = retired_text(keeper, key);
    uint16_t tag = key->tag;
    enum key_event event = retire_event(key);
    if (!keeper_move_key(keeper, tag, &event, 1, &fault)) {
        fault_wrap(&fault, "zone %s", keeper->domain);
        verb_fail(keeper, request, 0, &fault);
        return;
    }
    log_info("a key was retired", "zone", keeper->domain, "tag", LOG_NUMBER(tag));
    struct json_value *result = verb_done_result(keeper, false, text);
    keeper_keys_changed(keeper, request, verb_flag(control, "wait"), &result);
}
