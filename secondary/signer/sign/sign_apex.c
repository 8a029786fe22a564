#include "secondary/signer/sign/sign_apex.h"

#include "common/base/fault.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"

#define NSEC3PARAM_RDATA_MAX (5 + NSEC3_SALT_MAX)

static struct rrset
rrset_of(uint16_t type, uint32_t ttl, uint16_t count, const struct octets_buffer *run)
{
    return (struct rrset){.type = type,
                          .rr_count = count,
                          .ttl = ttl,
                          .wire = run->data,
                          .wire_length = (uint32_t)run->length};
}

void
sign_apex_init(struct sign_apex *apex, const struct keyset *keyset,
               const struct sign_policy *policy)
{
    const struct key_pair *keys[KEYSET_KEYS_MAX];
    unsigned count = keyset_published(keyset, keys);
    *apex = (struct sign_apex){0};
    octets_buffer_init(&apex->soa_run);
    octets_buffer_init(&apex->dnskey_run);
    octets_buffer_init(&apex->nsec3param_run);
    octets_buffer_init(&apex->zonemd_run);
    for (unsigned i = 0; i < count; i++)
        rrset_append(&apex->dnskey_run, RRTYPE_DNSKEY, policy->dnskey_ttl_seconds, keys[i]->dnskey,
                     keys[i]->dnskey_length);
    apex->dnskey =
        rrset_of(RRTYPE_DNSKEY, policy->dnskey_ttl_seconds, (uint16_t)count, &apex->dnskey_run);
}

void
sign_apex_close(struct sign_apex *apex)
{
    octets_buffer_close(&apex->soa_run);
    octets_buffer_close(&apex->dnskey_run);
    octets_buffer_close(&apex->nsec3param_run);
    octets_buffer_close(&apex->zonemd_run);
}

// The SOA of the content.
static void
soa_find(const struct node *content, struct rrset *ret_soa, struct rr *ret_rr)
{
    uint32_t position = 0;
    ENSURE(node_rrset_find(content, RRTYPE_SOA, ret_soa) &&
           rrset_next(ret_soa->wire, ret_soa->wire_length, &position, ret_rr));
}

void
sign_apex_soa(struct sign_apex *apex, const struct node *content, uint32_t serial)
{
    struct rrset soa;
    struct rr rr;
    soa_find(content, &soa, &rr);
    apex->soa_run.length = 0;
    octets_buffer_add(&apex->soa_run, soa.wire, soa.wire_length);
    size_t at = (size_t)(rr.rdata - soa.wire);
    rdata_soa_set_serial(apex->soa_run.data + at, rr.rdlength, serial);
    apex->soa = rrset_of(RRTYPE_SOA, soa.ttl, 1, &apex->soa_run);
}

// With the SOA's TTL, as its life is that of the serial that it names.
void
sign_apex_zonemd(struct sign_apex *apex, const struct node *content,
                 const uint8_t rdata[ZONEMD_RDATA_SIZE])
{
    static const uint8_t unknown[ZONEMD_RDATA_SIZE] = {0};
    struct rrset soa;
    struct rr rr;
    soa_find(content, &soa, &rr);
    apex->zonemd_run.length = 0;
    rrset_append(&apex->zonemd_run, RRTYPE_ZONEMD, soa.ttl, rdata ? rdata : unknown,
                 ZONEMD_RDATA_SIZE);
    apex->zonemd = rrset_of(RRTYPE_ZONEMD, soa.ttl, 1, &apex->zonemd_run);
}

bool
sign_apex_zonemd_served(struct sign_apex *apex, const struct version *served,
                        const struct node *content)
{
    struct rrset soa, zonemd;
    struct rr soa_rr, rr;
    uint32_t position = 0;
    if (!node_rrset_find(version_apex_node(served), RRTYPE_ZONEMD, &zonemd) ||
        zonemd.rr_count != 1 || !rrset_next(zonemd.wire, zonemd.wire_length, &position, &rr) ||
        rr.rdlength != ZONEMD_RDATA_SIZE)
        return false;
    soa_find(content, &soa, &soa_rr);
    if (zonemd.ttl != soa.ttl || rr.rdata[4] != ZONEMD_SCHEME_SIMPLE ||
        rr.rdata[5] != ZONEMD_HASH_SHA384 ||
        octets_get_u32(rr.rdata) != version_facts(served)->signed_serial)
        return false;
    sign_apex_zonemd(apex, content, rr.rdata);
    return true;
}

// RFC 5155 section 4. TTL 0: nobody but a secondary has a use for it, and that one reads the zone;
// a cache that kept it would only be wrong about the chain after a change of the salt.
static void
nsec3param_build(struct sign_apex *apex, const struct nsec3_parameters *parameters)
{
    uint8_t rdata[NSEC3PARAM_RDATA_MAX];
    size_t length = nsec3_parameters_write(parameters, rdata);
    rrset_append(&apex->nsec3param_run, RRTYPE_NSEC3PARAM, 0, rdata, (uint16_t)length);
    apex->nsec3param = rrset_of(RRTYPE_NSEC3PARAM, 0, 1, &apex->nsec3param_run);
}

void
sign_apex_share(struct sign_apex *apex, const struct node *content,
                const struct sign_policy *policy, struct sign_common *common)
{
    common->soa = &apex->soa;
    common->added[common->added_count++] = &apex->dnskey;
    if (policy->nsec3) {
        nsec3param_build(apex, &policy->nsec3_parameters);
        common->added[common->added_count++] = &apex->nsec3param;
    }
    if (policy->zonemd) {
        sign_apex_zonemd(apex, content, NULL);
        common->added[common->added_count++] = &apex->zonemd;
    }
}
