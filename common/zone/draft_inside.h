// What a draft is made of. Inner to the room: draft.c takes RRs in and answers when sealed, draft_seal.c seals.
#ifndef TANDEM_ZONE_DRAFT_INSIDE_H
#define TANDEM_ZONE_DRAFT_INSIDE_H

#include "common/base/arena.h"
#include "common/base/vector.h"
#include "common/zone/draft.h"

#define DRAFT_CHAIN_END UINT32_MAX

struct draft_rr {
    const uint8_t *rdata;
    uint32_t next; // of the same owner
    uint32_t ttl;
    uint16_t type;
    uint16_t rdlength;
};

struct draft_owner {
    const uint8_t *name; // in the intake, after sealing in the record
    uint32_t hash;
    uint32_t first, last; // chain of RRs; after sealing first is the place of the record
};

struct draft {
    uint8_t apex[NAME_SIZE_MAX];
    unsigned apex_labels;
    uint64_t key;
    bool sealed;
    struct arena *intake;
    struct arena *records;
    struct vector rrs;    // struct draft_rr
    struct vector owners; // struct draft_owner
    uint32_t *slots;      // place in owners + 1; 0 = empty
    size_t slot_count;
    uint32_t last_owner;       // of the last RR added
    size_t last_length;        // octets of its name; 0: none yet
    const struct node **nodes; // after sealing
    size_t node_count, node_room;
    size_t rr_count;
};

static inline struct draft_owner *
draft_owner_at(const struct draft *draft, size_t place)
{
    return (struct draft_owner *)draft->owners.items + place;
}
static inline struct draft_rr *
draft_rr_at(const struct draft *draft, size_t place)
{
    return (struct draft_rr *)draft->rrs.items + place;
}
// The place of the owner, made where it is new. name: lower case, length octets.
uint32_t draft_owner_intern(struct draft *draft, const uint8_t *name, size_t length);
// Enters owners[place] into the table; the name is not there yet.
void draft_owner_enter(struct draft *draft, uint32_t place);

#endif
