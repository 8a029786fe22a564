// The signed input is put together here once more, RR by RR through rrset_next and with the RRSIG's
// own original TTL, and the key from its wire form: nothing that the signing path computed is used
// (signing.md, "Signing"). Nor is its library where it has a choice: Ed25519 is signed by libsodium
// and verified by libcrypto, so that a fault of either shows. That is half as fast as libsodium's
// verification would be; the bulk of a large change is verified after it was published.
//
// What costs nothing twice: digests are fetched once for a set of keys, contexts made once for a
// thread and key and used again, and r and s become DER on the stack. What is left is libcrypto's
// own work: with ECDSA and EdDSA within a tenth of `openssl speed`, with RSA, whose verification is
// cheap, three quarters of it. P-256 is verified at a third of the rate of
// signing. libcrypto has no table for a public point that is used often; one of our own would be
// about twice as fast, and would be arithmetic of ours in the one place that must not be wrong.
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
#define PROTOCOL    3 // RFC 4034 section 2.1.2

#define RSA_BITS_MIN        512  // RFC 5702 section 2.1
#define RSA_BITS_MIN_SHA512 1024 // section 2.2
#define RSA_BITS_MAX        4096

#define P256_SIZE 32 // octets of a coordinate, of r and of s
#define P384_SIZE 48
// SEQUENCE of two INTEGERs, each with a leading zero: below 128 octets, so lengths are one octet.
#define DER_MAX (2 + 2 * (2 + 1 + P384_SIZE))

enum { SHA256, SHA384, SHA512, DIGESTS };
static const char *const digest_names[DIGESTS] = {"SHA256", "SHA384", "SHA512"};

struct public_key {
    uint16_t flags, tag;
    uint8_t protocol, algorithm;
    EVP_PKEY *key; // NULL: not one of its algorithm
};

struct verify_keys {
    struct public_key keys[VERIFY_KEYS_MAX];
    unsigned count;
    EVP_MD *digests[DIGESTS];
};

struct key_context {        // made when first used
    EVP_PKEY_CTX *prepared; // over a digest: RSA, ECDSA
    EVP_MD_CTX *message;    // over the whole: EdDSA
};

struct verify_hand {
    const struct verify_keys *keys;
    struct key_context contexts[VERIFY_KEYS_MAX];
    EVP_MD_CTX *digests[DIGESTS];
    struct octets_buffer input;
};

static bool
is_rsa(uint8_t algorithm)
{
    return algorithm == 8 || algorithm == 10;
}

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
    uint8_t point[1 + 2 * P384_SIZE] = {4};
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

