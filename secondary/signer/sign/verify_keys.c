// The signed input is put together here once more, RR by RR through rrset_next and with the RRSIG's
// own original TTL, and the key from its wire form: nothing that the signing path computed is used
// (signing.md, "Signing").
#include "secondary/signer/sign/verify_keys.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "common/base/arena.h"
#include "common/dns/name.h"
#include "common/dns/rdata.h"

#define DNSKEY_HEAD 4 // flags, protocol, algorithm
#define FLAG_ZONE   0x0100
#define FLAG_REVOKE 0x0080
#define CLASS_IN    1

struct public_key {
    uint16_t flags, tag;
    uint8_t algorithm;
    EVP_PKEY *key; // NULL: not one of its algorithm
};

struct verify_keys {
    struct public_key keys[VERIFY_KEYS_MAX];
    unsigned count;
};

struct verify_hand {
    const struct verify_keys *keys;
    EVP_PKEY_CTX *contexts[VERIFY_KEYS_MAX]; // made when first used
    EVP_MD_CTX *digest;
    struct octets_buffer input;
};

static EVP_PKEY *
key_from_params(const char *kind, OSSL_PARAM_BLD *build)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);
    if (parameters && context && EVP_PKEY_fromdata_init(context) == 1)
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    return key;
}

// RFC 6605 section 4: x and y.
static EVP_PKEY *
key_of_curve(const char *group, size_t size, const uint8_t *field, size_t length)
{
    uint8_t point[1 + 2 * 48] = {4};
    if (length != size)
        return NULL;
    memcpy(point + 1, field, length);
    EVP_PKEY *key = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (build && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, length + 1))
        key = key_from_params("EC", build);
    OSSL_PARAM_BLD_free(build);
    return key;
}

// RFC 3110 section 2: length of the exponent, exponent, modulus.
static EVP_PKEY *
key_of_rsa(const uint8_t *field, size_t length)
{
    size_t head = 1, exponent = length > 0 ? field[0] : 0;
    if (exponent == 0 && length > 3) {
        exponent = octets_get_u16(field + 1);
        head = 3;
    }
    if (exponent == 0 || length <= head + exponent)
        return NULL;
    EVP_PKEY *key = NULL;
    BIGNUM *e = BN_bin2bn(field + head, (int)exponent, NULL);
    BIGNUM *n = BN_bin2bn(field + head + exponent, (int)(length - head - exponent), NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (e && n && build && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e))
        key = key_from_params("RSA", build);
    OSSL_PARAM_BLD_free(build);
    BN_free(e);
    BN_free(n);
    return key;
}

static EVP_PKEY *
key_from(uint8_t algorithm, const uint8_t *field, size_t length)
{
    switch (algorithm) {
    case 8:
    case 10:
        return key_of_rsa(field, length);
    case 13:
        return key_of_curve("P-256", 64, field, length);
    case 14:
        return key_of_curve("P-384", 96, field, length);
    case 15:
        return EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, field, length);
    case 16:
        return EVP_PKEY_new_raw_public_key_ex(NULL, "ED448", NULL, field, length);
    default:
        return NULL;
    }
}

struct verify_keys *
verify_keys_new(const struct rrset *dnskey)
{
    struct verify_keys *keys = memory_zalloc(sizeof *keys);
    struct rr rr;
    uint32_t position = 0;
    while (keys->count < VERIFY_KEYS_MAX &&
           rrset_next(dnskey->wire, dnskey->wire_length, &position, &rr)) {
        if (rr.rdlength <= DNSKEY_HEAD)
            continue;
        struct public_key *key = &keys->keys[keys->count++];
        key->flags = octets_get_u16(rr.rdata);
        key->algorithm = rr.rdata[3];
        key->tag = rdata_dnskey_tag(rr.rdata, rr.rdlength);
        key->key = key_from(key->algorithm, rr.rdata + DNSKEY_HEAD, rr.rdlength - DNSKEY_HEAD);
    }
    ERR_clear_error();
    return keys;
}

void
verify_keys_free(struct verify_keys **keys)
{
    if (!*keys)
        return;
    for (unsigned i = 0; i < (*keys)->count; i++)
        EVP_PKEY_free((*keys)->keys[i].key);
    free(*keys);
    *keys = NULL;
}

static bool
may_sign(const struct public_key *key)
{
    return (key->flags & FLAG_ZONE) && !(key->flags & FLAG_REVOKE);
}

unsigned
verify_keys_algorithms(const struct verify_keys *keys,
                       uint8_t ret_algorithms[static VERIFY_KEYS_MAX])
{
    unsigned count = 0;
    for (unsigned i = 0; i < keys->count; i++)
        if (may_sign(&keys->keys[i]) && !memchr(ret_algorithms, keys->keys[i].algorithm, count))
            ret_algorithms[count++] = keys->keys[i].algorithm;
    return count;
}

bool
verify_keys_have(const struct verify_keys *keys, uint16_t tag, uint8_t algorithm)
{
    for (unsigned i = 0; i < keys->count; i++)
        if (keys->keys[i].tag == tag && keys->keys[i].algorithm == algorithm &&
            may_sign(&keys->keys[i]))
            return true;
    return false;
}

struct verify_hand *
verify_hand_new(const struct verify_keys *keys)
{
    struct verify_hand *hand = memory_zalloc(sizeof *hand);
    hand->keys = keys;
    hand->digest = EVP_MD_CTX_new();
    ENSURE(hand->digest);
    octets_buffer_init(&hand->input);
    return hand;
}

