// What a zone takes in the signer while nothing happens to it. Its store is empty: what a version
// takes is the store's matter.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/vector.h"
#include "common/net/loop.h"
#include "secondary/signer/keeper.h"
#include "secondary/signer/sign/pool.h"
#include "tests/support/heap_use.h"

#define FLEET 1000
// Of one zone that was told of and not looked for yet: a timer (200), its name, the keeper itself.
#define FLEET_ZONE_OCTETS 1400
#define AWAKE             40 // with files of their own: fewer, for each costs some syncs
// With its store, quarantine and history (empty), and two keys (ECDSA).
#define AWAKE_ZONE_OCTETS 3400

struct bed {
    char directory[64];
    struct pooled pooled; // nothing is told: it has no link
    struct keeper_shared shared;
    struct vector keepers;
    struct policy_settings policy;
    struct secondary_zone_settings zone;
    struct zone_rules rules;
    uint8_t name[32];
};

static void
forget_message(void *context, const struct message *message)
{
    (void)context;
    (void)message;
}

static const struct key_seal *
no_seal(void *context, const char *secret_file, struct fault *fault)
{
    (void)context;
    (void)secret_file;
    fault_set(fault, FAULT_NOT_FOUND, "no seal here");
    return NULL;
}

static void
bed_open(struct bed *bed)
{
    memset(bed, 0, sizeof *bed);
    strcpy(bed->directory, "/tmp/tandem-keeper-XXXXXX");
    assert_non_null(mkdtemp(bed->directory));
    pooled_init(&bed->pooled, NULL);
    bed->pooled.state_directory = bed->directory;
    bed->shared = (struct keeper_shared){.loop = loop_new(),
                                         .pool = pool_new(1),
                                         .memory = key_memory_new(),
                                         .policies = policy_pool_new(),
                                         .pooled = &bed->pooled,
                                         .state_directory = bed->directory,
                                         .seal = no_seal,
                                         .send = forget_message};
    vector_init(&bed->keepers, sizeof(struct keeper *));
    bed->policy = (struct policy_settings){.id = "p",
                                           .algorithm = 13,
                                           .rrsig_lifetime_seconds = 14 * 86400,
                                           .rrsig_refresh_seconds = 7 * 86400,
                                           .rrsig_jitter_seconds = 86400,
                                           .key_storage = POLICY_STORAGE_PLAIN,
                                           .key_secret_file = "",
                                           .dnskey_ttl_seconds = 3600,
                                           .nsec3_salt = ""};
}

static struct keeper *
keeper_add(struct bed *bed, unsigned number)
{
    snprintf((char *)bed->name, sizeof bed->name, "%cz%05u%cexample", 6, number, 7);
    bed->rules = (struct zone_rules){.gate = {.review = ""}, .expire_seconds = EXPIRE_NEVER};
    bed->zone = (struct secondary_zone_settings){.name = bed->name, .rules = &bed->rules};
    struct keeper *keeper = keeper_new(&bed->shared, number, &bed->zone, &bed->policy);
    vector_add(&bed->keepers, &keeper);
    return keeper;
}

static void
bed_close(struct bed *bed)
{
    char command[96];
    for (size_t i = 0; i < bed->keepers.count; i++)
        keeper_free(vector_at(&bed->keepers, i));
    vector_close(&bed->keepers);
    assert_int_equal(policy_pool_count(bed->shared.policies), 0);
    policy_pool_free(&bed->shared.policies);
    pooled_close(&bed->pooled);
    loop_free(&bed->shared.loop);
    pool_free(&bed->shared.pool);
    key_memory_free(&bed->shared.memory);
    snprintf(command, sizeof command, "rm -rf %s", bed->directory);
    assert_int_equal(system(command), 0);
}

static void
a_zone_that_was_only_told_of_costs_little(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed);
    size_t before = heap_use();
    for (unsigned i = 0; i < FLEET; i++)
        keeper_add(&bed, i);
    assert_int_equal(policy_pool_count(bed.shared.policies), 1);
    heap_use_expect("signer", heap_use_each(before, FLEET), FLEET_ZONE_OCTETS);
    bed_close(&bed);
}

static void
a_zone_with_its_keys_and_no_event_costs_little(void **state)
{
    struct bed bed;
    (void)state;
    bed_open(&bed);
    keeper_wake(keeper_add(&bed, 99999)); // what the first one brings with it is not counted
    size_t before = heap_use();
    for (unsigned i = 0; i < AWAKE; i++) {
        struct keeper *keeper = keeper_add(&bed, i);
        keeper_wake(keeper);
        assert_non_null(keeper->store);
        assert_int_equal(keyset_count(keeper->keyset), 2);
        assert_null(keeper->expiry); // made when it is asked for
        assert_null(keeper->history);
        assert_null(keeper->counted); // and all else that only an event needs
        assert_null(keeper->change);
        assert_null(keeper->waiters);
        assert_null(keeper->rejected);
    }
    heap_use_expect("signer, awake", heap_use_each(before, AWAKE), AWAKE_ZONE_OCTETS);
    bed_close(&bed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zone_that_was_only_told_of_costs_little),
        cmocka_unit_test(a_zone_with_its_keys_and_no_event_costs_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
