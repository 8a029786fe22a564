// The record's layout (native little-endian, position-independent, 8-aligned):
//
//   header   16 octets: CRC32C of all that follows it, size, number of RRsets, owner's length and
//   labels owner    lower-case wire name, zeros up to a multiple of 8 table    24 octets for each
//   RRset, ascending by type: counts, lengths, where the run stands runs     for each RRset its
//   RRs, then the RRSIGs that cover it zeros    up to a multiple of 8
//
// The owner comes first because a lookup reads it first, to make sure of the hash; table and the
// first runs of a usual record are in the next cache line or two. Everything that an accessor
// follows is an offset inside the record that node_check has bounded, so an accessor checks nothing
// again: no record from a disk reaches one unchecked (README.md, decision 3).
#include "common/zone/node.h"

#include "common/base/hash.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"

#include <string.h>

struct node {
    uint32_t crc;  // CRC32C of the octets behind this field
    uint32_t size; // octets, header included, a multiple of 8
    uint16_t rrset_count;
    uint8_t owner_length;
    uint8_t owner_labels;
    uint32_t spare; // 0
};

struct node_entry {
    uint16_t type;
    uint16_t rr_count;
    uint32_t ttl;
    uint32_t wire_offset; // from the start of the record
    uint32_t wire_length;
    uint32_t signatures_length; // they stand right behind the RRs
    uint16_t signature_count;
    uint16_t spare; // 0
};

_Static_assert(sizeof(struct node) == 16, "the record's header is 16 octets on disk");
_Static_assert(sizeof(struct node_entry) == 24, "a table entry is 24 octets on disk");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "stored records are little-endian");

#define RR_SLOT    0xC00C // a compression pointer to the question's owner
#define RRSIG_MIN  18     // RFC 4034 section 3.1 without the signer's name
#define ALIGN_8(n) (((n) + 7U) & ~(size_t)7)
#define CRC_COVERS offsetof(struct node, size)

static size_t
table_offset(const struct node *node)
{
    return sizeof *node + ALIGN_8(node->owner_length);
}

static const uint8_t *
node_octets(const struct node *node)
{
    return (const uint8_t *)node;
}

static const struct node_entry *
node_table(const struct node *node)
{
    return (const struct node_entry *)(const void *)(node_octets(node) + table_offset(node));
}

const uint8_t *
node_owner(const struct node *node)
{
    return node_octets(node) + sizeof *node;
}

size_t
node_owner_length(const struct node *node)
{
    return node->owner_length;
}

unsigned
node_owner_labels(const struct node *node)
{
    return node->owner_labels;
}

size_t
node_size(const struct node *node)
{
    return node->size;
}

unsigned
node_rrset_count(const struct node *node)
{
    return node->rrset_count;
}

static void
entry_view(const struct node *node, const struct node_entry *entry, struct rrset *ret_rrset)
{
    const uint8_t *wire = node_octets(node) + entry->wire_offset;
    *ret_rrset = (struct rrset){
        .type = entry->type,
        .rr_count = entry->rr_count,
        .ttl = entry->ttl,
        .wire = wire,
        .wire_length = entry->wire_length,
        .signature_count = entry->signature_count,
        .signatures = entry->signature_count ? wire + entry->wire_length : NULL,
        .signatures_length = entry->signatures_length,
    };
}

void
node_rrset_at(const struct node *node, unsigned index, struct rrset *ret_rrset)
{
    ENSURE(index < node->rrset_count);
    entry_view(node, node_table(node) + index, ret_rrset);
}

// Records have a handful of types; past 16 (the apex of an odd zone) halving pays.
static const struct node_entry *
entry_find(const struct node *node, uint16_t type)
{
    const struct node_entry *table = node_table(node);
    unsigned low = 0, high = node->rrset_count;
    while (high - low > 16) {
        unsigned middle = (low + high) / 2;
        if (table[middle].type <= type)
            low = middle;
        else
            high = middle;
    }
    for (; low < high && table[low].type <= type; low++)
        if (table[low].type == type)
            return table + low;
    return NULL;
}

bool
node_rrset_find(const struct node *node, uint16_t type, struct rrset *ret_rrset)
{
    const struct node_entry *entry = entry_find(node, type);
    if (!entry)
        return false;
    entry_view(node, entry, ret_rrset);
    return true;
}

bool
node_has(const struct node *node, uint16_t type)
{
    return entry_find(node, type) != NULL;
}

bool
rrset_next(const uint8_t *wire, uint32_t wire_length, uint32_t *position, struct rr *ret_rr)
{
    if (*position > wire_length || wire_length - *position < RRSET_RR_FIXED)
        return false;
    const uint8_t *at = wire + *position;
    uint16_t rdlength = octets_get_u16(at + 10);
    if (wire_length - *position - RRSET_RR_FIXED < rdlength)
        return false;
    *ret_rr = (struct rr){.type = octets_get_u16(at + 2),
                          .ttl = octets_get_u32(at + 6),
                          .rdata = at + RRSET_RR_FIXED,
                          .rdlength = rdlength};
    *position += RRSET_RR_FIXED + (uint32_t)rdlength;
    return true;
}

