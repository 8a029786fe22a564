// HMAC (RFC 2104) over pieces, with the hashes that TSIG knows: the door to nettle for it.
#ifndef TANDEM_DNS_HMAC_H
#define TANDEM_DNS_HMAC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HMAC_SIZE_MAX 64

enum hmac_hash { HMAC_SHA1, HMAC_SHA224, HMAC_SHA256, HMAC_SHA384, HMAC_SHA512 };

// Of nettle's context, the largest of which is that of SHA-512: three states of 216 octets.
#define HMAC_STATE_OCTETS 656

struct hmac {
    enum hmac_hash hash;
    uint64_t state[HMAC_STATE_OCTETS / sizeof(uint64_t)];
};
// Octets of the result: 20 to 64.
size_t hmac_size(enum hmac_hash hash);
// The secret is used until the return only.
void hmac_init(struct hmac *hmac, enum hmac_hash hash, const uint8_t *secret, size_t length);
void hmac_add(struct hmac *hmac, const void *octets, size_t length);
void hmac_add_u16(struct hmac *hmac, uint16_t value); // network order
void hmac_add_u32(struct hmac *hmac, uint32_t value);
// Forgets what came of the secret, and gives the length.
size_t hmac_end(struct hmac *hmac, uint8_t ret_mac[static HMAC_SIZE_MAX]);
// In constant time.
bool hmac_equal(const uint8_t *a, const uint8_t *b, size_t length);

#endif
