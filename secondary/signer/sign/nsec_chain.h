// The NSEC chain (RFC 4034 section 4): who has an NSEC, its bitmap, and how the old chain is read.
// Pure.
#ifndef TANDEM_SIGN_NSEC_CHAIN_H
#define TANDEM_SIGN_NSEC_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/dns/rrtype.h"
#include "common/zone/node.h"
#include "common/zone/version.h"
#include "secondary/signer/sign/chain_repair.h"

// What a node is to the signer.
enum node_standing {
    NODE_AUTHORITATIVE, // all its RRsets are signed
    NODE_DELEGATION,    // a zone cut: only DS and NSEC are
    NODE_OCCLUDED,      // glue, or hidden below a cut or DNAME: nothing is, no NSEC
    NODE_EMPTY,         // empty non-terminal, or only the NSEC3 of another name: no NSEC
};
// Standing of a record from its own types; below: it stands below a cut or DNAME.
enum node_standing node_standing(const struct node *node, bool apex, bool below);
static inline bool
node_standing_has_nsec(enum node_standing standing)
{
    return standing == NODE_AUTHORITATIVE || standing == NODE_DELEGATION;
}

// Whether a bitmap shows the type at such a node: a delegation's NS and DS only (RFC 4035 section
// 2.3).
static inline bool
node_standing_shows(enum node_standing standing, uint16_t type)
{
    return standing == NODE_AUTHORITATIVE || type == RRTYPE_NS || type == RRTYPE_DS;
}

// NSEC RDATA: next owner and bitmap of the RRsets given (ascending types, without NSEC and RRSIG,
// which are added; a delegation shows NS and DS only). Gives its length.
#define NSEC_RDATA_MAX (NAME_SIZE_MAX + 256 * 34) // 256 windows of 34 octets
size_t nsec_rdata(const uint8_t *next, const struct rrset *rrsets, unsigned count,
                  enum node_standing standing, uint8_t ret_rdata[static NSEC_RDATA_MAX]);
// RFC 9077: the lesser of the SOA's TTL and its MINIMUM.
uint32_t nsec_ttl(const struct node *apex_node);

// The last name before name in canonical order that a name of at most 255 octets can have (RFC 4471
// section 3.1): nothing can stand between. name must be below the root.
void nsec_name_before(const uint8_t *name, uint8_t ret_name[static NAME_SIZE_MAX]);

// chain_repair on a version with NSEC; keys are owners, canonical order, the apex first.
size_t nsec_chain_repair(const struct version *old, struct chain_change *changes, size_t count);

#endif
