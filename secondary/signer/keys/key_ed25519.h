// Ed25519 by libsodium: a secret in the form that it signs with (seed and public key beside each
// other), in guarded pages of its own. One such object serves all threads: it may be read as long
// as some signer holds it, and has no access at all otherwise. Held and dropped by the main thread;
// signing reads only and may happen on all threads at once.
#ifndef TANDEM_KEYS_KEY_ED25519_H
#define TANDEM_KEYS_KEY_ED25519_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEY_ED25519_SEED      32
#define KEY_ED25519_PUBLIC    32
#define KEY_ED25519_SIGNATURE 64

struct key_ed25519;

// The public key of a seed (RFC 8032 section 5.1.5).
void key_ed25519_public(const uint8_t seed[static KEY_ED25519_SEED],
                        uint8_t ret_public[static KEY_ED25519_PUBLIC]);
// The caller owns it; key_ed25519_release when it is no longer wanted. Signers that hold it keep it
// alive.
struct key_ed25519 *key_ed25519_new(const uint8_t seed[static KEY_ED25519_SEED]);
void key_ed25519_release(void *key); // as key_memory_object_set wants it
// For signing: readable from the first hold to the last drop.
void key_ed25519_hold(struct key_ed25519 *key);
void key_ed25519_drop(struct key_ed25519 *key);
bool key_ed25519_is_readable(const struct key_ed25519 *key); // for tests
// A held key; any thread.
void key_ed25519_sign(const struct key_ed25519 *key, const uint8_t *input, size_t length,
                      uint8_t ret_signature[static KEY_ED25519_SIGNATURE]);

#endif
