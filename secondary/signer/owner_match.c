// Most primaries send an owner's RRs type by type and each RRset in canonical order, as they stand
// here: then each RR is compared with one other. Where it is not that one, the whole RRset is
// searched, and a bit for each RR of it sees to it that none is met twice; with the numbers equal,
// all were met.
#include "secondary/signer/owner_match.h"

#include <string.h>

#include "common/dns/rrtype.h"

#define MET_MAX      64 // bits of owner_match_set.met
#define SOA_NUMBERS  20 // serial, refresh, retry, expire, minimum end a SOA's RDATA
#define SERIAL_SIZE  4
#define RECORD_HEAD  16 // a record's layout, common/zone/node.c
#define RECORD_ENTRY 24
#define ALIGN_8(n)   (((n) + 7U) & ~(size_t)7)

void
owner_match_init(struct owner_match *match, const struct node *node, bool apex)
{
    match->node = node;
    match->apex = apex;
    match->set_count = match->rr_count = match->run_octets = 0;
    for (unsigned i = 0; i < node_rrset_count(node); i++) {
        struct rrset set;
        node_rrset_at(node, i, &set);
        if (rrset_is_signers(set.type, apex)) {
            continue;
        }
        if (match->set_count < OWNER_MATCH_SETS) {
            match->sets[match->set_count] = (struct owner_match_set){.set = set};
        }
        match->set_count++;
        match->rr_count += set.rr_count;
        match->run_octets += set.wire_length;
    }
}

size_t
owner_match_size(const struct owner_match *match)
{
    return ALIGN_8(RECORD_HEAD + ALIGN_8(node_owner_length(match->node)) +
                   RECORD_ENTRY * (size_t)match->set_count + match->run_octets);
}

static bool
rdata_equal(const struct rr *rr, const struct rr_stream_view *view, bool but_serial)
{
    if (rr->rdlength != view->rdlength) {
        return false;
    }
    if (!but_serial || rr->rdlength < SOA_NUMBERS) {
        return memcmp(rr->rdata, view->rdata, rr->rdlength) == 0;
    }
    size_t serial = rr->rdlength - (size_t)SOA_NUMBERS, behind = serial + SERIAL_SIZE;
    return memcmp(rr->rdata, view->rdata, serial) == 0 &&
           memcmp(rr->rdata + behind, view->rdata + behind, rr->rdlength - behind) == 0;
}

// Marks the RR with the number; false where it was met before or cannot be marked.
static bool
mark(struct owner_match_set *set, unsigned index)
{
    if (index >= MET_MAX) {
        return false;
    }
    uint64_t bit = UINT64_C(1) << index;
    bool fresh = (set->met & bit) == 0;
    set->met |= bit;
    return fresh;
}

static bool
meet_in_order(struct owner_match_set *set, const struct rr_stream_view *view, bool but_serial)
{
    struct rr rr;
    uint32_t next = set->position;
    if (!rrset_next(set->set.wire, set->set.wire_length, &next, &rr) ||
        !rdata_equal(&rr, view, but_serial)) {
        return false;
    }
    // Past the bits only an RRset that was met in order from its beginning can be told.
    if (set->index < MET_MAX ? !mark(set, set->index) : set->met != UINT64_MAX) {
        return false;
    }
    set->position = next;
    set->index++;
    return true;
}

static bool
meet_anywhere(struct owner_match_set *set, const struct rr_stream_view *view, bool but_serial)
{
    struct rr rr;
    uint32_t next = 0;
    unsigned index = 0;
    if (set->set.rr_count > MET_MAX) {
        return false;
    }
    for (; rrset_next(set->set.wire, set->set.wire_length, &next, &rr); index++) {
        if (rdata_equal(&rr, view, but_serial) && mark(set, index)) {
            set->position = next;
            set->index = index + 1;
            return true;
        }
    }
    return false;
}

static struct owner_match_set *
set_of(struct owner_match *match, uint16_t type)
{
    for (unsigned i = 0; i < match->set_count; i++) {
        if (match->sets[i].set.type == type) {
            return &match->sets[i];
        }
    }
    return NULL;
}

bool
owner_match_equal(struct owner_match *match, const struct rr_stream_view *views, size_t count)
{
    if (match->set_count > OWNER_MATCH_SETS || match->rr_count != count) {
        return false;
    }
    struct owner_match_set *set = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct rr_stream_view *view = &views[i];
        if (set == NULL || set->set.type != view->type) {
            set = set_of(match, view->type);
        }
        bool but_serial = match->apex && view->type == RRTYPE_SOA;
        if (set == NULL || set->set.ttl != view->ttl ||
            !(meet_in_order(set, view, but_serial) || meet_anywhere(set, view, but_serial))) {
            return false;
        }
    }
    return true;
}
