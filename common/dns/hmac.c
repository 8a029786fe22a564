// OpenSSL looks an algorithm up by name, which takes a lock and a table; so one prepared context
// for each hash is made once in the process and copied for each use.
#include "common/dns/hmac.h"

#include "common/base/fault.h"
#include "common/base/octets.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <pthread.h>
#include <string.h>

#define HASH_COUNT 5

static const struct {
    char name[8];
    size_t size;
} hashes[HASH_COUNT] = {
    [HMAC_SHA1] = {"SHA1", 20},     [HMAC_SHA224] = {"SHA224", 28}, [HMAC_SHA256] = {"SHA256", 32},
    [HMAC_SHA384] = {"SHA384", 48}, [HMAC_SHA512] = {"SHA512", 64},
};
static EVP_MAC_CTX *prepared[HASH_COUNT]; // for the life of the process
static pthread_once_t prepared_once = PTHREAD_ONCE_INIT;

static void
prepare(void)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    ENSURE(mac);
    for (unsigned i = 0; i < HASH_COUNT; i++) {
        char name[sizeof(hashes[i].name)];
        memcpy(name, hashes[i].name, sizeof(name));
        const OSSL_PARAM parameters[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
            OSSL_PARAM_construct_end(),
        };
        prepared[i] = EVP_MAC_CTX_new(mac);
        ENSURE(prepared[i] && EVP_MAC_CTX_set_params(prepared[i], parameters));
    }
    EVP_MAC_free(mac);
}

size_t
hmac_size(enum hmac_hash hash)
{
    return hashes[hash].size;
}

void
hmac_init(struct hmac *hmac, enum hmac_hash hash, const uint8_t *secret, size_t length)
{
    pthread_once(&prepared_once, prepare);
    EVP_MAC_CTX *context = EVP_MAC_CTX_dup(prepared[hash]);
    ENSURE(context && EVP_MAC_init(context, secret, length, NULL));
    hmac->context = context;
}

void
hmac_add(struct hmac *hmac, const void *octets, size_t length)
{
    if (length) // octets may then be NULL
        ENSURE(EVP_MAC_update(hmac->context, octets, length));
}

void
hmac_add_u16(struct hmac *hmac, uint16_t value)
{
    uint8_t octets[2];
    octets_put_u16(octets, value);
    hmac_add(hmac, octets, sizeof(octets));
}

void
hmac_add_u32(struct hmac *hmac, uint32_t value)
{
    uint8_t octets[4];
    octets_put_u32(octets, value);
    hmac_add(hmac, octets, sizeof(octets));
}

size_t
hmac_end(struct hmac *hmac, uint8_t ret_mac[static HMAC_SIZE_MAX])
{
    size_t length = 0;
    ENSURE(EVP_MAC_final(hmac->context, ret_mac, &length, HMAC_SIZE_MAX));
    EVP_MAC_CTX_free(hmac->context);
    hmac->context = NULL;
    return length;
}

bool
hmac_equal(const uint8_t *a, const uint8_t *b, size_t length)
{
    return CRYPTO_memcmp(a, b, length) == 0;
}
