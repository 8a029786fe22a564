// What may be left out with opt-out?
//
// An NSEC3 with the flag vouches for nothing about unsigned delegations in its range (RFC 5155
// section 6). So a delegation without DS may lack its NSEC3, and an empty non-terminal that exists
// only for such delegations, where the NSEC3 that covers the hash has the flag. They may also have
// one; then it must be right. Everything else must have one, flag or not. Where the empty
// non-terminal has no NSEC3, everything below it is looked at until something is found that would
// have needed one; that is rare in a good zone without opt-out and short in a bad one.
#include "secondary/signer/sign/verify_nsec3.h"

#include <string.h>

#include "common/dns/name.h"
#include "common/dns/rrtype.h"
#include "secondary/signer/sign/verify_bitmap.h"
#include "secondary/signer/sign/verify_report.h"

bool
verify_link_read(const uint8_t *apex, const struct nsec3_parameters *parameters,
                 const struct node *node, struct verify_link *ret_link)
{
    struct rrset rrset;
    struct rr rr;
    uint32_t position = 0;
    if (!node || !node_rrset_find(node, RRTYPE_NSEC3, &rrset) ||
        !nsec3_owner_hash(node_owner(node), apex, ret_link->hash))
        return false;
    while (rrset_next(rrset.wire, rrset.wire_length, &position, &rr))
        if (nsec3_rdata_read(rr.rdata, rr.rdlength, &ret_link->rdata) &&
            nsec3_parameters_equal(&ret_link->rdata.parameters, parameters) &&
            (ret_link->rdata.parameters.flags & ~NSEC3_FLAG_OPT_OUT) == 0)
            return true;
    return false;
}

// The flags of the apex's own NSEC3 are those of the chain.
static bool
chain_has_apex(const struct verify_source *source, const uint8_t *apex,
               struct nsec3_parameters *parameters)
{
    uint8_t hash[NSEC3_HASH_SIZE], owner[NAME_SIZE_MAX];
    struct verify_link link;
    nsec3_hash(parameters, apex, hash);
    if (!nsec3_owner(hash, apex, owner) ||
        !verify_link_read(apex, parameters, verify_source_at(source, owner, NULL), &link))
        return false;
    parameters->flags = link.rdata.parameters.flags;
    return true;
}

bool
verify_nsec3_choose(const struct verify_source *source, const struct node *apex_node,
                    struct nsec3_parameters *ret_parameters)
{
    struct rrset rrset;
    struct rr rr;
    uint32_t position = 0;
    bool any = false;
    if (!node_rrset_find(apex_node, RRTYPE_NSEC3PARAM, &rrset))
        return false;
    while (rrset_next(rrset.wire, rrset.wire_length, &position, &rr)) {
        struct nsec3_parameters parameters;
        if (!nsec3_parameters_read(rr.rdata, rr.rdlength, &parameters) ||
            parameters.algorithm != NSEC3_SHA1 || parameters.flags != 0 ||
            parameters.iterations > VERIFY_ITERATIONS_MAX)
            continue;
        bool whole = chain_has_apex(source, node_owner(apex_node), &parameters);
        if (whole || !any)
            *ret_parameters = parameters;
        any = true;
        if (whole)
            return true;
    }
    return any;
}

bool
verify_hash_between(const uint8_t *a, const uint8_t *x, const uint8_t *b)
{
    bool behind_a = memcmp(a, x, NSEC3_HASH_SIZE) < 0;
    bool before_b = memcmp(x, b, NSEC3_HASH_SIZE) < 0;
    if (memcmp(a, x, NSEC3_HASH_SIZE) == 0 || memcmp(x, b, NSEC3_HASH_SIZE) == 0)
        return false;
    return memcmp(a, b, NSEC3_HASH_SIZE) < 0 ? behind_a && before_b : behind_a || before_b;
}

const char *
verify_hash_text(const uint8_t hash[static NSEC3_HASH_SIZE],
                 char ret_text[static NSEC3_LABEL_SIZE + 1])
{
    static const uint8_t root[] = {0};
    uint8_t owner[NAME_SIZE_MAX];
    (void)nsec3_owner(hash, root, owner);
    memcpy(ret_text, owner + 1, NSEC3_LABEL_SIZE);
    ret_text[NSEC3_LABEL_SIZE] = '\0';
    return ret_text;
}

// --- One RRset

static void
rr_check(const struct verify_zone *zone, const uint8_t *owner, const struct nsec3_rdata *nsec3,
         struct verify_report *report)
{
    const struct nsec3_parameters *is = &nsec3->parameters, *should = &zone->parameters;
    if (!nsec3_parameters_equal(is, should)) {
        if (zone->strict)
            verify_report_add(report, owner, RRTYPE_NSEC3, "parameters",
                              "algorithm %u, %u iterations, %u octets of salt are not those of the "
                              "NSEC3PARAM",
                              is->algorithm, is->iterations, is->salt_length);
    } else if ((is->flags & ~NSEC3_FLAG_OPT_OUT) || (zone->strict && is->flags != should->flags)) {
        verify_report_add(report, owner, RRTYPE_NSEC3, "flags",
                          "flags %u, those of the apex's NSEC3 are %u", is->flags, should->flags);
    }
}

