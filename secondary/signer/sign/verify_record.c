#include "secondary/signer/sign/verify_record.h"

#include <stdio.h>
#include <string.h>

#include "common/dns/name.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "secondary/signer/sign/verify_bitmap.h"
#include "secondary/signer/sign/verify_nsec3.h"
#include "secondary/signer/sign/verify_report.h"

#define ALGORITHMS 256

// What is signed where (RFC 4035 section 2.2).
static bool
wants_signature(enum verify_place place, uint16_t type)
{
    if (type == RRTYPE_NSEC3) // below a DNAME at the apex, too
        return true;
    switch (place) {
    case PLACE_APEX:
    case PLACE_INSIDE:
        return true;
    case PLACE_CUT:
        return type == RRTYPE_DS || type == RRTYPE_NSEC;
    case PLACE_EMPTY:
    case PLACE_HIDDEN:
    case PLACE_HASH:
        return false;
    }
    return false;
}

struct subject { // one RRset under examination
    const struct verify_zone *zone;
    struct verify_hand *hand;
    const uint8_t *owner;
    const struct rrset *rrset;
    bool crypto;
    struct verify_report *report;
};

struct flaw {
    const char *word;
    char text[160];
};

static void
flaw_set(struct flaw *flaw, const char *word, const char *text, long long value)
{
    flaw->word = word;
    snprintf(flaw->text, sizeof flaw->text, "%s (%lld)", text, value);
}

static unsigned
labels_wanted(const uint8_t *owner)
{
    unsigned labels = name_labels(owner);
    return owner[0] == 1 && owner[1] == '*' ? labels - 1 : labels;
}

// What can be read off an RRSIG; true: nothing wrong with it.
static bool
fields_check(const struct subject *subject, const struct rr *rr, const struct rdata_rrsig *rrsig,
             struct flaw *flaw)
{
    int32_t until_start = (int32_t)(rrsig->inception - (uint32_t)subject->zone->now);
    int32_t until_end = (int32_t)(rrsig->expiration - (uint32_t)subject->zone->now);
    if (rrsig->type_covered != subject->rrset->type)
        flaw_set(flaw, "type-covered", "the signature covers another type", rrsig->type_covered);
    else if (!name_equal(rrsig->signer, subject->zone->apex))
        flaw_set(flaw, "signer", "the signer is not the zone; key", rrsig->key_tag);
    else if (rrsig->labels != labels_wanted(subject->owner))
        flaw_set(flaw, "labels", "the label count is not the owner's", rrsig->labels);
    else if (rrsig->original_ttl != subject->rrset->ttl || rr->ttl != subject->rrset->ttl)
        flaw_set(flaw, "ttl", "the signature has another TTL than the RRset", rrsig->original_ttl);
    else if (until_start > 0)
        flaw_set(flaw, "not-yet-valid", "the signature begins in the future, in seconds",
                 until_start);
    else if (until_end <= 0)
        flaw_set(flaw, "expired", "the signature has expired, seconds ago", -(long long)until_end);
    else if (!verify_keys_have(subject->zone->keys, rrsig->key_tag, rrsig->algorithm))
        flaw_set(flaw, "unknown-key", "no key of the DNSKEY RRset made the signature; key tag",
                 rrsig->key_tag);
    else
        return true;
    return false;
}

static bool
crypto_check(const struct subject *subject, const struct rr *rr, const struct rdata_rrsig *rrsig,
             struct flaw *flaw)
{
    if (!subject->crypto)
        return true;
    subject->report->signatures++;
    if (verify_signature(subject->hand, subject->owner, subject->rrset, rr->rdata, rr->rdlength) ==
        VERIFY_GOOD)
        return true;
    flaw_set(flaw, "bad-signature", "the signature does not verify; key", rrsig->key_tag);
    return false;
}

static void
report_times(struct verify_report *report, const struct rdata_rrsig *rrsig)
{
    if (report->first_expiration == 0 ||
        (int32_t)(rrsig->expiration - report->first_expiration) < 0)
        report->first_expiration = rrsig->expiration;
}

// Canonical order, no RR twice (RFC 4034 section 6.3): a validator sorts before it verifies.
static bool
is_ordered(const struct rrset *rrset)
{
    struct rr rr, last = {0};
    uint32_t position = 0;
    while (rrset_next(rrset->wire, rrset->wire_length, &position, &rr)) {
        if (rr.type != rrset->type || rr.ttl != rrset->ttl)
            return false;
        if (last.rdata) {
            size_t shorter = rr.rdlength < last.rdlength ? rr.rdlength : last.rdlength;
            int order = memcmp(last.rdata, rr.rdata, shorter);
            if (order > 0 || (order == 0 && last.rdlength >= rr.rdlength))
                return false;
        }
        last = rr;
    }
    return true;
}

