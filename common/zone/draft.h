// A draft: zone content on its way in (zone file, transfer, expansion), in an arena, one thread. RRs are added
// in any order; draft_seal sorts them into node records in canonical order, drops duplicates and adds the
// empty non-terminals. A sealed draft is read-only.
#ifndef TANDEM_ZONE_DRAFT_H
#define TANDEM_ZONE_DRAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/hash.h"
#include "common/zone/node.h"

struct draft;

struct draft *draft_new(const uint8_t *apex);
void draft_free(struct draft **draft);
const uint8_t *draft_apex(const struct draft *draft);

// owner: any case, at or below the apex (else a FAULT_SYNTAX that names it). rdata: canonical. RRSIGs become the
// signatures of the type that they cover. rr_count so far in draft_rr_count.
bool draft_add(struct draft *draft, const uint8_t *owner, uint16_t type, uint32_t ttl,
               const uint8_t *rdata, uint16_t rdlength, struct fault *fault);
// Adds all RRsets (and their signatures) of a record.
void draft_add_node(struct draft *draft, const struct node *node);
// The same without a copy: the record must stay where it is for as long as the draft is used.
void draft_borrow_node(struct draft *draft, const struct node *node);
size_t draft_rr_count(const struct draft *draft);

// What sealing mended or found: TTLs of one RRset that differed (the minimum was taken). first is the owner of
// the first such RRset and its type.
struct draft_findings {
    size_t ttl_differs;
    uint8_t ttl_owner[NAME_SIZE_MAX];
    uint16_t ttl_type;
    size_t duplicates;
    size_t orphan_signatures; // RRSIGs that cover a type without RRs at their owner: left out
};
// Faults: an RRset or a record over its limit, by name.
bool draft_seal(struct draft *draft, struct draft_findings *ret_findings, struct fault *fault);

// After draft_seal.
size_t draft_node_count(const struct draft *draft); // with empty non-terminals
const struct node *draft_node_at(const struct draft *draft, size_t index); // canonical order; 0 is the apex
const struct node *draft_find(const struct draft *draft, const uint8_t *owner); // lower case; NULL
// Index of the first node whose owner is not before name.
size_t draft_lower_bound(const struct draft *draft, const uint8_t *name);
// Digest of the content in canonical form, TTLs included, the SOA's serial and all that a signer adds excluded.
void draft_digest(const struct draft *draft, struct hash_digest *ret_digest);
size_t draft_memory(const struct draft *draft); // octets

#endif
