// How a million RRs become sorted records at about a microsecond each. RRs are kept in one array in
// the order in which they come, chained by owner; owners are interned in a hash table (the last
// owner is tried first, for zone files and transfers come owner by owner). Sealing sorts the owners
// once, by keys whose memcmp order is the canonical one (name_key, without the apex's part) with
// the first eight octets of the key as a number beside the pointer, and not at all where they came
// in order. Each owner's few RRs are sorted in place. Then the intake (names, RDATA, chains) is
// given back and the records are all that is left.
//
// Empty non-terminals fall out of the order: of two neighbours a < b the ancestors of b that lie
// deeper than what a and b have in common cannot exist, or they would stand between a and b.
#include "common/zone/draft.h"

#include "common/base/arena.h"
#include "common/base/vector.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST   64
#define CHAIN_END     UINT32_MAX
#define DRAFT_RRS_MAX (UINT32_MAX - 1) // places in the chains have 32 bits
#define RRSIG_MIN     18               // RFC 4034 section 3.1 without the signer's name

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

static struct draft_owner *
owner_at(const struct draft *draft, size_t place)
{
    return (struct draft_owner *)draft->owners.items + place;
}

static struct draft_rr *
rr_at(const struct draft *draft, size_t place)
{
    return (struct draft_rr *)draft->rrs.items + place;
}

static size_t
slot_find(const struct draft *draft, const uint8_t *name, uint32_t hash)
{
    size_t mask = draft->slot_count - 1;
    size_t slot = hash & mask;
    for (; draft->slots[slot]; slot = (slot + 1) & mask) {
        const struct draft_owner *owner = owner_at(draft, draft->slots[slot] - 1);
        if (owner->hash == hash && name_equal(owner->name, name))
            break;
    }
    return slot;
}

static void
slots_grow(struct draft *draft)
{
    free(draft->slots);
    draft->slot_count *= 2;
    draft->slots = memory_zalloc(draft->slot_count * sizeof *draft->slots);
    size_t mask = draft->slot_count - 1;
    for (size_t i = 0; i < draft->owners.count; i++) {
        size_t slot = owner_at(draft, i)->hash & mask;
        while (draft->slots[slot])
            slot = (slot + 1) & mask;
        draft->slots[slot] = (uint32_t)i + 1;
    }
}

// The place of the owner, made where it is new. name: lower case.
static uint32_t
owner_intern(struct draft *draft, const uint8_t *name, size_t length)
{
    uint32_t hash = (uint32_t)name_hash(name, draft->key);
    size_t slot = slot_find(draft, name, hash);
    if (draft->slots[slot])
        return draft->slots[slot] - 1;
    uint32_t place = (uint32_t)draft->owners.count;
    struct draft_owner *owner = vector_add(&draft->owners, NULL);
    *owner = (struct draft_owner){.name = arena_copy(draft->intake, name, length),
                                  .hash = hash,
                                  .first = CHAIN_END,
                                  .last = CHAIN_END};
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
        memcmp(owner_at(draft, draft->last_owner)->name, lower, length) == 0) {
        *ret_place = draft->last_owner;
        return true;
    }
    if (!name_is_at_or_below(lower, draft->apex)) {
        char owner_text[NAME_TEXT_MAX], apex_text[NAME_TEXT_MAX];
        return fault_set(fault, FAULT_SYNTAX, "%s is not in the zone %s",
                         name_to_text(lower, owner_text), name_to_text(draft->apex, apex_text));
    }
    *ret_place = draft->last_owner = owner_intern(draft, lower, length);
    draft->last_length = length;
    return true;
}

