#include "common/zone/draft.h"

#include "common/zone/draft_inside.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST   64
#define DRAFT_RRS_MAX (UINT32_MAX - 1) // places in the chains have 32 bits
#define RRSIG_MIN     18               // RFC 4034 section 3.1 without the signer's name

struct draft *
draft_new(const uint8_t *apex)
{
    struct draft *draft = memory_zalloc(sizeof *draft);
    name_copy_lower(draft->apex, apex);
    draft->apex_labels = name_labels(apex);
    draft->key = hash_key_draw();
    draft->intake = arena_new();
    draft->records = arena_new();
    vector_init(&draft->rrs, sizeof(struct draft_rr));
    vector_init(&draft->owners, sizeof(struct draft_owner));
    draft->slot_count = SLOTS_FIRST;
    draft->slots = memory_zalloc(SLOTS_FIRST * sizeof *draft->slots);
    return draft;
}

void
draft_free(struct draft **draft)
{
    if (!*draft)
        return;
    arena_free(&(*draft)->intake);
    arena_free(&(*draft)->records);
    vector_close(&(*draft)->rrs);
    vector_close(&(*draft)->owners);
    free((*draft)->slots);
    free((*draft)->nodes);
    free(*draft);
    *draft = NULL;
}

const uint8_t *
draft_apex(const struct draft *draft)
{
    return draft->apex;
}

size_t
draft_rr_count(const struct draft *draft)
{
    return draft->rr_count;
}

size_t
draft_memory(const struct draft *draft)
{
    size_t size = arena_size(draft->records) + draft->slot_count * sizeof *draft->slots +
                  draft->node_room * sizeof(struct node *) +
                  draft->owners.capacity * sizeof(struct draft_owner) +
                  draft->rrs.capacity * sizeof(struct draft_rr);
    return size + (draft->intake ? arena_size(draft->intake) : 0);
}

static size_t
slot_find(const struct draft *draft, const uint8_t *name, uint32_t hash)
{
    size_t mask = draft->slot_count - 1;
    size_t slot = hash & mask;
    for (; draft->slots[slot]; slot = (slot + 1) & mask) {
        const struct draft_owner *owner = draft_owner_at(draft, draft->slots[slot] - 1);
        if (owner->hash == hash && name_equal(owner->name, name))
            break;
    }
    return slot;
}

void
draft_owner_enter(struct draft *draft, uint32_t place)
{
    size_t mask = draft->slot_count - 1;
    size_t slot = draft_owner_at(draft, place)->hash & mask;
    while (draft->slots[slot])
        slot = (slot + 1) & mask;
    draft->slots[slot] = place + 1;
}

static void
slots_grow(struct draft *draft)
{
    free(draft->slots);
    draft->slot_count *= 2;
    draft->slots = memory_zalloc(draft->slot_count * sizeof *draft->slots);
    for (size_t i = 0; i < draft->owners.count; i++)
        draft_owner_enter(draft, (uint32_t)i);
}

uint32_t
draft_owner_intern(struct draft *draft, const uint8_t *name, size_t length)
{
    uint32_t hash = (uint32_t)name_hash(name, draft->key);
    size_t slot = slot_find(draft, name, hash);
    if (draft->slots[slot])
        return draft->slots[slot] - 1;
    uint32_t place = (uint32_t)draft->owners.count;
    struct draft_owner *owner = vector_add(&draft->owners, NULL);
    *owner = (struct draft_owner){.name = arena_copy(draft->intake, name, length),
                                  .hash = hash,
                                  .first = DRAFT_CHAIN_END,
                                  .last = DRAFT_CHAIN_END};
    draft->slots[slot] = place + 1;
    if (2 * draft->owners.count > draft->slot_count)
        slots_grow(draft);
    return place;
}

static bool
owner_find(struct draft *draft, const uint8_t *name, uint32_t *ret_place, struct fault *fault)
{
    uint8_t lower[NAME_SIZE_MAX];
    size_t length = name_copy_lower(lower, name);
    if (length == draft->last_length &&
        memcmp(draft_owner_at(draft, draft->last_owner)->name, lower, length) == 0) {
        *ret_place = draft->last_owner;
        return true;
    }
    if (!name_is_at_or_below(lower, draft->apex)) {
        char owner_text[NAME_TEXT_MAX], apex_text[NAME_TEXT_MAX];
        return fault_set(fault, FAULT_SYNTAX, "%s is not in the zone %s",
                         name_to_text(lower, owner_text), name_to_text(draft->apex, apex_text));
    }
    *ret_place = draft->last_owner = draft_owner_intern(draft, lower, length);
    draft->last_length = length;
    return true;
}

