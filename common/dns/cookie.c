#include "common/dns/cookie.h"

#include "common/base/fault.h"
#include "common/base/hash.h"
#include "common/base/octets.h"

#include <string.h>

#define COOKIE_VERSION     1    // RFC 9018 section 4.1
#define COOKIE_AGE_MAX     3600 // seconds, RFC 9018 section 4.3
#define COOKIE_AHEAD_MAX   300  // seconds: servers of one fleet have clocks of their own
#define COOKIE_ADDRESS_MAX 16
#define COOKIE_HASH_OFFSET (COOKIE_CLIENT_SIZE + 8) // behind version, reserved and timestamp

// Client cookie | version | reserved | timestamp | client address, RFC 9018 section 4.4. The hash
// is written with its lowest octet first.
static void
cookie_hash(const uint8_t secret[static COOKIE_SECRET_SIZE], const uint8_t *cookie,
            const uint8_t *address, size_t address_length, uint8_t ret_hash[static 8])
{
    uint8_t input[COOKIE_HASH_OFFSET + COOKIE_ADDRESS_MAX];
    ENSURE(address_length == 4 || address_length == COOKIE_ADDRESS_MAX);
    memcpy(input, cookie, COOKIE_HASH_OFFSET);
    memcpy(input + COOKIE_HASH_OFFSET, address, address_length);
    uint64_t hash = hash_siphash24(secret, input, COOKIE_HASH_OFFSET + address_length);
    for (unsigned i = 0; i < 8; i++)
        ret_hash[i] = (uint8_t)(hash >> 8 * i);
}

void
cookie_make(const struct cookie_secrets *secrets, const uint8_t client[static COOKIE_CLIENT_SIZE],
            const uint8_t *address, size_t address_length, uint32_t now,
            uint8_t ret_cookie[static COOKIE_CLIENT_SIZE + COOKIE_SERVER_SIZE])
{
    ENSURE(secrets->count > 0);
    memcpy(ret_cookie, client, COOKIE_CLIENT_SIZE);
    memset(ret_cookie + COOKIE_CLIENT_SIZE, 0, 4);
    ret_cookie[COOKIE_CLIENT_SIZE] = COOKIE_VERSION;
    octets_put_u32(ret_cookie + COOKIE_CLIENT_SIZE + 4, now);
    cookie_hash(secrets->secret[0], ret_cookie, address, address_length,
                ret_cookie + COOKIE_HASH_OFFSET);
}

// The timestamp is a serial number (RFC 1982), so that it works on past 2106.
static bool
timestamp_fits(uint32_t timestamp, uint32_t now)
{
    int32_t age = (int32_t)(now - timestamp);
    return age <= COOKIE_AGE_MAX && age >= -COOKIE_AHEAD_MAX;
}

// In constant time: how many octets fit must not be told to one who guesses.
static bool
hash_equal(const uint8_t *a, const uint8_t *b)
{
    uint8_t difference = 0;
    for (unsigned i = 0; i < 8; i++)
        difference |= a[i] ^ b[i];
    return difference == 0;
}

bool
cookie_check(const struct cookie_secrets *secrets, const uint8_t *cookie, size_t length,
             const uint8_t *address, size_t address_length, uint32_t now)
{
    if (length != COOKIE_CLIENT_SIZE + COOKIE_SERVER_SIZE ||
        cookie[COOKIE_CLIENT_SIZE] != COOKIE_VERSION ||
        !timestamp_fits(octets_get_u32(cookie + COOKIE_CLIENT_SIZE + 4), now))
        return false;
    // The reserved octets are hashed as received, not asked to be zero (RFC 9018 section 4.2).
    for (unsigned i = 0; i < secrets->count; i++) {
        uint8_t hash[8];
        cookie_hash(secrets->secret[i], cookie, address, address_length, hash);
        if (hash_equal(hash, cookie + COOKIE_HASH_OFFSET))
            return true;
    }
    return false;
}