static void
signed_check(const struct subject *subject)
{
    const struct rrset *rrset = subject->rrset;
    bool good[ALGORITHMS] = {false}; // by algorithm
    struct flaw flaw = {0};
    struct rr rr;
    uint32_t position = 0;
    if (rrset->signature_count == 0) {
        verify_report_add(subject->report, subject->owner, rrset->type, "no-signature",
                          "the RRset is not signed");
        return;
    }
    if (!is_ordered(rrset))
        verify_report_add(subject->report, subject->owner, rrset->type, "order",
                          "the RRs are not in canonical order with one TTL");
    while (rrset_next(rrset->signatures, rrset->signatures_length, &position, &rr)) {
        struct rdata_rrsig rrsig;
        if (!rdata_rrsig_read(rr.rdata, rr.rdlength, &rrsig)) {
            flaw_set(&flaw, "bad-signature", "the RRSIG is cut; octets", rr.rdlength);
            continue;
        }
        report_times(subject->report, &rrsig);
        if (fields_check(subject, &rr, &rrsig, &flaw) && crypto_check(subject, &rr, &rrsig, &flaw))
            good[rrsig.algorithm] = true;
    }
    bool all = true;
    for (unsigned i = 0; i < subject->zone->algorithm_count; i++)
        all = all && good[subject->zone->algorithms[i]];
    if (flaw.word && (subject->zone->strict || !all))
        verify_report_add(subject->report, subject->owner, rrset->type, flaw.word, "%s", flaw.text);
    else if (!all)
        verify_report_add(subject->report, subject->owner, rrset->type, "no-algorithm",
                          "not signed by every algorithm of the DNSKEY RRset");
}

static void
nsec_of_place(const struct verify_zone *zone, const struct verify_record *record,
              const struct rrset *rrset, const struct rr *rr, struct verify_report *report)
{
    size_t next = name_length(rr->rdata);
    if (rrset->rr_count != 1)
        verify_report_add(report, record->owner, RRTYPE_NSEC, "extra-nsec", "more than one NSEC");
    if (rrset->ttl != zone->nsec_ttl && (zone->strict || rrset->ttl != zone->soa_minimum))
        verify_report_add(report, record->owner, RRTYPE_NSEC, "nsec-ttl",
                          "the TTL is %u, by RFC 9077 it should be %u", rrset->ttl, zone->nsec_ttl);
    if (!verify_bitmap_matches(record->node, record->place == PLACE_CUT, true, rr->rdata + next,
                               rr->rdlength - next))
        verify_report_add(report, record->owner, RRTYPE_NSEC, "bitmap",
                          "the types in the NSEC are not those of the owner");
}

static void
nsec_check(const struct verify_zone *zone, const struct verify_record *record,
           struct verify_report *report)
{
    struct rrset rrset;
    struct rr rr;
    bool has = verify_first_rr(record->node, RRTYPE_NSEC, &rrset, &rr);
    if (zone->denial != VERIFY_NSEC) {
        if (has && zone->strict && zone->denial == VERIFY_NSEC3)
            verify_report_add(report, record->owner, RRTYPE_NSEC, "extra-nsec",
                              "an NSEC in a zone that denies names by NSEC3");
    } else if (!verify_place_denies(record->place)) {
        if (has)
            verify_report_add(report, record->owner, RRTYPE_NSEC, "extra-nsec",
                              "an NSEC where the zone has no authoritative data");
    } else if (!has) {
        verify_report_add(report, record->owner, RRTYPE_NSEC, "no-nsec", "the owner has no NSEC");
    } else {
        nsec_of_place(zone, record, &rrset, &rr, report);
    }
}

static bool
same_as_before(const struct node *old, const struct rrset *rrset)
{
    struct rrset before;
    return old && node_rrset_find(old, rrset->type, &before) && rrset_equal(rrset, &before, true);
}

static void
rrset_check(const struct verify_zone *zone, struct verify_hand *hand,
            const struct verify_record *record, const struct rrset *rrset,
            struct verify_report *report)
{
    struct subject subject = {
        zone,  hand, record->owner, rrset, record->crypto && !same_as_before(record->old, rrset),
        report};
    report->rrsets++;
    report->rrs += rrset->rr_count;
    if (wants_signature(record->place, rrset->type))
        signed_check(&subject);
    else if (rrset->signature_count > 0)
        verify_report_add(report, record->owner, rrset->type, "occluded-signed",
                          "signed, though the zone has no authority over it");
    if (rrset->type == RRTYPE_NSEC3)
        verify_nsec3_rrset(zone, record->node, rrset, report);
}

void
verify_record(const struct verify_zone *zone, struct verify_hand *hand,
              const struct verify_record *record, struct verify_report *report)
{
    unsigned count = record->node ? node_rrset_count(record->node) : 0;
    for (unsigned i = 0; i < count; i++) {
        struct rrset rrset;
        node_rrset_at(record->node, i, &rrset);
        rrset_check(zone, hand, record, &rrset, report);
    }
    if (record->node) {
        report->records++;
        report->names += record->place != PLACE_HASH;
        nsec_check(zone, record, report);
    }
    if (zone->denial == VERIFY_NSEC3)
        verify_nsec3_name(zone, record->owner, record->node, record->place, report);
}

size_t
verify_fresh_signatures(const struct node *node, const struct node *old)
{
    size_t fresh = 0;
    for (unsigned i = 0; i < node_rrset_count(node); i++) {
        struct rrset rrset;
        node_rrset_at(node, i, &rrset);
        if (!same_as_before(old, &rrset))
            fresh += rrset.signature_count;
    }
    return fresh;
}
