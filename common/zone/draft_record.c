// Most owners have one RR, and most others a few in their order: these go straight into a record.
#include "common/zone/draft_inside.h"

#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"

#include <stdlib.h>
#include <string.h>

#define INSERTION_MAX 16 // RRs that are sorted by insertion: more are rare, and may be very many

struct maker_rr {
    struct rr rr;
    // The type of the RRset that it belongs to, doubled, and one more for a signature: RRs before
    // what signs them.
    uint32_t kind;
};

struct draft_maker {
    struct vector rrs; // struct maker_rr
    struct octets_buffer runs;
    struct rrset rrsets[NODE_RRSETS_MAX];
    size_t wire_at[NODE_RRSETS_MAX], signatures_at[NODE_RRSETS_MAX];
    unsigned count;
    // While a record is made:
    const uint8_t *owner;
    struct draft_findings *findings;
};

struct draft_maker *
draft_maker_new(void)
{
    struct draft_maker *maker = memory_alloc(sizeof *maker); // its arrays are filled as needed
    vector_init(&maker->rrs, sizeof(struct maker_rr));
    octets_buffer_init(&maker->runs);
    return maker;
}

void
draft_maker_free(struct draft_maker **maker)
{
    if (!*maker)
        return;
    vector_close(&(*maker)->rrs);
    octets_buffer_close(&(*maker)->runs);
    free(*maker);
    *maker = NULL;
}

void
draft_maker_clear(struct draft_maker *maker)
{
    vector_clear(&maker->rrs);
}

void
draft_maker_add(struct draft_maker *maker, const uint8_t *run, size_t length)
{
    uint32_t position = 0;
    struct maker_rr added;
    ENSURE(length <= UINT32_MAX);
    while (rrset_next(run, (uint32_t)length, &position, &added.rr)) {
        bool signature = added.rr.type == RRTYPE_RRSIG;
        uint16_t type = signature ? octets_get_u16(added.rr.rdata) : added.rr.type;
        added.kind = 2U * type + signature;
        vector_add(&maker->rrs, &added);
    }
}

static uint16_t
type_of(const struct maker_rr *rr)
{
    return (uint16_t)(rr->kind / 2);
}

static bool
is_signature(const struct maker_rr *rr)
{
    return rr->kind % 2 == 1;
}

static int
rdata_order(const struct maker_rr *a, const struct maker_rr *b)
{
    return rdata_compare(a->rr.rdata, a->rr.rdlength, b->rr.rdata, b->rr.rdlength);
}

static int
rr_order(const void *left, const void *right)
{
    const struct maker_rr *a = left, *b = right;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    int order = rdata_order(a, b);
    return order ? order : (a->rr.ttl > b->rr.ttl) - (a->rr.ttl < b->rr.ttl);
}

static void
rrs_sort(struct maker_rr *rrs, size_t count)
{
    if (count > INSERTION_MAX) {
        qsort(rrs, count, sizeof *rrs, rr_order);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        struct maker_rr moved = rrs[i];
        size_t at = i;
        for (; at > 0 && rr_order(&rrs[at - 1], &moved) > 0; at--)
            rrs[at] = rrs[at - 1];
        if (at < i)
            rrs[at] = moved;
    }
}

// The lowest TTL of rrs[first .. end).
static uint32_t
ttl_lowest(struct draft_maker *maker, const struct maker_rr *rrs, size_t first, size_t end)
{
    uint32_t lowest = rrs[first].rr.ttl;
    bool differs = false;
    for (size_t i = first + 1; i < end; i++) {
        differs = differs || rrs[i].rr.ttl != rrs[first].rr.ttl;
        if (rrs[i].rr.ttl < lowest)
            lowest = rrs[i].rr.ttl;
    }
    struct draft_findings *findings = maker->findings;
    if (differs &&
        (findings->ttl_differs++ == 0 || name_compare(maker->owner, findings->ttl_owner) < 0)) {
        name_copy(findings->ttl_owner, maker->owner);
        findings->ttl_type = type_of(&rrs[first]);
    }
    return lowest;
}

// Appends rrs[first .. end) without duplicates; gives how many were appended. ttl NULL: each its
// own.
static uint16_t
run_append(struct draft_maker *maker, const struct maker_rr *rrs, size_t first, size_t end,
           const uint32_t *ttl)
{
    size_t appended = 0;
    for (size_t i = first; i < end; i++) {
        const struct rr *rr = &rrs[i].rr;
        if (i > first && rdata_order(&rrs[i - 1], &rrs[i]) == 0) {
            maker->findings->duplicates++;
            continue;
        }
        rrset_append(&maker->runs, rr->type, ttl ? *ttl : rr->ttl, rr->rdata, rr->rdlength);
        appended += appended < UINT16_MAX; // the limit in octets refuses so many
    }
    return (uint16_t)appended;
}

