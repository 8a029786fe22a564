#include "secondary/signer/sign/sign_rrset.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/dns/name.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "secondary/signer/keys/key_signer.h"

#define RRSIG_FIXED   18 // RFC 4034 section 3.1, before the signer's name
#define RR_FIXED      12 // owner slot, type, class, TTL, RDLENGTH
#define RR_SLOT       2  // the owner slot
#define RDATA_SIG_MAX (RRSIG_FIXED + NAME_SIZE_MAX + KEY_SIGNATURE_MAX)

struct prepared_key {
    struct key_signer *signer;
    uint16_t tag;
    uint8_t algorithm;
    size_t signature_size;
    size_t made;
};

struct prepared_keys {
    struct prepared_key keys[KEYSET_KEYS_MAX];
    unsigned count;
};

struct sign_context {
    uint8_t apex[NAME_SIZE_MAX];
    size_t apex_length;
    struct sign_policy policy;
    struct prepared_keys zone, dnskey;
    struct octets_buffer input; // scratch
    struct sign_tally tally;
};

static void
keys_free(struct prepared_keys *keys)
{
    for (unsigned i = 0; i < keys->count; i++)
        key_signer_free(&keys->keys[i].signer);
}

static bool
keys_prepare(const struct keyset *keyset, bool dnskey, struct prepared_keys *keys,
             struct fault *fault)
{
    const struct key_pair *pairs[KEYSET_KEYS_MAX];
    unsigned count = keyset_signing(keyset, dnskey, pairs);
    for (unsigned i = 0; i < count; i++) {
        struct prepared_key *key = &keys->keys[i];
        if (!key_signer_new(keyset_memory(keyset), pairs[i], &key->signer, fault))
            return false;
        key->tag = pairs[i]->tag;
        key->algorithm = pairs[i]->algorithm;
        key->signature_size = key_pair_signature_size(pairs[i]);
        keys->count++;
    }
    return true;
}

bool
sign_context_new(const struct keyset *keyset, const struct sign_policy *policy,
                 struct sign_context **ret_context, struct fault *fault)
{
    struct sign_context *context = memory_zalloc(sizeof *context);
    context->apex_length = name_copy(context->apex, keyset_apex(keyset));
    context->policy = *policy;
    octets_buffer_init(&context->input);
    if (!keys_prepare(keyset, false, &context->zone, fault) ||
        !keys_prepare(keyset, true, &context->dnskey, fault)) {
        sign_context_free(&context);
        return false;
    }
    *ret_context = context;
    return true;
}

void
sign_context_free(struct sign_context **context)
{
    if (!*context)
        return;
    keys_free(&(*context)->zone);
    keys_free(&(*context)->dnskey);
    octets_buffer_close(&(*context)->input);
    free(*context);
    *context = NULL;
}

const struct sign_tally *
sign_context_tally(const struct sign_context *context)
{
    return &context->tally;
}

void
sign_context_mark(struct sign_context *context)
{
    context->tally.first_of_key = false;
}

static const struct prepared_keys *
keys_for(const struct sign_context *context, uint16_t type)
{
    return type == RRTYPE_DNSKEY ? &context->dnskey : &context->zone;
}

size_t
sign_rrset_size(const struct sign_context *context, const struct rrset *rrset)
{
    const struct prepared_keys *keys = keys_for(context, rrset->type);
    size_t size = rrset->wire_length;
    for (unsigned i = 0; i < keys->count; i++)
        size += RR_FIXED + RRSIG_FIXED + context->apex_length + keys->keys[i].signature_size;
    return size;
}

// An RRSIG of old that may stay for this key.
static bool
signature_stays(const struct sign_context *context, const struct prepared_key *key,
                const struct rrset *rrset, const struct rr *rr, int64_t now)
{
    struct rdata_rrsig rrsig;
    return rdata_rrsig_read(rr->rdata, rr->rdlength, &rrsig) && rrsig.key_tag == key->tag &&
           rrsig.algorithm == key->algorithm && rrsig.original_ttl == rrset->ttl &&
           rr->ttl == rrset->ttl && rrsig.signature_length == key->signature_size &&
           name_equal(rrsig.signer, context->apex) &&
           (int32_t)((uint32_t)now - rrsig.inception) >= 0 &&
           !sign_is_due(&context->policy, rrsig.expiration, now);
}

// The RR of old that stays for a key; false: there is none.
static bool
signature_find(const struct sign_context *context, const struct prepared_key *key,
               const struct rrset *rrset, const struct rrset *old, int64_t now, struct rr *ret_rr)
{
    uint32_t position = 0;
    while (rrset_next(old->signatures, old->signatures_length, &position, ret_rr))
        if (signature_stays(context, key, rrset, ret_rr, now))
            return true;
    return false;
}

bool
sign_rrset_is_settled(const struct sign_context *context, const struct rrset *rrset,
                      const struct rrset *old, int64_t now)
{
    const struct prepared_keys *keys = keys_for(context, rrset->type);
    if (old->signature_count != keys->count || !rrset_equal(rrset, old, false))
        return false;
    for (unsigned i = 0; i < keys->count; i++) {
        struct rr rr;
        if (!signature_find(context, &keys->keys[i], rrset, old, now, &rr))
            return false;
    }
    return true;
}

