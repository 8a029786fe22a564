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
#include "common/zone/draft_inside.h"

#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"

#include <stdlib.h>
#include <string.h>

#define NODES_FIRST 64

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
        size_t length = name_key(draft_owner_at(draft, i)->name, key) - apex_length;
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
    for (uint32_t place = first; place != DRAFT_CHAIN_END;
         place = draft_rr_at(draft, place)->next) {
        struct draft_rr *rr = draft_rr_at(draft, place);
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
        draft->node_room += draft->node_room / 2 + NODES_FIRST;
        draft->nodes = memory_realloc(draft->nodes, draft->node_room * sizeof *draft->nodes);
    }
    struct draft_owner *owner = draft_owner_at(draft, place);
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
        uint32_t place = draft_owner_intern(draft, ancestor, name_length(ancestor));
        node_put(draft, place, node_build(draft->records, ancestor, NULL, 0));
    }
}

static bool
owners_seal(struct draft *draft, const struct seal_owner *sorted, size_t count,
            struct seal_work *work, struct fault *fault)
{
    for (size_t i = 0; i < count; i++) {
        const struct draft_owner *owner = draft_owner_at(draft, sorted[i].place);
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
    for (size_t i = 0; i < draft->node_count; i++) {
        struct draft_owner *owner = vector_add(&draft->owners, NULL);
        owner->name = node_owner(draft->nodes[i]);
        owner->hash = (uint32_t)name_hash(owner->name, draft->key);
        owner->first = (uint32_t)i;
        draft_owner_enter(draft, (uint32_t)i);
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
        node_put(draft, draft_owner_intern(draft, draft->apex, name_length(draft->apex)),
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
