// Keys and signatures as a validator meets them: made here by libcrypto, by BIND, and malformed in
// every way that DNSKEY and RRSIG allow.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "common/dns/rdata.h"
#include "common/dns/rdata_text.h"
#include "common/dns/rrtype.h"
#include "secondary/signer/sign/verify_keys.h"

#define HEAD (18 + 13) // of the RRSIG, with the signer's name

// A key of 4096 bits and a signature of it, by BIND 9.18.
static const char bind_key[] =
    "257 3 10 AwEAAcmDqRZnVzsCUCVcELnUo5hChMkQujOHMvJgjQE3GtnOp4ccHbhcqzP2OyCnIyMOBN4roqa"
    "qhuoHAQ8nvYVU6GXKmQuDRpRM7TrZFxPFVMzznd1lWJD7yXgGwAQoQEtxWjgTu+XydTKesf2EXiJ4/KSPX1o"
    "JchlmtzBJo5klTdO6JJ46EMGGhmHRJJ32y3qEKUJG67TgviD09XraNq/aDAeqVbrHpHP6qtX0UknLJPAG74w"
    "x/JIAxAI7LzHekcK/ab1JR2LXI3SFvqgbQe1Att33LfWO9Aq5vWNPgeVbs1FCUxDfs3fp69Mu+THPXt8Wo2V"
    "qpGEg0bHnzwH8aC52qTghwNgqkSvhcRIHZijhMrUtmHLOepDFcvOamyRZnarUjMgXTUNJtDxX000PMMWvZ1T"
    "R6mYVC1QCAr/LAhra+ekiB/jA0ZqDJpCGuVHYirEa1OKo8VX+KJ3DpDAt7RWYg54aA4vkApLThy8aQngTwyM"
    "chkYdfH4+SOQLDuDkEx403wgCNNMpkutfRW5NqRDukMmdhZ4BVhFkw6T7tJxEbpAuZu99ykGj6ohjgAQqQZE"
    "xV1Wuxq5LWDDMwmmGr+C3knZjTiYzqMMY6irIr7yLeFDNCaHWcvGTTT8LKSMU9N96o4ddf5egBxj5OjvQA+a"
    "c4VFTsrSjWNIRDDv2rnToIZtl";
static const char bind_rrsig[] =
    "A 10 3 3600 20361101000000 20261101000000 63813 example.net. Ve4iosfbO6asWKGaHJ2SSFQ"
    "hLE4lIs80Du+bVXZaXkGcG9ZFhfFdcTywbL2lP6LD01xZmXErYLwP29sO+PMBclXo3t4cNfpzOP87WHTYs2N"
    "/nsCyYS3ZU/HiOsvOe4tDkFwpblKkjd2ErFEJ2DEFL2R0QViPC0Lmj7HbiaMbPb6BPDa+2EdUL8r2OU8gPlD"
    "G+ZO/KgX3kedlWjFb89DCA1Y3/UCnkZvILcVyk+XHOTkSoPM53w2f5+PJwRvh9og71BNj9cjrvA7dYDeuDXe"
    "udhvI1X0bSOFCKyVwEYOGT7oU8mf5lCW8SeE+iANR1y6jhsyHg0z1SnH7aWHPzxfhkP2AsodYz+lW6LgzCLA"
    "CfQaBnyhTzD9UA1jg6c8JH8gY+al1wWLQNIt1bRn7IJFwZItVzvaa0FZrTAPeEJXsqpV+sqcPUERkOnnBbql"
    "RVeBiwG0nOSoBXqvoW7o0QJz/1jRtTUjehAU0yFLsF+0mSz9ZH3Uh2394vT4s7Fsn6JnOEYAs1zQbP7yMw/2"
    "6SFeR6p2Tm0PRMx5pvaXyEykBM8t65wF1L9Pixyy51laBYrEvsjFFojfX/tI4clVVf3C/oTfMWFo2PWwB0eS"
    "ONnrlKOHhsE6IbwZ/yEelYa95PN/FeCEJYTiwL9Y4fCA147OefOzwtF7QeiRSs0eP/uS0ey8=";

static const uint8_t owner[] = "\3www\7example\3net";
static const uint8_t address[] = {192, 0, 2, 91};

struct scene {
    uint8_t dnskey[1200], rrsig[1200];
    size_t dnskey_length, rrsig_length;
};

static struct rrset
rrset_with(struct octets_buffer *run, uint16_t type, const uint8_t *rdata, size_t length)
{
    octets_buffer_init(run);
    rrset_append(run, type, 3600, rdata, (uint16_t)length);
    return (struct rrset){.type = type,
                          .rr_count = 1,
                          .ttl = 3600,
                          .wire = run->data,
                          .wire_length = (uint32_t)run->length};
}

