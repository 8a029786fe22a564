// The NSEC chain (RFC 4034 section 4): who has an NSEC, its bitmap, and who must be rewritten when
// owners come, go or change their types. Pure; allocates in the caller's arena.
#ifndef TANDEM_SIGN_NSEC_CHAIN_H
#define TANDEM_SIGN_NSEC_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/zone/node.h"
#include "common/zone/version.h"

// What a node is to the signer.
enum node_standing {
    NODE_AUTHORITATIVE, // all its RRsets are signed
    NODE_DELEGATION,    // a zone cut: only DS and NSEC are
    NODE_OCCLUDED,      // glue, or hidden below a cut or DNAME: nothing is, no NSEC
    NODE_EMPTY,         // empty non-terminal: no NSEC
};
// Standing of a record from its own types; below: it stands below a cut or DNAME.
enum node_standing node_standing(const struct node *node, bool apex, bool below);
static inline bool
node_standing_has_nsec(enum node_standing standing)
{
    return standing == NODE_AUTHORITATIVE || standing == NODE_DELEGATION;
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

// One owner whose place in the chain may have changed.
struct nsec_change {
    const uint8_t *owner;
    bool was, is;        // has an NSEC in the old version, in the new content
    const uint8_t *next; // filled by nsec_chain_repair where `is`
};
// changes: in canonical order, one for each owner, the apex among them, room for as many again.
// Adds the unchanged owners whose next name changes (was and is true), fills every next. old: a
// version with an NSEC chain. Gives the new count; 0: a damaged record
// of old is in the way.
size_t nsec_chain_repair(const struct version *old, struct nsec_change *changes, size_t count);

#endif