// RFC 3110 section 2: length of the exponent, exponent, modulus; neither begins with a zero.
static EVP_PKEY *
key_of_rsa(const uint8_t *field, size_t length, unsigned least_bits)
{
    size_t head = 1, exponent = length > 0 ? field[0] : 0;
    if (exponent == 0 && length > 3) {
        exponent = octets_get_u16(field + 1);
        head = 3;
    }
    if (exponent == 0 || length <= head + exponent || field[head] == 0 ||
        field[head + exponent] == 0 || length - head - exponent > RSA_BITS_MAX / 8)
        return NULL;
    EVP_PKEY *key = NULL;
    BIGNUM *e = BN_bin2bn(field + head, (int)exponent, NULL);
    BIGNUM *n = BN_bin2bn(field + head + exponent, (int)(length - head - exponent), NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (e && n && build && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e))
        key = key_from_params("RSA", build);
    if (key && (unsigned)BN_num_bits(n) < least_bits) {
        EVP_PKEY_free(key);
        key = NULL;
    }
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
        return key_of_rsa(field, length, RSA_BITS_MIN);
    case 10:
        return key_of_rsa(field, length, RSA_BITS_MIN_SHA512);
    case 13:
        return key_of_curve("P-256", 2 * P256_SIZE, field, length);
    case 14:
        return key_of_curve("P-384", 2 * P384_SIZE, field, length);
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
    for (unsigned i = 0; i < DIGESTS; i++)
        ENSURE((keys->digests[i] = EVP_MD_fetch(NULL, digest_names[i], NULL)));
    while (keys->count < VERIFY_KEYS_MAX &&
           rrset_next(dnskey->wire, dnskey->wire_length, &position, &rr)) {
        if (rr.rdlength <= DNSKEY_HEAD)
            continue;
        struct public_key *key = &keys->keys[keys->count++];
        key->flags = octets_get_u16(rr.rdata);
        key->protocol = rr.rdata[2];
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
    for (unsigned i = 0; i < DIGESTS; i++)
        EVP_MD_free((*keys)->digests[i]);
    free(*keys);
    *keys = NULL;
}

static bool
may_sign(const struct public_key *key)
{
    return (key->flags & FLAG_ZONE) && !(key->flags & FLAG_REVOKE) && key->protocol == PROTOCOL;
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
    for (unsigned i = 0; i < DIGESTS; i++) {
        hand->digests[i] = EVP_MD_CTX_new();
        ENSURE(hand->digests[i] &&
               EVP_DigestInit_ex(hand->digests[i], keys->digests[i], NULL) == 1);
    }
    octets_buffer_init(&hand->input);
    return hand;
}

void
verify_hand_free(struct verify_hand **hand)
{
    if (!*hand)
        return;
    for (unsigned i = 0; i < VERIFY_KEYS_MAX; i++) {
        EVP_PKEY_CTX_free((*hand)->contexts[i].prepared);
        EVP_MD_CTX_free((*hand)->contexts[i].message);
    }
    for (unsigned i = 0; i < DIGESTS; i++)
        EVP_MD_CTX_free((*hand)->digests[i]);
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

static unsigned
digest_for(uint8_t algorithm)
{
    return algorithm == 14 ? SHA384 : algorithm == 10 ? SHA512 : SHA256;
}

static EVP_PKEY_CTX *
prepared_for(struct verify_hand *hand, unsigned index)
{
    const struct public_key *key = &hand->keys->keys[index];
    EVP_PKEY_CTX *context = hand->contexts[index].prepared;
    if (context)
        return context;
    context = EVP_PKEY_CTX_new_from_pkey(NULL, key->key, NULL);
    if (!context || EVP_PKEY_verify_init(context) != 1 ||
        (is_rsa(key->algorithm) &&
         (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) != 1 ||
          EVP_PKEY_CTX_set_signature_md(context, hand->keys->digests[digest_for(key->algorithm)]) !=
              1))) {
        EVP_PKEY_CTX_free(context);
        return NULL;
    }
    hand->contexts[index].prepared = context;
    return context;
}

// X.690 section 8.3: no leading zero but where the number would be negative. Gives the length.
static size_t
integer_put(uint8_t *to, const uint8_t *number, size_t size)
{
    while (size > 1 && number[0] == 0) {
        number++;
        size--;
    }
    size_t zero = number[0] >> 7;
    to[0] = 2;
    to[1] = (uint8_t)(zero + size);
    to[2] = 0;
    memcpy(to + 2 + zero, number, size);
    return 2 + zero + size;
}

// libcrypto takes r and s in DER only.
static size_t
pair_to_der(const uint8_t *pair, size_t size, uint8_t ret_der[static DER_MAX])
{
    size_t length = integer_put(ret_der + 2, pair, size);
    length += integer_put(ret_der + 2 + length, pair + size, size);
    ret_der[0] = 0x30;
    ret_der[1] = (uint8_t)length;
    return 2 + length;
}

static bool
digest_verify(struct verify_hand *hand, unsigned index, const struct rdata_rrsig *fields)
{
    uint8_t digest[EVP_MAX_MD_SIZE], der[DER_MAX];
    unsigned length;
    uint8_t algorithm = hand->keys->keys[index].algorithm;
    size_t size = algorithm == 14 ? P384_SIZE : P256_SIZE;
    EVP_PKEY_CTX *context = prepared_for(hand, index);
    EVP_MD_CTX *hash = hand->digests[digest_for(algorithm)];
    if (!context || EVP_DigestInit_ex(hash, NULL, NULL) != 1 ||
        EVP_DigestUpdate(hash, hand->input.data, hand->input.length) != 1 ||
        EVP_DigestFinal_ex(hash, digest, &length) != 1)
        return false;
    if (is_rsa(algorithm))
        return EVP_PKEY_verify(context, fields->signature, fields->signature_length, digest,
                               length) == 1;
    return fields->signature_length == 2 * size &&
           EVP_PKEY_verify(context, der, pair_to_der(fields->signature, size, der), digest,
                           length) == 1;
}

// Begins again with the same key; the first time, with it.
static bool
message_begin(struct verify_hand *hand, unsigned index)
{
    EVP_MD_CTX **context = &hand->contexts[index].message;
    if (*context && EVP_DigestVerifyInit(*context, NULL, NULL, NULL, NULL) == 1)
        return true;
    EVP_MD_CTX_free(*context);
    *context = EVP_MD_CTX_new();
    return *context &&
           EVP_DigestVerifyInit(*context, NULL, NULL, NULL, hand->keys->keys[index].key) == 1;
}

static bool
message_verify(struct verify_hand *hand, unsigned index, const struct rdata_rrsig *fields)
{
    return message_begin(hand, index) &&
           EVP_DigestVerify(hand->contexts[index].message, fields->signature,
                            fields->signature_length, hand->input.data, hand->input.length) == 1;
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
