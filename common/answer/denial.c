// NSEC3 in two words: a hash *matches* (the name exists) or is *covered* (it does not). A proof of
// the closest encloser is one of each, for the encloser and for the name one label longer (the next
// closer name). Names that opt-out leaves unsigned have no NSEC3: an unsigned delegation, and empty
// non-terminals above nothing else. For these the closest *provable* encloser takes the encloser's
// part, and what covers the next closer name must have the opt-out flag, or the chain has a hole.
//
// Each denial costs at most three hashes, but for one more for each name above that is opted out.
// The order of hashes in the index says who precedes a hash; whether that record's next hash is
// beyond it is looked at here, so that a broken chain of another's signer is not served as a proof.
#include "common/answer/denial.h"

#include "common/dns/rrtype.h"
#include "common/zone/find.h"

#include <string.h>

static bool
proof_add(struct denial *denial, const struct node *node, uint16_t type)
{
    if (!node)
        return false;
    for (unsigned i = 0; i < denial->count; i++)
        if (denial->proof[i].node == node && denial->proof[i].type == type)
            return true;
    if (denial->count == DENIAL_PROOFS_MAX)
        return false;
    denial->proof[denial->count++] = (struct denial_proof){node, type};
    return true;
}

// The NSEC that matches or covers name.
static bool
nsec_add(const struct version *version, const uint8_t *name, struct denial *denial)
{
    return proof_add(denial, zone_find_nsec(version, name), RRTYPE_NSEC);
}

// The same where the name's own record is at hand: it has the NSEC itself unless it is an empty
// non-terminal.
static bool
own_nsec_add(const struct version *version, const struct node *node, struct denial *denial)
{
    return node_has(node, RRTYPE_NSEC) ? proof_add(denial, node, RRTYPE_NSEC)
                                       : nsec_add(version, node_owner(node), denial);
}

// ---- NSEC3 ----

// Where the hash of a name stands in the ring.
struct ring_place {
    const struct node *node; // the NSEC3 that matches or is before; NULL: damaged, or no chain
    bool matches;
    uint8_t hash[NSEC3_HASH_SIZE];
};

static struct ring_place
ring_find(const struct version *version, const uint8_t *name)
{
    struct ring_place place;
    nsec3_hash(version_nsec3(version), name, place.hash);
    place.node = zone_find_nsec3(version, place.hash, &place.matches);
    return place;
}

// The RR of the version's chain in a record of the chain.
static bool
nsec3_read(const struct version *version, const struct node *node, struct nsec3_rdata *ret_nsec3)
{
    struct rrset rrset;
    struct rr rr;
    uint32_t position = 0;
    if (!node_rrset_find(node, RRTYPE_NSEC3, &rrset))
        return false;
    while (rrset_next(rrset.wire, rrset.wire_length, &position, &rr))
        if (nsec3_rdata_read(rr.rdata, rr.rdlength, ret_nsec3) &&
            nsec3_parameters_equal(&ret_nsec3->parameters, version_nsec3(version)))
            return true;
    return false;
}

// The hash is between the record's own and the next one. The last one's next is the first: there
// the hash is beyond its own or before the next, and a chain of one covers everything but itself.
static bool
ring_covers(const struct version *version, const struct ring_place *place, bool *ret_opt_out)
{
    struct nsec3_rdata nsec3;
    if (!place->node || place->matches || !nsec3_read(version, place->node, &nsec3))
        return false;
    const uint8_t *owner = node_owner(place->node);
    *ret_opt_out = (nsec3.parameters.flags & NSEC3_FLAG_OPT_OUT) != 0;
    bool behind = nsec3_owner_compare(owner, place->hash) < 0;
    bool before = memcmp(place->hash, nsec3.next, NSEC3_HASH_SIZE) < 0;
    if (behind == before)
        return behind;
    return nsec3_owner_compare(owner, nsec3.next) >= 0; // right of the last one
}

enum match { MATCH_ADDED, MATCH_NONE, MATCH_FAILED };

static enum match
match_add(const struct version *version, const uint8_t *name, struct denial *denial)
{
    uint8_t hash[NSEC3_HASH_SIZE];
    bool damaged;
    nsec3_hash(version_nsec3(version), name, hash);
    const struct node *node = zone_find_nsec3_match(version, hash, &damaged);
    if (!node)
        return damaged ? MATCH_FAILED : MATCH_NONE;
    return proof_add(denial, node, RRTYPE_NSEC3) ? MATCH_ADDED : MATCH_FAILED;
}

