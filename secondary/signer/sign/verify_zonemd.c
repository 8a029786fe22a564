// Section 3.3 asks for all records in canonical order, an owner's RRsets by type. RRSIGs stand
// apart in our records, behind the RRset that they cover; here they are one RRset of type 46 again,
// which is in order by itself, because the type covered is what its RDATA begins with.
#include "secondary/signer/sign/verify_zonemd.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "common/base/arena.h"
#include "common/dns/name.h"
#include "common/dns/rrtype.h"
#include "secondary/signer/sign/verify_report.h"

#define HEAD          6 // serial, scheme, hash
#define SCHEME_SIMPLE 1
#define CLASS_IN      1
#define HASHES        2

static const struct digest_kind {
    uint8_t number;
    const char *name;
    size_t size;
} kinds[HASHES] = {{1, "SHA384", 48}, {2, "SHA512", 64}};

struct digest {
    const struct digest_kind *kind; // NULL: not asked for
    EVP_MD_CTX *context;
    uint8_t wanted[EVP_MAX_MD_SIZE];
};

struct verify_zonemd {
    const struct verify_zone *zone;
    struct digest digests[HASHES];
    struct octets_buffer wire; // of one record
};

static const struct digest_kind *
kind_of(const struct rr *rr, size_t *ret_index)
{
    for (size_t i = 0; rr->rdlength > HEAD && rr->rdata[4] == SCHEME_SIMPLE && i < HASHES; i++) {
        *ret_index = i;
        if (kinds[i].number == rr->rdata[5])
            return &kinds[i];
    }
    return NULL;
}

static void
flaw_add(const struct verify_zone *zone, struct verify_report *report, const char *text,
         unsigned long value)
{
    verify_report_add(report, zone->apex, RRTYPE_ZONEMD, "zonemd", "%s (%lu)", text, value);
}

static bool
repeats(const struct rrset *rrset, const struct rr *rr)
{
    struct rr other;
    uint32_t position = 0;
    while (rrset_next(rrset->wire, rrset->wire_length, &position, &other) &&
           other.rdata < rr->rdata)
        if (other.rdlength > HEAD && rr->rdlength > HEAD &&
            memcmp(other.rdata + 4, rr->rdata + 4, 2) == 0)
            return true;
    return false;
}

static void
digest_open(struct digest *digest, const struct digest_kind *kind, const uint8_t *wanted)
{
    EVP_MD *algorithm = EVP_MD_fetch(NULL, kind->name, NULL);
    digest->kind = kind;
    memcpy(digest->wanted, wanted, kind->size);
    digest->context = EVP_MD_CTX_new();
    ENSURE(algorithm && digest->context &&
           EVP_DigestInit_ex(digest->context, algorithm, NULL) == 1);
    EVP_MD_free(algorithm);
}

// One RR of the set. False: nothing to digest for it.
static bool
rr_take(struct verify_zonemd *zonemd, const struct rrset *rrset, const struct rr *rr,
        struct verify_report *report)
{
    const struct verify_zone *zone = zonemd->zone;
    size_t index = 0;
    if (repeats(rrset, rr))
        flaw_add(zone, report, "two ZONEMDs of one scheme and hash; hash", rr->rdata[5]);
    else if (rr->rdlength > HEAD && octets_get_u32(rr->rdata) != zone->serial)
        flaw_add(zone, report, "the serial is not the SOA's", octets_get_u32(rr->rdata));
    const struct digest_kind *kind = kind_of(rr, &index);
    if (!kind) {
        if (zone->strict)
            flaw_add(zone, report, "a scheme or hash that we do not make; octets", rr->rdlength);
        return false;
    }
    if (rr->rdlength != HEAD + kind->size) {
        flaw_add(zone, report, "the digest has not the length of its hash; octets", rr->rdlength);
        return false;
    }
    if (!zonemd->digests[index].kind)
        digest_open(&zonemd->digests[index], kind, rr->rdata + HEAD);
    return true;
}

