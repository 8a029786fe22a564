// HMAC (RFC 2104) over pieces, with the hashes that TSIG knows: the door to OpenSSL for it.
#ifndef TANDEM_DNS_HMAC_H
#define TANDEM_DNS_HMAC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HMAC_SIZE_MAX 64

enum hmac_hash { HMAC_SHA1, HMAC_SHA224, HMAC_SHA256, HMAC_SHA384, HMAC_SHA512 };

struct hmac {
    void *context; // OpenSSL's
};
// Octets of the result: 20 to 64.
size_t hmac_size(enum hmac_hash hash);
// The secret is used until the return only.
void hmac_init(struct hmac *hmac, enum hmac_hash hash, const uint8_t *secret, size_t length);
void hmac_add(struct hmac *hmac, const void *octets, size_t length);
void hmac_add_u16(struct hmac *hmac, uint16_t value); // network order
void hmac_add_u32(struct hmac *hmac, uint32_t value);
// Frees what hmac_init took, and gives the length.
size_t hmac_end(struct hmac *hmac, uint8_t ret_mac[static HMAC_SIZE_MAX]);
// In constant time.
bool hmac_equal(const uint8_t *a, const uint8_t *b, size_t length);

#endif