static enum verify_outcome
outcome_of(const struct scene *scene)
{
    struct octets_buffer key_run, run;
    struct rrset dnskey = rrset_with(&key_run, RRTYPE_DNSKEY, scene->dnskey, scene->dnskey_length);
    struct rrset rrset = rrset_with(&run, RRTYPE_A, address, sizeof address);
    struct verify_keys *keys = verify_keys_new(&dnskey);
    struct verify_hand *hand = verify_hand_new(keys);
    enum verify_outcome outcome = VERIFY_GOOD;
    for (int i = 0; i < 2; i++) { // with fresh contexts, and with used ones
        enum verify_outcome once =
            verify_signature(hand, owner, &rrset, scene->rrsig, scene->rrsig_length);
        assert_true(i == 0 || once == outcome);
        outcome = once;
    }
    verify_hand_free(&hand);
    verify_keys_free(&keys);
    octets_buffer_close(&key_run);
    octets_buffer_close(&run);
    return outcome;
}

static void
tag_put(struct scene *scene)
{
    octets_put_u16(scene->rrsig + 16, rdata_dnskey_tag(scene->dnskey, scene->dnskey_length));
}

// RFC 4034 section 3.1.8.1 by hand, signed by libcrypto's one-shot functions.
static size_t
sign_by_libcrypto(EVP_PKEY *key, const char *digest, const uint8_t *input, size_t length,
                  uint8_t *ret_signature)
{
    size_t size = 1024;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit_ex(context, NULL, digest, NULL, NULL, key, NULL), 1);
    assert_int_equal(EVP_DigestSign(context, ret_signature, &size, input, length), 1);
    EVP_MD_CTX_free(context);
    return size;
}

static size_t
pair_of_der(const uint8_t *der, size_t length, int size, uint8_t *ret_pair)
{
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)length);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(pair), ret_pair, size), size);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(pair), ret_pair + size, size), size);
    ECDSA_SIG_free(pair);
    return 2 * (size_t)size;
}

static void
scene_sign(struct scene *scene, EVP_PKEY *key, uint8_t algorithm)
{
    static const char *const digests[] = {[8] = "SHA256",  [10] = "SHA512", [13] = "SHA256",
                                          [14] = "SHA384", [15] = NULL,     [16] = NULL};
    static const uint8_t fields[] = {0, 1, 0, 3, 0, 0, 14, 16, 0x7f, 0, 0, 0, 0x60, 0, 0, 0};
    uint8_t input[256], signature[1024];
    memcpy(scene->rrsig, fields, sizeof fields);
    scene->rrsig[2] = algorithm;
    tag_put(scene);
    memcpy(scene->rrsig + 18, owner + 4, 13);
    memcpy(input, scene->rrsig, HEAD);
    size_t length = HEAD;
    memcpy(input + length, owner, sizeof owner);
    length += sizeof owner;
    static const uint8_t rr[] = {0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 192, 0, 2, 91};
    memcpy(input + length, rr, sizeof rr);
    length += sizeof rr;
    size_t size = sign_by_libcrypto(key, digests[algorithm], input, length, signature);
    if (algorithm == 13 || algorithm == 14)
        size = pair_of_der(signature, size, algorithm == 13 ? 32 : 48, scene->rrsig + HEAD);
    else
        memcpy(scene->rrsig + HEAD, signature, size);
    scene->rrsig_length = HEAD + size;
}

static void
dnskey_begin(struct scene *scene, uint8_t algorithm)
{
    memcpy(scene->dnskey, (uint8_t[]){1, 0, 3, algorithm}, 4);
    scene->dnskey_length = 4;
}

static void
dnskey_add(struct scene *scene, const uint8_t *octets, size_t length)
{
    memcpy(scene->dnskey + scene->dnskey_length, octets, length);
    scene->dnskey_length += length;
}

// long_form: three octets for the length of the exponent, also where one would do.
static void
dnskey_of_rsa(struct scene *scene, EVP_PKEY *key, uint8_t algorithm, bool long_form)
{
    BIGNUM *n = NULL, *e = NULL;
    uint8_t octets[512];
    assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n), 1);
    assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e), 1);
    dnskey_begin(scene, algorithm);
    uint8_t length = (uint8_t)BN_num_bytes(e);
    dnskey_add(scene, (uint8_t[]){0, 0, length} + (long_form ? 0 : 2), long_form ? 3 : 1);
    dnskey_add(scene, octets, (size_t)BN_bn2bin(e, octets));
    dnskey_add(scene, octets, (size_t)BN_bn2bin(n, octets));
    BN_free(n);
    BN_free(e);
}

