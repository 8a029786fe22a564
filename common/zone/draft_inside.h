// What a draft is made of. Inner to the room: draft.c takes RRs in and answers when sealed, draft_record.c makes
// records of the RRs of an owner, draft_sort.c puts owners in order, draft_seal.c seals.
#ifndef TANDEM_ZONE_DRAFT_INSIDE_H
#define TANDEM_ZONE_DRAFT_INSIDE_H

#include "common/base/arena.h"
#include "common/base/vector.h"
#include "common/zone/draft.h"

// A run of RRs (node.h) of an owner that did not go into its record at once.
struct draft_late {
    const struct draft_late *next;
    uint32_t length;
    uint8_t run[];
};

struct draft_owner {
    const struct node *node;       // its record so far, where its name stands, too
    const struct draft_late *late; // what must be put to it; NULL: nothing
};

// Name to place.
struct draft_slot {
    uint32_t tag;   // a part of the hash: where the slot is, and most misses cost no look at the name
    uint32_t place; // in owners, when sealed in nodes, + 1; 0 = empty
};

// The owner whose RRs are coming in.
struct draft_group {
    uint8_t owner[NAME_SIZE_MAX];
    size_t owner_length;      // 0: there is none
    struct octets_buffer run; // its RRs as they came
};

struct draft {
    uint8_t apex[NAME_SIZE_MAX];
    unsigned apex_labels;
    uint64_t key;
    bool sealed;
    bool in_order; // each owner so far stands behind the one before: none came twice, and there is no table yet
    struct arena *intake;
    struct arena *records;
    struct draft_group group;
    struct draft_maker *maker;
    struct vector owners; // struct draft_owner, as they came
    struct draft_slot *slots;
    size_t slot_count;
    const struct node **nodes; // after sealing
    size_t node_count, node_room;
    size_t rr_count;
    size_t duplicates; // left out of records so far
};

static inline struct draft_owner *
draft_owner_at(const struct draft *draft, size_t place)
{
    return (struct draft_owner *)draft->owners.items + place;
}
// Makes or enlarges the table for count names. Whoever enters a name knows that there is room and that it is not there.
void draft_table_room(struct draft *draft, size_t count);
void draft_table_enter(struct draft *draft, const struct node *node, size_t place);
void draft_table_enter_all(struct draft *draft, const struct node *const *nodes, size_t count);
// What came of the open owner goes into a record, or waits for sealing.
void draft_group_close(struct draft *draft);

// Makes records of RRs: sorts, drops duplicates, joins RRs and signatures. It keeps its memory from owner to owner.
struct draft_maker;
struct draft_maker *draft_maker_new(void);
void draft_maker_free(struct draft_maker **maker);
void draft_maker_clear(struct draft_maker *maker);
// Adds the RRs of a run; it is borrowed until draft_maker_make.
void draft_maker_add(struct draft_maker *maker, const uint8_t *run, size_t length);
// The record of all that was added since draft_maker_clear, in the arena; without RRsets where only orphan signatures
// were. findings are added to. NULL: a fault, an RRset or the record is over its limit.
const struct node *draft_maker_make(struct draft_maker *maker, const uint8_t *owner, struct arena *arena,
                                    struct draft_findings *findings, struct fault *fault);

// The places of all owners in canonical order: free() it.
uint32_t *draft_sort(const struct draft *draft);

#endif
