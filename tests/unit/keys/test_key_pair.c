#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/dns/rdata.h"
#include "secondary/signer/keys/key_base64.h"
#include "secondary/signer/keys/key_pair.h"
#include "secondary/signer/keys/key_signer.h"
#include "secondary/signer/keys/keyset.h"

#define NOW 1795000000

static const uint8_t apex[] = "\7example\3gov";

// RFC 6605 section 6.1: the key of example.net, its tag and its DS.
static void
the_key_of_rfc_6605_has_its_public_part_tag_and_ds(void **state)
{
    (void)state;
    static const uint8_t net[] = "\7example\3net";
    static const char private_key[] = "GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=";
    static const char public_key[] =
        "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==";
    uint8_t secret[32], expected[64];
    size_t length;
    assert_true(key_base64_read(private_key, strlen(private_key), secret, sizeof secret, &length));
    assert_true(
        key_base64_read(public_key, strlen(public_key), expected, sizeof expected, &length));
    struct key_memory *memory = key_memory_new();
    struct key_parts parts = {.role = KEY_KSK, .algorithm = 13, .secret = {secret, 32}};
    struct key_pair key;
    struct fault fault;
    assert_true(key_pair_from_parts(memory, net, &parts, &key, &fault));
    assert_int_equal(key.tag, 55648);
    assert_memory_equal(key.dnskey + 4, expected, 64);
    struct octets_buffer text;
    octets_buffer_init(&text);
    key_pair_ds_text(&key, 3600, &text);
    octets_buffer_add_u8(&text, 0);
    assert_non_null(strstr((char *)text.data,
                           "example.net. 3600 IN DS 55648 13 2 "
                           "B4C8C1FE2E7477127B27115656AD6256F424625BF5C1E2770CE6D"
                           "6E37DF61D17\n"));
    octets_buffer_close(&text);
    key_pair_close(memory, &key);
    assert_int_equal(key_memory_count(memory), 0);
    key_memory_free(&memory);
}

static void
a_public_part_of_another_key_is_refused(void **state)
{
    (void)state;
    struct key_memory *memory = key_memory_new();
    struct key_pair a, b;
    struct fault fault;
    assert_true(key_pair_generate(memory, apex, KEY_ZSK, 13, NOW, &a, &fault));
    uint8_t secret[32] = {1};
    struct key_parts parts = {
        .role = KEY_ZSK, .algorithm = 13, .public_key = {a.dnskey + 4, 64}, .secret = {secret, 32}};
    assert_false(key_pair_from_parts(memory, apex, &parts, &b, &fault));
    assert_int_equal(fault.kind, FAULT_CORRUPT);
    assert_non_null(strstr(fault.text, "do not belong together"));
    key_pair_close(memory, &a);
    key_memory_free(&memory);
}

static void
numbers_out_of_range_and_other_algorithms_are_refused(void **state)
{
    (void)state;
    struct key_memory *memory = key_memory_new();
    uint8_t secret[32] = {0};
    struct key_parts parts = {.role = KEY_ZSK, .algorithm = 13, .secret = {secret, 32}};
    struct key_pair key;
    struct fault fault;
    assert_false(key_pair_from_parts(memory, apex, &parts, &key, &fault)); // zero
    memset(secret, 0xff, sizeof secret);
    assert_false(key_pair_from_parts(memory, apex, &parts, &key, &fault)); // above the order
    parts.secret.length = 31;
    assert_false(key_pair_from_parts(memory, apex, &parts, &key, &fault));
    static const uint8_t others[] = {0, 1, 3, 5, 6, 7, 12, 17, 253};
    for (size_t i = 0; i < sizeof others; i++) {
        parts.algorithm = others[i];
        assert_false(key_pair_from_parts(memory, apex, &parts, &key, &fault));
        assert_int_equal(fault.kind, FAULT_UNSUPPORTED);
        assert_non_null(strstr(fault.text, "is not supported: use ECDSAP256SHA256 (13)"));
        assert_false(key_pair_generate(memory, apex, KEY_ZSK, others[i], NOW, &key, &fault));
        assert_non_null(strstr(fault.text, "is not supported"));
    }
    assert_int_equal(key_memory_count(memory), 0);
    key_memory_free(&memory);
}

static void
a_signer_outlives_its_key_in_the_cache_and_signs_64_octets(void **state)
{
    (void)state;
    struct key_memory *memory = key_memory_new();
    struct key_pair key;
    struct key_signer *signer;
    struct fault fault;
    uint8_t signature[KEY_SIGNATURE_MAX];
    size_t length;
    assert_true(key_pair_generate(memory, apex, KEY_CSK, 13, NOW, &key, &fault));
    assert_true(key_signer_new(memory, &key, &signer, &fault));
    key_pair_close(memory, &key);
    for (int i = 0; i < 600; i++) { // r or s with leading zeros come up too
        assert_true(key_signer_sign(signer, (const uint8_t *)"input", 5, signature, &length));
        assert_int_equal(length, 64);
    }
    key_signer_free(&signer);
    key_memory_free(&memory);
}

