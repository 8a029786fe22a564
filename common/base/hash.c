// The table hash folds the 128-bit product of two words to 64 bits. Both factors hold the secret
// state, so nobody outside can choose an input that makes one of them zero and so wipes out what
// went before it, which is the known weakness of this family when a factor is input and public
// constant only.
#include "common/base/hash.h"

#include "common/base/fault.h"

#include <pthread.h>
#include <sodium.h>
#include <string.h>
#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

// Odd, with about as many ones as zeros in every octet: the fractional digits of sqrt(5) and
// sqrt(7).
#define HASH_TURN   0x3c6ef372fe94f82bULL
#define HASH_FINISH 0xa54ff53a5f1d36f1ULL

static pthread_once_t sodium_once = PTHREAD_ONCE_INIT;

static void
sodium_start(void)
{
    ENSURE(sodium_init() >= 0);
}

__extension__ typedef unsigned __int128 hash_product;

static uint64_t
hash_fold(uint64_t a, uint64_t b)
{
    hash_product product = (hash_product)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t
hash_mix(uint64_t state, uint64_t value)
{
    return hash_fold(state ^ value, (state << 32 | state >> 32) ^ HASH_TURN);
}

// After one step alone, inputs that differ in a few bits of one word lie on a lattice: few
// collisions, but long runs in a table that probes linearly. A second multiplication breaks it up,
// and as the running state does not wait for it, it costs next to nothing.
uint64_t
hash_finish(uint64_t state)
{
    return hash_fold(state ^ state >> 32, HASH_FINISH);
}

static uint64_t
hash_load(const uint8_t *at, size_t length)
{
    uint64_t word = 0;
    memcpy(&word, at, length);
    return word;
}

uint64_t
hash_octets(uint64_t key, const void *data, size_t length)
{
    const uint8_t *at = data;
    // The length comes first, so that trailing zero octets count.
    uint64_t state = hash_mix(key, length ^ HASH_FINISH);
    for (; length >= 8; at += 8, length -= 8)
        state = hash_mix(state, hash_load(at, 8));
    if (length)
        state = hash_mix(state, hash_load(at, length));
    return hash_finish(state);
}

uint64_t
hash_key_draw(void)
{
    pthread_once(&sodium_once, sodium_start);
    uint64_t key;
    randombytes_buf(&key, sizeof key);
    return key;
}

uint64_t
hash_siphash24(const uint8_t key[static 16], const void *data, size_t length)
{
    _Static_assert(crypto_shorthash_siphash24_KEYBYTES == 16, "SipHash takes a key of 128 bits");
    uint8_t octets[crypto_shorthash_siphash24_BYTES];
    crypto_shorthash_siphash24(octets, data, length, key);
    uint64_t value = 0;
    for (unsigned i = 0; i < sizeof octets; i++)
        value |= (uint64_t)octets[i] << (8 * i);
    return value;
}

#define CRC32C_POLYNOMIAL 0x82f63b78U // Castagnoli's, bits reversed

static uint32_t crc32c_table[256];
static pthread_once_t crc32c_once = PTHREAD_ONCE_INIT;

static void
crc32c_table_fill(void)
{
    for (uint32_t octet = 0; octet < 256; octet++) {
        uint32_t crc = octet;
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? CRC32C_POLYNOMIAL : 0);
        crc32c_table[octet] = crc;
    }
}

uint32_t
hash_crc32c_table(uint32_t crc, const void *data, size_t length)
{
    pthread_once(&crc32c_once, crc32c_table_fill);
    const uint8_t *at = data;
    crc = ~crc;
    for (; length; length--)
        crc = crc >> 8 ^ crc32c_table[(crc ^ *at++) & 0xff];
    return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t
crc32c_instruction(uint32_t crc, const uint8_t *at, size_t length)
{
    uint64_t state = ~crc;
    for (; length >= 8; at += 8, length -= 8)
        state = _mm_crc32_u64(state, hash_load(at, 8));
    for (; length; length--)
        state = _mm_crc32_u8((uint32_t)state, *at++);
    return ~(uint32_t)state;
}
#endif

uint32_t
hash_crc32c(uint32_t crc, const void *data, size_t length)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return crc32c_instruction(crc, data, length);
#endif
    return hash_crc32c_table(crc, data, length);
}

void
hash_mark_key_draw(uint8_t ret_key[static HASH_MARK_KEY_SIZE])
{
    pthread_once(&sodium_once, sodium_start);
    randombytes_buf(ret_key, HASH_MARK_KEY_SIZE);
}

void
hash_mark(const uint8_t key[static HASH_MARK_KEY_SIZE], const void *data, size_t length,
          uint8_t ret_mark[static HASH_MARK_SIZE])
{
    _Static_assert(crypto_onetimeauth_KEYBYTES == HASH_MARK_KEY_SIZE &&
                       crypto_onetimeauth_BYTES == HASH_MARK_SIZE,
                   "Poly1305 takes 256 bits and gives 128");
    crypto_onetimeauth(ret_mark, data, length, key);
}

_Static_assert(sizeof(crypto_generichash_state) <= sizeof(struct hash_digest_state),
               "the opaque state holds libsodium's");
_Static_assert(_Alignof(crypto_generichash_state) <= _Alignof(struct hash_digest_state),
               "and is aligned as libsodium asks");

static crypto_generichash_state *
digest_inside(struct hash_digest_state *state)
{
    return (crypto_generichash_state *)(void *)state->opaque;
}

void
hash_digest_init(struct hash_digest_state *state)
{
    pthread_once(&sodium_once, sodium_start);
    crypto_generichash_init(digest_inside(state), NULL, 0, HASH_DIGEST_SIZE);
}

void
hash_digest_add(struct hash_digest_state *state, const void *data, size_t length)
{
    crypto_generichash_update(digest_inside(state), data, length);
}

void
hash_digest_end(struct hash_digest_state *state, struct hash_digest *ret_digest)
{
    crypto_generichash_final(digest_inside(state), ret_digest->octets, HASH_DIGEST_SIZE);
}

void
hash_digest_octets(const void *data, size_t length, struct hash_digest *ret_digest)
{
    struct hash_digest_state state;
    hash_digest_init(&state);
    hash_digest_add(&state, data, length);
    hash_digest_end(&state, ret_digest);
}

void
hash_digest_text(const struct hash_digest *digest, size_t octets, char *text)
{
    ENSURE(octets <= HASH_DIGEST_SIZE);
    sodium_bin2hex(text, 2 * octets + 1, digest->octets, octets);
}
