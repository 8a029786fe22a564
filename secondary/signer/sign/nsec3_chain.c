// Which part of a chain must know names?
//
// Only the new members. A hash does not tell its name, and a version does not say which NSEC3
// belongs to a name, so whatever must go from an NSEC3 to its name would walk the zone. Nothing
// does: a name that is touched is hashed and looked up; a neighbour whose next hash changes keeps
// flags and bitmap as they stand in its record (nsec3_rdata_again).
#include "secondary/signer/sign/nsec3_chain.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/fault.h"
#include "common/base/octets.h"
#include "common/dns/rrtype.h"
#include "common/zone/find.h"

nsec3_hash_function *nsec3_chain_hash = nsec3_hash;

bool
nsec3_is_member(const struct node *content, enum node_standing standing, bool opt_out)
{
    if (standing == NODE_DELEGATION)
        return !opt_out || node_has(content, RRTYPE_DS);
    return standing == NODE_AUTHORITATIVE;
}

// The fields before the bitmap (RFC 5155 section 3.2).
static size_t
rdata_head(const struct nsec3_parameters *parameters, const uint8_t *next, uint8_t *ret_rdata)
{
    size_t length = nsec3_parameters_write(parameters, ret_rdata);
    ret_rdata[1] = parameters->flags;
    ret_rdata[length++] = NSEC3_HASH_SIZE;
    memcpy(ret_rdata + length, next, NSEC3_HASH_SIZE);
    return length + NSEC3_HASH_SIZE;
}

// RFC 5155 section 7.1: RRSIG only where the name itself has something signed, which an insecure
// delegation has not.
static unsigned
types_gather(const struct rrset *rrsets, unsigned count, enum node_standing standing,
             uint16_t types[static NODE_RRSETS_MAX + 8])
{
    unsigned shown = 0;
    bool is_signed = standing == NODE_AUTHORITATIVE && count > 0;
    for (unsigned i = 0; i < count; i++)
        is_signed = is_signed || rrsets[i].type == RRTYPE_DS;
    for (unsigned i = 0; i < count; i++) {
        if (!node_standing_shows(standing, rrsets[i].type))
            continue;
        if (is_signed && rrsets[i].type > RRTYPE_RRSIG) {
            types[shown++] = RRTYPE_RRSIG;
            is_signed = false;
        }
        types[shown++] = rrsets[i].type;
    }
    if (is_signed)
        types[shown++] = RRTYPE_RRSIG;
    return shown;
}

size_t
nsec3_rdata(const struct nsec3_parameters *parameters, const uint8_t *next,
            const struct rrset *rrsets, unsigned count, enum node_standing standing,
            uint8_t ret_rdata[static NSEC3_RDATA_MAX])
{
    uint16_t types[NODE_RRSETS_MAX + 8];
    ENSURE(count < NODE_RRSETS_MAX + 8);
    size_t length = rdata_head(parameters, next, ret_rdata);
    unsigned shown = types_gather(rrsets, count, standing, types);
    return length + rrtype_bitmap_write(types, shown, ret_rdata + length,
                                        (unsigned)(NSEC3_RDATA_MAX - length));
}

bool
nsec3_of(const struct node *node, struct nsec3_rdata *ret_nsec3)
{
    struct rrset rrset;
    struct rr rr;
    uint32_t position = 0;
    return node && node_rrset_find(node, RRTYPE_NSEC3, &rrset) &&
           rrset_next(rrset.wire, rrset.wire_length, &position, &rr) &&
           nsec3_rdata_read(rr.rdata, rr.rdlength, ret_nsec3);
}

bool
nsec3_rdata_again(const struct node *old, const uint8_t *next,
                  uint8_t ret_rdata[static NSEC3_RDATA_MAX], size_t *ret_length)
{
    struct nsec3_rdata nsec3;
    if (!nsec3_of(old, &nsec3) || nsec3.bitmap_length > NSEC3_BITMAP_MAX)
        return false;
    size_t length = rdata_head(&nsec3.parameters, next, ret_rdata);
    memcpy(ret_rdata + length, nsec3.bitmap, nsec3.bitmap_length);
    *ret_length = length + nsec3.bitmap_length;
    return true;
}

static int
link_order(const void *a, const void *b)
{
    return memcmp(((const struct nsec3_link *)a)->hash, ((const struct nsec3_link *)b)->hash,
                  NSEC3_HASH_SIZE);
}

bool
nsec3_links_close(struct nsec3_link *links, size_t count, const uint8_t *ret_names[static 2])
{
    if (count > 1)
        qsort(links, count, sizeof *links, link_order);
    for (size_t i = 1; i < count; i++) {
        if (memcmp(links[i - 1].hash, links[i].hash, NSEC3_HASH_SIZE) != 0)
            continue;
        ret_names[0] = links[i - 1].next;
        ret_names[1] = links[i].next;
        return false;
    }
    for (size_t i = 0; i < count; i++)
        links[i].next = links[i + 1 < count ? i + 1 : 0].hash;
    return true;
}

// ---- the old chain ----

struct ring {
    const struct version *version;
    const uint8_t *apex_hash;
    struct arena *arena;
};

static int
hash_order(const void *context, const uint8_t *a, const uint8_t *b)
{
    const uint8_t *apex_hash = ((const struct ring *)context)->apex_hash;
    int a_round = memcmp(a, apex_hash, NSEC3_HASH_SIZE) < 0;
    int b_round = memcmp(b, apex_hash, NSEC3_HASH_SIZE) < 0;
    return a_round != b_round ? a_round - b_round : memcmp(a, b, NSEC3_HASH_SIZE);
}

// The hash one less; before the first of all is the last of all.
static void
hash_less_one(const uint8_t *hash, uint8_t ret_hash[static NSEC3_HASH_SIZE])
{
    memcpy(ret_hash, hash, NSEC3_HASH_SIZE);
    for (size_t i = NSEC3_HASH_SIZE; i-- > 0;)
        if (ret_hash[i]-- != 0)
            break;
}

static const uint8_t *
hash_before(const void *context, const uint8_t *hash)
{
    const struct ring *ring = context;
    uint8_t before[NSEC3_HASH_SIZE], found[NSEC3_HASH_SIZE];
    bool matches;
    hash_less_one(hash, before);
    const struct node *node = zone_find_nsec3(ring->version, before, &matches);
    if (!node || !nsec3_owner_hash(node_owner(node), version_apex(ring->version), found))
        return NULL;
    return arena_copy(ring->arena, found, sizeof found);
}

static const uint8_t *
hash_next(const void *context, const uint8_t *hash)
{
    const struct ring *ring = context;
    struct nsec3_rdata nsec3;
    bool matches;
    return nsec3_of(zone_find_nsec3(ring->version, hash, &matches), &nsec3) ? nsec3.next : NULL;
}

size_t
nsec3_chain_repair(const struct version *old, const uint8_t *apex_hash, struct arena *arena,
                   struct chain_change *changes, size_t count)
{
    struct ring ring = {.version = old, .apex_hash = apex_hash, .arena = arena};
    struct chain_kind kind = {
        .order = hash_order, .before = hash_before, .next = hash_next, .context = &ring};
    return chain_repair(&kind, changes, count);
}
