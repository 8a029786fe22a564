#include "secondary/signer/sign/verify_zone.h"

#include "common/dns/name.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "secondary/signer/sign/verify_nsec3.h"
#include "secondary/signer/sign/verify_report.h"

enum verify_place
verify_place_of(const struct node *node, bool apex, bool below)
{
    if (apex)
        return PLACE_APEX;
    if (verify_is_hash_only(node))
        return PLACE_HASH;
    if (below)
        return PLACE_HIDDEN;
    return node_has(node, RRTYPE_NS) ? PLACE_CUT : PLACE_INSIDE;
}

bool
verify_place_denies(enum verify_place place)
{
    return place == PLACE_APEX || place == PLACE_INSIDE || place == PLACE_CUT;
}

bool
verify_place_hides(const struct node *node, bool apex)
{
    return node_has(node, RRTYPE_DNAME) || (node_has(node, RRTYPE_NS) && !apex);
}

bool
verify_is_hidden(const struct verify_source *source, const uint8_t *apex, const uint8_t *owner)
{
    unsigned extra = name_labels(owner) - name_labels(apex);
    for (unsigned up = extra; up > 0; up--) { // from the apex down to the parent
        const struct node *above = verify_source_at(source, name_skip(owner, up), NULL);
        if (above && verify_place_hides(above, up == extra))
            return true;
    }
    return false;
}

bool
verify_first_rr(const struct node *node, uint16_t type, struct rrset *ret_rrset, struct rr *ret_rr)
{
    uint32_t position = 0;
    return node_rrset_find(node, type, ret_rrset) &&
           rrset_next(ret_rrset->wire, ret_rrset->wire_length, &position, ret_rr);
}

const uint8_t *
verify_next_of(const struct node *node)
{
    struct rrset rrset;
    struct rr rr;
    return verify_first_rr(node, RRTYPE_NSEC, &rrset, &rr) ? rr.rdata : NULL;
}

// What the apex says of its chain, one thing at a time (RFC 5155 section 4).
static void
nsec3param_check(const struct verify_zone *zone, struct verify_report *report)
{
    struct rrset rrset;
    if (!zone->strict || !node_rrset_find(zone->apex_node, RRTYPE_NSEC3PARAM, &rrset))
        return;
    if (zone->denial == VERIFY_NSEC)
        verify_report_add(report, zone->apex, RRTYPE_NSEC3PARAM, "nsec3param",
                          "an NSEC3PARAM beside an NSEC: names are denied in one way only");
    else if (rrset.rr_count != 1)
        verify_report_add(report, zone->apex, RRTYPE_NSEC3PARAM, "nsec3param",
                          "%u NSEC3PARAMs, the zone has one chain", rrset.rr_count);
    else if (zone->denial == VERIFY_NSEC3 && zone->parameters.iterations > NSEC3_ITERATIONS_MAX)
        verify_report_add(report, zone->apex, RRTYPE_NSEC3PARAM, "nsec3param",
                          "%u iterations, validators go no further than %u",
                          zone->parameters.iterations, NSEC3_ITERATIONS_MAX);
}

static void
denial_choose(struct verify_zone *zone, struct verify_report *report)
{
    if (node_has(zone->apex_node, RRTYPE_NSEC))
        zone->denial = VERIFY_NSEC;
    else if (verify_nsec3_choose(zone->source, zone->apex_node, &zone->parameters))
        zone->denial = VERIFY_NSEC3;
    else
        verify_report_add(report, zone->apex, 0, "no-denial",
                          node_has(zone->apex_node, RRTYPE_NSEC3PARAM)
                              ? "the apex has no NSEC and no NSEC3PARAM that could be used"
                              : "the apex has neither NSEC nor NSEC3PARAM");
    nsec3param_check(zone, report);
}

static bool
soa_read(struct verify_zone *zone)
{
    struct rrset rrset;
    struct rr rr;
    struct rdata_soa soa;
    if (!zone->apex_node || !verify_first_rr(zone->apex_node, RRTYPE_SOA, &rrset, &rr) ||
        !rdata_soa_read(rr.rdata, rr.rdlength, &soa))
        return false;
    zone->serial = soa.serial;
    zone->soa_minimum = soa.minimum;
    zone->nsec_ttl = soa.minimum < rrset.ttl ? soa.minimum : rrset.ttl;
    return true;
}

bool
verify_zone_init(struct verify_zone *zone, const struct verify_source *source, const uint8_t *apex,
                 int64_t now, bool strict, struct verify_keys **ret_keys,
                 struct verify_report *report)
{
    struct rrset rrset;
    *zone = (struct verify_zone){
        .apex = apex, .source = source, .now = now, .strict = strict, .denial = VERIFY_NONE};
    zone->apex_node = verify_source_at(source, apex, NULL);
    if (!soa_read(zone)) {
        verify_report_add(report, apex, RRTYPE_SOA, "no-soa", "the apex has no SOA");
        return false;
    }
    if (!node_rrset_find(zone->apex_node, RRTYPE_DNSKEY, &rrset)) {
        verify_report_add(report, apex, RRTYPE_DNSKEY, "no-dnskey", "the apex has no DNSKEY RRset");
        return false;
    }
    *ret_keys = verify_keys_new(&rrset);
    zone->keys = *ret_keys;
    zone->algorithm_count = verify_keys_algorithms(*ret_keys, zone->algorithms);
    if (zone->algorithm_count == 0)
        verify_report_add(report, apex, RRTYPE_DNSKEY, "no-dnskey", "no key in it may sign a zone");
    denial_choose(zone, report);
    report->denial = zone->denial;
    return true;
}
