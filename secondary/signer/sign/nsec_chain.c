// How is the chain repaired without walking it?
//
// Given are the owners that an edit touched, in canonical order, and for each whether it had an
// NSEC and whether it shall have one. A next name changes only at three kinds of owner: one that is
// new in the chain, one whose next owner was new or went, and these are the owners given or the
// last unchanged owner before one of them. That last one is found by a binary search in the version
// (zone_find_nsec of the name just before). The next name of an owner is the lesser of the next
// given owner that stays and the first unchanged one after it, which the old NSEC records say:
// follow them over owners that went until one stands. Each owner that went lies between two that
// stay and is passed once, so the whole is linear in the number of owners given.
#include "secondary/signer/sign/nsec_chain.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/octets.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "common/zone/find.h"

// More than what a signer added: a served record may hold an NSEC3 only.
static bool
has_content(const struct node *node)
{
    for (unsigned i = node_rrset_count(node); i-- > 0;) {
        struct rrset rrset;
        node_rrset_at(node, i, &rrset);
        if (rrset.type != RRTYPE_NSEC && rrset.type != RRTYPE_NSEC3)
            return true;
    }
    return false;
}

enum node_standing
node_standing(const struct node *node, bool apex, bool below)
{
    if (!has_content(node))
        return NODE_EMPTY;
    if (below)
        return NODE_OCCLUDED;
    return !apex && node_has(node, RRTYPE_NS) ? NODE_DELEGATION : NODE_AUTHORITATIVE;
}

static bool
type_is_shown(uint16_t type, enum node_standing standing)
{
    return standing == NODE_AUTHORITATIVE || type == RRTYPE_NS || type == RRTYPE_DS;
}

// RFC 4034 section 4.1.2; at a cut RFC 4035 section 2.3.
size_t
nsec_rdata(const uint8_t *next, const struct rrset *rrsets, unsigned count,
           enum node_standing standing, uint8_t ret_rdata[static NSEC_RDATA_MAX])
{
    uint16_t types[NODE_RRSETS_MAX + 2];
    unsigned shown = 0;
    bool added = false;
    for (unsigned i = 0; i < count; i++) {
        if (!type_is_shown(rrsets[i].type, standing))
            continue;
        if (!added && rrsets[i].type > RRTYPE_NSEC) {
            types[shown++] = RRTYPE_RRSIG;
            types[shown++] = RRTYPE_NSEC;
            added = true;
        }
        types[shown++] = rrsets[i].type;
    }
    if (!added) {
        types[shown++] = RRTYPE_RRSIG;
        types[shown++] = RRTYPE_NSEC;
    }
    size_t length = name_copy(ret_rdata, next);
    return length + rrtype_bitmap_write(types, shown, ret_rdata + length,
                                        (unsigned)(NSEC_RDATA_MAX - length));
}

uint32_t
nsec_ttl(const struct node *apex_node)
{
    struct rrset rrset;
    struct rr rr;
    struct rdata_soa soa;
    uint32_t position = 0;
    ENSURE(node_rrset_find(apex_node, RRTYPE_SOA, &rrset) &&
           rrset_next(rrset.wire, rrset.wire_length, &position, &rr) &&
           rdata_soa_read(rr.rdata, rr.rdlength, &soa));
    return soa.minimum < rrset.ttl ? soa.minimum : rrset.ttl;
}

// The octet before one in a lower-case label: upper-case letters do not occur.
static uint8_t
octet_before(uint8_t octet)
{
    return octet == 'Z' + 1 ? 'A' - 1 : (uint8_t)(octet - 1);
}

// Puts labels of 63 octets 255 before name until it has 255 octets: the last of its descendants.
static void
name_fill(uint8_t name[static NAME_SIZE_MAX])
{
    for (size_t length = name_length(name); length + 2 <= NAME_SIZE_MAX;) {
        size_t label = NAME_SIZE_MAX - length - 1;
        if (label > NAME_LABEL_MAX)
            label = NAME_LABEL_MAX;
        memmove(name + label + 1, name, length);
        name[0] = (uint8_t)label;
        memset(name + 1, 0xFF, label);
        length += label + 1;
    }
}