struct verify_zonemd *
verify_zonemd_new(const struct verify_zone *zone, bool wanted, struct verify_report *report)
{
    struct rrset rrset;
    struct rr rr;
    uint32_t position = 0;
    bool any = false;
    if (!node_rrset_find(zone->apex_node, RRTYPE_ZONEMD, &rrset)) {
        if (wanted)
            flaw_add(zone, report, "the policy wants a ZONEMD and there is none; serial",
                     zone->serial);
        return NULL;
    }
    struct verify_zonemd *zonemd = memory_zalloc(sizeof *zonemd);
    zonemd->zone = zone;
    octets_buffer_init(&zonemd->wire);
    while (rrset_next(rrset.wire, rrset.wire_length, &position, &rr))
        any = rr_take(zonemd, &rrset, &rr, report) || any;
    if (!any)
        verify_zonemd_free(&zonemd);
    return zonemd;
}

void
verify_zonemd_free(struct verify_zonemd **zonemd)
{
    if (!*zonemd)
        return;
    for (size_t i = 0; i < HASHES; i++)
        EVP_MD_CTX_free((*zonemd)->digests[i].context);
    octets_buffer_close(&(*zonemd)->wire);
    free(*zonemd);
    *zonemd = NULL;
}

static void
run_add(struct octets_buffer *wire, const uint8_t *owner, const uint8_t *run, uint32_t length)
{
    struct rr rr;
    uint32_t position = 0;
    while (rrset_next(run, length, &position, &rr)) {
        octets_buffer_add(wire, owner, name_length(owner));
        octets_buffer_add_u16(wire, rr.type);
        octets_buffer_add_u16(wire, CLASS_IN);
        octets_buffer_add_u32(wire, rr.ttl);
        octets_buffer_add_u16(wire, rr.rdlength);
        octets_buffer_add(wire, rr.rdata, rr.rdlength);
    }
}

static void
signatures_add(struct octets_buffer *wire, const struct node *node, bool apex)
{
    for (unsigned i = 0; i < node_rrset_count(node); i++) {
        struct rrset rrset;
        node_rrset_at(node, i, &rrset);
        if (rrset.signature_count > 0 && !(apex && rrset.type == RRTYPE_ZONEMD))
            run_add(wire, node_owner(node), rrset.signatures, rrset.signatures_length);
    }
}

void
verify_zonemd_add(struct verify_zonemd *zonemd, const struct node *node)
{
    bool apex = name_equal(node_owner(node), zonemd->zone->apex);
    bool signatures_done = false;
    unsigned count = node_rrset_count(node);
    zonemd->wire.length = 0;
    for (unsigned i = 0; i < count; i++) {
        struct rrset rrset;
        node_rrset_at(node, i, &rrset);
        if (!signatures_done && rrset.type > RRTYPE_RRSIG) {
            signatures_add(&zonemd->wire, node, apex);
            signatures_done = true;
        }
        if (!(apex && rrset.type == RRTYPE_ZONEMD))
            run_add(&zonemd->wire, node_owner(node), rrset.wire, rrset.wire_length);
    }
    if (!signatures_done)
        signatures_add(&zonemd->wire, node, apex);
    for (size_t i = 0; i < HASHES; i++)
        if (zonemd->digests[i].kind)
            ENSURE(EVP_DigestUpdate(zonemd->digests[i].context, zonemd->wire.data,
                                    zonemd->wire.length) == 1);
}

void
verify_zonemd_end(struct verify_zonemd *zonemd, struct verify_report *report)
{
    for (size_t i = 0; i < HASHES; i++) {
        struct digest *digest = &zonemd->digests[i];
        uint8_t is[EVP_MAX_MD_SIZE];
        unsigned length;
        if (!digest->kind)
            continue;
        ENSURE(EVP_DigestFinal_ex(digest->context, is, &length) == 1);
        report->zonemd_checked = true;
        if (length != digest->kind->size || memcmp(is, digest->wanted, length) != 0)
            flaw_add(zonemd->zone, report, "the digest is not that of the zone; hash",
                     digest->kind->number);
    }
}