static void
dnskey_of_raw(struct scene *scene, EVP_PKEY *key, uint8_t algorithm)
{
    uint8_t octets[128];
    size_t length = sizeof octets;
    dnskey_begin(scene, algorithm);
    if (algorithm >= 15) {
        assert_int_equal(EVP_PKEY_get_raw_public_key(key, octets, &length), 1);
        dnskey_add(scene, octets, length);
    } else {
        assert_int_equal(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, octets,
                                                         sizeof octets, &length),
                         1);
        dnskey_add(scene, octets + 1, length - 1); // behind "uncompressed"
    }
}

static EVP_PKEY *
rsa_with(unsigned bits, unsigned long exponent)
{
    EVP_PKEY *key = NULL;
    BIGNUM *e = BN_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    BN_set_word(e, exponent);
    assert_int_equal(EVP_PKEY_keygen_init(context), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(context, (int)bits), 1);
    assert_int_equal(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, e), 1);
    assert_int_equal(EVP_PKEY_generate(context, &key), 1);
    EVP_PKEY_CTX_free(context);
    BN_free(e);
    return key;
}

static EVP_PKEY *
key_for(uint8_t algorithm)
{
    switch (algorithm) {
    case 13:
        return EVP_EC_gen("P-256");
    case 14:
        return EVP_EC_gen("P-384");
    case 15:
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    case 16:
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
    default:
        return rsa_with(1024, 65537);
    }
}

static void
scene_make(struct scene *scene, uint8_t algorithm)
{
    EVP_PKEY *key = key_for(algorithm);
    if (algorithm < 13)
        dnskey_of_rsa(scene, key, algorithm, false);
    else
        dnskey_of_raw(scene, key, algorithm);
    scene_sign(scene, key, algorithm);
    EVP_PKEY_free(key);
}

static const uint8_t algorithms[] = {8, 10, 13, 14, 15, 16};

static void
every_octet_of_an_rrsig_and_its_length_count_in_each_algorithm(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof algorithms; i++) {
        struct scene scene;
        scene_make(&scene, algorithms[i]);
        assert_int_equal(outcome_of(&scene), VERIFY_GOOD);
        for (size_t at = 0; at < scene.rrsig_length; at++) {
            scene.rrsig[at] ^= (uint8_t)(1 << at % 8);
            if (outcome_of(&scene) == VERIFY_GOOD)
                fail_msg("algorithm %u: octet %zu", algorithms[i], at);
            scene.rrsig[at] ^= (uint8_t)(1 << at % 8);
        }
        for (size_t less = 1; less <= scene.rrsig_length; less += less < 3 ? 1 : 7) {
            struct scene cut = scene;
            cut.rrsig_length -= less;
            assert_int_not_equal(outcome_of(&cut), VERIFY_GOOD);
        }
        scene.rrsig[scene.rrsig_length] = 0;
        scene.rrsig_length++;
        assert_int_not_equal(outcome_of(&scene), VERIFY_GOOD);
    }
}

// The tag is right: what does not verify is the key.
static void
every_octet_of_a_key_and_its_length_count_in_each_algorithm(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof algorithms; i++) {
        struct scene scene;
        scene_make(&scene, algorithms[i]);
        for (size_t at = 4; at < scene.dnskey_length; at++) {
            struct scene other = scene;
            other.dnskey[at] ^= (uint8_t)(1 << at % 8);
            tag_put(&other);
            if (outcome_of(&other) != VERIFY_BAD)
                fail_msg("algorithm %u: octet %zu", algorithms[i], at);
        }
        for (size_t length = 5; length <= scene.dnskey_length + 2; length++) {
            struct scene other = scene;
            memset(other.dnskey + scene.dnskey_length, 1, 2);
            other.dnskey_length = length;
            tag_put(&other);
            assert_true(length == scene.dnskey_length || outcome_of(&other) == VERIFY_BAD);
        }
    }
}

static void
r_and_s_are_numbers_of_the_group(void **state)
{
    (void)state;
    for (uint8_t algorithm = 13; algorithm <= 14; algorithm++) {
        size_t size = algorithm == 13 ? 32 : 48;
        static const int values[] = {0x00, 0xff};
        struct scene scene;
        scene_make(&scene, algorithm);
        for (int half = 0; half < 3; half++)
            for (int value = 0; value < 2; value++) {
                struct scene other = scene;
                memset(other.rrsig + HEAD + (half == 1 ? size : 0), values[value],
                       half == 2 ? 2 * size : size);
                assert_int_equal(outcome_of(&other), VERIFY_BAD);
            }
    }
}

