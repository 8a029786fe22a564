// One probe answers most questions: the slot of an existing name says whether a cut or DNAME is
// above it. Where the name does not exist, the closest encloser is found by halving over label
// depth: what exists at a depth exists at every smaller one, since empty non-terminals are records.
// A cut above a name that does not exist is the one above its closest encloser.
#include "common/zone/find.h"

#include "common/zone/index_chain.h"
#include "common/zone/version_inside.h"

// A record that holds nothing but NSEC3 is no name (RFC 5155 section 7.2.8).
static enum index_answer
name_probe(const struct version *version, const uint8_t *name, size_t length, uint64_t hash,
           struct version_hit *ret_hit)
{
    struct version_hit hit;
    enum index_answer answer = version_probe(version, name, length, hash, &hit);
    if (answer != INDEX_FOUND)
        return answer;
    if (hit.slot->flags & INDEX_HIDDEN)
        return INDEX_ABSENT;
    *ret_hit = hit;
    return INDEX_FOUND;
}

static enum index_answer
suffix_probe(const struct version *version, const uint8_t *name,
             const struct name_suffixes *suffixes, unsigned depth, struct version_hit *ret_hit)
{
    unsigned start = suffixes->offset[depth];
    size_t length = (size_t)suffixes->offset[0] + 1 - start;
    return name_probe(version, name + start, length, suffixes->hash[depth], ret_hit);
}

// False: damaged.
static bool
encloser_find(const struct version *version, const uint8_t *name,
              const struct name_suffixes *suffixes, unsigned *ret_depth,
              struct version_hit *ret_hit)
{
    unsigned exists = version->apex_labels, missing = suffixes->labels;
    *ret_hit = (struct version_hit){.node = version->apex_node, .slot = version->apex_slot};
    while (missing - exists > 1) {
        unsigned middle = exists + (missing - exists) / 2;
        switch (suffix_probe(version, name, suffixes, middle, ret_hit)) {
        case INDEX_FOUND:
            exists = middle;
            break;
        case INDEX_ABSENT:
            missing = middle;
            break;
        case INDEX_DAMAGED:
            return false;
        }
    }
    *ret_depth = exists;
    return true;
}

// False: damaged.
static bool
cut_find(const struct version *version, const uint8_t *name, const struct name_suffixes *suffixes,
         const struct index_slot *slot, struct zone_match *match)
{
    unsigned depth = slot->cut_depth;
    match->cut_is_dname = (slot->flags & INDEX_CUT_IS_DNAME) != 0;
    if (depth == INDEX_NO_CUT || (match->cut_is_dname && depth >= suffixes->labels)) {
        match->cut_is_dname = false;
        return true;
    }
    if (depth == match->encloser_labels) {
        match->cut = match->encloser;
        return true;
    }
    struct version_hit hit;
    if (depth > suffixes->labels ||
        suffix_probe(version, name, suffixes, depth, &hit) != INDEX_FOUND)
        return false;
    match->cut = hit.node;
    return true;
}

// What remains when the probe for the whole name has given its answer.
static void
find_on(const struct version *version, const uint8_t *name, const struct name_suffixes *suffixes,
        enum index_answer answer, struct version_hit *hit, struct zone_match *ret_match)
{
    struct zone_match match = {.encloser_labels = suffixes->labels};
    bool whole = answer != INDEX_DAMAGED;
    if (answer == INDEX_FOUND)
        match.node = hit->node;
    else if (whole)
        whole = suffixes->labels > version->apex_labels &&
                encloser_find(version, name, suffixes, &match.encloser_labels, hit);
    if (whole) {
        match.encloser = hit->node;
        whole = cut_find(version, name, suffixes, hit->slot, &match);
    }
    *ret_match = whole ? match : (struct zone_match){.damaged = true};
}

void
zone_find(const struct version *version, const uint8_t *name, const struct name_suffixes *suffixes,
          struct zone_match *ret_match)
{
    struct version_hit hit;
    enum index_answer answer = suffix_probe(version, name, suffixes, suffixes->labels, &hit);
    find_on(version, name, suffixes, answer, &hit, ret_match);
}

