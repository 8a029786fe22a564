// Why not take what fits and overlook the rest? A delta says "this goes, that comes" about a
// content that nobody looks at again until tomorrow. Where one record does not fit, the contents
// here and at the primary differ already, in a place that is not known; only the whole zone mends
// that.
//
// The owners that a delta names are loaded from the served version as lists of RRs, each RR in a
// hash table of its own, so that a delta costs what it names, also where it names one owner with
// thousands of RRs. RRs that come and go again in later steps are marked and unmarked. The SOA
// stands beside: it is compared in all fields, the serial being the primary's, not ours.
#include "secondary/signer/intake_delta.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/vector.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "common/transfer/rr_stream.h"
#include "common/zone/find.h"

#define TABLE_LEAST   256
#define TABLE_MOST    (1U << 22) // lists, not entries: longer lists are slower, nothing worse
#define OCTETS_PER_RR 16         // of a stream, about
#define END           UINT32_MAX

struct entry_rr {
    uint64_t hash;
    const uint8_t *rdata;
    uint32_t owner, next, next_of_owner;
    uint32_t ttl;
    uint16_t type, rdlength;
    bool present;
};
struct entry_owner {
    uint64_t hash;
    const uint8_t *name;
    const struct node *old; // NULL: not served
    uint32_t next, first;   // of its RRs
};
struct apply {
    struct intake_delta *delta;
    uint64_t key;
    uint32_t mask;
    uint32_t *rr_lists, *owner_lists;
    struct vector rrs, owners;
    struct rrset *sets; // NODE_RRSETS_MAX: room for one record's
    uint32_t owner;     // of the RR before: they come owner by owner
    // The SOA that the next removal must name.
    uint32_t soa_ttl;
    uint16_t soa_length;
    uint8_t soa[NAME_SIZE_MAX * 2 + 20];
};

void
intake_delta_init(struct intake_delta *delta)
{
    *delta = (struct intake_delta){0};
    diff_init(&delta->diff);
}

void
intake_delta_close(struct intake_delta *delta)
{
    diff_close(&delta->diff);
    draft_free(&delta->changed);
    arena_free(&delta->arena);
}

// --- The tables

static struct entry_rr *
rr_at(const struct apply *apply, uint32_t place)
{
    return vector_at(&apply->rrs, place);
}

static struct entry_owner *
owner_at(const struct apply *apply, uint32_t place)
{
    return vector_at(&apply->owners, place);
}

static uint64_t
hash_rr(const struct apply *apply, uint32_t owner, uint16_t type, const uint8_t *rdata,
        uint16_t rdlength)
{
    return hash_octets(hash_mix(apply->key, (uint64_t)owner << 16 | type), rdata, rdlength);
}

static struct entry_rr *
rr_find(const struct apply *apply, uint32_t owner, uint16_t type, const uint8_t *rdata,
        uint16_t rdlength)
{
    uint64_t hash = hash_rr(apply, owner, type, rdata, rdlength);
    for (uint32_t place = apply->rr_lists[hash & apply->mask]; place != END;) {
        struct entry_rr *rr = rr_at(apply, place);
        if (rr->hash == hash && rr->owner == owner && rr->type == type &&
            rr->rdlength == rdlength && memcmp(rr->rdata, rdata, rdlength) == 0)
            return rr;
        place = rr->next;
    }
    return NULL;
}

// rdata lives as long as the apply.
static void
rr_put(struct apply *apply, uint32_t owner, uint16_t type, uint32_t ttl, const uint8_t *rdata,
       uint16_t rdlength)
{
    uint64_t hash = hash_rr(apply, owner, type, rdata, rdlength);
    uint32_t *list = &apply->rr_lists[hash & apply->mask];
    const struct entry_rr rr = {.hash = hash,
                                .rdata = rdata,
                                .owner = owner,
                                .next = *list,
                                .next_of_owner = owner_at(apply, owner)->first,
                                .ttl = ttl,
                                .type = type,
                                .rdlength = rdlength,
                                .present = true};
    *list = owner_at(apply, owner)->first = (uint32_t)apply->rrs.count;
    vector_add(&apply->rrs, &rr);
}

static bool
is_apex(const struct apply *apply, const uint8_t *name)
{
    return name_equal(name, apply->delta->apex);
}

