// An RSA key as octets: its eight numbers (RFC 8017 section 3.2, the second representation) behind
// each other in one secret of key_memory. libcrypto's side of RSA; called by key_crypto.
#ifndef TANDEM_KEYS_KEY_RSA_H
#define TANDEM_KEYS_KEY_RSA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/octets.h"
#include "secondary/signer/keys/key_algorithm.h"

#define KEY_RSA_BITS_MIN   1024 // RFC 5702 section 2.2 for SHA-512; below it nobody validates
#define KEY_RSA_BITS_GOOD  2048 // NIST SP 800-57; what is shorter is told
#define KEY_RSA_BITS_MAX   4096 // RFC 3110 section 2
#define KEY_RSA_NUMBER_MAX (KEY_RSA_BITS_MAX / 8) // octets of one number

enum key_rsa_part {
    KEY_RSA_MODULUS,
    KEY_RSA_PUBLIC_EXPONENT,
    KEY_RSA_PRIVATE_EXPONENT,
    KEY_RSA_PRIME1,
    KEY_RSA_PRIME2,
    KEY_RSA_EXPONENT1,
    KEY_RSA_EXPONENT2,
    KEY_RSA_COEFFICIENT,
    KEY_RSA_PARTS,
};
// "Modulus", "PublicExponent" ...: the words of BIND's files.
const char *key_rsa_part_word(enum key_rsa_part part);

// Octets of eight numbers (leading zeros are dropped) to a secret of KEY_SECRET_MAX octets; gives
// its length. Faults name the number that is missing or too long.
bool key_rsa_pack(const struct octets numbers[static KEY_RSA_PARTS], uint8_t *ret_secret,
                  size_t *ret_length, struct fault *fault);
// The numbers of a secret, borrowed. Faults: no packed key.
bool key_rsa_unpack(struct octets secret, struct octets ret_numbers[static KEY_RSA_PARTS],
                    struct fault *fault);
// Whether the numbers belong together (n = pq, the exponents, the coefficient) and are of a size
// that is signed with. Faults name the number that is wrong.
bool key_rsa_check(const struct octets numbers[static KEY_RSA_PARTS], struct fault *fault);

bool key_rsa_generate(unsigned bits, uint8_t *ret_secret, size_t *ret_length, struct fault *fault);
// RFC 3110 section 2: the key field of a DNSKEY.
bool key_rsa_public(struct octets secret, uint8_t ret_public[static KEY_DNSKEY_MAX],
                    size_t *ret_length, struct fault *fault);
// Bits of the modulus in the key field of a DNSKEY; 0: it holds none.
unsigned key_rsa_bits(struct octets public_key);
// libcrypto's EVP_PKEY, or NULL.
void *key_rsa_object(struct octets secret);
// The secret of libcrypto's RSA EVP_PKEY (from PEM).
bool key_rsa_from_object(const void *object, uint8_t *ret_secret, size_t *ret_length,
                         struct fault *fault);

#endif