void
zone_find_hashed(const struct version *version, const uint8_t *name, uint64_t hash,
                 struct name_suffixes *ret_suffixes, struct zone_match *ret_match)
{
    struct version_hit hit;
    enum index_answer answer = name_probe(version, name, name_length(name), hash, &hit);
    if (answer == INDEX_FOUND && hit.slot->cut_depth == INDEX_NO_CUT) {
        *ret_match = (struct zone_match){
            .node = hit.node, .encloser = hit.node, .encloser_labels = node_owner_labels(hit.node)};
        return;
    }
    name_suffixes_init_lower(ret_suffixes, name, version_hash_key(version));
    find_on(version, name, ret_suffixes, answer, &hit, ret_match);
}

// What exists at a depth exists at every smaller one, so the parent of a name that does not exist
// is its closest encloser if it exists.
void
zone_find_beside(const struct version *version, const uint8_t *name, uint64_t hash,
                 uint64_t parent_hash, struct name_suffixes *ret_suffixes,
                 struct zone_match *ret_match)
{
    struct version_hit hit;
    size_t length = name_length(name), label = (size_t)name[0] + 1;
    if (name_probe(version, name, length, hash, &hit) == INDEX_ABSENT &&
        name_probe(version, name + label, length - label, parent_hash, &hit) == INDEX_FOUND &&
        hit.slot->cut_depth == INDEX_NO_CUT)
        *ret_match = (struct zone_match){.encloser = hit.node,
                                         .encloser_labels = node_owner_labels(hit.node)};
    else
        zone_find_hashed(version, name, hash, ret_suffixes, ret_match);
}

static const struct node *
exact_find(const struct version *version, const uint8_t *name, uint64_t hash, bool *ret_damaged)
{
    struct version_hit hit;
    enum index_answer answer = name_probe(version, name, name_length(name), hash, &hit);
    *ret_damaged = answer == INDEX_DAMAGED;
    return answer == INDEX_FOUND ? hit.node : NULL;
}

const struct node *
zone_find_exact(const struct version *version, const uint8_t *name)
{
    bool damaged;
    return exact_find(version, name, name_hash_lower(name, version_hash_key(version)), &damaged);
}

const struct node *
zone_find_wildcard_hashed(const struct version *version, const struct node *encloser, uint64_t hash,
                          bool *ret_damaged)
{
    uint8_t wildcard[NAME_SIZE_MAX];
    *ret_damaged = false;
    if (!name_wildcard_of(node_owner(encloser), wildcard))
        return NULL;
    return exact_find(version, wildcard, hash, ret_damaged);
}

const struct node *
zone_find_wildcard(const struct version *version, const struct node *encloser, bool *ret_damaged)
{
    uint8_t wildcard[NAME_SIZE_MAX];
    *ret_damaged = false;
    if (!name_wildcard_of(node_owner(encloser), wildcard))
        return NULL;
    uint64_t hash = name_hash_lower(wildcard, version_hash_key(version));
    return exact_find(version, wildcard, hash, ret_damaged);
}

const struct node *
zone_find_record(const struct version *version, const uint8_t *name, bool *ret_damaged)
{
    struct version_hit hit;
    uint64_t hash = name_hash_lower(name, version_hash_key(version));
    enum index_answer answer = version_probe(version, name, name_length(name), hash, &hit);
    *ret_damaged = answer == INDEX_DAMAGED;
    return answer == INDEX_FOUND ? hit.node : NULL;
}

// Of so many chain owners of the base (those that hold) and of the overlay the last one; NULL:
// none, or damaged.
static const struct node *
chain_last(const struct version *version, size_t in_base, size_t in_overlay)
{
    const struct index *base = version->base, *overlay = version->overlay;
    // The base's candidate is before the overlay's where fewer of the base are before that one.
    if (in_overlay && overlay->chain_places[in_overlay - 1] >= in_base)
        return index_node(overlay, &version->heaps, overlay->chain[in_overlay - 1]);
    return in_base ? index_node(base, &version->heaps, base->chain[in_base - 1]) : NULL;
}

