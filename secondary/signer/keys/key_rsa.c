// Why all eight numbers, when three of them make the rest?
//
// With the primes libcrypto signs by the Chinese remainder theorem, four times as fast; and a key
// whose file was damaged is seen before it signs, because the numbers check each other: n = pq,
// each exponent undoes the public one, the coefficient is q's inverse. A flipped bit in any of them
// breaks one of these equations. Primality itself is not tested: it would cost tens of milliseconds
// a key at a start with a thousand zones, and damage that leaves pq = n cannot make a prime
// composite.
#include "secondary/signer/keys/key_rsa.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#define EXPONENT_OCTETS_MAX 8 // of the public exponent; 65537 has three, no tool makes more than 5

static const struct rsa_part {
    const char *word;      // of BIND's files
    const char *parameter; // of libcrypto
} parts[KEY_RSA_PARTS] = {
    [KEY_RSA_MODULUS] = {"Modulus", OSSL_PKEY_PARAM_RSA_N},
    [KEY_RSA_PUBLIC_EXPONENT] = {"PublicExponent", OSSL_PKEY_PARAM_RSA_E},
    [KEY_RSA_PRIVATE_EXPONENT] = {"PrivateExponent", OSSL_PKEY_PARAM_RSA_D},
    [KEY_RSA_PRIME1] = {"Prime1", OSSL_PKEY_PARAM_RSA_FACTOR1},
    [KEY_RSA_PRIME2] = {"Prime2", OSSL_PKEY_PARAM_RSA_FACTOR2},
    [KEY_RSA_EXPONENT1] = {"Exponent1", OSSL_PKEY_PARAM_RSA_EXPONENT1},
    [KEY_RSA_EXPONENT2] = {"Exponent2", OSSL_PKEY_PARAM_RSA_EXPONENT2},
    [KEY_RSA_COEFFICIENT] = {"Coefficient", OSSL_PKEY_PARAM_RSA_COEFFICIENT1},
};

const char *
key_rsa_part_word(enum key_rsa_part part)
{
    return parts[part].word;
}

static struct octets
without_zeros(struct octets number)
{
    while (number.length > 0 && number.data[0] == 0) {
        number.data++;
        number.length--;
    }
    return number;
}

bool
key_rsa_pack(const struct octets numbers[static KEY_RSA_PARTS], uint8_t *ret_secret,
             size_t *ret_length, struct fault *fault)
{
    struct octets_writer writer;
    octets_writer_init(&writer, ret_secret, KEY_SECRET_MAX);
    for (int i = 0; i < KEY_RSA_PARTS; i++) {
        struct octets number = without_zeros(numbers[i]);
        size_t half = i >= KEY_RSA_PRIME1 ? KEY_RSA_NUMBER_MAX / 2 : KEY_RSA_NUMBER_MAX;
        if (number.length == 0)
            return fault_set(fault, FAULT_CORRUPT,
                             "%s is missing in the RSA key; the file is not whole: take it from a "
                             "backup",
                             parts[i].word);
        if (number.length > (i == KEY_RSA_PUBLIC_EXPONENT ? EXPONENT_OCTETS_MAX : half))
            return fault_set(fault, FAULT_UNSUPPORTED,
                             "%s of the RSA key has %zu octets; keys of %d to %d bits are read",
                             parts[i].word, number.length, KEY_RSA_BITS_MIN, KEY_RSA_BITS_MAX);
        octets_write_u16(&writer, (uint16_t)number.length);
        octets_write(&writer, number.data, number.length);
    }
    ENSURE(!writer.failed);
    *ret_length = octets_written(&writer);
    return true;
}

bool
key_rsa_unpack(struct octets secret, struct octets ret_numbers[static KEY_RSA_PARTS],
               struct fault *fault)
{
    struct octets_reader reader;
    octets_reader_init(&reader, secret.data, secret.length);
    for (int i = 0; i < KEY_RSA_PARTS; i++) {
        size_t length = octets_read_u16(&reader);
        ret_numbers[i] = (struct octets){octets_read_view(&reader, length), length};
    }
    if (reader.failed || octets_left(&reader) != 0)
        return fault_set(fault, FAULT_CORRUPT, "private key of %zu octets holds no RSA key",
                         secret.length);
    return true;
}

// The numbers as libcrypto's; cleared together.
struct big_numbers {
    BIGNUM *at[KEY_RSA_PARTS];
    BN_CTX *context; // scratch
};

