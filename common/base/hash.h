// Keyed hashes: a fast one for our own tables (never on the wire, key from hash_key_draw so that a
// stranger cannot choose collisions), SipHash-2-4 for DNS cookies (RFC 9018), CRC32C for stored
// records, BLAKE2b for digests of content that an operator types, Poly1305 for "the same as the last
// time?".
#ifndef TANDEM_BASE_HASH_H
#define TANDEM_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash_octets(uint64_t key, const void *data, size_t length);
// One step of a running hash: 64 bits in, 64 bits out (used per label by name.h). One multiplication: what it
// gives is a state to go on from; hash_finish makes it fit for an open-addressing table.
uint64_t hash_mix(uint64_t state, uint64_t value);
uint64_t hash_finish(uint64_t state);
uint64_t hash_key_draw(void); // from libsodium's random source
// The 8 octets of SipHash's output as a little-endian number: octet 0 is the lowest 8 bits.
uint64_t hash_siphash24(const uint8_t key[static 16], const void *data, size_t length);
// The running CRC-32C (RFC 3720 appendix B.4) of what went before (0 at the start) and data. By the
// processor's instruction where it has one; hash_crc32c_table gives the same without.
uint32_t hash_crc32c(uint32_t crc, const void *data, size_t length);
uint32_t hash_crc32c_table(uint32_t crc, const void *data, size_t length);

// A universal hash (Poly1305, RFC 8439 section 2.5, with a pad that stays the same): two octet
// strings of at most 64 KiB that were chosen without knowledge of the key agree with a chance below
// 2^-90. For marks that never leave the process: as the key is used more than once, it is no MAC.
#define HASH_MARK_KEY_SIZE 32
#define HASH_MARK_SIZE     16
void hash_mark_key_draw(uint8_t ret_key[static HASH_MARK_KEY_SIZE]);
void hash_mark(const uint8_t key[static HASH_MARK_KEY_SIZE], const void *data, size_t length,
               uint8_t ret_mark[static HASH_MARK_SIZE]);

#define HASH_DIGEST_SIZE 32
struct hash_digest {
    uint8_t octets[HASH_DIGEST_SIZE];
};
struct hash_digest_state {
    _Alignas(64) unsigned char opaque[384];
};
void hash_digest_init(struct hash_digest_state *state); // BLAKE2b-256, unkeyed
void hash_digest_add(struct hash_digest_state *state, const void *data, size_t length);
void hash_digest_end(struct hash_digest_state *state, struct hash_digest *ret_digest);
// The digest of octets that lie in one piece.
void hash_digest_octets(const void *data, size_t length, struct hash_digest *ret_digest);
// Hexadecimal of the first octets octets, NUL-terminated: text holds 2 * octets + 1.
void hash_digest_text(const struct hash_digest *digest, size_t octets, char *text);

#endif