static bool
cover_add(const struct version *version, const uint8_t *name, bool *ret_opt_out,
          struct denial *denial)
{
    struct ring_place place = ring_find(version, name);
    return ring_covers(version, &place, ret_opt_out) && proof_add(denial, place.node, RRTYPE_NSEC3);
}

// A proof of the closest encloser (section 7.2.1), which exists with *labels labels; *labels
// becomes that of the one proven.
static bool
encloser_add(const struct version *version, const uint8_t *name, unsigned *labels,
             bool *ret_opt_out, struct denial *denial)
{
    unsigned all = name_labels(name), apex = name_labels(version_apex(version)), depth = *labels;
    enum match match;
    while ((match = match_add(version, name_skip(name, all - depth), denial)) == MATCH_NONE)
        if (depth-- == apex)
            return false;
    bool opted_out = depth < *labels; // the encloser itself has no NSEC3
    *labels = depth;
    return match == MATCH_ADDED &&
           cover_add(version, name_skip(name, all - depth - 1), ret_opt_out, denial) &&
           (*ret_opt_out || !opted_out);
}

// Section 7.2.3 where the name has an NSEC3, else section 7.2.4 and 7.2.7: it is opted out.
static bool
no_data_add(const struct version *version, const uint8_t *name, struct denial *denial)
{
    unsigned labels = name_labels(name);
    bool opt_out;
    enum match match = match_add(version, name, denial);
    if (match != MATCH_NONE || labels == name_labels(version_apex(version)))
        return match == MATCH_ADDED;
    labels--;
    return encloser_add(version, name, &labels, &opt_out, denial) && opt_out;
}

// A wildcard without an NSEC3 is opted out: an empty non-terminal over unsigned delegations.
static bool
wildcard_no_data_add(const struct version *version, const uint8_t *name, const uint8_t *wildcard,
                     struct denial *denial)
{
    unsigned labels = name_labels(wildcard) - 1;
    bool opt_out;
    if (!encloser_add(version, name, &labels, &opt_out, denial))
        return false;
    enum match match = match_add(version, wildcard, denial);
    return match == MATCH_ADDED || (match == MATCH_NONE && opt_out);
}

// ---- either ----

bool
denial_name_error(const struct version *version, const uint8_t *name, unsigned encloser_labels,
                  struct denial *denial)
{
    const bool nsec3 = version_nsec3(version) != NULL;
    unsigned labels = encloser_labels;
    bool opt_out;
    uint8_t wildcard[NAME_SIZE_MAX];
    if (nsec3 ? !encloser_add(version, name, &labels, &opt_out, denial)
              : !nsec_add(version, name, denial))
        return false;
    // A wildcard too long to exist needs no proof that it does not.
    if (!name_wildcard_of(name_skip(name, name_labels(name) - labels), wildcard))
        return true;
    return nsec3 ? cover_add(version, wildcard, &opt_out, denial)
                 : nsec_add(version, wildcard, denial);
}

bool
denial_no_data(const struct version *version, const struct node *node, struct denial *denial)
{
    if (version_nsec3(version))
        return no_data_add(version, node_owner(node), denial);
    return own_nsec_add(version, node, denial);
}

bool
denial_wildcard_answer(const struct version *version, const uint8_t *name, unsigned encloser_labels,
                       struct denial *denial)
{
    bool opt_out;
    if (!version_nsec3(version))
        return nsec_add(version, name, denial);
    const uint8_t *next_closer = name_skip(name, name_labels(name) - encloser_labels - 1);
    return cover_add(version, next_closer, &opt_out, denial);
}

bool
denial_wildcard_no_data(const struct version *version, const uint8_t *name,
                        const struct node *wildcard, struct denial *denial)
{
    if (version_nsec3(version))
        return wildcard_no_data_add(version, name, node_owner(wildcard), denial);
    return nsec_add(version, name, denial) && own_nsec_add(version, wildcard, denial);
}

bool
denial_no_ds(const struct version *version, const struct node *cut, struct denial *denial)
{
    return denial_no_data(version, cut, denial);
}
