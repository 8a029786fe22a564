#include "secondary/signer/sign/verify_record.h"

#include <stdio.h>
#include <string.h>

#include "common/dns/name.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "secondary/signer/sign/verify_report.h"

#define WINDOW_TYPES 256

enum verify_place
verify_place_of(const struct node *node, bool apex, bool below)
{
    unsigned count = node_rrset_count(node);
    if (count == 0)
        return PLACE_EMPTY;
    if (apex)
        return PLACE_APEX;
    if (below)
        return PLACE_HIDDEN;
    if (count == 1 && node_has(node, RRTYPE_NSEC3))
        return PLACE_EMPTY; // an owner that exists for the sake of its hash
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

static bool
first_rr(const struct node *node, uint16_t type, struct rrset *ret_rrset, struct rr *ret_rr)
{
    uint32_t position = 0;
    return node_rrset_find(node, type, ret_rrset) &&
           rrset_next(ret_rrset->wire, ret_rrset->wire_length, &position, ret_rr);
}

bool
verify_zone_init(struct verify_zone *zone, const struct node *apex_node, const uint8_t *apex,
                 int64_t now, bool strict, struct verify_keys **ret_keys,
                 struct verify_report *report)
{
    struct rrset rrset;
    struct rr rr;
    struct rdata_soa soa;
    *zone = (struct verify_zone){.apex = apex, .now = now, .strict = strict};
    if (!apex_node || !first_rr(apex_node, RRTYPE_SOA, &rrset, &rr) ||
        !rdata_soa_read(rr.rdata, rr.rdlength, &soa)) {
        verify_report_add(report, apex, RRTYPE_SOA, "no-soa", "the apex has no SOA");
        return false;
    }
    zone->soa_minimum = soa.minimum;
    zone->nsec_ttl = soa.minimum < rrset.ttl ? soa.minimum : rrset.ttl;
    zone->nsec3 = node_has(apex_node, RRTYPE_NSEC3PARAM) && !node_has(apex_node, RRTYPE_NSEC);
    if (!node_rrset_find(apex_node, RRTYPE_DNSKEY, &rrset)) {
        verify_report_add(report, apex, RRTYPE_DNSKEY, "no-dnskey", "the apex has no DNSKEY RRset");
        return false;
    }
    *ret_keys = verify_keys_new(&rrset);
    zone->keys = *ret_keys;
    zone->algorithm_count = verify_keys_algorithms(*ret_keys, zone->algorithms);
    if (zone->algorithm_count == 0)
        verify_report_add(report, apex, RRTYPE_DNSKEY, "no-dnskey", "no key in it may sign a zone");
    return true;
}

const uint8_t *
verify_next_of(const struct node *node)
{
    struct rrset rrset;
    struct rr rr;
    return first_rr(node, RRTYPE_NSEC, &rrset, &rr) ? rr.rdata : NULL;
}

// What is signed where (RFC 4035 section 2.2).
static bool
wants_signature(enum verify_place place, uint16_t type)
{
    switch (place) {
    case PLACE_APEX:
    case PLACE_INSIDE:
        return true;
    case PLACE_CUT:
        return type == RRTYPE_DS || type == RRTYPE_NSEC;
    case PLACE_EMPTY:
        return type == RRTYPE_NSEC3;
    case PLACE_HIDDEN:
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
    bool good[WINDOW_TYPES] = {false}; // by algorithm
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

// Takes the types of a bitmap out of RFC 4034 section 4.1.2's windows. False: malformed.
struct bitmap {
    const uint8_t *at, *end;
    unsigned window, length, octet, bit; // place within a window
    int last_window;
    bool failed;
};

// The next type, or -1.
static int
bitmap_next(struct bitmap *bitmap)
{
    for (;;) {
        for (; bitmap->octet < bitmap->length; bitmap->octet++, bitmap->bit = 0) {
            uint8_t value = bitmap->at[bitmap->octet];
            while (bitmap->bit < 8) {
                unsigned bit = bitmap->bit++;
                if (value & (0x80U >> bit))
                    return (int)(bitmap->window * WINDOW_TYPES + bitmap->octet * 8 + bit);
            }
        }
        bitmap->at += bitmap->length;
        bitmap->octet = bitmap->bit = bitmap->length = 0;
        if (bitmap->at == bitmap->end)
            return -1;
        if (bitmap->end - bitmap->at < 3 || bitmap->at[0] <= bitmap->last_window ||
            bitmap->at[1] == 0 || bitmap->at[1] > 32 ||
            bitmap->end - bitmap->at < 2 + bitmap->at[1]) {
            bitmap->failed = true;
            return -1;
        }
        bitmap->window = bitmap->at[0];
        bitmap->last_window = bitmap->at[0];
        bitmap->length = bitmap->at[1];
        bitmap->at += 2;
    }
}

static bool
shown(const struct verify_record *record, uint16_t type)
{
    return record->place != PLACE_CUT || type == RRTYPE_NS || type == RRTYPE_DS ||
           type == RRTYPE_NSEC;
}

// The types that the record really has, RRSIG put in at its place, against the bitmap.
static bool
bitmap_matches(const struct verify_record *record, const uint8_t *start, const uint8_t *end)
{
    struct bitmap bitmap = {.at = start, .end = end, .last_window = -1};
    unsigned count = node_rrset_count(record->node);
    bool rrsig_seen = false;
    for (unsigned i = 0; i <= count; i++) {
        struct rrset rrset = {0};
        if (i < count)
            node_rrset_at(record->node, i, &rrset);
        if (!rrsig_seen && (i == count || rrset.type > RRTYPE_RRSIG)) {
            rrsig_seen = true;
            if (bitmap_next(&bitmap) != RRTYPE_RRSIG)
                return false;
        }
        if (i < count && shown(record, rrset.type) && bitmap_next(&bitmap) != rrset.type)
            return false;
    }
    return bitmap_next(&bitmap) == -1 && !bitmap.failed;
}

static void
nsec_check(const struct verify_zone *zone, const struct verify_record *record,
           struct verify_report *report)
{
    const uint8_t *owner = node_owner(record->node);
    struct rrset rrset;
    struct rr rr;
    bool has = first_rr(record->node, RRTYPE_NSEC, &rrset, &rr);
    if (zone->nsec3)
        return;
    if (!verify_place_denies(record->place)) {
        if (has)
            verify_report_add(report, owner, RRTYPE_NSEC, "extra-nsec",
                              "an NSEC where the zone has no authoritative data");
        return;
    }
    if (!has) {
        verify_report_add(report, owner, RRTYPE_NSEC, "no-nsec", "the owner has no NSEC");
        return;
    }
    if (rrset.rr_count != 1)
        verify_report_add(report, owner, RRTYPE_NSEC, "extra-nsec", "more than one NSEC");
    if (rrset.ttl != zone->nsec_ttl && (zone->strict || rrset.ttl != zone->soa_minimum))
        verify_report_add(report, owner, RRTYPE_NSEC, "nsec-ttl",
                          "the TTL is %u, by RFC 9077 it should be %u", rrset.ttl, zone->nsec_ttl);
    size_t next = name_length(rr.rdata);
    if (!bitmap_matches(record, rr.rdata + next, rr.rdata + rr.rdlength))
        verify_report_add(report, owner, RRTYPE_NSEC, "bitmap",
                          "the types in the NSEC are not those of the owner");
}

static bool
same_as_before(const struct node *old, const struct rrset *rrset)
{
    struct rrset before;
    return old && node_rrset_find(old, rrset->type, &before) && rrset_equal(rrset, &before, true);
}

void
verify_record(const struct verify_zone *zone, struct verify_hand *hand,
              const struct verify_record *record, struct verify_report *report)
{
    const uint8_t *owner = node_owner(record->node);
    unsigned count = node_rrset_count(record->node);
    report->records++;
    for (unsigned i = 0; i < count; i++) {
        struct rrset rrset;
        node_rrset_at(record->node, i, &rrset);
        report->rrsets++;
        struct subject subject = {
            zone,  hand, owner, &rrset, record->crypto && !same_as_before(record->old, &rrset),
            report};
        if (wants_signature(record->place, rrset.type))
            signed_check(&subject);
        else if (rrset.signature_count > 0)
            verify_report_add(report, owner, rrset.type, "occluded-signed",
                              "signed, though the zone has no authority over it");
    }
    nsec_check(zone, record, report);
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
