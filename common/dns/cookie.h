// DNS cookies: interoperable server cookies of RFC 9018 (SipHash-2-4), checked against two secrets.
#ifndef TANDEM_DNS_COOKIE_H
#define TANDEM_DNS_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COOKIE_CLIENT_SIZE 8
#define COOKIE_SERVER_SIZE 16
#define COOKIE_SECRET_SIZE 16

struct cookie_secrets {
    unsigned count; // 0 to 2; the first makes new cookies, both are accepted
    uint8_t secret[2][COOKIE_SECRET_SIZE];
};
// address: 4 or 16 octets in network order. now: unix seconds. Writes client cookie + server
// cookie.
void cookie_make(const struct cookie_secrets *secrets,
                 const uint8_t client[static COOKIE_CLIENT_SIZE], const uint8_t *address,
                 size_t address_length, uint32_t now,
                 uint8_t ret_cookie[static COOKIE_CLIENT_SIZE + COOKIE_SERVER_SIZE]);
// True when cookie (24 octets) is one of ours, not older than 1 h nor more than 5 min ahead (RFC
// 9018 4.3).
bool cookie_check(const struct cookie_secrets *secrets, const uint8_t *cookie, size_t length,
                  const uint8_t *address, size_t address_length, uint32_t now);

#endif
