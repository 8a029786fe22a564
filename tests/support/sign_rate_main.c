// How many signatures one core makes, by algorithm and by who makes them. tests/bench/algorithms
// runs it turn by turn.
//
//   sign_rate ALGORITHM BACKEND MILLISECONDS
//       BACKEND rrset:   sign_rrset of the signer, its input built, for RRsets of one A each
//               openssl: libcrypto alone, a prepared context over the same octets
//               sodium:  libsodium alone (Ed25519)
//       Prints signatures by second of CPU.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <sodium.h>

#include "common/dns/name.h"
#include "common/dns/rrtype.h"
#include "secondary/signer/sign/sign_rrset.h"

#define NOW          1795263000
#define OWNERS       1024 // as many different inputs
#define INPUT_OCTETS 66   // of the signed input of "wwwNNNN.example.gov A"

static const uint8_t apex[] = "\7example\3gov";

static double
cpu_seconds(void)
{
    struct timespec at;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

// One signature; number says which input.
typedef bool sign_one(void *maker, unsigned number);

static double
rate(sign_one *sign, void *maker, double seconds)
{
    unsigned count = 0;
    double began = cpu_seconds(), now;
    do {
        for (unsigned i = 0; i < 16; i++)
            ENSURE(sign(maker, count++));
        now = cpu_seconds();
    } while (now - began < seconds);
    return count / (now - began);
}

// --- rrset

struct rrset_maker {
    struct sign_context *context;
    struct octets_buffer wire, run;
    struct rrset rrset;
    uint8_t owners[OWNERS][NAME_SIZE_MAX];
};

static bool
rrset_one(void *context, unsigned number)
{
    struct rrset_maker *maker = context;
    uint16_t count;
    maker->run.length = 0;
    return sign_rrset(maker->context, maker->owners[number % OWNERS], &maker->rrset, NULL, false,
                      NOW, &maker->run, &count) == SIGN_MADE;
}

static void
owners_fill(struct rrset_maker *maker)
{
    char text[64];
    for (unsigned i = 0; i < OWNERS; i++) {
        snprintf(text, sizeof text, "www%04u.example.gov.", i);
        ENSURE(name_from_text(text, (const uint8_t *)"", maker->owners[i], NULL));
    }
}

static double
rrset_rate(uint8_t algorithm, double seconds)
{
    static struct rrset_maker maker;
    struct key_memory *memory = key_memory_new();
    struct keyset *keyset = keyset_new(apex, memory);
    const struct key_pair *key;
    struct sign_policy policy;
    static const uint8_t address[] = {192, 0, 2, 1};
    sign_policy_default(&policy);
    ENSURE(keyset_generate(keyset, KEY_CSK, algorithm, NOW, &key, NULL));
    ENSURE(keyset_move(keyset, key->tag, KEY_EVENT_INTRODUCE, NOW, NULL));
    ENSURE(sign_context_new(keyset, &policy, &maker.context, NULL));
    octets_buffer_init(&maker.wire);
    octets_buffer_init(&maker.run);
    rrset_append(&maker.wire, RRTYPE_A, 3600, address, sizeof address);
    maker.rrset = (struct rrset){.type = RRTYPE_A,
                                 .rr_count = 1,
                                 .ttl = 3600,
                                 .wire = maker.wire.data,
                                 .wire_length = (uint32_t)maker.wire.length};
    owners_fill(&maker);
    double result = rate(rrset_one, &maker, seconds);
    sign_context_free(&maker.context);
    keyset_free(&keyset);
    key_memory_free(&memory);
    octets_buffer_close(&maker.wire);
    octets_buffer_close(&maker.run);
    return result;
}

// --- openssl

struct openssl_maker {
    EVP_PKEY *key;
    EVP_PKEY_CTX *context;
    EVP_MD_CTX *whole; // EdDSA
    size_t digest;     // octets
};

static bool
openssl_one(void *context, unsigned number)
{
    struct openssl_maker *maker = context;
    uint8_t input[INPUT_OCTETS] = {(uint8_t)number, (uint8_t)(number >> 8)}, signature[512];
    size_t length = sizeof signature;
    if (!maker->whole)
        return EVP_PKEY_sign(maker->context, signature, &length, input, maker->digest) == 1;
    return EVP_DigestSignInit_ex(maker->whole, NULL, NULL, NULL, NULL, maker->key, NULL) == 1 &&
           EVP_DigestSign(maker->whole, signature, &length, input, sizeof input) == 1;
}

static EVP_PKEY *
openssl_key(uint8_t algorithm)
{
    switch (algorithm) {
    case KEY_RSASHA256:
    case KEY_RSASHA512:
        return EVP_RSA_gen(2048);
    case KEY_ECDSAP256SHA256:
        return EVP_EC_gen("P-256");
    case KEY_ECDSAP384SHA384:
        return EVP_EC_gen("P-384");
    default:
        return EVP_PKEY_Q_keygen(NULL, NULL, algorithm == KEY_ED25519 ? "ED25519" : "ED448");
    }
}

static double
openssl_rate(uint8_t algorithm, double seconds)
{
    struct openssl_maker maker = {.key = openssl_key(algorithm)};
    ENSURE(maker.key);
    if (algorithm >= KEY_ED25519) {
        maker.whole = EVP_MD_CTX_new();
    } else {
        const EVP_MD *digest = algorithm == KEY_RSASHA512         ? EVP_sha512()
                               : algorithm == KEY_ECDSAP384SHA384 ? EVP_sha384()
                                                                  : EVP_sha256();
        maker.digest = (size_t)EVP_MD_get_size(digest);
        maker.context = EVP_PKEY_CTX_new_from_pkey(NULL, maker.key, NULL);
        ENSURE(maker.context && EVP_PKEY_sign_init(maker.context) == 1 &&
               EVP_PKEY_CTX_set_signature_md(maker.context, digest) == 1);
    }
    double result = rate(openssl_one, &maker, seconds);
    EVP_MD_CTX_free(maker.whole);
    EVP_PKEY_CTX_free(maker.context);
    EVP_PKEY_free(maker.key);
    return result;
}

// --- sodium

static bool
sodium_one(void *context, unsigned number)
{
    uint8_t input[INPUT_OCTETS] = {(uint8_t)number, (uint8_t)(number >> 8)};
    uint8_t signature[crypto_sign_BYTES];
    return crypto_sign_detached(signature, NULL, input, sizeof input, context) == 0;
}

static double
sodium_rate(double seconds)
{
    uint8_t public_key[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];
    ENSURE(sodium_init() >= 0 && crypto_sign_keypair(public_key, secret) == 0);
    return rate(sodium_one, secret, seconds);
}

int
main(int count, char **arguments)
{
    const struct key_algorithm *algorithm =
        count == 4 ? key_algorithm_from_word(arguments[1]) : NULL;
    double seconds = count == 4 ? strtod(arguments[3], NULL) / 1000 : 0, result = 0;
    if (algorithm && seconds > 0) {
        if (strcmp(arguments[2], "rrset") == 0)
            result = rrset_rate(algorithm->number, seconds);
        else if (strcmp(arguments[2], "openssl") == 0)
            result = openssl_rate(algorithm->number, seconds);
        else if (strcmp(arguments[2], "sodium") == 0 && algorithm->number == KEY_ED25519)
            result = sodium_rate(seconds);
    }
    if (result <= 0) {
        fprintf(stderr, "usage: sign_rate ALGORITHM rrset|openssl|sodium MILLISECONDS\n");
        return 2;
    }
    printf("%.1f\n", result);
    return 0;
}
