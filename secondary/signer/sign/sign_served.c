#include "secondary/signer/sign/sign_served.h"

#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "common/zone/find.h"
#include "secondary/signer/sign/nsec3_chain.h"
#include "secondary/signer/sign/nsec_chain.h"

// The keys that signed the served SOA are the ones that sign now.
static bool
keys_match(const struct node *apex, const struct keyset *keyset)
{
    const struct key_pair *keys[KEYSET_KEYS_MAX];
    unsigned count = keyset_signing(keyset, false, keys);
    struct rrset soa;
    struct rr rr;
    if (!node_rrset_find(apex, RRTYPE_SOA, &soa) || soa.signature_count != count)
        return false;
    for (unsigned i = 0; i < count; i++) {
        bool found = false;
        uint32_t position = 0;
        while (rrset_next(soa.signatures, soa.signatures_length, &position, &rr)) {
            struct rdata_rrsig rrsig;
            found =
                found || (rdata_rrsig_read(rr.rdata, rr.rdlength, &rrsig) &&
                          rrsig.key_tag == keys[i]->tag && rrsig.algorithm == keys[i]->algorithm);
        }
        if (!found)
            return false;
    }
    return true;
}

// The NSEC3 of the apex; false: none, or damaged, which a plan of the whole zone will find.
static bool
apex_nsec3(const struct version *served, struct rrset *ret_rrset)
{
    uint8_t hash[NSEC3_HASH_SIZE];
    bool matches;
    nsec3_chain_hash(version_nsec3(served), version_apex(served), hash);
    const struct node *node = zone_find_nsec3(served, hash, &matches);
    return node && matches && node_rrset_find(node, RRTYPE_NSEC3, ret_rrset);
}

static bool
chain_matches(const struct version *version, const struct sign_policy *policy,
              const struct node *new_apex)
{
    const struct nsec3_parameters *wanted = &policy->nsec3_parameters;
    const struct nsec3_parameters *served = version_nsec3(version);
    struct rrset denial;
    if (!policy->nsec3)
        return !served && node_rrset_find(version_apex_node(version), RRTYPE_NSEC, &denial) &&
               denial.ttl == nsec_ttl(new_apex);
    return served && nsec3_parameters_equal(served, wanted) && served->flags == wanted->flags &&
           apex_nsec3(version, &denial) && denial.ttl == nsec_ttl(new_apex);
}

bool
sign_served_as_wanted(const struct version *served, const struct keyset *keyset,
                      const struct sign_policy *policy, const struct node *new_apex)
{
    return version_facts(served)->is_signed && keys_match(version_apex_node(served), keyset) &&
           chain_matches(served, policy, new_apex);
}

uint32_t
sign_served_inception(const struct version *served)
{
    struct rrset soa;
    struct rr rr;
    struct rdata_rrsig rrsig;
    uint32_t position = 0, newest = 0;
    if (!served || !node_rrset_find(version_apex_node(served), RRTYPE_SOA, &soa))
        return 0;
    while (rrset_next(soa.signatures, soa.signatures_length, &position, &rr))
        if (rdata_rrsig_read(rr.rdata, rr.rdlength, &rrsig) &&
            (newest == 0 || (int32_t)(rrsig.inception - newest) > 0))
            newest = rrsig.inception;
    return newest;
}
