// One key of a zone: its public face, its role, its state; the private part rests in key_memory
// behind a slot. A key_pair belongs to one keyset or to the caller; plain values, copied by
// assignment only together with the ownership of its slot and its face (apex and DNSKEY, as long as
// they are: ten thousand zones have two keys each).
#ifndef TANDEM_KEYS_KEY_PAIR_H
#define TANDEM_KEYS_KEY_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/octets.h"
#include "common/dns/name.h"
#include "secondary/signer/keys/key_algorithm.h"
#include "secondary/signer/keys/key_memory.h"
#include "secondary/signer/keys/key_state.h"

#define KEY_FLAG_ZONE   0x0100 // RFC 4034 section 2.1.1
#define KEY_FLAG_SEP    0x0001
#define KEY_FLAG_REVOKE 0x0080 // RFC 5011

enum key_role { KEY_KSK, KEY_ZSK, KEY_CSK };

struct key_pair {
    uint8_t *apex; // lower case
    enum key_role role;
    uint8_t algorithm;
    uint16_t flags;
    uint16_t tag;
    uint16_t dnskey_length;
    uint8_t *dnskey; // DNSKEY RDATA as it is published; behind the apex in the same memory
    enum key_state state;
    struct key_times times;
    bool imported; // its only copy may be ours, but it was not made here: never dropped unasked
    key_slot secret;
};

const char *key_role_word(enum key_role role);                      // "KSK"
bool key_role_from_word(const char *word, enum key_role *ret_role); // any case
uint16_t key_role_flags(enum key_role role);                        // 257, 256, 257

// A fresh key of role in state generated at now. Faults: an algorithm that this version does not
// sign with.
bool key_pair_generate(struct key_memory *memory, const uint8_t *apex, enum key_role role,
                       uint8_t algorithm, int64_t now, struct key_pair *ret_key,
                       struct fault *fault);
// A key from its parts. public_key: the key field of the DNSKEY, or length 0 when only the private
// part is known (it is computed). Faults: a public part that does not belong to the private one,
// sizes, algorithm.
struct key_parts {
    enum key_role role;
    uint16_t flags; // 0: those of the role
    uint8_t algorithm;
    struct octets public_key;
    struct octets secret; // as in key_memory: ECDSA and EdDSA: the private value in secret_size
                          // octets; RSA: as key_rsa_pack gives it
};
bool key_pair_from_parts(struct key_memory *memory, const uint8_t *apex,
                         const struct key_parts *parts, struct key_pair *ret_key,
                         struct fault *fault);
// Wipes the private part, frees the face, clears the key.
void key_pair_close(struct key_memory *memory, struct key_pair *key);

bool key_pair_signs_dnskey(const struct key_pair *key); // active KSK or CSK
bool key_pair_signs_zone(const struct key_pair *key);   // active ZSK or CSK
// Octets of one signature of this key.
size_t key_pair_signature_size(const struct key_pair *key);
// Size of the key as operators say it: 2048 of an RSA modulus, 256 of P-256 and Ed25519.
unsigned key_pair_bits(const struct key_pair *key);

// DS RDATA (RFC 4034 section 5.1.4). digest_type: 2 SHA-256, 4 SHA-384. Gives its length.
#define KEY_DS_MAX 52
size_t key_pair_ds(const struct key_pair *key, uint8_t digest_type,
                   uint8_t ret_rdata[static KEY_DS_MAX]);
// "example.gov. 3600 IN DS 12345 13 2 ABCD..." for both digests, SHA-256 first, a line each. For
// `key ds`.
void key_pair_ds_text(const struct key_pair *key, uint32_t ttl, struct octets_buffer *text);
// "example.gov. 3600 IN DNSKEY 257 3 13 base64". For `key dnskey`.
void key_pair_dnskey_text(const struct key_pair *key, uint32_t ttl, struct octets_buffer *text);

#endif