// Chain owners that are not after the name. False: a damaged record is in the way.
static bool
chain_before(const struct version *version, const uint8_t *name, const struct zone_near *near,
             size_t *ret_in_base, size_t *ret_in_overlay)
{
    const struct index *overlay = version->overlay;
    *ret_in_overlay = 0;
    if (!index_group_bound(version->base, &version->heaps, name, true, &near->base, ret_in_base))
        return false;
    if (!overlay)
        return true;
    *ret_in_base = index_chain_living(overlay, *ret_in_base);
    return index_group_bound(overlay, &version->heaps, name, true, &near->overlay, ret_in_overlay);
}

// All at once, where nobody has looked ahead.
static void
near_now(const struct version *version, const uint8_t *name, struct zone_near *ret_near)
{
    zone_near_find(version, name, ret_near);
    zone_near_fetch_slots(version, ret_near);
    zone_near_fetch_records(version, ret_near);
}

const struct node *
zone_find_nsec_near(const struct version *version, const uint8_t *name,
                    const struct zone_near *near)
{
    size_t in_base, in_overlay;
    if (!chain_before(version, name, near, &in_base, &in_overlay))
        return NULL;
    return chain_last(version, in_base, in_overlay);
}

const struct node *
zone_find_nsec(const struct version *version, const uint8_t *name)
{
    struct zone_near near;
    near_now(version, name, &near);
    return zone_find_nsec_near(version, name, &near);
}

// The greatest of all hashes.
static const struct node *
ring_last(const struct version *version)
{
    const struct index *overlay = version->overlay;
    size_t in_base = index_chain_count(version->base);
    if (!overlay)
        return chain_last(version, in_base, 0);
    return chain_last(version, index_chain_living(overlay, in_base), index_chain_count(overlay));
}

// One probe: the order of hashes is only asked where none matches.
static const struct node *
match_probe(const struct version *version, const uint8_t *owner, uint64_t key, bool *ret_damaged)
{
    struct version_hit hit;
    enum index_answer answer = version_probe(version, owner, name_length(owner), key, &hit);
    *ret_damaged = answer == INDEX_DAMAGED;
    return answer == INDEX_FOUND && hit.slot->flags & INDEX_IN_CHAIN ? hit.node : NULL;
}

const struct node *
zone_find_nsec3_match(const struct version *version, const uint8_t hash[static NSEC3_HASH_SIZE],
                      bool *ret_damaged)
{
    uint8_t owner[NAME_SIZE_MAX];
    *ret_damaged = false;
    if (!version->chain->nsec3 || !nsec3_owner(hash, version->apex, owner))
        return NULL;
    return match_probe(version, owner, name_hash_lower(owner, version_hash_key(version)),
                       ret_damaged);
}

const struct node *
zone_find_nsec3_match_hashed(const struct version *version,
                             const uint8_t hash[static NSEC3_HASH_SIZE], uint64_t key,
                             bool *ret_damaged)
{
    uint8_t owner[NAME_SIZE_MAX];
    *ret_damaged = false;
    if (!version->chain->nsec3 || !nsec3_owner(hash, version->apex, owner))
        return NULL;
    return match_probe(version, owner, key, ret_damaged);
}

const struct node *
zone_find_nsec3_near(const struct version *version, const uint8_t *owner,
                     const struct zone_near *near, bool *ret_matches)
{
    size_t in_base, in_overlay;
    *ret_matches = false;
    if (!version->chain->nsec3 || !chain_before(version, owner, near, &in_base, &in_overlay))
        return NULL;
    if (in_base + in_overlay == 0)
        return ring_last(version);
    const struct node *node = chain_last(version, in_base, in_overlay);
    *ret_matches = node && name_equal(node_owner(node), owner);
    return node;
}

const struct node *
zone_find_nsec3(const struct version *version, const uint8_t hash[static NSEC3_HASH_SIZE],
                bool *ret_matches)
{
    uint8_t owner[NAME_SIZE_MAX];
    struct zone_near near;
    *ret_matches = false;
    if (!version->chain->nsec3 || !nsec3_owner(hash, version->apex, owner))
        return NULL;
    near_now(version, owner, &near);
    return zone_find_nsec3_near(version, owner, &near, ret_matches);
}