static void
owner_chain(struct draft *draft, uint32_t place, const struct draft_rr *rr)
{
    uint32_t added = (uint32_t)draft->rrs.count;
    vector_add(&draft->rrs, rr);
    struct draft_owner *owner = draft_owner_at(draft, place);
    if (owner->last == DRAFT_CHAIN_END)
        owner->first = added;
    else
        draft_rr_at(draft, owner->last)->next = added;
    owner->last = added;
    draft->rr_count++;
}

bool
draft_add(struct draft *draft, const uint8_t *owner, uint16_t type, uint32_t ttl,
          const uint8_t *rdata, uint16_t rdlength, struct fault *fault)
{
    ENSURE(!draft->sealed);
    char text[NAME_TEXT_MAX];
    if (draft->rrs.count >= DRAFT_RRS_MAX)
        return fault_set(fault, FAULT_LIMIT, "%s: the zone has more than %u RRs; split it",
                         name_to_text_short(draft->apex, text), DRAFT_RRS_MAX);
    if (type == RRTYPE_RRSIG && rdlength < RRSIG_MIN)
        return fault_set(fault, FAULT_SYNTAX, "%s: RRSIG of %u octets is too short",
                         name_to_text_short(owner, text), rdlength);
    uint32_t place;
    if (!owner_find(draft, owner, &place, fault))
        return false;
    struct draft_rr rr = {.rdata = arena_copy(draft->intake, rdata, rdlength),
                          .next = DRAFT_CHAIN_END,
                          .ttl = ttl,
                          .type = type,
                          .rdlength = rdlength};
    owner_chain(draft, place, &rr);
    return true;
}

static void
run_add(struct draft *draft, const uint8_t *owner, const uint8_t *run, uint32_t length)
{
    uint32_t position = 0;
    struct rr rr;
    while (rrset_next(run, length, &position, &rr))
        ENSURE(draft_add(draft, owner, rr.type, rr.ttl, rr.rdata, rr.rdlength, NULL));
}

void
draft_add_node(struct draft *draft, const struct node *node)
{
    for (unsigned i = 0; i < node_rrset_count(node); i++) {
        struct rrset rrset;
        node_rrset_at(node, i, &rrset);
        run_add(draft, node_owner(node), rrset.wire, rrset.wire_length);
        run_add(draft, node_owner(node), rrset.signatures, rrset.signatures_length);
    }
}

// ---- after sealing ----

size_t
draft_node_count(const struct draft *draft)
{
    ENSURE(draft->sealed);
    return draft->node_count;
}

const struct node *
draft_node_at(const struct draft *draft, size_t index)
{
    ENSURE(draft->sealed && index < draft->node_count);
    return draft->nodes[index];
}

const struct node *
draft_find(const struct draft *draft, const uint8_t *owner)
{
    ENSURE(draft->sealed);
    size_t slot = slot_find(draft, owner, (uint32_t)name_hash(owner, draft->key));
    return draft->slots[slot] ? draft->nodes[draft->slots[slot] - 1] : NULL;
}

size_t
draft_lower_bound(const struct draft *draft, const uint8_t *name)
{
    ENSURE(draft->sealed);
    size_t low = 0, high = draft->node_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (name_compare(node_owner(draft->nodes[middle]), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void
digest_rrset(struct hash_digest_state *state, const struct rrset *rrset)
{
    uint32_t position = 0;
    struct rr rr;
    if (rrset->type != RRTYPE_SOA) {
        hash_digest_add(state, rrset->wire, rrset->wire_length);
        return;
    }
    while (rrset_next(rrset->wire, rrset->wire_length, &position, &rr)) {
        uint8_t copy[RDATA_SIZE_MAX];
        memcpy(copy, rr.rdata, rr.rdlength);
        if (rr.rdlength >= 20)
            memset(copy + rr.rdlength - 20, 0, 4); // the serial
        hash_digest_add(state, rr.rdata - 12, 12);
        hash_digest_add(state, copy, rr.rdlength);
    }
}

void
draft_digest(const struct draft *draft, struct hash_digest *ret_digest)
{
    ENSURE(draft->sealed);
    struct rrset *rrsets = memory_alloc(NODE_RRSETS_MAX * sizeof *rrsets);
    struct hash_digest_state state;
    hash_digest_init(&state);
    for (size_t i = 0; i < draft->node_count; i++) {
        const struct node *node = draft->nodes[i];
        unsigned count = node_unsigned_rrsets(node, i == 0, rrsets, NODE_RRSETS_MAX);
        if (count == 0)
            continue;
        hash_digest_add(&state, node_owner(node), node_owner_length(node));
        for (unsigned k = 0; k < count; k++)
            digest_rrset(&state, rrsets + k);
    }
    hash_digest_end(&state, ret_digest);
    free(rrsets);
}