static void
more_keys_than_objects_stay_usable(void **state)
{
    (void)state;
    struct key_memory *memory = key_memory_new();
    enum { KEYS = KEY_MEMORY_OBJECTS_MAX + 40 };
    static struct key_pair keys[KEYS];
    struct fault fault;
    struct key_signer *signer;
    for (int i = 0; i < KEYS; i++)
        assert_true(key_pair_generate(memory, apex, KEY_ZSK, 13, NOW, &keys[i], &fault));
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < KEYS; i++) {
            assert_true(key_signer_new(memory, &keys[i], &signer, &fault));
            key_signer_free(&signer);
        }
    }
    assert_int_equal(key_memory_count(memory), KEYS);
    for (int i = 0; i < KEYS; i++)
        key_pair_close(memory, &keys[i]);
    assert_int_equal(key_memory_count(memory), 0);
    key_memory_free(&memory);
}

static void
a_first_start_asks_for_ksk_and_zsk_or_for_a_csk(void **state)
{
    (void)state;
    struct key_memory *memory = key_memory_new();
    struct keyset *keyset = keyset_new(apex, memory);
    struct key_policy policy;
    enum key_role roles[2];
    struct fault fault;
    const struct key_pair *key;
    key_policy_default(&policy);
    assert_int_equal(keyset_missing(keyset, &policy, roles), 2);
    assert_int_equal(roles[0], KEY_KSK);
    assert_int_equal(roles[1], KEY_ZSK);
    policy.single_type_signing = true;
    assert_int_equal(keyset_missing(keyset, &policy, roles), 1);
    assert_int_equal(roles[0], KEY_CSK);
    assert_true(keyset_generate(keyset, KEY_KSK, 13, NOW, &key, &fault));
    assert_false(keyset_can_sign(keyset, &fault));
    assert_non_null(strstr(fault.text, "no published key"));
    assert_true(keyset_move(keyset, key->tag, KEY_EVENT_INTRODUCE, NOW, &fault));
    assert_false(keyset_can_sign(keyset, &fault));
    assert_non_null(strstr(fault.text, "ZSK or CSK"));
    assert_int_equal(keyset_missing(keyset, &policy, roles), 1);
    assert_int_equal(roles[0], KEY_ZSK);
    assert_true(keyset_generate(keyset, KEY_ZSK, 13, NOW, &key, &fault));
    assert_true(keyset_move(keyset, key->tag, KEY_EVENT_INTRODUCE, NOW, &fault));
    assert_true(keyset_can_sign(keyset, &fault));
    const struct key_pair *keys[KEYSET_KEYS_MAX];
    assert_int_equal(keyset_signing(keyset, true, keys), 1);
    assert_int_equal(keys[0]->role, KEY_KSK);
    assert_int_equal(keyset_signing(keyset, false, keys), 1);
    assert_int_equal(keys[0]->role, KEY_ZSK);
    assert_int_equal(keyset_published(keyset, keys), 2);
    keyset_free(&keyset);
    assert_int_equal(key_memory_count(memory), 0);
    key_memory_free(&memory);
}

static void
a_tag_that_is_taken_is_refused_and_never_generated(void **state)
{
    (void)state;
    struct key_memory *memory = key_memory_new();
    struct keyset *keyset = keyset_new(apex, memory);
    struct key_pair key;
    struct fault fault;
    assert_true(key_pair_generate(memory, apex, KEY_ZSK, 13, NOW, &key, &fault));
    keyset_avoid_tag(keyset, key.tag);
    assert_false(keyset_add(keyset, &key, &fault));
    assert_int_equal(fault.kind, FAULT_EXISTS);
    key_pair_close(memory, &key);
    keyset_free(&keyset);
    key_memory_free(&memory);
}

static void
a_ds_is_matched_by_the_key_that_it_names_only(void **state)
{
    (void)state;
    struct key_memory *memory = key_memory_new();
    struct keyset *keyset = keyset_new(apex, memory);
    const struct key_pair *key;
    struct fault fault;
    uint8_t ds[KEY_DS_MAX];
    assert_true(keyset_generate(keyset, KEY_CSK, 13, NOW, &key, &fault));
    size_t length = key_pair_ds(key, 4, ds);
    assert_int_equal(length, 52);
    assert_false(keyset_matches_ds(keyset, ds, length)); // not active yet
    assert_true(keyset_move(keyset, key->tag, KEY_EVENT_INTRODUCE, NOW, &fault));
    assert_true(keyset_matches_ds(keyset, ds, length));
    ds[20] ^= 1;
    assert_false(keyset_matches_ds(keyset, ds, length));
    assert_false(keyset_matches_ds(keyset, ds, 3));
    keyset_free(&keyset);
    key_memory_free(&memory);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_of_rfc_6605_has_its_public_part_tag_and_ds),
        cmocka_unit_test(a_public_part_of_another_key_is_refused),
        cmocka_unit_test(numbers_out_of_range_and_other_algorithms_are_refused),
        cmocka_unit_test(a_signer_outlives_its_key_in_the_cache_and_signs_64_octets),
        cmocka_unit_test(more_keys_than_objects_stay_usable),
        cmocka_unit_test(a_first_start_asks_for_ksk_and_zsk_or_for_a_csk),
        cmocka_unit_test(a_tag_that_is_taken_is_refused_and_never_generated),
        cmocka_unit_test(a_ds_is_matched_by_the_key_that_it_names_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
