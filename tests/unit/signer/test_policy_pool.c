#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "secondary/signer/policy_pool.h"

static void
equal_policies_are_one_and_stay_until_the_last_holder_goes(void **state)
{
    struct policy_pool *pool = policy_pool_new();
    struct sign_policy policy, same;
    (void)state;
    sign_policy_default(&policy);
    sign_policy_default(&same);
    const struct sign_policy *first = policy_pool_hold(pool, &policy);
    const struct sign_policy *second = policy_pool_hold(pool, &same);
    assert_ptr_equal(first, second);
    assert_ptr_not_equal(first, &policy); // a copy: the caller's may go
    policy_pool_drop(pool, &first);
    assert_null(first);
    assert_int_equal(second->rrsig_lifetime_seconds, policy.rrsig_lifetime_seconds);
    policy_pool_drop(pool, &second);
    assert_int_equal(policy_pool_count(pool), 0);
    policy_pool_drop(pool, &second); // nothing is held
    policy_pool_free(&pool);
    assert_null(pool);
}

// Each field alone makes another policy.
static void
policies_that_differ_in_anything_are_kept_apart(void **state)
{
    struct sign_policy changed[14];
    const struct sign_policy *held[15];
    struct policy_pool *pool = policy_pool_new();
    struct sign_policy policy;
    (void)state;
    sign_policy_default(&policy);
    for (size_t i = 0; i < 14; i++)
        changed[i] = policy;
    changed[0].rrsig_lifetime_seconds++;
    changed[1].rrsig_refresh_seconds++;
    changed[2].rrsig_jitter_seconds++;
    changed[3].serial_policy = SERIAL_INCREMENT;
    changed[4].verify = VERIFY_OFF;
    changed[5].dnskey_ttl_seconds++;
    changed[6].nsec3 = true;
    changed[7].nsec3_parameters.flags = NSEC3_FLAG_OPT_OUT;
    changed[8].nsec3_parameters.iterations = 1;
    changed[9].nsec3_parameters.salt_length = 1;
    changed[10].nsec3_parameters.salt_length = 1;
    changed[10].nsec3_parameters.salt[0] = 7;
    changed[11].zonemd = true;
    changed[12].renew_until = 1;
    changed[13].renew_after = 1;
    held[14] = policy_pool_hold(pool, &policy);
    for (size_t i = 0; i < 14; i++)
        held[i] = policy_pool_hold(pool, &changed[i]);
    assert_int_equal(policy_pool_count(pool), 15);
    for (size_t i = 0; i < 15; i++) // in another order than they came
        policy_pool_drop(pool, &held[i]);
    assert_int_equal(policy_pool_count(pool), 0);
    policy_pool_free(&pool);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_policies_are_one_and_stay_until_the_last_holder_goes),
        cmocka_unit_test(policies_that_differ_in_anything_are_kept_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
