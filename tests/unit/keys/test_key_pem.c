// Keys whose files say less than BIND's: PEM of every type, PowerDNS's, numbers with their zeros
// dropped; and what a zone's keys mean for a policy that asks for another algorithm.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "secondary/signer/keys/key_base64.h"
#include "secondary/signer/keys/key_bind.h"
#include "secondary/signer/keys/key_import.h"
#include "secondary/signer/keys/key_signer.h"

#define NOW 1795000000

static const uint8_t apex[] = "\7example\3gov";

struct world {
    struct key_memory *memory;
    struct keyset *keyset;
    struct vector keys;
    struct key_import_options options;
};

static void
world_open(struct world *world)
{
    *world = (struct world){.memory = key_memory_new(),
                            .options = {.has_role = true, .role = KEY_CSK, .now = NOW}};
    world->keyset = keyset_new(apex, world->memory);
    vector_init(&world->keys, sizeof(struct key_pair));
}

static void
world_close(struct world *world)
{
    for (size_t i = 0; i < world->keys.count; i++)
        key_pair_close(world->memory, vector_at(&world->keys, i));
    vector_close(&world->keys);
    keyset_free(&world->keyset);
    assert_int_equal(key_memory_count(world->memory), 0);
    key_memory_free(&world->memory);
}

static bool
text_import(struct world *world, const char *name, const char *text, struct fault *fault)
{
    struct key_import_file file = {.text = {(const uint8_t *)text, strlen(text)}};
    snprintf(file.name, sizeof file.name, "%s", name);
    return key_import(world->keyset, &file, 1, &world->options, &world->keys, fault);
}

// A PEM of libcrypto's, NUL-terminated; takes the key over.
static void
pem_write(EVP_PKEY *key, bool encrypted, char *text, size_t size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    assert_non_null(key);
    assert_int_equal(PEM_write_bio_PrivateKey(bio, key, encrypted ? EVP_aes_128_cbc() : NULL,
                                              (const unsigned char *)"x", 1, NULL, NULL),
                     1);
    int length = BIO_read(bio, text, (int)size - 1);
    assert_true(length > 0);
    text[length] = '\0';
    BIO_free(bio);
    EVP_PKEY_free(key);
}

static EVP_PKEY *
made(const char *type)
{
    if (strcmp(type, "RSA") == 0)
        return EVP_RSA_gen(1024);
    return type[0] == 'P' || type[0] == 's' ? EVP_EC_gen(type)
                                            : EVP_PKEY_Q_keygen(NULL, NULL, type);
}

static void
pem_of_every_type_is_read_and_signs(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        uint8_t algorithm, rsa_algorithm;
        unsigned bits;
    } cases[] = {{"P-256", 13, 0, 256},  {"P-384", 14, 8, 384}, {"ED25519", 15, 0, 256},
                 {"ED448", 16, 10, 456}, {"RSA", 8, 8, 1024},   {"RSA", 10, 10, 1024}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world;
        struct fault fault;
        char text[8192];
        world_open(&world);
        world.options.rsa_algorithm = cases[i].rsa_algorithm;
        pem_write(made(cases[i].type), false, text, sizeof text);
        if (!text_import(&world, "k.pem", text, &fault))
            fail_msg("%s: %s", cases[i].type, fault.text);
        const struct key_pair *key = vector_at(&world.keys, 0);
        assert_int_equal(key->algorithm, cases[i].algorithm);
        assert_int_equal(key_pair_bits(key), cases[i].bits);
        struct key_signer *signer;
        uint8_t signature[KEY_SIGNATURE_MAX];
        size_t length;
        assert_true(key_signer_new(world.memory, key, &signer, &fault));
        assert_true(key_signer_sign(signer, (const uint8_t *)"input", 5, signature, &length));
        assert_int_equal(length, key_pair_signature_size(key));
        key_signer_free(&signer);
        world_close(&world);
    }
}

static void
pem_that_dnssec_cannot_use_is_refused_with_its_reason(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        bool encrypted;
        const char *sentence;
    } cases[] = {
        {"P-521", false, "k.pem: PEM key on curve secp521r1: DNSSEC has keys on P-256 (13)"},
        {"secp256k1", false, "k.pem: PEM key on curve secp256k1: DNSSEC has keys on P-256 (13)"},
        {"X25519", false, "k.pem: PEM key of type X25519: DNSSEC has no such signatures"},
        {"ED25519", true, "k.pem: the PEM key is under a passphrase; write it without one"},
        {"RSA", false, "does not say whether it signs with RSASHA256 or RSASHA512; add its .key"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world;
        struct fault fault;
        char text[8192];
        world_open(&world);
        pem_write(made(cases[i].type), cases[i].encrypted, text, sizeof text);
        assert_false(text_import(&world, "k.pem", text, &fault));
        if (!strstr(fault.text, cases[i].sentence))
            fail_msg("%s: %s", cases[i].type, fault.text);
        assert_int_equal(world.keys.count, 0);
        world_close(&world);
    }
}

static void
a_cut_pem_is_refused(void **state)
{
    (void)state;
    struct world world;
    struct fault fault;
    char text[8192];
    world_open(&world);
    pem_write(made("ED25519"), false, text, sizeof text);
    text[60] = '\0';
    assert_false(text_import(&world, "k.pem", text, &fault));
    assert_non_null(
        strstr(fault.text, "k.pem: no readable PEM private key (PKCS#8); it may be cut"));
    world_close(&world);
}

