#include "secondary/signer/keys/key_policy.h"

#include "secondary/signer/keys/key_algorithm.h"

void
key_policy_default(struct key_policy *ret_policy)
{
    *ret_policy = (struct key_policy){
        .algorithm = KEY_ECDSAP256SHA256,
        .storage = KEY_STORAGE_SEALED,
        .dnskey_ttl_seconds = 3600,
        .propagation_delay_seconds = 3600,
    };
}

bool
key_policy_check(const struct key_policy *policy, struct fault *fault)
{
    if (!key_algorithm_find(policy->algorithm)) {
        key_algorithm_refuse(policy->algorithm, fault);
        return fault_wrap(fault, "algorithm");
    }
    if (policy->ksk_lifetime_seconds != 0 || policy->zsk_lifetime_seconds != 0)
        return fault_set(fault, FAULT_UNSUPPORTED,
                         "%s-lifetime: rollovers by time are not in this version; use 0",
                         policy->ksk_lifetime_seconds != 0 ? "ksk" : "zsk");
    if (policy->dnskey_ttl_seconds > KEY_POLICY_DNSKEY_TTL_MAX)
        return fault_set(fault, FAULT_CONFIG, "dnskey-ttl: %u s is longer than a week; use 1h",
                         policy->dnskey_ttl_seconds);
    if (policy->propagation_delay_seconds < 0)
        return fault_set(fault, FAULT_CONFIG, "propagation-delay: cannot be negative; use 1h");
    return true;
}