void
verify_nsec3_rrset(const struct verify_zone *zone, const struct node *node,
                   const struct rrset *rrset, struct verify_report *report)
{
    const uint8_t *owner = node_owner(node);
    uint8_t hash[NSEC3_HASH_SIZE];
    struct rr rr;
    uint32_t position = 0;
    unsigned of_chain = 0;
    if (zone->denial != VERIFY_NSEC3) {
        if (zone->strict && zone->denial == VERIFY_NSEC)
            verify_report_add(report, owner, RRTYPE_NSEC3, "extra-nsec3",
                              "an NSEC3 in a zone that denies names by NSEC");
        return;
    }
    if (!nsec3_owner_hash(owner, zone->apex, hash))
        verify_report_add(report, owner, RRTYPE_NSEC3, "extra-nsec3",
                          "an NSEC3 at a name that is no hash");
    while (rrset_next(rrset->wire, rrset->wire_length, &position, &rr)) {
        struct nsec3_rdata nsec3;
        if (!nsec3_rdata_read(rr.rdata, rr.rdlength, &nsec3)) {
            verify_report_add(report, owner, RRTYPE_NSEC3, "parameters",
                              "an NSEC3 that cannot be read");
            continue;
        }
        rr_check(zone, owner, &nsec3, report);
        of_chain += nsec3_parameters_equal(&nsec3.parameters, &zone->parameters);
    }
    if (of_chain > 1)
        verify_report_add(report, owner, RRTYPE_NSEC3, "extra-nsec3", "more than one NSEC3");
    if (of_chain > 0 && rrset->ttl != zone->nsec_ttl &&
        (zone->strict || rrset->ttl != zone->soa_minimum))
        verify_report_add(report, owner, RRTYPE_NSEC3, "nsec-ttl",
                          "the TTL is %u, by RFC 9077 it should be %u", rrset->ttl, zone->nsec_ttl);
}

// --- One name

bool
verify_nsec3_may_lack(const struct verify_source *source, const uint8_t *owner)
{
    struct verify_cursor cursor;
    const struct node *node;
    const uint8_t *cut = NULL;
    verify_cursor_seek(&cursor, source, owner);
    while ((node = verify_cursor_next(&cursor)) && name_is_at_or_below(node_owner(node), owner)) {
        if (verify_is_hash_only(node) || (cut && name_is_at_or_below(node_owner(node), cut)))
            continue;
        if (!node_has(node, RRTYPE_NS) || node_has(node, RRTYPE_DS))
            return false;
        cut = node_owner(node);
    }
    return true;
}

// What opt-out might let go without an NSEC3.
static bool
may_lack(const struct node *node, enum verify_place place)
{
    return place == PLACE_EMPTY || (place == PLACE_CUT && !node_has(node, RRTYPE_DS));
}

static bool
lack_is_allowed(const struct verify_zone *zone, const uint8_t *owner, const struct node *node,
                enum verify_place place, const struct node *cover)
{
    struct verify_link link;
    return may_lack(node, place) && verify_link_read(zone->apex, &zone->parameters, cover, &link) &&
           (link.rdata.parameters.flags & NSEC3_FLAG_OPT_OUT) &&
           (place == PLACE_CUT || verify_nsec3_may_lack(zone->source, owner));
}

void
verify_nsec3_name(const struct verify_zone *zone, const uint8_t *owner, const struct node *node,
                  enum verify_place place, struct verify_report *report)
{
    uint8_t hash[NSEC3_HASH_SIZE];
    char text[NSEC3_LABEL_SIZE + 1];
    struct verify_denier denier;
    struct verify_link link;
    if (place == PLACE_HIDDEN || place == PLACE_HASH)
        return;
    nsec3_hash(&zone->parameters, owner, hash);
    zone->find(zone->find_context, hash, true, may_lack(node, place), &denier);
    if (!verify_link_read(zone->apex, &zone->parameters, denier.match, &link)) {
        if (!lack_is_allowed(zone, owner, node, place, denier.cover))
            verify_report_add(report, owner, RRTYPE_NSEC3, "no-nsec3",
                              "the name has no NSEC3, its hash is %s",
                              verify_hash_text(hash, text));
    } else if (!verify_bitmap_matches(node, place == PLACE_CUT, false, link.rdata.bitmap,
                                      link.rdata.bitmap_length)) {
        verify_report_add(report, owner, RRTYPE_NSEC3, "bitmap",
                          "the types in the NSEC3 %s are not those of the owner",
                          verify_hash_text(hash, text));
    }
}

void
verify_nsec3_absent(const struct verify_zone *zone, const uint8_t *owner,
                    struct verify_report *report)
{
    uint8_t hash[NSEC3_HASH_SIZE];
    char text[NSEC3_LABEL_SIZE + 1];
    struct verify_denier denier;
    nsec3_hash(&zone->parameters, owner, hash);
    zone->find(zone->find_context, hash, false, false, &denier);
    if (denier.match)
        verify_report_add(report, owner, RRTYPE_NSEC3, "extra-nsec3",
                          "the NSEC3 %s stands for a name that is not there or not the zone's",
                          verify_hash_text(hash, text));
}