static bool
fault_too_large(const struct draft_maker *maker, uint16_t type, size_t octets, struct fault *fault)
{
    char owner[NAME_TEXT_MAX], type_text[RRTYPE_TEXT_MAX];
    return fault_set(fault, FAULT_LIMIT,
                     "%s %s: the RRset has %zu octets; at most %u fit a message: take RRs out",
                     name_to_text(maker->owner, owner), rrtype_text(type, type_text), octets,
                     NODE_RRSET_OCTETS_MAX);
}

static bool
fault_too_many(const struct draft_maker *maker, struct fault *fault)
{
    char owner[NAME_TEXT_MAX];
    return fault_set(fault, FAULT_LIMIT, "%s: more than %d types at one owner",
                     name_to_text(maker->owner, owner), NODE_RRSETS_MAX);
}

// One RRset and its signatures.
static bool
rrset_make(struct draft_maker *maker, const struct maker_rr *rrs, size_t first, size_t end,
           struct fault *fault)
{
    size_t signatures = first;
    while (signatures < end && !is_signature(&rrs[signatures]))
        signatures++;
    if (signatures == first) {
        maker->findings->orphan_signatures += end - first;
        return true;
    }
    if (maker->count == NODE_RRSETS_MAX)
        return fault_too_many(maker, fault);
    uint32_t ttl = ttl_lowest(maker, rrs, first, signatures);
    struct rrset *rrset = maker->rrsets + maker->count;
    size_t start = maker->runs.length;
    *rrset = (struct rrset){.type = type_of(&rrs[first]), .ttl = ttl};
    rrset->rr_count = run_append(maker, rrs, first, signatures, &ttl);
    size_t middle = maker->runs.length;
    rrset->signature_count = run_append(maker, rrs, signatures, end, NULL);
    if (maker->runs.length - start > NODE_RRSET_OCTETS_MAX)
        return fault_too_large(maker, rrset->type, maker->runs.length - start, fault);
    maker->wire_at[maker->count] = start;
    maker->signatures_at[maker->count++] = middle;
    rrset->wire_length = (uint32_t)(middle - start);
    rrset->signatures_length = (uint32_t)(maker->runs.length - middle);
    return true;
}

static bool
rrsets_make(struct draft_maker *maker, struct fault *fault)
{
    const struct maker_rr *rrs = maker->rrs.items;
    maker->count = 0;
    maker->runs.length = 0;
    for (size_t first = 0, end; first < maker->rrs.count; first = end) {
        uint16_t type = type_of(&rrs[first]);
        for (end = first + 1; end < maker->rrs.count && type_of(&rrs[end]) == type;)
            end++;
        if (!rrset_make(maker, rrs, first, end, fault))
            return false;
    }
    // The runs do not move any more.
    for (unsigned i = 0; i < maker->count; i++) {
        maker->rrsets[i].wire = maker->runs.data + maker->wire_at[i];
        maker->rrsets[i].signatures = maker->runs.data + maker->signatures_at[i];
    }
    return true;
}

// The record of the one RR of most owners.
static const struct node *
one_make(const struct maker_rr *one, const uint8_t *owner, struct arena *arena)
{
    struct rrset rrset = {.type = one->rr.type,
                          .rr_count = 1,
                          .ttl = one->rr.ttl,
                          .wire = one->rr.rdata - RRSET_RR_FIXED,
                          .wire_length = RRSET_RR_FIXED + (uint32_t)one->rr.rdlength};
    return node_build(arena, owner, &rrset, 1);
}

const struct node *
draft_maker_make(struct draft_maker *maker, const uint8_t *owner, struct arena *arena,
                 struct draft_findings *findings, struct fault *fault)
{
    struct maker_rr *rrs = maker->rrs.items;
    size_t count = maker->rrs.count;
    if (count == 1 && !is_signature(rrs) && rrs->rr.rdlength <= NODE_RRSET_OCTETS_MAX / 2)
        return one_make(rrs, owner, arena);
    maker->owner = owner;
    maker->findings = findings;
    rrs_sort(rrs, count);
    if (!rrsets_make(maker, fault))
        return NULL;
    return node_build(arena, owner, maker->rrsets, maker->count);
}
