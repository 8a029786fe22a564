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

static bool
covers_known(const struct denial *denial, const uint8_t *name)
{
    return denial->ahead && denial->ahead->denies && name == denial->ahead_name;
}

// The NSEC that matches or covers name.
static bool
nsec_add(const struct version *version, const uint8_t *name, struct denial *denial)
{
    const struct node *node =
        covers_known(denial, name) ? denial->ahead->covers : zone_find_nsec(version, name);
    return proof_add(denial, node, RRTYPE_NSEC);
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
ring_find(const struct version *version, const uint8_t *name, const struct denial *denial)
{
    struct ring_place place;
    const struct query_ahead *ahead = denial->ahead;
    if (covers_known(denial, name)) {
        place = (struct ring_place){.node = ahead->covers, .matches = ahead->matches};
        memcpy(place.hash, ahead->hash3, sizeof place.hash);
        return place;
    }
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

enum match { MATCH_FOUND, MATCH_NONE, MATCH_FAILED };

// The record of the NSEC3 that matches name.
static enum match
match_find(const struct version *version, const uint8_t *name, const struct denial *denial,
           const struct node **ret_node)
{
    const struct query_ahead *ahead = denial->ahead;
    uint8_t hash[NSEC3_HASH_SIZE];
    bool damaged;
    if (ahead && ahead->shows && name_equal(name, denial->ahead_name + ahead->match_at)) {
        *ret_node = zone_find_nsec3_match_hashed(version, ahead->hash3, ahead->match_key, &damaged);
    } else {
        nsec3_hash(version_nsec3(version), name, hash);
        *ret_node = zone_find_nsec3_match(version, hash, &damaged);
    }
    return *ret_node ? MATCH_FOUND : damaged ? MATCH_FAILED : MATCH_NONE;
}

static enum match
match_add(const struct version *version, const uint8_t *name, struct denial *denial)
{
    const struct node *node;
    enum match match = match_find(version, name, denial, &node);
    return match == MATCH_FOUND && !proof_add(denial, node, RRTYPE_NSEC3) ? MATCH_FAILED : match;
}

// The record of the NSEC3 that covers name; NULL: none does.
static const struct node *
cover_find(const struct version *version, const uint8_t *name, bool *ret_opt_out,
           const struct denial *denial)
{
    struct ring_place place = ring_find(version, name, denial);
    return ring_covers(version, &place, ret_opt_out) ? place.node : NULL;
}

static bool
cover_add(const struct version *version, const uint8_t *name, bool *ret_opt_out,
          struct denial *denial)
{
    return proof_add(denial, cover_find(version, name, ret_opt_out, denial), RRTYPE_NSEC3);
}

// Where what is remembered of the encloser stands; in scratch without a memo, or where the record
// of the encloser is not at hand (NULL).
static struct denial_memo_place *
place_of(const struct version *version, const struct node *encloser, const struct denial *denial,
         struct denial_memo_place *scratch)
{
    if (denial->memo && encloser)
        return denial_memo_at(denial->memo, version, encloser);
    *scratch = (struct denial_memo_place){0};
    return scratch;
}

// The NSEC3 of the closest encloser of name that has one, from the encloser that place is of, which
// has *labels labels, upwards; *labels becomes that of the one found. NULL: none, or damaged.
static const struct node *
provable_find(const struct version *version, const uint8_t *name, unsigned *labels,
              struct denial_memo_place *place, const struct denial *denial)
{
    unsigned all = name_labels(name), apex = name_labels(version_apex(version));
    enum match match = MATCH_NONE;
    if (!place->match)
        for (unsigned depth = *labels + 1; match == MATCH_NONE && depth-- > apex;) {
            place->match_labels = depth;
            match = match_find(version, name_skip(name, all - depth), denial, &place->match);
        }
    *labels = place->match_labels;
    return place->match;
}

// A proof of the closest encloser (section 7.2.1), which exists with *labels labels; *labels
// becomes that of the one proven.
static bool
encloser_add(const struct version *version, const uint8_t *name, unsigned *labels,
             struct denial_memo_place *place, bool *ret_opt_out, struct denial *denial)
{
    unsigned all = name_labels(name), exists = *labels;
    if (!proof_add(denial, provable_find(version, name, labels, place, denial), RRTYPE_NSEC3))
        return false;
    bool opted_out = *labels < exists; // the encloser itself has no NSEC3
    return cover_add(version, name_skip(name, all - *labels - 1), ret_opt_out, denial) &&
           (*ret_opt_out || !opted_out);
}

// Section 7.2.3 where the name has an NSEC3, else section 7.2.4 and 7.2.7: it is opted out, as most
// are right below the apex.
static bool
no_data_add(const struct version *version, const uint8_t *name, struct denial *denial)
{
    unsigned labels = name_labels(name), apex = name_labels(version_apex(version));
    struct denial_memo_place scratch;
    bool opt_out;
    enum match match = match_add(version, name, denial);
    if (match != MATCH_NONE || labels == apex)
        return match == MATCH_FOUND;
    labels--;
    const struct node *parent = labels == apex ? version_apex_node(version) : NULL;
    return encloser_add(version, name, &labels, place_of(version, parent, denial, &scratch),
                        &opt_out, denial) &&
           opt_out;
}

// A wildcard without an NSEC3 is opted out: an empty non-terminal over unsigned delegations.
static bool
wildcard_no_data_add(const struct version *version, const uint8_t *name, const uint8_t *wildcard,
                     struct denial_memo_place *place, struct denial *denial)
{
    unsigned labels = name_labels(wildcard) - 1;
    bool opt_out;
    if (!encloser_add(version, name, &labels, place, &opt_out, denial))
        return false;
    enum match match = match_add(version, wildcard, denial);
    return match == MATCH_FOUND || (match == MATCH_NONE && opt_out);
}

// ---- either ----

// That nothing is at *. + parent, which is the encloser that place is of, or with NSEC3 the closest
// provable one for it.
static bool
no_wildcard_add(const struct version *version, const uint8_t *parent,
                struct denial_memo_place *place, struct denial *denial)
{
    const bool nsec3 = version_nsec3(version) != NULL;
    uint8_t wildcard[NAME_SIZE_MAX];
    bool opt_out;
    if (!place->wildcard) {
        // A wildcard too long to exist needs no proof that it does not.
        if (!name_wildcard_of(parent, wildcard))
            return true;
        place->wildcard = nsec3 ? cover_find(version, wildcard, &opt_out, denial)
                                : zone_find_nsec(version, wildcard);
    }
    return proof_add(denial, place->wildcard, nsec3 ? RRTYPE_NSEC3 : RRTYPE_NSEC);
}

bool
denial_name_error(const struct version *version, const uint8_t *name, const struct node *encloser,
                  struct denial *denial)
{
    struct denial_memo_place scratch, *place = place_of(version, encloser, denial, &scratch);
    unsigned labels = node_owner_labels(encloser);
    bool opt_out;
    if (version_nsec3(version) ? !encloser_add(version, name, &labels, place, &opt_out, denial)
                               : !nsec_add(version, name, denial))
        return false;
    return no_wildcard_add(version, name_skip(name, name_labels(name) - labels), place, denial);
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
                        const struct node *encloser, const struct node *wildcard,
                        struct denial *denial)
{
    struct denial_memo_place scratch;
    if (!version_nsec3(version))
        return nsec_add(version, name, denial) && own_nsec_add(version, wildcard, denial);
    return wildcard_no_data_add(version, name, node_owner(wildcard),
                                place_of(version, encloser, denial, &scratch), denial);
}

bool
denial_no_ds(const struct version *version, const struct node *cut, struct denial *denial)
{
    return denial_no_data(version, cut, denial);
}
