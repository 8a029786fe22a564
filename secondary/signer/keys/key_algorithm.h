// The signing algorithms of DNSSEC as a table (RFC 8624): numbers, words, sizes. What this version
// signs with has `signs`; the others are known by name, so that a refusal can say what it refuses.
#ifndef TANDEM_KEYS_KEY_ALGORITHM_H
#define TANDEM_KEYS_KEY_ALGORITHM_H

#include <stdbool.h>
#include <stdint.h>

enum key_algorithm_number {
    KEY_RSASHA256 = 8,
    KEY_RSASHA512 = 10,
    KEY_ECDSAP256SHA256 = 13,
    KEY_ECDSAP384SHA384 = 14,
    KEY_ED25519 = 15,
    KEY_ED448 = 16,
};

#define KEY_SIGNATURE_MAX 512 // octets of the largest signature (RSA of 4096 bits)
#define KEY_SECRET_MAX                                                                             \
    2560 // octets of the largest private key (RSA of 4096 bits with its CRT parts)
#define KEY_DNSKEY_MAX                                                                             \
    640 // octets of the largest DNSKEY RDATA (4 and RSA of 4096 bits with its exponent)

struct key_algorithm {
    uint8_t number;
    const char *mnemonic;    // "ECDSAP256SHA256": DNSKEY comments, BIND files
    const char *word;        // "ecdsap256sha256": configuration, JSON
    uint16_t bits;           // of a fresh key
    uint16_t public_size;    // octets of the DNSKEY's public key; 0 where it varies (RSA)
    uint16_t secret_size;    // octets in key_memory; 0 where it varies
    uint16_t signature_size; // octets; 0: as many as the RSA modulus
    bool signs;              // this version makes keys and signatures of it
};

const struct key_algorithm *key_algorithm_find(uint8_t number); // NULL: unknown
const struct key_algorithm *
key_algorithm_from_word(const char *word); // any case, or a number; NULL

#endif
