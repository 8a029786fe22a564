// Which records must be looked at, with their standing and their place in the chain of denial: all
// of them, or those that a change touches: changed owners, names below a cut that came or went,
// owners that are due, the neighbours in the chain.
#ifndef TANDEM_SIGN_SIGN_PLAN_H
#define TANDEM_SIGN_SIGN_PLAN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/vector.h"
#include "secondary/signer/sign/pool.h"
#include "secondary/signer/sign/sign_content.h"
#include "secondary/signer/sign/sign_node.h"
#include "secondary/signer/sign/sign_zone.h"

struct sign_plan {
    const struct nsec3_parameters *nsec3; // NULL: NSEC
    const atomic_bool *stop;              // ends the hashing of a whole zone; NULL: nobody wants it
    // Of struct sign_item: the first content_count in canonical order, the apex first; behind them,
    // in an order of their own, the records that hold nothing but an NSEC3 and were not among the
    // owners looked at.
    struct vector items;
    size_t content_count;
    struct vector links;   // of struct nsec3_link: what sign_item.link refers to
    struct arena *arena;   // of what had to be made on the way
    struct vector refused; // of struct sign_refusal, SIGN_REFUSALS_MAX at most
    size_t refusals;
};
void sign_plan_init(struct sign_plan *plan, const struct nsec3_parameters *nsec3,
                    const atomic_bool *stop);
void sign_plan_close(struct sign_plan *plan);

// context: for the sizes of signatures; pool (NULL: none) hashes names. Faults: FAULT_CONFIG, two
// names have one hash; FAULT_BUSY, stopped.
bool sign_plan_whole(const struct sign_content *content, const struct sign_context *context,
                     struct pool *pool, struct sign_plan *plan, struct fault *fault);
// content->version has a chain of the kind and parameters that the plan wants. False: only a plan
// of the whole zone can tell (two names seem to have one hash).
bool sign_plan_changes(const struct sign_content *content, const struct sign_context *context,
                       const uint8_t *const *due, size_t due_count, struct sign_plan *plan);

#endif