static bool
big_open(const struct octets numbers[static KEY_RSA_PARTS], struct big_numbers *big)
{
    *big = (struct big_numbers){.context = BN_CTX_secure_new()};
    bool good = big->context != NULL;
    for (int i = 0; good && i < KEY_RSA_PARTS; i++) {
        big->at[i] = BN_bin2bn(numbers[i].data, (int)numbers[i].length, NULL);
        good = big->at[i] != NULL;
        if (good && i >= KEY_RSA_PRIVATE_EXPONENT)
            BN_set_flags(big->at[i], BN_FLG_CONSTTIME);
    }
    return good;
}

static void
big_close(struct big_numbers *big)
{
    for (int i = 0; i < KEY_RSA_PARTS; i++)
        BN_clear_free(big->at[i]);
    BN_CTX_free(big->context);
}

// a * b mod m == 1
static bool
is_inverse(const BIGNUM *a, const BIGNUM *b, const BIGNUM *m, BN_CTX *context)
{
    BIGNUM *product = BN_CTX_get(context);
    return product && !BN_is_zero(m) && BN_mod_mul(product, a, b, m, context) == 1 &&
           BN_is_one(product);
}

// What is wrong with one half: the prime's exponent, and d against the public one. part: the first
// wrong number.
static bool
half_is_good(const struct big_numbers *big, enum key_rsa_part prime, enum key_rsa_part exponent,
             enum key_rsa_part *ret_wrong)
{
    BIGNUM *less = BN_CTX_get(big->context);
    const BIGNUM *e = big->at[KEY_RSA_PUBLIC_EXPONENT];
    *ret_wrong = prime;
    if (!less || !BN_sub(less, big->at[prime], BN_value_one()) || BN_is_zero(less) ||
        !BN_is_odd(big->at[prime]))
        return false;
    *ret_wrong = KEY_RSA_PRIVATE_EXPONENT;
    if (!is_inverse(big->at[KEY_RSA_PRIVATE_EXPONENT], e, less, big->context))
        return false;
    *ret_wrong = exponent;
    return BN_cmp(big->at[exponent], less) < 0 &&
           is_inverse(big->at[exponent], e, less, big->context);
}

static bool
numbers_agree(const struct big_numbers *big, enum key_rsa_part *ret_wrong)
{
    BIGNUM *product = BN_CTX_get(big->context);
    *ret_wrong = KEY_RSA_PRIME1;
    if (!product ||
        !BN_mul(product, big->at[KEY_RSA_PRIME1], big->at[KEY_RSA_PRIME2], big->context))
        return false;
    *ret_wrong = KEY_RSA_MODULUS;
    if (BN_cmp(product, big->at[KEY_RSA_MODULUS]) != 0)
        return false;
    if (!half_is_good(big, KEY_RSA_PRIME1, KEY_RSA_EXPONENT1, ret_wrong) ||
        !half_is_good(big, KEY_RSA_PRIME2, KEY_RSA_EXPONENT2, ret_wrong))
        return false;
    *ret_wrong = KEY_RSA_PRIVATE_EXPONENT;
    if (BN_cmp(big->at[KEY_RSA_PRIVATE_EXPONENT], big->at[KEY_RSA_MODULUS]) >= 0)
        return false;
    *ret_wrong = KEY_RSA_COEFFICIENT;
    return BN_cmp(big->at[KEY_RSA_COEFFICIENT], big->at[KEY_RSA_PRIME1]) < 0 &&
           is_inverse(big->at[KEY_RSA_COEFFICIENT], big->at[KEY_RSA_PRIME2],
                      big->at[KEY_RSA_PRIME1], big->context);
}

static bool
sizes_check(const struct octets numbers[static KEY_RSA_PARTS], const struct big_numbers *big,
            struct fault *fault)
{
    int bits = BN_num_bits(big->at[KEY_RSA_MODULUS]);
    if (bits < KEY_RSA_BITS_MIN || bits > KEY_RSA_BITS_MAX)
        return fault_set(fault, FAULT_UNSUPPORTED,
                         "RSA key of %d bits: %d to %d are read; roll the key to 2048 bits where "
                         "it comes from",
                         bits, KEY_RSA_BITS_MIN, KEY_RSA_BITS_MAX);
    if (numbers[KEY_RSA_PUBLIC_EXPONENT].length > EXPONENT_OCTETS_MAX ||
        !BN_is_odd(big->at[KEY_RSA_PUBLIC_EXPONENT]) || BN_is_one(big->at[KEY_RSA_PUBLIC_EXPONENT]))
        return fault_set(fault, FAULT_CORRUPT,
                         "PublicExponent of the RSA key is no exponent (65537 is usual); take the "
                         "file from a backup");
    return true;
}

