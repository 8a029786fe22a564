// Why EVP_PKEY_sign over a digest, and not EVP_DigestSign?
//
// A zone has a million RRsets and one key. EVP_DigestSign sets up a signature context anew for each
// of them, which costs a fifth of the whole (44 k against 52 k signatures a second and core for
// P-256, OpenSSL 3.0). A prepared EVP_PKEY_CTX signs digest after digest; the digest's own context
// and algorithm are fetched once as well. For the same reason the DER form that libcrypto gives
// (SEQUENCE of two INTEGERs) is taken apart here by hand: it is seven octets of shape around two
// numbers, checked to the last octet.
#include "secondary/signer/keys/key_signer.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "common/base/arena.h"
#include "secondary/signer/keys/key_crypto.h"
#include "secondary/signer/keys/key_ed25519.h"

#ifdef OSSL_SIGNATURE_PARAM_NONCE_TYPE
#define NONCE_TYPE OSSL_SIGNATURE_PARAM_NONCE_TYPE
#else
#define NONCE_TYPE "nonce-type"
#endif

// How an algorithm signs: what it hashes with before (NULL: it hashes for itself) and what comes
// out.
static const struct method {
    uint8_t algorithm;
    const char *digest;
    size_t half; // ECDSA: octets of r and of s
} methods[] = {
    {KEY_RSASHA256, "SHA256", 0},
    {KEY_RSASHA512, "SHA512", 0},
    {KEY_ECDSAP256SHA256, "SHA256", 32},
    {KEY_ECDSAP384SHA384, "SHA384", 48},
    {KEY_ED25519, NULL, 0},
    {KEY_ED448, NULL, 0},
};

struct key_signer {
    const struct method *method;
    EVP_PKEY *key; // NULL for Ed25519
    EVP_PKEY_CTX *context;
    EVP_MD *digest_kind;
    EVP_MD_CTX *digest; // Ed448: signs whole inputs
    struct key_ed25519 *ed25519;
};

struct object_request {
    const struct key_pair *key;
    void *object;
    struct fault *fault;
};

static bool
object_make(void *context, const uint8_t *secret, size_t length)
{
    struct object_request *request = context;
    const struct key_pair *key = request->key;
    struct octets public_key = {key->dnskey + 4, key->dnskey_length - 4U};
    if (key->algorithm == KEY_ED25519)
        request->object = key_ed25519_new(secret);
    else
        request->object = key_crypto_object(key->algorithm, (struct octets){secret, length},
                                            public_key, request->fault);
    return request->object != NULL;
}

static void *
object_of(struct key_memory *memory, const struct key_pair *key, struct fault *fault)
{
    void *object = key_memory_object(memory, key->secret);
    if (object)
        return object;
    struct object_request request = {.key = key, .fault = fault};
    if (!key_memory_with(memory, key->secret, object_make, &request))
        return NULL;
    key_memory_object_set(memory, key->secret, request.object,
                          key->algorithm == KEY_ED25519 ? key_ed25519_release
                                                        : key_crypto_object_free);
    return request.object;
}

static const struct method *
method_of(uint8_t algorithm)
{
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (methods[i].algorithm == algorithm)
            return &methods[i];
    return NULL;
}

// RFC 6979, from OpenSSL 3.2 on: two signers with the same key and input make the same octets. The
// name of the parameter is written out, so that a build against 3.0 that runs with a later library
// has it too. Where there is none (Debian 12) the nonce is random, as ever.
static bool
nonce_is_settable(EVP_PKEY_CTX *context)
{
    const OSSL_PARAM *settable = EVP_PKEY_CTX_settable_params(context);
    return settable && OSSL_PARAM_locate_const(settable, NONCE_TYPE);
}

static bool
nonce_prepare(struct key_signer *signer)
{
    unsigned deterministic = 1;
    if (!nonce_is_settable(signer->context))
        return true;
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_uint(NONCE_TYPE, &deterministic),
                               OSSL_PARAM_construct_end()};
    return EVP_PKEY_CTX_set_signature_md(signer->context, signer->digest_kind) == 1 &&
           EVP_PKEY_CTX_set_params(signer->context, parameters) == 1;
}

bool
key_signer_is_deterministic(uint8_t algorithm)
{
    const struct method *method = method_of(algorithm);
    if (!method || !method->half)
        return method != NULL;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    EVP_PKEY_CTX *context = key ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
    bool settable = context && EVP_PKEY_sign_init(context) == 1 && nonce_is_settable(context);
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return settable;
}

static bool
context_prepare(struct key_signer *signer)
{
    signer->digest_kind = EVP_MD_fetch(NULL, signer->method->digest, NULL);
    signer->context = EVP_PKEY_CTX_new_from_pkey(NULL, signer->key, NULL);
    if (!signer->context || !signer->digest_kind || EVP_PKEY_sign_init(signer->context) != 1 ||
        EVP_DigestInit_ex2(signer->digest, signer->digest_kind, NULL) != 1)
        return false;
    if (signer->method->half)
        return nonce_prepare(signer);
    return EVP_PKEY_CTX_set_rsa_padding(signer->context, RSA_PKCS1_PADDING) == 1 &&
           EVP_PKEY_CTX_set_signature_md(signer->context, signer->digest_kind) == 1;
}

