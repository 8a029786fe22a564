// A prepared signing context: one for each thread and key (EVP_PKEY_sign over a digest made beside
// it; Ed25519: key_ed25519). Made and freed by the main thread, which alone touches key_memory;
// used by one thread at a time.
#ifndef TANDEM_KEYS_KEY_SIGNER_H
#define TANDEM_KEYS_KEY_SIGNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "secondary/signer/keys/key_pair.h"

struct key_signer;

// Faults: libcrypto refuses the key. key need not live on.
bool key_signer_new(struct key_memory *memory, const struct key_pair *key,
                    struct key_signer **ret_signer, struct fault *fault);
void key_signer_free(struct key_signer **signer);
// The signature over input in DNSSEC's form (RFC 6605: r and s, 64 octets for P-256). Gives its
// length in *ret_length; false: libcrypto failed.
bool key_signer_sign(struct key_signer *signer, const uint8_t *input, size_t input_length,
                     uint8_t ret_signature[static KEY_SIGNATURE_MAX], size_t *ret_length);

// Whether the same key and input always make the same signature: RSA and EdDSA always, ECDSA where
// libcrypto knows deterministic nonces (RFC 6979; OpenSSL 3.2 and later).
bool key_signer_is_deterministic(uint8_t algorithm);

#endif
