// What a signer puts at the apex beside the content: the SOA with its serial, DNSKEY, NSEC3PARAM,
// ZONEMD. RRsets without signatures, in runs of their own. One thread.
#ifndef TANDEM_SIGN_SIGN_APEX_H
#define TANDEM_SIGN_SIGN_APEX_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/octets.h"
#include "common/zone/version.h"
#include "secondary/signer/keys/keyset.h"
#include "secondary/signer/sign/sign_node.h"
#include "secondary/signer/sign/sign_policy.h"
#include "secondary/signer/sign/zonemd.h"

struct sign_apex {
    struct rrset soa, dnskey, nsec3param, zonemd;
    struct octets_buffer soa_run, dnskey_run, nsec3param_run, zonemd_run;
};
// The keyset is not needed any more afterwards.
void sign_apex_init(struct sign_apex *apex, const struct keyset *keyset,
                    const struct sign_policy *policy);
void sign_apex_close(struct sign_apex *apex);

// content: the apex's record with the SOA that came in.
void sign_apex_soa(struct sign_apex *apex, const struct node *content, uint32_t serial);
// rdata NULL: the digest is not known yet.
void sign_apex_zonemd(struct sign_apex *apex, const struct node *content,
                      const uint8_t rdata[ZONEMD_RDATA_SIZE]);
// The ZONEMD of the served version in the place of the one to be made. False: it has none that
// could stay beside this content.
bool sign_apex_zonemd_served(struct sign_apex *apex, const struct version *served,
                             const struct node *content);
// All of them by policy, a ZONEMD without its digest.
void sign_apex_share(struct sign_apex *apex, const struct node *content,
                     const struct sign_policy *policy, struct sign_common *common);

#endif
