#include "common/zone/chain.h"

#include "common/dns/rrtype.h"

// The NSEC3 of these parameters among those of a record. RFC 5155 section 7.1 has the signer look
// for collisions, so there is one; of several (a broken zone) the first.
static bool
nsec3_find(const struct node *node, const struct nsec3_parameters *parameters,
           struct nsec3_rdata *ret_nsec3)
{
    struct rrset rrset;
    struct rr rr;
    uint32_t position = 0;
    if (!node || !node_rrset_find(node, RRTYPE_NSEC3, &rrset))
        return false;
    while (rrset_next(rrset.wire, rrset.wire_length, &position, &rr))
        if (nsec3_rdata_read(rr.rdata, rr.rdlength, ret_nsec3) &&
            nsec3_parameters_equal(&ret_nsec3->parameters, parameters))
            return true;
    return false;
}

static bool
parameters_usable(const struct rr *rr, struct nsec3_parameters *ret_parameters)
{
    return nsec3_parameters_read(rr->rdata, rr->rdlength, ret_parameters) &&
           ret_parameters->algorithm == NSEC3_SHA1 && ret_parameters->flags == 0 &&
           ret_parameters->iterations <= CHAIN_ITERATIONS_MAX;
}

// True where the chain of these parameters has an NSEC3 for the apex, whose flag is then taken
// over.
static bool
covers_apex(const uint8_t *apex, chain_record *record, const void *content,
            struct nsec3_parameters *parameters)
{
    uint8_t hash[NSEC3_HASH_SIZE], owner[NAME_SIZE_MAX];
    struct nsec3_rdata nsec3;
    nsec3_hash(parameters, apex, hash);
    if (!nsec3_owner(hash, apex, owner) || !nsec3_find(record(content, owner), parameters, &nsec3))
        return false;
    parameters->flags = nsec3.parameters.flags & NSEC3_FLAG_OPT_OUT;
    return true;
}

void
chain_choose(const struct node *apex, chain_record *record, const void *content,
             struct chain *ret_chain)
{
    struct rrset rrset;
    struct rr rr;
    uint32_t position = 0;
    *ret_chain = (struct chain){0};
    if (node_owner_length(apex) > NSEC3_APEX_MAX || node_has(apex, RRTYPE_NSEC) ||
        !node_rrset_find(apex, RRTYPE_NSEC3PARAM, &rrset))
        return;
    while (rrset_next(rrset.wire, rrset.wire_length, &position, &rr)) {
        struct chain chain = {.nsec3 = true};
        if (!parameters_usable(&rr, &chain.parameters))
            continue;
        bool whole = covers_apex(node_owner(apex), record, content, &chain.parameters);
        if (whole || !ret_chain->nsec3)
            *ret_chain = chain;
        if (whole)
            return;
    }
}

bool
chain_has(const struct chain *chain, const uint8_t *apex, const struct node *node)
{
    uint8_t hash[NSEC3_HASH_SIZE];
    struct nsec3_rdata nsec3;
    if (!chain->nsec3)
        return node_has(node, RRTYPE_NSEC);
    return nsec3_find(node, &chain->parameters, &nsec3) &&
           nsec3_owner_hash(node_owner(node), apex, hash);
}

bool
chain_same(const struct chain *a, const struct chain *b)
{
    return a->nsec3 == b->nsec3 &&
           (!a->nsec3 || nsec3_parameters_equal(&a->parameters, &b->parameters));
}