void
rrset_append(struct octets_buffer *run, uint16_t type, uint32_t ttl, const uint8_t *rdata,
             uint16_t rdlength)
{
    uint8_t *at = octets_buffer_reserve(run, RRSET_RR_FIXED + (size_t)rdlength);
    octets_put_u16(at, RR_SLOT);
    octets_put_u16(at + 2, type);
    octets_put_u16(at + 4, RRCLASS_IN);
    octets_put_u32(at + 6, ttl);
    octets_put_u16(at + 10, rdlength);
    if (rdlength)
        memcpy(at + RRSET_RR_FIXED, rdata, rdlength);
    run->length += RRSET_RR_FIXED + (size_t)rdlength;
}

static bool
run_equal(const uint8_t *a, uint32_t a_length, const uint8_t *b, uint32_t b_length)
{
    return a_length == b_length && (a_length == 0 || memcmp(a, b, a_length) == 0);
}

bool
rrset_equal(const struct rrset *a, const struct rrset *b, bool with_signatures)
{
    return a->type == b->type && a->ttl == b->ttl &&
           run_equal(a->wire, a->wire_length, b->wire, b->wire_length) &&
           (!with_signatures ||
            run_equal(a->signatures, a->signatures_length, b->signatures, b->signatures_length));
}

static bool
owner_check(const struct node *node)
{
    const uint8_t *owner = node_owner(node);
    unsigned labels = 0;
    size_t at = 0;
    for (; at < node->owner_length && owner[at]; labels++)
        at += owner[at] <= NAME_LABEL_MAX ? (size_t)owner[at] + 1 : NAME_SIZE_MAX;
    return at + 1 == node->owner_length && labels == node->owner_labels;
}

// Every RR of the run has the slot, the type and class IN, and they fill the run exactly.
static bool
run_check(const uint8_t *wire, uint32_t length, uint16_t type, unsigned count)
{
    uint32_t position = 0;
    struct rr rr;
    for (; count; count--) {
        uint32_t start = position;
        if (!rrset_next(wire, length, &position, &rr) || rr.type != type)
            return false;
        if (octets_get_u16(wire + start) != RR_SLOT ||
            octets_get_u16(wire + start + 4) != RRCLASS_IN)
            return false;
        if (type == RRTYPE_RRSIG && rr.rdlength < RRSIG_MIN)
            return false;
    }
    return position == length;
}

static bool
entry_check(const struct node *node, const struct node_entry *entry, size_t runs)
{
    uint64_t end = (uint64_t)entry->wire_offset + entry->wire_length + entry->signatures_length;
    if (entry->wire_offset < runs || end > node->size || entry->rr_count == 0 ||
        entry->type == RRTYPE_RRSIG)
        return false;
    const uint8_t *wire = node_octets(node) + entry->wire_offset;
    return run_check(wire, entry->wire_length, entry->type, entry->rr_count) &&
           run_check(wire + entry->wire_length, entry->signatures_length, RRTYPE_RRSIG,
                     entry->signature_count);
}

static bool
table_check(const struct node *node)
{
    size_t runs = table_offset(node) + sizeof(struct node_entry) * (size_t)node->rrset_count;
    if (node->rrset_count > NODE_RRSETS_MAX || runs > node->size)
        return false;
    const struct node_entry *table = node_table(node);
    for (unsigned i = 0; i < node->rrset_count; i++)
        if ((i > 0 && table[i].type <= table[i - 1].type) || !entry_check(node, table + i, runs))
            return false;
    return true;
}

bool
node_check(const uint8_t *octets, size_t available)
{
    ENSURE(((uintptr_t)octets & 7) == 0);
    if (available < sizeof(struct node))
        return false;
    const struct node *node = (const struct node *)(const void *)octets;
    if (node->size > available || node->size > NODE_RECORD_MAX || node->size % 8 != 0 ||
        node->size < table_offset(node))
        return false;
    if (hash_crc32c(0, octets + CRC_COVERS, node->size - CRC_COVERS) != node->crc)
        return false;
    return owner_check(node) && table_check(node);
}

static size_t
record_size(size_t owner_length, const struct rrset *rrsets, unsigned count)
{
    size_t size = sizeof(struct node) + ALIGN_8(owner_length) + sizeof(struct node_entry) * count;
    for (unsigned i = 0; i < count; i++)
        size += rrsets[i].wire_length + (size_t)rrsets[i].signatures_length;
    return ALIGN_8(size);
}

