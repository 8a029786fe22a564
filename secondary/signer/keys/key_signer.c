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

#include <openssl/err.h>
#include <openssl/evp.h>

#include "common/base/arena.h"
#include "secondary/signer/keys/key_crypto.h"

struct key_signer {
    EVP_PKEY *key;
    EVP_PKEY_CTX *context;
    EVP_MD *digest_kind;
    EVP_MD_CTX *digest;
    size_t half; // octets of r and of s
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
    request->object = key_crypto_object(key->algorithm, (struct octets){secret, length}, public_key,
                                        request->fault);
    return request->object != NULL;
}

static EVP_PKEY *
object_of(struct key_memory *memory, const struct key_pair *key, struct fault *fault)
{
    void *object = key_memory_object(memory, key->secret);
    if (object)
        return object;
    struct object_request request = {.key = key, .fault = fault};
    if (!key_memory_with(memory, key->secret, object_make, &request))
        return NULL;
    key_memory_object_set(memory, key->secret, request.object, key_crypto_object_free);
    return request.object;
}

static bool
signer_prepare(struct key_signer *signer, EVP_PKEY *object)
{
    signer->half = 32;
    if (EVP_PKEY_up_ref(object) != 1)
        return false;
    signer->key = object;
    signer->context = EVP_PKEY_CTX_new_from_pkey(NULL, object, NULL);
    signer->digest_kind = EVP_MD_fetch(NULL, "SHA256", NULL);
    signer->digest = EVP_MD_CTX_new();
    return signer->context && signer->digest_kind && signer->digest &&
           EVP_PKEY_sign_init(signer->context) == 1 &&
           EVP_DigestInit_ex2(signer->digest, signer->digest_kind, NULL) == 1;
}

bool
key_signer_new(struct key_memory *memory, const struct key_pair *key,
               struct key_signer **ret_signer, struct fault *fault)
{
    EVP_PKEY *object = object_of(memory, key, fault);
    if (!object)
        return fault_wrap(fault, "key %u", key->tag);
    struct key_signer *signer = memory_zalloc(sizeof *signer);
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

bool
key_signer_sign(struct key_signer *signer, const uint8_t *input, size_t input_length,
                uint8_t ret_signature[static KEY_SIGNATURE_MAX], size_t *ret_length)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    uint8_t der[KEY_SIGNATURE_MAX];
    unsigned digest_length;
    size_t der_length = sizeof der;
    bool good = digest_of(signer, input, input_length, digest, &digest_length) &&
                EVP_PKEY_sign(signer->context, der, &der_length, digest, digest_length) == 1 &&
                der_to_pair(der, der_length, signer->half, ret_signature);
    if (!good) {
        ERR_clear_error();
        return false;
    }
    *ret_length = 2 * signer->half;
    return true;
}
