#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "secondary/signer/keys/key_crypto.h"
#include "secondary/signer/keys/keyset.h"

#define NOW  1795000000
#define DAY  86400
#define TTL  3600
#define LATE 600 // propagation

static const uint8_t apex[] = "\7example\3gov";

struct world {
    struct key_memory *memory;
    struct keyset *keyset;
    struct key_policy policy;
};

static void
world_open(struct world *world)
{
    world->memory = key_memory_new();
    world->keyset = keyset_new(apex, world->memory);
    key_policy_default(&world->policy);
    world->policy.dnskey_ttl_seconds = TTL;
    world->policy.propagation_delay_seconds = LATE;
}

static void
world_close(struct world *world)
{
    keyset_free(&world->keyset);
    key_memory_free(&world->memory);
}

static const struct key_pair *
make(struct world *world, enum key_role role, uint8_t algorithm, int64_t at, enum key_event event)
{
    struct fault fault;
    const struct key_pair *key;
    assert_true(keyset_generate(world->keyset, role, algorithm, at, &key, &fault));
    assert_true(keyset_move(world->keyset, key->tag, event, at, &fault));
    return key;
}

static int64_t
known_at(const struct world *world, const struct key_pair *key)
{
    return keyset_known_at(world->keyset, key, &world->policy);
}

static int64_t
spare_at(const struct world *world, const struct key_pair *key, bool dnskey,
         const struct key_pair **ret_other)
{
    return keyset_spare_at(world->keyset, key, dnskey, &world->policy, ret_other);
}

static void
a_zones_first_keys_are_known_at_once_and_later_ones_when_caches_have_turned_over(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    const struct key_pair *ksk = make(&world, KEY_KSK, 15, NOW, KEY_EVENT_INTRODUCE);
    const struct key_pair *zsk = make(&world, KEY_ZSK, 15, NOW + 2, KEY_EVENT_INTRODUCE);
    assert_int_equal(known_at(&world, ksk), NOW);
    assert_int_equal(known_at(&world, zsk), NOW + 2); // the first that signs the zone
    const struct key_pair *next = make(&world, KEY_ZSK, 15, NOW + DAY, KEY_EVENT_INTRODUCE);
    assert_int_equal(known_at(&world, next), NOW + DAY + LATE + TTL);
    assert_int_equal(known_at(&world, ksk), NOW);
    const struct key_pair *both = make(&world, KEY_CSK, 15, NOW + 2 * DAY, KEY_EVENT_PUBLISH);
    const struct key_pair *same = make(&world, KEY_ZSK, 15, NOW + 2, KEY_EVENT_INTRODUCE);
    assert_int_equal(known_at(&world, same), NOW + 2 + LATE + TTL); // which came first is not known
    assert_int_equal(known_at(&world, both), NOW + 2 * DAY + LATE + TTL);
    world_close(&world);
}

static void
a_key_is_spared_by_the_first_other_that_every_cache_has(void **state)
{
    (void)state;
    struct world world;
    const struct key_pair *other;
    world_open(&world);
    const struct key_pair *first = make(&world, KEY_ZSK, 15, NOW, KEY_EVENT_INTRODUCE);
    assert_true(spare_at(&world, first, false, &other) == INT64_MAX);
    assert_null(other);
    const struct key_pair *last = make(&world, KEY_ZSK, 15, NOW + 2 * DAY, KEY_EVENT_INTRODUCE);
    const struct key_pair *second = make(&world, KEY_ZSK, 15, NOW + DAY, KEY_EVENT_INTRODUCE);
    assert_int_equal(spare_at(&world, first, false, &other), NOW + DAY + LATE + TTL);
    assert_ptr_equal(other, second);
    assert_int_equal(spare_at(&world, last, false, &other), NOW);
    assert_ptr_equal(other, first);
    world_close(&world);
}

static void
a_standby_another_role_and_another_algorithm_spare_nothing(void **state)
{
    (void)state;
    struct world world;
    const struct key_pair *other;
    world_open(&world);
    const struct key_pair *zsk = make(&world, KEY_ZSK, 15, NOW, KEY_EVENT_INTRODUCE);
    make(&world, KEY_ZSK, 15, NOW + 5, KEY_EVENT_PUBLISH);
    make(&world, KEY_KSK, 15, NOW, KEY_EVENT_INTRODUCE);
    make(&world, KEY_ZSK, 13, NOW + 5, KEY_EVENT_INTRODUCE);
    assert_true(spare_at(&world, zsk, false, &other) == INT64_MAX);
    const struct key_pair *both = make(&world, KEY_CSK, 15, NOW + 1, KEY_EVENT_INTRODUCE);
    assert_int_equal(spare_at(&world, zsk, false, &other), NOW + 1 + LATE + TTL);
    assert_ptr_equal(other, both);
    assert_int_equal(spare_at(&world, both, true, &other), NOW); // the KSK signs the DNSKEY RRset
    assert_int_equal(spare_at(&world, both, false, &other), NOW);
    assert_ptr_equal(other, zsk);
    world_close(&world);
}

static void
a_secret_that_was_made_before_is_a_key_unless_its_tag_is_taken(void **state)
{
    (void)state;
    struct world world;
    struct fault fault;
    uint8_t octets[KEY_SECRET_MAX];
    struct octets secret = {octets, 0};
    const struct key_pair *key, *other;
    world_open(&world);
    assert_true(key_crypto_generate(13, octets, &secret.length, &fault));
    assert_true(keyset_generate_of(world.keyset, KEY_ZSK, 13, secret, NOW, &key, &fault));
    assert_true(key->state == KEY_GENERATED && key->role == KEY_ZSK);
    assert_int_equal(key->times.at[KEY_GENERATED], NOW);
    uint16_t tag = key->tag;
    assert_true(keyset_generate_of(world.keyset, KEY_ZSK, 13, secret, NOW + 1, &other, &fault));
    assert_int_equal(keyset_count(world.keyset), 2);
    assert_int_not_equal(other->tag, tag); // another key, made here
    assert_int_equal(other->times.at[KEY_GENERATED], NOW + 1);
    secret.length--;
    assert_false(keyset_generate_of(world.keyset, KEY_ZSK, 13, secret, NOW, &other, &fault));
    assert_int_equal(keyset_count(world.keyset), 2);
    world_close(&world);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_zones_first_keys_are_known_at_once_and_later_ones_when_caches_have_turned_over),
        cmocka_unit_test(a_key_is_spared_by_the_first_other_that_every_cache_has),
        cmocka_unit_test(a_standby_another_role_and_another_algorithm_spare_nothing),
        cmocka_unit_test(a_secret_that_was_made_before_is_a_key_unless_its_tag_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