void
verify_hand_free(struct verify_hand **hand)
{
    if (!*hand)
        return;
    for (unsigned i = 0; i < VERIFY_KEYS_MAX; i++)
        EVP_PKEY_CTX_free((*hand)->contexts[i]);
    EVP_MD_CTX_free((*hand)->digest);
    octets_buffer_close(&(*hand)->input);
    free(*hand);
    *hand = NULL;
}

// RFC 4034 section 3.1.8.1 and 6.2.
static void
input_gather(struct octets_buffer *input, const uint8_t *owner, const struct rrset *rrset,
             const uint8_t *rrsig, const struct rdata_rrsig *fields)
{
    struct rr rr;
    uint32_t position = 0;
    input->length = 0;
    octets_buffer_add(input, rrsig, (size_t)(fields->signature - rrsig));
    while (rrset_next(rrset->wire, rrset->wire_length, &position, &rr)) {
        octets_buffer_add(input, owner, name_length(owner));
        octets_buffer_add_u16(input, rr.type);
        octets_buffer_add_u16(input, CLASS_IN);
        octets_buffer_add_u32(input, fields->original_ttl);
        octets_buffer_add_u16(input, rr.rdlength);
        octets_buffer_add(input, rr.rdata, rr.rdlength);
    }
}

static const EVP_MD *
digest_for(uint8_t algorithm)
{
    return algorithm == 14 ? EVP_sha384() : algorithm == 10 ? EVP_sha512() : EVP_sha256();
}

static EVP_PKEY_CTX *
context_for(struct verify_hand *hand, unsigned index)
{
    const struct public_key *key = &hand->keys->keys[index];
    if (hand->contexts[index])
        return hand->contexts[index];
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key->key, NULL);
    bool rsa = key->algorithm == 8 || key->algorithm == 10;
    if (!context || EVP_PKEY_verify_init(context) != 1 ||
        (rsa && (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) != 1 ||
                 EVP_PKEY_CTX_set_signature_md(context, digest_for(key->algorithm)) != 1))) {
        EVP_PKEY_CTX_free(context);
        return NULL;
    }
    hand->contexts[index] = context;
    return context;
}

// libcrypto takes r and s in DER only.
static int
pair_to_der(const uint8_t *pair, size_t length, unsigned char **ret_der)
{
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(pair, (int)(length / 2), NULL);
    BIGNUM *s = BN_bin2bn(pair + length / 2, (int)(length / 2), NULL);
    int der_length = -1;
    *ret_der = NULL;
    if (signature && r && s && ECDSA_SIG_set0(signature, r, s) == 1) {
        der_length = i2d_ECDSA_SIG(signature, ret_der);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(signature);
    return der_length;
}

static bool
digest_verify(struct verify_hand *hand, unsigned index, const struct rdata_rrsig *fields)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned length;
    uint8_t algorithm = hand->keys->keys[index].algorithm;
    EVP_PKEY_CTX *context = context_for(hand, index);
    if (!context || EVP_DigestInit_ex(hand->digest, digest_for(algorithm), NULL) != 1 ||
        EVP_DigestUpdate(hand->digest, hand->input.data, hand->input.length) != 1 ||
        EVP_DigestFinal_ex(hand->digest, digest, &length) != 1)
        return false;
    if (algorithm == 8 || algorithm == 10)
        return EVP_PKEY_verify(context, fields->signature, fields->signature_length, digest,
                               length) == 1;
    if (fields->signature_length != (algorithm == 14 ? 96U : 64U))
        return false;
    unsigned char *der;
    int der_length = pair_to_der(fields->signature, fields->signature_length, &der);
    bool good =
        der_length > 0 && EVP_PKEY_verify(context, der, (size_t)der_length, digest, length) == 1;
    OPENSSL_free(der);
    return good;
}

static bool
message_verify(struct verify_hand *hand, unsigned index, const struct rdata_rrsig *fields)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context &&
                EVP_DigestVerifyInit(context, NULL, NULL, NULL, hand->keys->keys[index].key) == 1 &&
                EVP_DigestVerify(context, fields->signature, fields->signature_length,
                                 hand->input.data, hand->input.length) == 1;
    EVP_MD_CTX_free(context);
    return good;
}

enum verify_outcome
verify_signature(struct verify_hand *hand, const uint8_t *owner, const struct rrset *rrset,
                 const uint8_t *rrsig, size_t length)
{
    struct rdata_rrsig fields;
    if (!rdata_rrsig_read(rrsig, length, &fields))
        return VERIFY_BAD;
    enum verify_outcome outcome = VERIFY_NO_KEY;
    input_gather(&hand->input, owner, rrset, rrsig, &fields);
    for (unsigned i = 0; i < hand->keys->count && outcome != VERIFY_GOOD; i++) {
        const struct public_key *key = &hand->keys->keys[i];
        if (!may_sign(key) || key->tag != fields.key_tag || key->algorithm != fields.algorithm)
            continue;
        outcome = VERIFY_BAD; // unless this one, or another with the same tag, says otherwise
        if (key->key && (key->algorithm >= 15 ? message_verify(hand, i, &fields)
                                              : digest_verify(hand, i, &fields)))
            outcome = VERIFY_GOOD;
    }
    ERR_clear_error();
    return outcome;
}
