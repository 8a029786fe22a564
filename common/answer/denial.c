#include "common/answer/denial.h"

#include "common/zone/find.h"

static bool
proof_add(struct denial *denial, const struct node *node)
{
    if (!node)
        return false;
    for (unsigned i = 0; i < denial->count; i++)
        if (denial->proof[i] == node)
            return true;
    if (denial->count == DENIAL_PROOFS_MAX)
        return false;
    denial->proof[denial->count++] = node;
    return true;
}

// The NSEC that matches or covers name.
static bool
proof_of(const struct version *version, const uint8_t *name, struct denial *denial)
{
    if (version_facts(version)->nsec3)
        return false;
    return proof_add(denial, zone_find_nsec(version, name));
}

bool
denial_name_error(const struct version *version, const uint8_t *name, unsigned encloser_labels,
                  struct denial *denial)
{
    const uint8_t *encloser = name_skip(name, name_labels(name) - encloser_labels);
    uint8_t wildcard[NAME_SIZE_MAX];
    if (!proof_of(version, name, denial))
        return false;
    // A wildcard too long to exist needs no proof that it does not.
    if (!name_wildcard_of(encloser, wildcard))
        return true;
    return proof_of(version, wildcard, denial);
}

bool
denial_no_data(const struct version *version, const uint8_t *name, struct denial *denial)
{
    return proof_of(version, name, denial);
}

bool
denial_wildcard_answer(const struct version *version, const uint8_t *name, struct denial *denial)
{
    return proof_of(version, name, denial);
}

bool
denial_wildcard_no_data(const struct version *version, const uint8_t *name,
                        const struct node *wildcard, struct denial *denial)
{
    return proof_of(version, name, denial) && proof_of(version, node_owner(wildcard), denial);
}

bool
denial_no_ds(const struct version *version, const struct node *cut, struct denial *denial)
{
    return proof_of(version, node_owner(cut), denial);
}