static void
runs_fill(struct node *node, struct node_entry *table, const struct rrset *rrsets, unsigned count)
{
    uint8_t *start = (uint8_t *)node;
    uint8_t *at = (uint8_t *)(table + count);
    for (unsigned i = 0; i < count; i++) {
        const struct rrset *rrset = rrsets + i;
        ENSURE(rrset->rr_count > 0 && (i == 0 || rrsets[i - 1].type < rrset->type));
        table[i] = (struct node_entry){.type = rrset->type,
                                       .rr_count = rrset->rr_count,
                                       .ttl = rrset->ttl,
                                       .wire_offset = (uint32_t)(at - start),
                                       .wire_length = rrset->wire_length,
                                       .signatures_length = rrset->signatures_length,
                                       .signature_count = rrset->signature_count};
        memcpy(at, rrset->wire, rrset->wire_length);
        at += rrset->wire_length;
        if (rrset->signatures_length)
            memcpy(at, rrset->signatures, rrset->signatures_length);
        at += rrset->signatures_length;
    }
    memset(at, 0, node->size - (size_t)(at - start));
}

const struct node *
node_build(struct arena *arena, const uint8_t *owner, const struct rrset *rrsets, unsigned count)
{
    size_t owner_length = name_length(owner);
    size_t size = record_size(owner_length, rrsets, count);
    ENSURE(count <= NODE_RRSETS_MAX && size <= NODE_RECORD_MAX);
    struct node *node = arena_alloc(arena, size);
    *node = (struct node){.size = (uint32_t)size,
                          .rrset_count = (uint16_t)count,
                          .owner_length = (uint8_t)owner_length,
                          .owner_labels = (uint8_t)name_labels(owner)};
    uint8_t *at = (uint8_t *)node + sizeof *node;
    memcpy(at, owner, owner_length);
    memset(at + owner_length, 0, ALIGN_8(owner_length) - owner_length);
    runs_fill(node, (struct node_entry *)(void *)(at + ALIGN_8(owner_length)), rrsets, count);
    node->crc = hash_crc32c(0, (const uint8_t *)node + CRC_COVERS, size - CRC_COVERS);
    return node;
}

bool
rrset_is_signers(uint16_t type, bool apex)
{
    switch (type) {
    case RRTYPE_RRSIG:
    case RRTYPE_NSEC:
    case RRTYPE_NSEC3:
    case RRTYPE_NSEC3PARAM:
        return true;
    default:
        return apex && rrtype_is_dnssec(type);
    }
}

unsigned
node_unsigned_rrsets(const struct node *node, bool apex, struct rrset *ret_rrsets, unsigned room)
{
    unsigned count = 0;
    for (unsigned i = 0; i < node->rrset_count; i++) {
        const struct node_entry *entry = node_table(node) + i;
        if (rrset_is_signers(entry->type, apex))
            continue;
        if (count < room) {
            entry_view(node, entry, ret_rrsets + count);
            ret_rrsets[count].signatures = NULL;
            ret_rrsets[count].signature_count = 0;
            ret_rrsets[count].signatures_length = 0;
        }
        count++;
    }
    return count;
}

// Two SOA RRsets of one RR each that differ in the serial at most.
static bool
soa_equal_but_serial(const struct rrset *a, const struct rrset *b)
{
    struct rr a_rr, b_rr;
    uint32_t a_position = 0, b_position = 0;
    if (a->ttl != b->ttl || a->rr_count != 1 || b->rr_count != 1 ||
        a->wire_length != b->wire_length)
        return false;
    if (!rrset_next(a->wire, a->wire_length, &a_position, &a_rr) ||
        !rrset_next(b->wire, b->wire_length, &b_position, &b_rr) || a_rr.rdlength < 20)
        return false;
    size_t serial = (size_t)a_rr.rdlength - 20;
    return memcmp(a_rr.rdata, b_rr.rdata, serial) == 0 &&
           memcmp(a_rr.rdata + serial + 4, b_rr.rdata + serial + 4, 16) == 0;
}

bool
rrset_equal_unsigned(const struct rrset *a, const struct rrset *b, bool apex)
{
    if (rrset_equal(a, b, false))
        return true;
    return apex && a->type == RRTYPE_SOA && b->type == RRTYPE_SOA && soa_equal_but_serial(a, b);
}

// The next entry of the unsigned view from *index on, or NULL.
static const struct node_entry *
unsigned_next(const struct node *node, bool apex, unsigned *index)
{
    while (node && *index < node->rrset_count) {
        const struct node_entry *entry = node_table(node) + (*index)++;
        if (!rrset_is_signers(entry->type, apex))
            return entry;
    }
    return NULL;
}

bool
node_equal_unsigned(const struct node *a, const struct node *b, bool apex)
{
    unsigned a_index = 0, b_index = 0;
    for (;;) {
        const struct node_entry *a_entry = unsigned_next(a, apex, &a_index);
        const struct node_entry *b_entry = unsigned_next(b, apex, &b_index);
        if (!a_entry || !b_entry)
            return a_entry == b_entry;
        struct rrset a_rrset, b_rrset;
        entry_view(a, a_entry, &a_rrset);
        entry_view(b, b_entry, &b_rrset);
        if (!rrset_equal_unsigned(&a_rrset, &b_rrset, apex))
            return false;
    }
}
