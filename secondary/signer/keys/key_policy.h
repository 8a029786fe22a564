// What keys a zone should have: the key part of a `policy:` in the configuration (interface.md).
// Plain values.
#ifndef TANDEM_KEYS_KEY_POLICY_H
#define TANDEM_KEYS_KEY_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"

enum key_storage { KEY_STORAGE_SEALED, KEY_STORAGE_PLAIN };

struct key_policy {
    uint8_t algorithm;                                  // number
    bool single_type_signing;                           // one CSK instead of KSK and ZSK
    int64_t ksk_lifetime_seconds, zsk_lifetime_seconds; // 0: by command only (rollovers come later)
    enum key_storage storage;
    uint32_t dnskey_ttl_seconds;
    int64_t propagation_delay_seconds;
};
#define KEY_POLICY_DNSKEY_TTL_MAX                                                                  \
    604800 // a week: a DNSKEY that no rollover can outwait is a mistake

void key_policy_default(struct key_policy *ret_policy); // interface.md's defaults
// Faults (FAULT_CONFIG or FAULT_UNSUPPORTED) name the key of the configuration and the cure.
bool key_policy_check(const struct key_policy *policy, struct fault *fault);

#endif