static void
owner_chain(struct draft *draft, uint32_t place, const struct draft_rr *rr)
{
    uint32_t added = (uint32_t)draft->rrs.count;
    vector_add(&draft->rrs, rr);
    struct draft_owner *owner = owner_at(draft, place);
    if (owner->last == CHAIN_END)
        owner->first = added;
    else
        rr_at(draft, owner->last)->next = added;
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
                          .next = CHAIN_END,
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

// ---- sealing ----

struct seal_owner {
    uint64_t prefix; // the first octets of the key as a number, for the first comparison
    const uint8_t *key;
    uint32_t key_length;
    uint32_t place;
};

// The RRs of one owner on their way into a record, and the runs they become.
struct seal_work {
    struct vector sorted; // struct draft_rr *
    struct octets_buffer runs;
    struct rrset rrsets[NODE_RRSETS_MAX];
    size_t wire_at[NODE_RRSETS_MAX], signatures_at[NODE_RRSETS_MAX];
    unsigned count;
    const uint8_t *owner;
    struct draft_findings *findings;
};

static int
seal_owner_compare(const void *left, const void *right)
{
    const struct seal_owner *a = left, *b = right;
    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    uint32_t shorter = a->key_length < b->key_length ? a->key_length : b->key_length;
    int order = memcmp(a->key, b->key, shorter);
    if (order != 0)
        return order;
    return a->key_length < b->key_length ? -1 : a->key_length > b->key_length;
}

static uint64_t
key_prefix(const uint8_t *key, size_t length)
{
    uint64_t prefix = 0;
    for (size_t i = 0; i < 8; i++)
        prefix = prefix << 8 | (i < length ? key[i] : 0);
    return prefix;
}

static struct seal_owner *
owners_sort(struct draft *draft)
{
    uint8_t key[NAME_KEY_MAX];
    size_t count = draft->owners.count, apex_length = name_key(draft->apex, key);
    struct seal_owner *sorted = memory_alloc(count * sizeof *sorted);
    bool in_order = true;
    for (size_t i = 0; i < count; i++) {
        size_t length = name_key(owner_at(draft, i)->name, key) - apex_length;
        sorted[i] = (struct seal_owner){
            .key = arena_copy(draft->intake, key + apex_length, length),
            .key_length = (uint32_t)length,
            .place = (uint32_t)i,
        };
        sorted[i].prefix = key_prefix(sorted[i].key, length);
        in_order = in_order && (i == 0 || seal_owner_compare(sorted + i - 1, sorted + i) < 0);
    }
    if (!in_order)
        qsort(sorted, count, sizeof *sorted, seal_owner_compare);
    return sorted;
}

static uint16_t
rr_covered(const struct draft_rr *rr)
{
    return rr->type == RRTYPE_RRSIG ? octets_get_u16(rr->rdata) : rr->type;
}

// By the type of the RRset that the RR belongs to, RRs before signatures, canonical order of RDATA.
static int
rr_compare(const void *left, const void *right)
{
    const struct draft_rr *a = *(struct draft_rr *const *)left;
    const struct draft_rr *b = *(struct draft_rr *const *)right;
    uint16_t a_type = rr_covered(a), b_type = rr_covered(b);
    if (a_type != b_type)
        return a_type < b_type ? -1 : 1;
    if (a->type != b->type)
        return a->type == RRTYPE_RRSIG ? 1 : -1;
    return rdata_compare(a->rdata, a->rdlength, b->rdata, b->rdlength);
}

static void
rrs_sort(const struct draft *draft, uint32_t first, struct vector *sorted)
{
    vector_clear(sorted);
    for (uint32_t place = first; place != CHAIN_END; place = rr_at(draft, place)->next) {
        struct draft_rr *rr = rr_at(draft, place);
        vector_add(sorted, &rr);
    }
    if (sorted->count > 1)
        qsort(sorted->items, sorted->count, sizeof(struct draft_rr *), rr_compare);
}

// Makes the TTLs of sorted[first .. end) their minimum; true where they differed.
static bool
ttl_unite(struct draft_rr **sorted, size_t first, size_t end)
{
    uint32_t lowest = sorted[first]->ttl;
    bool differs = false;
    for (size_t i = first + 1; i < end; i++) {
        differs = differs || sorted[i]->ttl != sorted[first]->ttl;
        if (sorted[i]->ttl < lowest)
            lowest = sorted[i]->ttl;
    }
    for (size_t i = first; i < end; i++)
        sorted[i]->ttl = lowest;
    return differs;
}

static void
ttl_found(struct seal_work *work, uint16_t type)
{
    if (work->findings->ttl_differs++ == 0) {
        name_copy(work->findings->ttl_owner, work->owner);
        work->findings->ttl_type = type;
    }
}

// Appends sorted[first .. end) without duplicates; gives how many were appended.
static uint16_t
run_append(struct seal_work *work, struct draft_rr **sorted, size_t first, size_t end)
{
    size_t appended = 0;
    for (size_t i = first; i < end; i++) {
        if (i > first && rdata_compare(sorted[i]->rdata, sorted[i]->rdlength, sorted[i - 1]->rdata,
                                       sorted[i - 1]->rdlength) == 0) {
            work->findings->duplicates++;
            continue;
        }
        rrset_append(&work->runs, sorted[i]->type, sorted[i]->ttl, sorted[i]->rdata,
                     sorted[i]->rdlength);
        appended += appended < UINT16_MAX; // the limit in octets refuses so many
    }
    return (uint16_t)appended;
}

static bool
fault_too_large(const struct seal_work *work, uint16_t type, size_t octets, struct fault *fault)
{
    char owner[NAME_TEXT_MAX], type_text[RRTYPE_TEXT_MAX];
    return fault_set(fault, FAULT_LIMIT,
                     "%s %s: the RRset has %zu octets; at most %u fit a message: take RRs out",
                     name_to_text(work->owner, owner), rrtype_text(type, type_text), octets,
                     NODE_RRSET_OCTETS_MAX);
}

static bool
rrset_make(struct seal_work *work, struct draft_rr **sorted, size_t first, size_t end,
           struct fault *fault)
{
    uint16_t type = rr_covered(sorted[first]);
    size_t signatures = first;
    while (signatures < end && sorted[signatures]->type != RRTYPE_RRSIG)
        signatures++;
    if (signatures == first) {
        work->findings->orphan_signatures += end - first;
        return true;
    }
    if (work->count == NODE_RRSETS_MAX) {
        char owner[NAME_TEXT_MAX];
        return fault_set(fault, FAULT_LIMIT, "%s: more than %d types at one owner",
                         name_to_text(work->owner, owner), NODE_RRSETS_MAX);
    }
    if (ttl_unite(sorted, first, signatures))
        ttl_found(work, type);
    struct rrset *rrset = work->rrsets + work->count;
    size_t start = work->runs.length;
    *rrset = (struct rrset){.type = type, .ttl = sorted[first]->ttl};
    rrset->rr_count = run_append(work, sorted, first, signatures);
    size_t middle = work->runs.length;
    rrset->signature_count = run_append(work, sorted, signatures, end);
    if (work->runs.length - start > NODE_RRSET_OCTETS_MAX)
        return fault_too_large(work, type, work->runs.length - start, fault);
    work->wire_at[work->count] = start;
    work->signatures_at[work->count++] = middle;
    rrset->wire_length = (uint32_t)(middle - start);
    rrset->signatures_length = (uint32_t)(work->runs.length - middle);
    return true;
}

// Sorts the owner's RRs into work's RRsets.
static bool
rrsets_make(struct seal_work *work, struct fault *fault)
{
    struct draft_rr **sorted = work->sorted.items;
    work->count = 0;
    work->runs.length = 0;
    for (size_t first = 0, end; first < work->sorted.count; first = end) {
        uint16_t type = rr_covered(sorted[first]);
        for (end = first + 1; end < work->sorted.count && rr_covered(sorted[end]) == type;)
            end++;
        if (!rrset_make(work, sorted, first, end, fault))
            return false;
    }
    // The runs do not move any more.
    for (unsigned i = 0; i < work->count; i++) {
        work->rrsets[i].wire = work->runs.data + work->wire_at[i];
        work->rrsets[i].signatures = work->runs.data + work->signatures_at[i];
    }
    return true;
}

static void
node_put(struct draft *draft, uint32_t place, const struct node *node)
{
    if (draft->node_count == draft->node_room) {
        draft->node_room += draft->node_room / 2 + SLOTS_FIRST;
        draft->nodes = memory_realloc(draft->nodes, draft->node_room * sizeof *draft->nodes);
    }
    struct draft_owner *owner = owner_at(draft, place);
    owner->name = node_owner(node);
    owner->first = (uint32_t)draft->node_count;
    draft->nodes[draft->node_count++] = node;
}

// The empty non-terminals between what the last record and name have in common, and name.
static void
empty_put(struct draft *draft, const uint8_t *name)
{
    const uint8_t *last =
        draft->node_count ? node_owner(draft->nodes[draft->node_count - 1]) : NULL;
    unsigned labels = name_labels(name);
    unsigned depth = last ? name_common_labels(last, name) + 1 : draft->apex_labels;
    for (; depth < labels; depth++) {
        const uint8_t *ancestor = name_skip(name, labels - depth);
        uint32_t place = owner_intern(draft, ancestor, name_length(ancestor));
        node_put(draft, place, node_build(draft->records, ancestor, NULL, 0));
    }
}

static bool
owners_seal(struct draft *draft, const struct seal_owner *sorted, size_t count,
            struct seal_work *work, struct fault *fault)
{
    for (size_t i = 0; i < count; i++) {
        const struct draft_owner *owner = owner_at(draft, sorted[i].place);
        work->owner = owner->name;
        rrs_sort(draft, owner->first, &work->sorted);
        if (!rrsets_make(work, fault))
            return false;
        if (work->count == 0)
            continue; // orphan signatures only
        empty_put(draft, work->owner);
        node_put(draft, sorted[i].place,
                 node_build(draft->records, work->owner, work->rrsets, work->count));
    }
    return true;
}

// Owners that got no record leave the table: sealing ends with names that stand in records only.
static void
owners_keep(struct draft *draft)
{
    vector_clear(&draft->owners);
    memset(draft->slots, 0, draft->slot_count * sizeof *draft->slots);
    size_t mask = draft->slot_count - 1;
    for (size_t i = 0; i < draft->node_count; i++) {
        struct draft_owner *owner = vector_add(&draft->owners, NULL);
        owner->name = node_owner(draft->nodes[i]);
        owner->hash = (uint32_t)name_hash(owner->name, draft->key);
        owner->first = (uint32_t)i;
        size_t slot = owner->hash & mask;
        while (draft->slots[slot])
            slot = (slot + 1) & mask;
        draft->slots[slot] = (uint32_t)i + 1;
    }
}

bool
draft_seal(struct draft *draft, struct draft_findings *ret_findings, struct fault *fault)
{
    ENSURE(!draft->sealed);
    struct draft_findings findings = {0};
    struct seal_work *work = memory_zalloc(sizeof *work);
    work->findings = &findings;
    vector_init(&work->sorted, sizeof(struct draft_rr *));
    octets_buffer_init(&work->runs);
    size_t count = draft->owners.count;
    struct seal_owner *sorted = owners_sort(draft);
    bool ok = owners_seal(draft, sorted, count, work, fault);
    if (ok && draft->node_count == 0) // nothing at all: the apex alone, empty
        node_put(draft, owner_intern(draft, draft->apex, name_length(draft->apex)),
                 node_build(draft->records, draft->apex, NULL, 0));
    free(sorted);
    vector_close(&work->sorted);
    octets_buffer_close(&work->runs);
    free(work);
    if (!ok)
        return false;
    owners_keep(draft);
    arena_free(&draft->intake);
    vector_close(&draft->rrs);
    draft->sealed = true;
    if (ret_findings)
        *ret_findings = findings;
    return true;
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