bool
key_rsa_check(const struct octets numbers[static KEY_RSA_PARTS], struct fault *fault)
{
    struct big_numbers big;
    bool good = big_open(numbers, &big);
    ENSURE(good); // out of memory
    BN_CTX_start(big.context);
    enum key_rsa_part wrong;
    good = sizes_check(numbers, &big, fault);
    if (good && !numbers_agree(&big, &wrong))
        good = fault_set(fault, FAULT_CORRUPT,
                         "%s of the RSA key does not go with the other numbers; the file is "
                         "damaged: take it from a backup",
                         parts[wrong].word);
    BN_CTX_end(big.context);
    big_close(&big);
    ERR_clear_error();
    return good;
}

bool
key_rsa_from_object(const void *object, uint8_t *ret_secret, size_t *ret_length,
                    struct fault *fault)
{
    struct octets numbers[KEY_RSA_PARTS] = {0};
    uint8_t *memory = OPENSSL_secure_zalloc(KEY_RSA_PARTS * KEY_RSA_NUMBER_MAX);
    ENSURE(memory);
    for (int i = 0; i < KEY_RSA_PARTS; i++) {
        BIGNUM *number = NULL;
        uint8_t *at = memory + i * KEY_RSA_NUMBER_MAX;
        if (EVP_PKEY_get_bn_param(object, parts[i].parameter, &number) == 1 &&
            BN_num_bytes(number) <= KEY_RSA_NUMBER_MAX)
            numbers[i] = (struct octets){at, (size_t)BN_bn2bin(number, at)};
        BN_clear_free(number);
    }
    ERR_clear_error();
    bool good = key_rsa_pack(numbers, ret_secret, ret_length, fault);
    OPENSSL_secure_clear_free(memory, KEY_RSA_PARTS * KEY_RSA_NUMBER_MAX);
    return good;
}

bool
key_rsa_generate(unsigned bits, uint8_t *ret_secret, size_t *ret_length, struct fault *fault)
{
    EVP_PKEY *object = EVP_RSA_gen(bits); // exponent 65537
    if (!object) {
        ERR_clear_error();
        return fault_set(fault, FAULT_CORRUPT, "making an RSA key of %u bits: libcrypto failed",
                         bits);
    }
    bool good = key_rsa_from_object(object, ret_secret, ret_length, fault);
    EVP_PKEY_free(object);
    return good;
}

bool
key_rsa_public(struct octets secret, uint8_t ret_public[static KEY_DNSKEY_MAX], size_t *ret_length,
               struct fault *fault)
{
    struct octets numbers[KEY_RSA_PARTS];
    if (!key_rsa_unpack(secret, numbers, fault) || !key_rsa_check(numbers, fault))
        return false;
    struct octets exponent = numbers[KEY_RSA_PUBLIC_EXPONENT], modulus = numbers[KEY_RSA_MODULUS];
    struct octets_writer writer;
    octets_writer_init(&writer, ret_public, KEY_DNSKEY_MAX);
    octets_write_u8(&writer, (uint8_t)exponent.length); // at most 8: the short form
    octets_write(&writer, exponent.data, exponent.length);
    octets_write(&writer, modulus.data, modulus.length);
    ENSURE(!writer.failed);
    *ret_length = octets_written(&writer);
    return true;
}

unsigned
key_rsa_bits(struct octets public_key)
{
    if (public_key.length < 1)
        return 0;
    size_t before = 1U + public_key.data[0];
    if (public_key.data[0] == 0 && public_key.length >= 3)
        before = 3U + octets_get_u16(public_key.data + 1);
    if (before >= public_key.length)
        return 0;
    struct octets modulus =
        without_zeros((struct octets){public_key.data + before, public_key.length - before});
    unsigned bits = (unsigned)modulus.length * 8;
    for (unsigned mask = 0x80; bits > 0 && !(modulus.data[0] & mask); mask >>= 1)
        bits--;
    return bits;
}

static EVP_PKEY *
object_build(const struct big_numbers *big)
{
    EVP_PKEY *object = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    bool good = build != NULL;
    for (int i = 0; good && i < KEY_RSA_PARTS; i++)
        good = OSSL_PARAM_BLD_push_BN(build, parts[i].parameter, big->at[i]) == 1;
    OSSL_PARAM *parameters = good ? OSSL_PARAM_BLD_to_param(build) : NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    if (parameters && context && EVP_PKEY_fromdata_init(context) == 1)
        EVP_PKEY_fromdata(context, &object, EVP_PKEY_KEYPAIR, parameters);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(build);
    return object;
}

void *
key_rsa_object(struct octets secret)
{
    struct octets numbers[KEY_RSA_PARTS];
    struct big_numbers big;
    if (!key_rsa_unpack(secret, numbers, NULL))
        return NULL;
    EVP_PKEY *object = big_open(numbers, &big) ? object_build(&big) : NULL;
    big_close(&big);
    return object;
}
