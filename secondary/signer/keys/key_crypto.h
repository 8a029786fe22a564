// The door to libcrypto for keys: makes them, computes public parts, reads PKCS#8. Secrets go in
// and out as octets in guarded memory of the caller; objects are opaque and freed with clearing.
#ifndef TANDEM_KEYS_KEY_CRYPTO_H
#define TANDEM_KEYS_KEY_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/octets.h"
#include "secondary/signer/keys/key_algorithm.h"

// A fresh secret of an algorithm that signs. secret: KEY_SECRET_MAX octets of scratch.
bool key_crypto_generate(uint8_t algorithm, uint8_t *ret_secret, size_t *ret_length,
                         struct fault *fault);
// The key field of the DNSKEY that belongs to a secret. Faults: a secret out of range, of a wrong
// length, an RSA key whose numbers contradict each other.
bool key_crypto_public(uint8_t algorithm, struct octets secret,
                       uint8_t ret_public[static KEY_DNSKEY_MAX], size_t *ret_length,
                       struct fault *fault);
// libcrypto's key for signing; free by key_crypto_object_free. NULL with a fault. Ed25519 has none:
// see key_ed25519.h.
void *key_crypto_object(uint8_t algorithm, struct octets secret, struct octets public_key,
                        struct fault *fault);
void key_crypto_object_free(void *object);
// PEM PKCS#8 and the older forms of each type. *ret_algorithm is 0 for an RSA key: 8 and 10 have
// the same. Faults: no PEM, encrypted, a key type or curve that no DNSSEC algorithm has.
bool key_crypto_pem(struct octets text, uint8_t *ret_algorithm, uint8_t *ret_secret,
                    size_t *ret_length, struct fault *fault);
// Octets of the digest that a DS of this type has (0: unknown type), and the digest.
size_t key_crypto_ds_digest(uint8_t digest_type, struct octets input, uint8_t *ret_digest);

#endif