// A .key beside a PEM says what the PEM leaves open, and must fit.
static void
a_public_file_beside_a_pem_names_the_algorithm(void **state)
{
    (void)state;
    for (int other = 0; other < 2; other++) {
        struct world world;
        struct fault fault;
        char pem[8192];
        world_open(&world);
        world.options = (struct key_import_options){.now = NOW, .rsa_algorithm = 10};
        pem_write(made("RSA"), false, pem, sizeof pem);
        world.options.has_role = true;
        assert_true(text_import(&world, "k.pem", pem, &fault));
        struct key_pair key = *(struct key_pair *)vector_at(&world.keys, 0);
        vector_clear(&world.keys);
        if (other) // the same file, of an elliptic algorithm
            key.algorithm = key.dnskey[3] = 13;
        struct octets_buffer text;
        octets_buffer_init(&text);
        key_bind_write_public(&key, 3600, &text);
        struct key_import_file files[2] = {
            {.name = "k.pem", .text = {(const uint8_t *)pem, strlen(pem)}},
            {.name = "k.key", .text = {text.data, text.length}}};
        world.options = (struct key_import_options){.now = NOW};
        bool good = key_import(world.keyset, files, 2, &world.options, &world.keys, &fault);
        assert_int_equal(good, !other);
        if (other)
            assert_non_null(strstr(fault.text, "k.pem: an RSA key"));
        else
            assert_int_equal(((struct key_pair *)vector_at(&world.keys, 0))->algorithm, 10);
        octets_buffer_close(&text);
        key_pair_close(world.memory, &key);
        world_close(&world);
    }
}

// Some tools write an elliptic private key as a number, without its leading zeros.
static void
a_scalar_may_lack_up_to_three_leading_zeros(void **state)
{
    (void)state;
    for (size_t zeros = 0; zeros <= 5; zeros++) {
        struct world world;
        struct fault fault;
        uint8_t secret[32] = {0};
        char base64[KEY_BASE64_SIZE(32)], text[256];
        memset(secret + zeros, 7, sizeof secret - zeros);
        key_base64_write(secret + zeros, sizeof secret - zeros, base64);
        snprintf(text, sizeof text,
                 "Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: %s\n",
                 base64);
        world_open(&world);
        assert_int_equal(text_import(&world, "k.private", text, &fault), zeros <= 3);
        if (zeros > 3)
            assert_non_null(strstr(fault.text, "ECDSAP256SHA256 has 32"));
        world_close(&world);
    }
}

static void
a_file_name_that_says_another_tag_is_refused(void **state)
{
    (void)state;
    struct world world;
    struct fault fault;
    static const char text[] = "Private-key-format: v1.2\nAlgorithm: 15 (ED25519)\n"
                               "PrivateKey: ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=\n";
    world_open(&world);
    assert_false(text_import(&world, "Kexample.gov.+015+03612.private", text, &fault));
    assert_non_null(strstr(fault.text, "Kexample.gov.+015+03612.private: by its name a key of "
                                       "algorithm 15 with tag 3612, but what is in it makes"));
    assert_true(text_import(&world, "Kexample.gov.+015+03613.private", text, &fault));
    world_close(&world);
}

static void
further_keys_are_of_the_algorithm_at_hand(void **state)
{
    (void)state;
    struct world world;
    struct fault fault;
    const struct key_pair *key;
    char note[KEYSET_NOTE_MAX];
    world_open(&world);
    assert_int_equal(keyset_algorithm(world.keyset, 13), 13); // none yet
    assert_false(keyset_differs(world.keyset, 13, note));
    assert_true(keyset_generate(world.keyset, KEY_CSK, 15, NOW, &key, &fault));
    assert_int_equal(keyset_algorithm(world.keyset, 13), 13); // not published
    uint16_t tag = key->tag;
    assert_true(keyset_move(world.keyset, tag, KEY_EVENT_INTRODUCE, NOW, &fault));
    assert_int_equal(keyset_algorithm(world.keyset, 13), 15);
    assert_true(keyset_differs(world.keyset, 8, note));
    assert_non_null(strstr(note, "the policy says algorithm rsasha256, the zone's keys are of "
                                 "ed25519 and go on signing; algorithm rollovers are not in this "
                                 "version: set algorithm: ed25519 in the policy"));
    assert_true(keyset_generate(world.keyset, KEY_CSK, 13, NOW, &key, &fault)); // imported, say
    assert_true(keyset_move(world.keyset, key->tag, KEY_EVENT_INTRODUCE, NOW, &fault));
    assert_int_equal(keyset_algorithm(world.keyset, 13), 13); // one of several
    assert_false(keyset_differs(world.keyset, 13, note));
    assert_true(keyset_can_sign(world.keyset, &fault)); // both sign all
    assert_true(keyset_move(world.keyset, tag, KEY_EVENT_RETIRE, NOW, &fault));
    assert_false(keyset_can_sign(world.keyset, &fault)); // RFC 4035 section 2.2
    assert_non_null(strstr(fault.text, "of algorithm 15 (ED25519), of which it has other keys"));
    world_close(&world);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pem_of_every_type_is_read_and_signs),
        cmocka_unit_test(pem_that_dnssec_cannot_use_is_refused_with_its_reason),
        cmocka_unit_test(a_cut_pem_is_refused),
        cmocka_unit_test(a_public_file_beside_a_pem_names_the_algorithm),
        cmocka_unit_test(a_scalar_may_lack_up_to_three_leading_zeros),
        cmocka_unit_test(a_file_name_that_says_another_tag_is_refused),
        cmocka_unit_test(further_keys_are_of_the_algorithm_at_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
