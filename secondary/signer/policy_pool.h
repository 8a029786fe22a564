// The signing policies in force, once each: ten thousand zones follow a handful of them. A zone
// holds its policy as long as it follows it, a reload gives it another one; what nobody holds goes.
// Main thread of the signer.
#ifndef TANDEM_SIGNER_POLICY_POOL_H
#define TANDEM_SIGNER_POLICY_POOL_H

#include "secondary/signer/sign/sign_policy.h"

struct policy_pool;

struct policy_pool *policy_pool_new(void);
void policy_pool_free(struct policy_pool **pool); // when nobody holds anything
// The pool's one copy of an equal policy, held once more; frozen.
const struct sign_policy *policy_pool_hold(struct policy_pool *pool,
                                           const struct sign_policy *policy);
// NULL is let be.
void policy_pool_drop(struct policy_pool *pool, const struct sign_policy **policy);
size_t policy_pool_count(const struct policy_pool *pool);

#endif