// RFC 4034 section 3.1.3: without the root and a wildcard's asterisk.
static uint8_t
labels_of(const uint8_t *owner)
{
    return (uint8_t)(name_labels(owner) - (name_is_wildcard(owner) ? 1U : 0U));
}

static size_t
rrsig_head(const struct sign_context *context, const uint8_t *owner, const struct rrset *rrset,
           const struct prepared_key *key, const struct sign_times *times, uint8_t *ret_rdata)
{
    struct octets_writer writer;
    octets_writer_init(&writer, ret_rdata, RDATA_SIG_MAX);
    octets_write_u16(&writer, rrset->type);
    octets_write_u8(&writer, key->algorithm);
    octets_write_u8(&writer, labels_of(owner));
    octets_write_u32(&writer, rrset->ttl);
    octets_write_u32(&writer, times->expiration);
    octets_write_u32(&writer, times->inception);
    octets_write_u16(&writer, key->tag);
    octets_write(&writer, context->apex, context->apex_length);
    return octets_written(&writer);
}

// RFC 4034 section 3.1.8.1: the RRSIG's RDATA up to the signature, then each RR with its full
// owner.
static void
input_build(struct octets_buffer *input, const uint8_t *head, size_t head_length,
            const uint8_t *owner, const struct rrset *rrset)
{
    size_t owner_length = name_length(owner);
    input->length = 0;
    octets_buffer_add(input, head, head_length);
    uint8_t *at = octets_buffer_reserve(input, rrset->wire_length + rrset->rr_count * owner_length);
    uint8_t *start = at;
    for (const uint8_t *rr = rrset->wire, *end = rr + rrset->wire_length; rr < end;) {
        size_t rest = RR_FIXED - RR_SLOT + octets_get_u16(rr + RR_FIXED - 2);
        memcpy(at, owner, owner_length);
        memcpy(at + owner_length, rr + RR_SLOT, rest);
        at += owner_length + rest;
        rr += RR_SLOT + rest;
    }
    input->length += (size_t)(at - start);
}

static bool
signature_make(struct sign_context *context, const uint8_t *owner, const struct rrset *rrset,
               struct prepared_key *key, int64_t now, uint8_t ret_rdata[static RDATA_SIG_MAX],
               size_t *ret_length)
{
    struct sign_times times;
    sign_times(&context->policy, owner, key->tag, now, &times);
    size_t head = rrsig_head(context, owner, rrset, key, &times, ret_rdata);
    input_build(&context->input, ret_rdata, head, owner, rrset);
    size_t length;
    if (!key_signer_sign(key->signer, context->input.data, context->input.length, ret_rdata + head,
                         &length))
        return false;
    *ret_length = head + length;
    if (key->made++ < SIGN_FIRST_OF_KEY)
        context->tally.first_of_key = true;
    return true;
}

static void
tally_times(struct sign_tally *tally, const uint8_t *rrsig)
{
    uint32_t expiration = octets_get_u32(rrsig + 8), inception = octets_get_u32(rrsig + 12);
    if (tally->first_expiration == 0 || (int32_t)(expiration - tally->first_expiration) < 0)
        tally->first_expiration = expiration;
    if (tally->newest_inception == 0 || (int32_t)(inception - tally->newest_inception) > 0)
        tally->newest_inception = inception;
}

// One signature of the RRset, kept or fresh; rdata is where a fresh one is made.
struct signature {
    const uint8_t *rdata;
    size_t length;
    uint8_t fresh[RDATA_SIG_MAX];
};

static void
signatures_append(const struct rrset *rrset, const struct signature *signatures, unsigned count,
                  struct octets_buffer *run)
{
    unsigned order[KEYSET_KEYS_MAX];
    for (unsigned i = 0; i < count; i++) {
        unsigned at = i;
        for (; at > 0 &&
               rdata_compare(signatures[order[at - 1]].rdata, signatures[order[at - 1]].length,
                             signatures[i].rdata, signatures[i].length) > 0;
             at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    for (unsigned i = 0; i < count; i++)
        rrset_append(run, RRTYPE_RRSIG, rrset->ttl, signatures[order[i]].rdata,
                     (uint16_t)signatures[order[i]].length);
}

enum sign_outcome
sign_rrset(struct sign_context *context, const uint8_t *owner, const struct rrset *rrset,
           const struct rrset *old, bool force, int64_t now, struct octets_buffer *run,
           uint16_t *ret_count)
{
    struct prepared_keys *keys = rrset->type == RRTYPE_DNSKEY ? &context->dnskey : &context->zone;
    struct signature signatures[KEYSET_KEYS_MAX];
    bool same = old && !force && rrset_equal(rrset, old, false);
    enum sign_outcome outcome = SIGN_KEPT;
    for (unsigned i = 0; i < keys->count; i++) {
        struct signature *signature = &signatures[i];
        struct rr rr;
        if (same && signature_find(context, &keys->keys[i], rrset, old, now, &rr)) {
            signature->rdata = rr.rdata;
            signature->length = rr.rdlength;
            context->tally.kept++;
        } else {
            signature->rdata = signature->fresh;
            if (!signature_make(context, owner, rrset, &keys->keys[i], now, signature->fresh,
                                &signature->length))
                return SIGN_FAILED;
            context->tally.made++;
            outcome = SIGN_MADE;
        }
        tally_times(&context->tally, signature->rdata);
    }
    signatures_append(rrset, signatures, keys->count, run);
    *ret_count = (uint16_t)keys->count;
    return outcome;
}