// The served RRs of an owner, without the SOA.
static void
owner_load(struct apply *apply, uint32_t place)
{
    const struct entry_owner owner = *owner_at(apply, place);
    struct rrset *sets = apply->sets;
    unsigned count =
        node_unsigned_rrsets(owner.old, is_apex(apply, owner.name), sets, NODE_RRSETS_MAX);
    for (unsigned i = 0; i < count; i++) {
        uint32_t position = 0;
        struct rr rr;
        while (sets[i].type != RRTYPE_SOA &&
               rrset_next(sets[i].wire, sets[i].wire_length, &position, &rr))
            rr_put(apply, place, rr.type, rr.ttl, rr.rdata, rr.rdlength);
    }
}

static bool
damage_fault(struct apply *apply, struct fault *fault)
{
    apply->delta->damaged = true;
    return fault_set(fault, FAULT_CORRUPT, "records of what is served are damaged");
}

static bool
owner_add(struct apply *apply, const uint8_t *name, uint64_t hash, uint32_t *ret_place,
          struct fault *fault)
{
    bool damaged = false;
    const struct node *old = zone_find_record(apply->delta->served, name, &damaged);
    if (damaged)
        return damage_fault(apply, fault);
    uint32_t *list = &apply->owner_lists[hash & apply->mask];
    const struct entry_owner owner = {.hash = hash,
                                      .name =
                                          arena_copy(apply->delta->arena, name, name_length(name)),
                                      .old = old,
                                      .next = *list,
                                      .first = END};
    *list = *ret_place = (uint32_t)apply->owners.count;
    vector_add(&apply->owners, &owner);
    if (old)
        owner_load(apply, *ret_place);
    return true;
}

// END: not named by the delta.
static uint32_t
owner_find(const struct apply *apply, const uint8_t *name, uint64_t hash)
{
    for (uint32_t place = apply->owner_lists[hash & apply->mask]; place != END;) {
        const struct entry_owner *owner = owner_at(apply, place);
        if (owner->hash == hash && name_equal(owner->name, name))
            return place;
        place = owner->next;
    }
    return END;
}

static uint64_t
hash_name(const struct apply *apply, const uint8_t *name)
{
    return hash_octets(apply->key, name, name_length(name));
}

static bool
owner_get(struct apply *apply, const uint8_t *name, uint32_t *ret_place, struct fault *fault)
{
    if (apply->owner != END && name_equal(owner_at(apply, apply->owner)->name, name)) {
        *ret_place = apply->owner;
        return true;
    }
    uint64_t hash = hash_name(apply, name);
    *ret_place = owner_find(apply, name, hash);
    if (*ret_place == END && !owner_add(apply, name, hash, ret_place, fault))
        return false;
    apply->owner = *ret_place;
    return true;
}

// --- One record of the delta

static bool
doubt(struct fault *fault, const struct rr_stream_rr *rr, const char *what)
{
    char owner[NAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];
    return fault_set(fault, FAULT_REFUSED, "the primary's delta %s %.300s %s, %s",
                     rr->part == RR_STREAM_REMOVED ? "removes" : "adds",
                     name_to_text(rr->owner, owner), rrtype_text(rr->type, type), what);
}

// The SOAs of a delta lead from the one that is served to the one that shall be.
static bool
soa_apply(struct apply *apply, const struct rr_stream_rr *rr, struct fault *fault)
{
    if (rr->part == RR_STREAM_REMOVED)
        return (rr->ttl == apply->soa_ttl && rr->rdlength == apply->soa_length &&
                memcmp(rr->rdata, apply->soa, rr->rdlength) == 0) ||
               doubt(fault, rr, "which is not the SOA there");
    ENSURE(rr->rdlength <= sizeof apply->soa);
    apply->soa_ttl = rr->ttl;
    apply->soa_length = rr->rdlength;
    memcpy(apply->soa, rr->rdata, rr->rdlength);
    return true;
}

