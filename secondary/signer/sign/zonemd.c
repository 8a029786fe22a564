// The RRs of a zone are its records' runs with the full owner in place of the owner slot, which is
// their wire in canonical form already. What differs is the order within an owner: RRSIGs are an
// RRset of their own with the type number 46, so they come behind the types below it and before
// those above; among themselves they are in order of RDATA, which begins with the type covered, and
// that is the order in which records hold them (RFC 8976 section 3.3).
#include "secondary/signer/sign/zonemd.h"

#include <openssl/evp.h>
#include <string.h>

#include "common/base/fault.h"
#include "common/base/octets.h"
#include "common/dns/rrtype.h"
#include "secondary/signer/sign/sign_content.h"

#define GATHER_OCTETS 32768 // handed to libcrypto at once: its calls cost more than a copy
#define RR_SLOT       2     // the owner slot of a stored RR

struct digest {
    EVP_MD_CTX *context;
    struct octets_buffer gathered;
    bool good;
};

static void
digest_flush(struct digest *digest)
{
    digest->good = digest->good && EVP_DigestUpdate(digest->context, digest->gathered.data,
                                                    digest->gathered.length) == 1;
    digest->gathered.length = 0;
}

// All RRs of a run.
static void
run_add(struct digest *digest, const uint8_t *owner, size_t owner_length, const uint8_t *wire,
        uint32_t length)
{
    struct rr rr;
    const uint8_t *from = wire;
    for (uint32_t position = 0; rrset_next(wire, length, &position, &rr); from = wire + position) {
        octets_buffer_add(&digest->gathered, owner, owner_length);
        octets_buffer_add(&digest->gathered, from + RR_SLOT,
                          (size_t)(wire + position - from) - RR_SLOT);
        if (digest->gathered.length >= GATHER_OCTETS)
            digest_flush(digest);
    }
}

// The apex's ZONEMD and its signatures count for nothing.
static bool
counts(const struct rrset *rrset, bool apex)
{
    return !apex || rrset->type != RRTYPE_ZONEMD;
}

static void
signatures_add(struct digest *digest, const struct node *node, bool apex)
{
    for (unsigned i = 0; i < node_rrset_count(node); i++) {
        struct rrset rrset;
        node_rrset_at(node, i, &rrset);
        if (counts(&rrset, apex))
            run_add(digest, node_owner(node), node_owner_length(node), rrset.signatures,
                    rrset.signatures_length);
    }
}

static void
node_add(struct digest *digest, const struct node *node, bool apex)
{
    bool signatures = false; // were added
    for (unsigned i = 0; i < node_rrset_count(node); i++) {
        struct rrset rrset;
        node_rrset_at(node, i, &rrset);
        if (!signatures && rrset.type > RRTYPE_RRSIG) {
            signatures_add(digest, node, apex);
            signatures = true;
        }
        if (counts(&rrset, apex))
            run_add(digest, node_owner(node), node_owner_length(node), rrset.wire,
                    rrset.wire_length);
    }
    if (!signatures)
        signatures_add(digest, node, apex);
}

// False: a damaged record.
static bool
zone_add(struct digest *digest, const struct version *current, const struct diff *diff,
         const struct node *apex_node)
{
    bool damaged = false;
    struct sign_content content = {
        .version = current, .changes = diff, .apex = node_owner(apex_node), .damaged = &damaged};
    struct content_walk walk;
    struct content_step step;
    node_add(digest, apex_node, true);
    content_walk_init(&walk, &content);
    while (content_walk_next(&walk, &step) && !damaged)
        if (step.content && !name_equal(node_owner(step.content), content.apex))
            node_add(digest, step.content, false);
    return !damaged;
}

bool
zonemd_make(const struct version *current, const struct diff *diff, const struct node *apex_node,
            uint32_t serial, uint8_t ret_rdata[static ZONEMD_RDATA_SIZE])
{
    struct digest digest = {.context = EVP_MD_CTX_new()};
    unsigned size = 0;
    octets_buffer_init(&digest.gathered);
    digest.good = digest.context && EVP_DigestInit_ex(digest.context, EVP_sha384(), NULL) == 1;
    bool whole = zone_add(&digest, current, diff, apex_node);
    digest_flush(&digest);
    octets_put_u32(ret_rdata, serial);
    ret_rdata[4] = ZONEMD_SCHEME_SIMPLE;
    ret_rdata[5] = ZONEMD_HASH_SHA384;
    // libcrypto has SHA-384 and memory for it, or there is no going on.
    ENSURE(digest.good && EVP_DigestFinal_ex(digest.context, ret_rdata + 6, &size) == 1 &&
           size == ZONEMD_DIGEST_SIZE);
    EVP_MD_CTX_free(digest.context);
    octets_buffer_close(&digest.gathered);
    return whole;
}