void
nsec_name_before(const uint8_t *name, uint8_t ret_name[static NAME_SIZE_MAX])
{
    size_t label = name[0];
    ENSURE(label > 0);
    const uint8_t *parent = name + 1 + label;
    size_t parent_length = name_length(parent);
    if (label == 1 && name[1] == 0) { // the first child: only the parent itself is before it
        name_copy(ret_name, parent);
        return;
    }
    uint8_t text[NAME_LABEL_MAX];
    memcpy(text, name + 1, label);
    if (text[label - 1] == 0) {
        label--;
    } else {
        text[label - 1] = octet_before(text[label - 1]);
        while (label < NAME_LABEL_MAX && label + 2 + parent_length <= NAME_SIZE_MAX)
            text[label++] = 0xFF;
    }
    ret_name[0] = (uint8_t)label;
    memcpy(ret_name + 1, text, label);
    memcpy(ret_name + 1 + label, parent, parent_length);
    name_fill(ret_name);
}

// The next name that the old NSEC of an owner gives; NULL: node is NULL (damaged) or has none.
static const uint8_t *
old_next(const struct node *node)
{
    struct rrset rrset;
    struct rr rr;
    uint32_t position = 0;
    bool has = node && node_rrset_find(node, RRTYPE_NSEC, &rrset) &&
               rrset_next(rrset.wire, rrset.wire_length, &position, &rr);
    return has ? rr.rdata : NULL;
}

// The place of owner in changes[from..end), or end.
static size_t
change_find(const struct nsec_change *changes, size_t from, size_t end, const uint8_t *owner)
{
    size_t low = from, high = end;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (name_compare(changes[middle].owner, owner) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < end && name_equal(changes[low].owner, owner) ? low : end;
}

// The last owner of the old chain before changes[index], which is no apex; NULL when it is a given
// one, whose own turn comes: given owners in between may never have been in the chain. False:
// damaged.
static bool
anchor_before(const struct version *old, const struct nsec_change *changes, size_t count,
              size_t index, const struct node **ret_anchor)
{
    uint8_t before[NAME_SIZE_MAX];
    nsec_name_before(changes[index].owner, before);
    const struct node *node = zone_find_nsec(old, before);
    if (!node)
        return false;
    bool is_given = change_find(changes, 0, count, node_owner(node)) < count;
    *ret_anchor = is_given ? NULL : node;
    return true;
}

// Adds the anchors, each once, and gives the new count; 0: damaged.
static size_t
anchors_add(const struct version *old, struct nsec_change *changes, size_t count)
{
    size_t anchors = 0;
    const struct node *last = NULL;
    for (size_t i = 1; i < count; i++) { // 0 is the apex, which stays
        if (changes[i].was == changes[i].is)
            continue;
        const struct node *node;
        if (!anchor_before(old, changes, count, i, &node))
            return 0;
        if (node && node != last)
            changes[count + anchors++] =
                (struct nsec_change){.owner = node_owner(node), .was = true, .is = true};
        last = node ? node : last;
    }
    size_t total = count + anchors;
    if (anchors == 0)
        return count;
    // Both halves are in order: merge from the back, the added ones taken aside first.
    struct nsec_change *aside = memory_alloc(anchors * sizeof *aside);
    memcpy(aside, changes + count, anchors * sizeof *aside);
    for (size_t to = total, from = count, add = anchors; add > 0;) {
        if (from > 0 && name_compare(changes[from - 1].owner, aside[add - 1].owner) > 0)
            changes[--to] = changes[--from];
        else
            changes[--to] = aside[--add];
    }
    free(aside);
    return total;
}

// The next owner after changes[index], which is in the chain; NULL: damaged. stop: the next given
// one that is, or count.
static const uint8_t *
next_of(const struct version *old, const struct nsec_change *changes, size_t count, size_t index,
        size_t stop)
{
    const uint8_t *apex = changes[0].owner;
    const uint8_t *limit = stop < count ? changes[stop].owner : NULL;
    const uint8_t *next = old_next(zone_find_nsec(old, changes[index].owner));
    while (next && !name_equal(next, apex) && (!limit || name_compare(next, limit) < 0)) {
        size_t at = change_find(changes, index + 1, stop, next);
        if (at == stop)
            return next; // an owner that nobody touched
        next = old_next(zone_find_exact(old, next));
    }
    return !next ? NULL : limit ? limit : apex;
}

size_t
nsec_chain_repair(const struct version *old, struct nsec_change *changes, size_t count)
{
    ENSURE(count > 0 && changes[0].was && changes[0].is);
    count = anchors_add(old, changes, count);
    size_t stop = count; // the next given owner in the chain, going backwards
    for (size_t i = count; i-- > 0;) {
        if (!changes[i].is)
            continue;
        changes[i].next = next_of(old, changes, count, i, stop);
        if (!changes[i].next)
            return 0;
        stop = i;
    }
    return count;
}
