// A node record: one owner name with all its RRsets and their RRSIGs in one contiguous, immutable,
// position-independent run of octets (architecture.md section 2). The same octets stand in a draft's arena, in
// the heap file and in a server's read-only map. A record knows no other record. Empty non-terminals are
// records without RRsets.
//
// An RRset is its own wire: for each RR two octets 0xC0 0x0C (the owner slot: at the question's owner the right
// compression pointer), type, class IN, TTL, RDLENGTH, RDATA in canonical form; RRs in canonical order. Its
// RRSIGs stand in the same shape in a run of their own.
#ifndef TANDEM_ZONE_NODE_H
#define TANDEM_ZONE_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/octets.h"
#include "common/dns/name.h"

#define NODE_RRSETS_MAX   1024       // types at one owner; more is refused by name
#define NODE_RRSET_OCTETS_MAX 65000  // an RRset with its RRSIGs must fit a message (signing.md)
#define NODE_RECORD_MAX   (64U << 20) // octets of a record

#define RRSET_RR_FIXED 12 // octets of an RR in a run before its RDATA: slot, type, class, TTL, RDLENGTH

struct node; // opaque: the octets of a record, 8-aligned

struct rrset {
    uint16_t type;
    uint16_t rr_count;
    uint32_t ttl;
    const uint8_t *wire; // rr_count RRs
    uint32_t wire_length;
    uint16_t signature_count;
    const uint8_t *signatures; // signature_count RRSIG RRs covering type; NULL when none
    uint32_t signatures_length;
};

const uint8_t *node_owner(const struct node *node);
size_t node_owner_length(const struct node *node); // octets, as name_length of the owner
unsigned node_owner_labels(const struct node *node); // without the root label
size_t node_size(const struct node *node); // octets of the record, a multiple of 8
unsigned node_rrset_count(const struct node *node);
// RRsets are in ascending order of type. RRSIG is no RRset of its own.
void node_rrset_at(const struct node *node, unsigned index, struct rrset *ret_rrset);
bool node_rrset_find(const struct node *node, uint16_t type, struct rrset *ret_rrset);
bool node_has(const struct node *node, uint16_t type);
// Checks a record that comes from a disk: length, CRC32C, and that owner, table and every RR stand inside it in
// the shape that the other functions here rely on. octets is 8-aligned.
bool node_check(const uint8_t *octets, size_t available);

// One RR inside a run.
struct rr {
    uint16_t type;
    uint32_t ttl;
    const uint8_t *rdata;
    uint16_t rdlength;
};
// Walks a run: *position starts at 0; false at the end.
bool rrset_next(const uint8_t *wire, uint32_t wire_length, uint32_t *position, struct rr *ret_rr);
// Appends one RR with slot 0xC00C to a run.
void rrset_append(struct octets_buffer *run, uint16_t type, uint32_t ttl, const uint8_t *rdata,
                  uint16_t rdlength);
// Same RRs and TTL; signatures compared only where asked.
bool rrset_equal(const struct rrset *a, const struct rrset *b, bool with_signatures);

// Builds a record in the arena from RRsets in ascending order of type whose runs are canonical. count 0 makes
// an empty non-terminal.
const struct node *node_build(struct arena *arena, const uint8_t *owner, const struct rrset *rrsets,
                              unsigned count);

// True for the types that a signer adds at this owner: those of the unsigned view below are the others.
bool rrset_is_signers(uint16_t type, bool apex);
// As rrset_equal without signatures; at the apex two SOAs that differ in their serial only are equal.
bool rrset_equal_unsigned(const struct rrset *a, const struct rrset *b, bool apex);

// The view of a record without what a signer added: RRSIGs, NSEC, NSEC3, NSEC3PARAM and, at the apex, DNSKEY,
// CDS, CDNSKEY, ZONEMD (rrtype_is_dnssec). count is that of node_rrset_at for the view.
unsigned node_unsigned_rrsets(const struct node *node, bool apex, struct rrset *ret_rrsets,
                              unsigned room);
// Either may be NULL (= empty). At the apex the SOA's serial does not count: the signer sets its own.
bool node_equal_unsigned(const struct node *a, const struct node *b, bool apex);

#endif
