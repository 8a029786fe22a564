// Why libsodium here and libcrypto for the rest, and where does the secret stand while it signs?
//
// libsodium signs Ed25519 about twice as fast as OpenSSL 3.0 (tests/bench/algorithms; the numbers
// are in ../README.md). And it signs from octets that we own, so that, unlike an EVP_PKEY, the
// secret need never stand in ordinary memory: it is in pages with guards on both sides, locked and
// left out of core dumps. libsodium copies the hashed scalar to its stack for the time of one
// signature and wipes it.
//
// The pages are per key, not per thread: they are only read while threads sign, so sharing costs
// nothing, and one copy of a secret is better than one for each core. Access follows use: closed at
// rest, read-only from the first signer that is made to the last that is freed. A batch makes its
// signers before it starts and frees them after it, so the two mprotect calls are two for each
// batch, not for each signature.
#include "secondary/signer/keys/key_ed25519.h"

#include <stdlib.h>

#include <sodium.h>

#include "common/base/arena.h"
#include "common/base/fault.h"

_Static_assert(crypto_sign_ed25519_SEEDBYTES == KEY_ED25519_SEED, "RFC 8032");
_Static_assert(crypto_sign_ed25519_PUBLICKEYBYTES == KEY_ED25519_PUBLIC, "RFC 8032");
_Static_assert(crypto_sign_ed25519_BYTES == KEY_ED25519_SIGNATURE, "RFC 8032");

struct key_ed25519 {
    uint8_t *secret; // guarded; crypto_sign_ed25519_SECRETKEYBYTES
    unsigned owners; // whoever made it, and the signers
    unsigned signers;
};

void
key_ed25519_public(const uint8_t seed[static KEY_ED25519_SEED],
                   uint8_t ret_public[static KEY_ED25519_PUBLIC])
{
    uint8_t secret[crypto_sign_ed25519_SECRETKEYBYTES];
    crypto_sign_ed25519_seed_keypair(ret_public, secret, seed);
    sodium_memzero(secret, sizeof secret);
}

struct key_ed25519 *
key_ed25519_new(const uint8_t seed[static KEY_ED25519_SEED])
{
    ENSURE(sodium_init() >= 0);
    struct key_ed25519 *key = memory_zalloc(sizeof *key);
    uint8_t public_key[KEY_ED25519_PUBLIC];
    key->secret = sodium_malloc(crypto_sign_ed25519_SECRETKEYBYTES);
    ENSURE(key->secret);
    crypto_sign_ed25519_seed_keypair(public_key, key->secret, seed);
    ENSURE(sodium_mprotect_noaccess(key->secret) == 0);
    key->owners = 1;
    return key;
}

void
key_ed25519_release(void *object)
{
    struct key_ed25519 *key = object;
    ENSURE(key->owners > 0);
    if (--key->owners > 0)
        return;
    sodium_free(key->secret); // wipes
    free(key);
}

void
key_ed25519_hold(struct key_ed25519 *key)
{
    key->owners++;
    if (key->signers++ == 0)
        ENSURE(sodium_mprotect_readonly(key->secret) == 0);
}

void
key_ed25519_drop(struct key_ed25519 *key)
{
    ENSURE(key->signers > 0);
    if (--key->signers == 0)
        ENSURE(sodium_mprotect_noaccess(key->secret) == 0);
    key_ed25519_release(key);
}

bool
key_ed25519_is_readable(const struct key_ed25519 *key)
{
    return key->signers > 0;
}

void
key_ed25519_sign(const struct key_ed25519 *key, const uint8_t *input, size_t length,
                 uint8_t ret_signature[static KEY_ED25519_SIGNATURE])
{
    crypto_sign_ed25519_detached(ret_signature, NULL, input, length, key->secret);
}