static bool
rr_apply(struct apply *apply, const struct rr_stream_rr *rr, struct fault *fault)
{
    uint32_t owner;
    if (rrset_is_signers(rr->type, is_apex(apply, rr->owner)))
        return doubt(fault, rr, "which the gate takes out of an unsigned zone");
    if (!owner_get(apply, rr->owner, &owner, fault))
        return false;
    if (rr->type == RRTYPE_SOA)
        return soa_apply(apply, rr, fault);
    struct entry_rr *known = rr_find(apply, owner, rr->type, rr->rdata, rr->rdlength);
    bool present = known && known->present;
    if (rr->part == RR_STREAM_REMOVED) {
        if (!present || known->ttl != rr->ttl)
            return doubt(fault, rr, present ? "which has another TTL" : "which is not there");
        known->present = false;
        return true;
    }
    if (present)
        return doubt(fault, rr, "which is there");
    if (known) {
        known->present = true;
        known->ttl = rr->ttl;
    } else {
        rr_put(apply, owner, rr->type, rr->ttl,
               arena_copy(apply->delta->arena, rr->rdata, rr->rdlength), rr->rdlength);
    }
    return true;
}

static bool
stream_apply(struct apply *apply, struct rr_stream_reader *reader, struct fault *fault)
{
    struct rr_stream_rr rr;
    enum rr_stream_step step;
    while ((step = rr_stream_next(reader, &rr, fault)) == RR_STREAM_RR)
        if (!rr_apply(apply, &rr, fault))
            return false;
    return step == RR_STREAM_DONE;
}

// --- What came of it

static bool
draft_fill(struct apply *apply, struct fault *fault)
{
    struct intake_delta *delta = apply->delta;
    struct draft_findings findings = {0};
    delta->changed = draft_new(delta->apex);
    if (!draft_add(delta->changed, delta->apex, RRTYPE_SOA, apply->soa_ttl, apply->soa,
                   apply->soa_length, fault))
        return false;
    for (uint32_t i = 0; i < apply->rrs.count; i++) {
        const struct entry_rr *rr = rr_at(apply, i);
        if (rr->present && !draft_add(delta->changed, owner_at(apply, rr->owner)->name, rr->type,
                                      rr->ttl, rr->rdata, rr->rdlength, fault))
            return false;
    }
    if (!draft_seal(delta->changed, &findings, fault))
        return false;
    char owner[NAME_TEXT_MAX];
    return findings.ttl_differs == 0 ||
           fault_set(fault, FAULT_REFUSED,
                     "the primary's delta leaves different TTLs in an RRset of %.300s",
                     name_to_text(findings.ttl_owner, owner));
}

static bool
owner_stays(const struct apply *apply, const struct entry_owner *owner)
{
    if (is_apex(apply, owner->name))
        return true; // its SOA
    for (uint32_t place = owner->first; place != END; place = rr_at(apply, place)->next_of_owner)
        if (rr_at(apply, place)->present)
            return true;
    return false;
}

// A served record that has data of its own and is not one that the delta takes away.
static bool
lives_on(const struct apply *apply, const struct node *node)
{
    const uint8_t *name = node_owner(node);
    if (node_equal_unsigned(node, NULL, false))
        return false;
    uint32_t place = owner_find(apply, name, hash_name(apply, name));
    return place == END || owner_stays(apply, owner_at(apply, place));
}

// Whether an owner that loses its data becomes an empty non-terminal.
static bool
has_descendants(struct apply *apply, const uint8_t *name)
{
    struct version_cursor cursor;
    const struct node *node;
    if (draft_find(apply->delta->changed, name)) // sealing made it for a name below
        return true;
    version_cursor_seek(&cursor, apply->delta->served, name);
    while ((node = version_cursor_next(&cursor)) && name_is_at_or_below(node_owner(node), name))
        if (!name_equal(node_owner(node), name) && lives_on(apply, node))
            return true;
    apply->delta->damaged |= cursor.damaged;
    return false;
}

static uint64_t
unsigned_size(struct apply *apply, const struct node *node, bool apex, uint64_t *rr_count)
{
    struct rrset *sets = apply->sets;
    unsigned count = node_unsigned_rrsets(node, apex, sets, NODE_RRSETS_MAX);
    uint64_t size = 0;
    for (unsigned i = 0; i < count; i++) {
        *rr_count += sets[i].rr_count;
        sets[i].signature_count = 0;
        sets[i].signatures = NULL;
        sets[i].signatures_length = 0;
    }
    if (count)
        size = node_size(node_build(apply->delta->arena, node_owner(node), sets, count));
    return size;
}