// DER leaves leading zeros out, so signatures differ in length there: with enough of them each
// length of r and s comes up.
static void
signatures_with_leading_zeros_verify(void **state)
{
    (void)state;
    struct scene scene;
    EVP_PKEY *key = key_for(13);
    bool high_r = false, low_r = false, zero = false;
    dnskey_of_raw(&scene, key, 13);
    for (int i = 0; i < 2000 && !(high_r && low_r && zero); i++) {
        scene_sign(&scene, key, 13);
        const uint8_t *r = scene.rrsig + HEAD, *s = r + 32;
        bool is_zero = r[0] == 0 || s[0] == 0;
        if ((r[0] & 0x80 ? high_r : low_r) && !is_zero)
            continue;
        high_r = high_r || (r[0] & 0x80);
        low_r = low_r || !(r[0] & 0x80);
        zero = zero || is_zero;
        assert_int_equal(outcome_of(&scene), VERIFY_GOOD);
    }
    assert_true(high_r && low_r && zero);
    EVP_PKEY_free(key);
}

static void
rsa_keys_of_any_size_and_exponent_verify(void **state)
{
    (void)state;
    static const struct {
        unsigned bits;
        unsigned long exponent;
    } keys[] = {{1024, 3}, {1024, 65537}, {1040, 65537}, {1024, 0x100000001}, {2048, 65537}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct scene scene;
        EVP_PKEY *key = rsa_with(keys[i].bits, keys[i].exponent);
        for (int form = 0; form < 4; form++) {
            uint8_t algorithm = form & 1 ? 10 : 8;
            dnskey_of_rsa(&scene, key, algorithm, form & 2);
            scene_sign(&scene, key, algorithm);
            if (outcome_of(&scene) != VERIFY_GOOD)
                fail_msg("%u bits, exponent %lu, form %d", keys[i].bits, keys[i].exponent, form);
        }
        EVP_PKEY_free(key);
    }
}

static void
text_read(uint16_t type, const char *text, uint8_t *ret_rdata, size_t *ret_length)
{
    struct octets_writer writer;
    struct fault fault;
    octets_writer_init(&writer, ret_rdata, 1200);
    if (!rdata_from_text(type, text, NULL, &writer, &fault))
        fail_msg("%s", fault.text);
    *ret_length = octets_written(&writer);
}

static void
a_key_of_4096_bits_verifies(void **state)
{
    (void)state;
    struct scene scene;
    text_read(RRTYPE_DNSKEY, bind_key, scene.dnskey, &scene.dnskey_length);
    text_read(RRTYPE_RRSIG, bind_rrsig, scene.rrsig, &scene.rrsig_length);
    assert_int_equal(outcome_of(&scene), VERIFY_GOOD);
    scene.rrsig[scene.rrsig_length - 1] ^= 1;
    assert_int_equal(outcome_of(&scene), VERIFY_BAD);
}

static void
malformed_rsa_keys_verify_nothing(void **state)
{
    (void)state;
    static const uint8_t nothing[520] = {0};
    struct scene scene;
    EVP_PKEY *key = rsa_with(1024, 65537);
    dnskey_of_rsa(&scene, key, 8, false);
    scene_sign(&scene, key, 8);
    EVP_PKEY_free(key);
    const uint8_t *exponent = scene.dnskey + 5, *modulus = scene.dnskey + 8;
    static const struct {
        const char *what;
        uint8_t head[4];
        size_t head_length;
        bool exponent;
        size_t zeros, modulus;
    } forms[] = {
        {"as it is", {3}, 1, true, 0, 128},
        {"no exponent", {0}, 1, false, 0, 128},
        {"no exponent, long form", {0, 0, 0}, 3, false, 0, 128},
        {"exponent longer than the field", {0, 2, 0}, 3, true, 0, 128},
        {"leading zero of the exponent", {4, 0}, 2, true, 0, 128},
        {"leading zero of the modulus", {3}, 1, true, 1, 128},
        {"no modulus", {3}, 1, true, 0, 0},
        {"modulus cut", {3}, 1, true, 0, 127},
        {"modulus of 4104 bits", {3}, 1, true, 385, 128},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct scene other = scene;
        other.dnskey_length = 4;
        dnskey_add(&other, forms[i].head, forms[i].head_length);
        if (forms[i].exponent)
            dnskey_add(&other, exponent, 3);
        dnskey_add(&other, forms[i].zeros > 1 ? modulus : nothing, forms[i].zeros > 1 ? 128 : 0);
        dnskey_add(&other, forms[i].zeros > 1 ? modulus : nothing, forms[i].zeros > 1 ? 128 : 0);
        dnskey_add(&other, nothing, forms[i].zeros > 1 ? forms[i].zeros - 256 : forms[i].zeros);
        dnskey_add(&other, modulus, forms[i].modulus);
        tag_put(&other);
        enum verify_outcome outcome = outcome_of(&other);
        if (outcome != (i == 0 ? VERIFY_GOOD : VERIFY_BAD))
            fail_msg("%s: %d", forms[i].what, outcome);
    }
    // RFC 5702 section 2.2: 1024 bits at least with SHA-512; 512 with SHA-256.
    key = rsa_with(768, 65537);
    dnskey_of_rsa(&scene, key, 8, false);
    scene_sign(&scene, key, 8);
    assert_int_equal(outcome_of(&scene), VERIFY_GOOD);
    dnskey_of_rsa(&scene, key, 10, false);
    scene_sign(&scene, key, 10);
    assert_int_equal(outcome_of(&scene), VERIFY_BAD);
    EVP_PKEY_free(key);
}

