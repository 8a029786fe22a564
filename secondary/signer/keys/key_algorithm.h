// The signing algorithms of DNSSEC as a table (RFC 8624): numbers, words, sizes. What this version
// signs with has a row; the others are known by name, so that a refusal can say what it refuses.
#ifndef TANDEM_KEYS_KEY_ALGORITHM_H
#define TANDEM_KEYS_KEY_ALGORITHM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"

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
};

// The row of an algorithm that keys and signatures are made of; NULL: none.
const struct key_algorithm *key_algorithm_find(uint8_t number);
// By word or mnemonic in any case, or by number; NULL: none that signs.
const struct key_algorithm *key_algorithm_from_word(const char *word);
bool key_algorithm_is_rsa(uint8_t number);
// IANA's mnemonic of any number ("RSASHA1", "unassigned").
const char *key_algorithm_name(uint8_t number);
// Sets FAULT_UNSUPPORTED with name, number and what to use instead; gives false.
bool key_algorithm_refuse(unsigned long number, struct fault *fault);

#endif
