#include "secondary/signer/sign/nsec_chain.h"

#include <string.h>

#include "common/base/fault.h"
#include "common/base/octets.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "common/zone/find.h"

// More than what a signer added: a served record may hold an NSEC3 only.
static bool
has_content(const struct node *node, bool apex)
{
    for (unsigned i = node_rrset_count(node); i-- > 0;) {
        struct rrset rrset;
        node_rrset_at(node, i, &rrset);
        if (!rrset_is_signers(rrset.type, apex))
            return true;
    }
    return false;
}

enum node_standing
node_standing(const struct node *node, bool apex, bool below)
{
    if (!has_content(node, apex))
        return NODE_EMPTY;
    if (below)
        return NODE_OCCLUDED;
    return !apex && node_has(node, RRTYPE_NS) ? NODE_DELEGATION : NODE_AUTHORITATIVE;
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
        if (!node_standing_shows(standing, rrsets[i].type))
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

static int
owner_order(const void *context, const uint8_t *a, const uint8_t *b)
{
    (void)context;
    return name_compare(a, b);
}

static const uint8_t *
owner_before(const void *context, const uint8_t *owner)
{
    uint8_t before[NAME_SIZE_MAX];
    nsec_name_before(owner, before);
    const struct node *node = zone_find_nsec(context, before);
    return node ? node_owner(node) : NULL;
}

static const uint8_t *
owner_next(const void *context, const uint8_t *owner)
{
    return old_next(zone_find_nsec(context, owner));
}

size_t
nsec_chain_repair(const struct version *old, struct chain_change *changes, size_t count)
{
    struct chain_kind kind = {
        .order = owner_order, .before = owner_before, .next = owner_next, .context = old};
    return chain_repair(&kind, changes, count);
}
