// Signers of every algorithm: sizes, threads, the life of the objects behind them. That signatures
// are right: tests/unit/sign/test_sign_rrset.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <pthread.h>

#include <cmocka.h>

#include "secondary/signer/keys/key_ed25519.h"
#include "secondary/signer/keys/key_pair.h"
#include "secondary/signer/keys/key_signer.h"

#define NOW 1795000000

static const uint8_t apex[] = "\7example\3gov";
static const uint8_t algorithms[] = {8, 10, 13, 14, 15, 16};

static void
every_algorithm_makes_keys_and_signatures_of_its_size(void **state)
{
    (void)state;
    static const size_t sizes[] = {256, 256, 64, 96, 64, 114};
    struct key_memory *memory = key_memory_new();
    for (size_t i = 0; i < sizeof algorithms; i++) {
        struct key_pair key;
        struct key_signer *signer;
        struct fault fault;
        uint8_t signature[KEY_SIGNATURE_MAX];
        size_t length;
        assert_true(key_pair_generate(memory, apex, KEY_ZSK, algorithms[i], NOW, &key, &fault));
        assert_int_equal(key_pair_signature_size(&key), sizes[i]);
        assert_true(key_signer_new(memory, &key, &signer, &fault));
        for (int turn = 0; turn < 3; turn++) {
            assert_true(key_signer_sign(signer, (const uint8_t *)"input", 5, signature, &length));
            assert_int_equal(length, sizes[i]);
        }
        key_signer_free(&signer);
        key_pair_close(memory, &key);
    }
    assert_int_equal(key_memory_count(memory), 0);
    key_memory_free(&memory);
}

static void
an_ed25519_secret_may_be_read_only_while_some_signer_holds_it(void **state)
{
    (void)state;
    struct key_memory *memory = key_memory_new();
    struct key_pair key;
    struct key_signer *a, *b;
    struct fault fault;
    uint8_t signature[KEY_SIGNATURE_MAX];
    size_t length;
    assert_true(key_pair_generate(memory, apex, KEY_CSK, 15, NOW, &key, &fault));
    assert_true(key_signer_new(memory, &key, &a, &fault));
    struct key_ed25519 *object = key_memory_object(memory, key.secret);
    assert_true(key_ed25519_is_readable(object));
    assert_true(key_signer_new(memory, &key, &b, &fault));
    assert_ptr_equal(key_memory_object(memory, key.secret), object); // one copy for both
    key_signer_free(&a);
    assert_true(key_ed25519_is_readable(object));
    key_signer_free(&b);
    assert_false(key_ed25519_is_readable(object));
    assert_true(key_signer_new(memory, &key, &a, &fault));
    key_pair_close(memory, &key); // the signer keeps its object
    assert_true(key_signer_sign(a, (const uint8_t *)"input", 5, signature, &length));
    key_signer_free(&a);
    key_memory_free(&memory);
}

// Each thread has its signer, as the pool's threads do; the key's object is shared.
struct hand {
    struct key_signer *signer;
    pthread_t thread;
    uint8_t signature[KEY_SIGNATURE_MAX];
    size_t length;
    bool good;
};

static void *
hand_signs(void *context)
{
    struct hand *hand = context;
    hand->good = true;
    for (int i = 0; hand->good && i < 50; i++)
        hand->good = key_signer_sign(hand->signer, (const uint8_t *)"input", 5, hand->signature,
                                     &hand->length);
    return NULL;
}

static void
threads_sign_with_one_key_at_once(void **state)
{
    (void)state;
    enum { HANDS = 4 };
    struct key_memory *memory = key_memory_new();
    for (size_t i = 0; i < sizeof algorithms; i++) {
        struct key_pair key;
        struct fault fault;
        struct hand hands[HANDS] = {0};
        if (algorithms[i] == 10) // as 8
            continue;
        assert_true(key_pair_generate(memory, apex, KEY_ZSK, algorithms[i], NOW, &key, &fault));
        for (int k = 0; k < HANDS; k++)
            assert_true(key_signer_new(memory, &key, &hands[k].signer, &fault));
        for (int k = 0; k < HANDS; k++)
            assert_int_equal(pthread_create(&hands[k].thread, NULL, hand_signs, &hands[k]), 0);
        key_pair_close(memory, &key); // forgotten while they sign
        for (int k = 0; k < HANDS; k++) {
            assert_int_equal(pthread_join(hands[k].thread, NULL), 0);
            assert_true(hands[k].good);
            assert_int_equal(hands[k].length, hands[0].length);
            if (key_signer_is_deterministic(algorithms[i]))
                assert_memory_equal(hands[k].signature, hands[0].signature, hands[0].length);
        }
        for (int k = 0; k < HANDS; k++)
            key_signer_free(&hands[k].signer);
    }
    key_memory_free(&memory);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_algorithm_makes_keys_and_signatures_of_its_size),
        cmocka_unit_test(threads_sign_with_one_key_at_once),
        cmocka_unit_test(an_ed25519_secret_may_be_read_only_while_some_signer_holds_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