static void
owner_settle(struct apply *apply, const struct entry_owner *owner)
{
    struct intake_delta *delta = apply->delta;
    bool apex = is_apex(apply, owner->name);
    bool stays = owner_stays(apply, owner);
    const struct node *new = stays ? draft_find(delta->changed, owner->name) : NULL;
    if (owner->old) {
        uint64_t rr_count = 0;
        delta->new_octets -= unsigned_size(apply, owner->old, apex, &rr_count);
        delta->new_rr_count -= rr_count;
    }
    if (new)
        delta->new_octets += unsigned_size(apply, new, apex, &delta->new_rr_count);
    if (owner->old && node_equal_unsigned(owner->old, new, apex))
        return;
    if (!new && !owner->old)
        return;
    if (!new &&has_descendants(apply, owner->name))
        new = node_build(delta->arena, owner->name, NULL, 0);
    diff_add(&delta->diff, owner->old, new);
}

static bool
settle(struct apply *apply, struct fault *fault)
{
    struct intake_delta *delta = apply->delta;
    if (!draft_fill(apply, fault))
        return false;
    delta->new_rr_count = delta->rr_count;
    delta->new_octets = delta->octets;
    for (uint32_t i = 0; i < apply->owners.count; i++)
        owner_settle(apply, owner_at(apply, i));
    diff_sort(&delta->diff);
    return !delta->damaged || damage_fault(apply, fault);
}

// --- From end to end

static bool
soa_load(struct apply *apply, struct fault *fault)
{
    const struct intake_delta *delta = apply->delta;
    const struct node *apex = version_apex_node(delta->served);
    struct rrset set;
    struct rr rr;
    uint32_t position = 0;
    if (!apex || !node_rrset_find(apex, RRTYPE_SOA, &set) ||
        !rrset_next(set.wire, set.wire_length, &position, &rr) || rr.rdlength > sizeof apply->soa)
        return damage_fault(apply, fault);
    apply->soa_ttl = rr.ttl;
    apply->soa_length = rr.rdlength;
    memcpy(apply->soa, rr.rdata, rr.rdlength);
    rdata_soa_set_serial(apply->soa, rr.rdlength, delta->from_serial);
    return true;
}

static void
apply_init(struct apply *apply, struct intake_delta *delta, size_t stream_size)
{
    uint32_t size = TABLE_LEAST;
    while (size < TABLE_MOST && size < stream_size / OCTETS_PER_RR)
        size *= 2;
    *apply = (struct apply){.delta = delta, .key = hash_key_draw(), .mask = size - 1, .owner = END};
    apply->rr_lists = memory_alloc(size * sizeof *apply->rr_lists);
    apply->owner_lists = memory_alloc(size * sizeof *apply->owner_lists);
    memset(apply->rr_lists, 0xff, size * sizeof *apply->rr_lists); // END
    memset(apply->owner_lists, 0xff, size * sizeof *apply->owner_lists);
    apply->sets = memory_alloc(NODE_RRSETS_MAX * sizeof *apply->sets);
    vector_init(&apply->rrs, sizeof(struct entry_rr));
    vector_init(&apply->owners, sizeof(struct entry_owner));
}

static void
apply_close(struct apply *apply)
{
    free(apply->rr_lists);
    free(apply->owner_lists);
    free(apply->sets);
    vector_close(&apply->rrs);
    vector_close(&apply->owners);
}

static bool
check_head(const struct intake_delta *delta, const struct rr_stream_reader *reader,
           struct fault *fault)
{
    if (!reader->is_delta || !name_equal(reader->apex, delta->apex))
        return fault_set(fault, FAULT_CORRUPT, "the transfer is not a delta of this zone");
    return reader->from_serial == delta->from_serial ||
           fault_set(fault, FAULT_REFUSED,
                     "the primary's delta begins at serial %" PRIu32
                     ", what is served stands for %" PRIu32,
                     reader->from_serial, delta->from_serial);
}

bool
intake_delta_run(struct intake_delta *delta, int stream, struct fault *fault)
{
    struct rr_stream_reader *reader = memory_alloc(sizeof *reader);
    struct apply apply;
    if (!rr_stream_reader_map(reader, stream, delta->stream_max, fault)) {
        free(reader);
        return false;
    }
    delta->arena = arena_new();
    delta->serial = reader->to_serial;
    apply_init(&apply, delta, reader->map_size);
    bool good = check_head(delta, reader, fault) && soa_load(&apply, fault) &&
                stream_apply(&apply, reader, fault) && settle(&apply, fault);
    apply_close(&apply);
    rr_stream_reader_close(reader);
    free(reader);
    return good;
}
