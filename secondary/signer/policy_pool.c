#include "secondary/signer/policy_pool.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/vector.h"

struct held_policy {
    struct sign_policy policy; // first: what is given out is the whole
    size_t holds;
};

struct policy_pool {
    struct vector policies; // of struct held_policy *
};

struct policy_pool *
policy_pool_new(void)
{
    struct policy_pool *pool = memory_zalloc(sizeof *pool);
    vector_init(&pool->policies, sizeof(struct held_policy *));
    return pool;
}

static struct held_policy *
held_at(const struct policy_pool *pool, size_t index)
{
    return *(struct held_policy **)vector_at(&pool->policies, index);
}

void
policy_pool_free(struct policy_pool **pool)
{
    if (*pool == NULL) {
        return;
    }
    ENSURE((*pool)->policies.count == 0);
    vector_close(&(*pool)->policies);
    free(*pool);
    *pool = NULL;
}

static bool
same(const struct sign_policy *a, const struct sign_policy *b)
{
    return a->rrsig_lifetime_seconds == b->rrsig_lifetime_seconds &&
           a->rrsig_refresh_seconds == b->rrsig_refresh_seconds &&
           a->rrsig_jitter_seconds == b->rrsig_jitter_seconds &&
           a->serial_policy == b->serial_policy && a->verify == b->verify &&
           a->dnskey_ttl_seconds == b->dnskey_ttl_seconds && a->nsec3 == b->nsec3 &&
           a->nsec3_parameters.flags == b->nsec3_parameters.flags &&
           nsec3_parameters_equal(&a->nsec3_parameters, &b->nsec3_parameters) &&
           a->zonemd == b->zonemd && a->renew_until == b->renew_until &&
           a->renew_after == b->renew_after;
}

const struct sign_policy *
policy_pool_hold(struct policy_pool *pool, const struct sign_policy *policy)
{
    for (size_t i = 0; i < pool->policies.count; i++) {
        struct held_policy *held = held_at(pool, i);
        if (same(&held->policy, policy)) {
            held->holds++;
            return &held->policy;
        }
    }
    struct held_policy *fresh = memory_alloc(sizeof *fresh);
    *fresh = (struct held_policy){.policy = *policy, .holds = 1};
    vector_add(&pool->policies, &fresh);
    return &fresh->policy;
}

void
policy_pool_drop(struct policy_pool *pool, const struct sign_policy **policy)
{
    for (size_t i = 0; *policy != NULL && i < pool->policies.count; i++) {
        struct held_policy *held = held_at(pool, i);
        if (&held->policy != *policy || --held->holds > 0) {
            continue;
        }
        struct held_policy *last = held_at(pool, pool->policies.count - 1);
        memcpy(vector_at(&pool->policies, i), &last, sizeof last);
        pool->policies.count--;
        free(held);
    }
    *policy = NULL;
}

size_t
policy_pool_count(const struct policy_pool *pool)
{
    return pool->policies.count;
}