static void
only_zone_keys_sign(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        size_t at;
        uint8_t value;
    } changes[] = {{"not a zone key", 0, 0}, {"revoked", 1, 0x80}, {"protocol", 2, 2},
                   {"RSASHA1", 3, 7},        {"DH", 3, 2},         {"private", 3, 253},
                   {"another curve", 3, 14}};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct scene scene;
        scene_make(&scene, 13);
        scene.dnskey[changes[i].at] = changes[i].value;
        tag_put(&scene);
        if (outcome_of(&scene) != VERIFY_NO_KEY)
            fail_msg("%s", changes[i].what);
        if (changes[i].at == 3) { // and the signature says so, too
            scene.rrsig[2] = changes[i].value;
            if (outcome_of(&scene) != VERIFY_BAD)
                fail_msg("%s, twice", changes[i].what);
        }
    }
}

// The .de outage: two keys with one tag. Either may have made the signature.
static void
a_signature_verifies_by_any_key_with_its_tag(void **state)
{
    (void)state;
    struct scene scene, other;
    scene_make(&scene, 15);
    other = scene;
    // Two aligned words change places: the tag stays, the key does not.
    uint8_t *key = other.dnskey + 4;
    for (size_t i = 2; memcmp(key, key + i, 2) == 0; i += 2)
        assert_true(i < 30);
    for (int i = 0; i < 2; i++) {
        uint8_t octet = key[i];
        key[i] = key[2 + i];
        key[2 + i] = octet;
    }
    assert_int_equal(rdata_dnskey_tag(other.dnskey, other.dnskey_length),
                     rdata_dnskey_tag(scene.dnskey, scene.dnskey_length));
    assert_int_equal(outcome_of(&other), VERIFY_BAD);
    struct octets_buffer keys_run, run;
    struct rrset keyset = rrset_with(&keys_run, RRTYPE_DNSKEY, other.dnskey, other.dnskey_length);
    rrset_append(&keys_run, RRTYPE_DNSKEY, 3600, scene.dnskey, (uint16_t)scene.dnskey_length);
    keyset.rr_count = 2;
    keyset.wire = keys_run.data;
    keyset.wire_length = (uint32_t)keys_run.length;
    struct rrset rrset = rrset_with(&run, RRTYPE_A, address, sizeof address);
    struct verify_keys *keys = verify_keys_new(&keyset);
    struct verify_hand *hand = verify_hand_new(keys);
    assert_int_equal(verify_signature(hand, owner, &rrset, scene.rrsig, scene.rrsig_length),
                     VERIFY_GOOD);
    verify_hand_free(&hand);
    verify_keys_free(&keys);
    octets_buffer_close(&keys_run);
    octets_buffer_close(&run);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_octet_of_an_rrsig_and_its_length_count_in_each_algorithm),
        cmocka_unit_test(every_octet_of_a_key_and_its_length_count_in_each_algorithm),
        cmocka_unit_test(r_and_s_are_numbers_of_the_group),
        cmocka_unit_test(signatures_with_leading_zeros_verify),
        cmocka_unit_test(rsa_keys_of_any_size_and_exponent_verify),
        cmocka_unit_test(a_key_of_4096_bits_verifies),
        cmocka_unit_test(malformed_rsa_keys_verify_nothing),
        cmocka_unit_test(only_zone_keys_sign),
        cmocka_unit_test(a_signature_verifies_by_any_key_with_its_tag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