static bool
signer_prepare(struct key_signer *signer, void *object)
{
    if (signer->method->algorithm == KEY_ED25519) {
        signer->ed25519 = object;
        key_ed25519_hold(signer->ed25519);
        return true;
    }
    if (EVP_PKEY_up_ref(object) != 1)
        return false;
    signer->key = object;
    signer->digest = EVP_MD_CTX_new();
    return signer->digest && (!signer->method->digest || context_prepare(signer));
}

bool
key_signer_new(struct key_memory *memory, const struct key_pair *key,
               struct key_signer **ret_signer, struct fault *fault)
{
    const struct method *method = method_of(key->algorithm);
    void *object = method ? object_of(memory, key, fault) : NULL;
    if (!method)
        key_algorithm_refuse(key->algorithm, fault);
    if (!object)
        return fault_wrap(fault, "key %u", key->tag);
    struct key_signer *signer = memory_zalloc(sizeof *signer);
    signer->method = method;
    if (!signer_prepare(signer, object)) {
        key_signer_free(&signer);
        ERR_clear_error();
        return fault_set(fault, FAULT_CORRUPT, "key %u: libcrypto prepares no signature of it",
                         key->tag);
    }
    *ret_signer = signer;
    return true;
}

void
key_signer_free(struct key_signer **signer)
{
    if (!*signer)
        return;
    if ((*signer)->ed25519)
        key_ed25519_drop((*signer)->ed25519);
    EVP_MD_CTX_free((*signer)->digest);
    EVP_MD_free((*signer)->digest_kind);
    EVP_PKEY_CTX_free((*signer)->context);
    EVP_PKEY_free((*signer)->key);
    free(*signer);
    *signer = NULL;
}

// One INTEGER of a DER signature as half octets (X.690 section 8.3: a leading zero where the top
// bit is set, none else).
static bool
der_integer(struct octets_reader *reader, uint8_t *ret_number, size_t half)
{
    if (octets_read_u8(reader) != 0x02)
        return false;
    size_t length = octets_read_u8(reader);
    const uint8_t *number = octets_read_view(reader, length);
    if (!number || length == 0)
        return false;
    while (length > 0 && *number == 0) {
        number++;
        length--;
    }
    if (length > half)
        return false;
    memset(ret_number, 0, half - length);
    memcpy(ret_number + half - length, number, length);
    return true;
}

// RFC 6605 section 4: r and s beside each other. One-octet lengths do for P-256 and P-384.
static bool
der_to_pair(const uint8_t *der, size_t length, size_t half, uint8_t *ret_pair)
{
    struct octets_reader reader;
    octets_reader_init(&reader, der, length);
    return octets_read_u8(&reader) == 0x30 && octets_read_u8(&reader) == length - 2 &&
           der_integer(&reader, ret_pair, half) && der_integer(&reader, ret_pair + half, half) &&
           octets_left(&reader) == 0;
}

static bool
digest_of(struct key_signer *signer, const uint8_t *input, size_t length,
          uint8_t ret_digest[static EVP_MAX_MD_SIZE], unsigned *ret_length)
{
    return EVP_DigestInit_ex2(signer->digest, NULL, NULL) == 1 &&
           EVP_DigestUpdate(signer->digest, input, length) == 1 &&
           EVP_DigestFinal_ex(signer->digest, ret_digest, ret_length) == 1;
}

static bool
ecdsa_sign(struct key_signer *signer, const uint8_t *digest, size_t digest_length,
           uint8_t *ret_signature, size_t *ret_length)
{
    uint8_t der[KEY_SIGNATURE_MAX];
    size_t der_length = sizeof der;
    *ret_length = 2 * signer->method->half;
    return EVP_PKEY_sign(signer->context, der, &der_length, digest, digest_length) == 1 &&
           der_to_pair(der, der_length, signer->method->half, ret_signature);
}

// RFC 8080 with RFC 8032's Ed448: pure, no context; the context is set up anew for each signature,
// which does not show beside its cost.
static bool
ed448_sign(struct key_signer *signer, const uint8_t *input, size_t input_length,
           uint8_t *ret_signature, size_t *ret_length)
{
    *ret_length = KEY_SIGNATURE_MAX;
    return EVP_DigestSignInit_ex(signer->digest, NULL, NULL, NULL, NULL, signer->key, NULL) == 1 &&
           EVP_DigestSign(signer->digest, ret_signature, ret_length, input, input_length) == 1;
}

static bool
libcrypto_sign(struct key_signer *signer, const uint8_t *input, size_t input_length,
               uint8_t *ret_signature, size_t *ret_length)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_length;
    if (!signer->method->digest)
        return ed448_sign(signer, input, input_length, ret_signature, ret_length);
    if (!digest_of(signer, input, input_length, digest, &digest_length))
        return false;
    if (signer->method->half)
        return ecdsa_sign(signer, digest, digest_length, ret_signature, ret_length);
    *ret_length = KEY_SIGNATURE_MAX; // RFC 5702: as many octets as the modulus
    return EVP_PKEY_sign(signer->context, ret_signature, ret_length, digest, digest_length) == 1;
}

bool
key_signer_sign(struct key_signer *signer, const uint8_t *input, size_t input_length,
                uint8_t ret_signature[static KEY_SIGNATURE_MAX], size_t *ret_length)
{
    if (signer->ed25519) {
        key_ed25519_sign(signer->ed25519, input, input_length, ret_signature);
        *ret_length = KEY_ED25519_SIGNATURE;
        return true;
    }
    if (libcrypto_sign(signer, input, input_length, ret_signature, ret_length))
        return true;
    ERR_clear_error();
    return false;
}
