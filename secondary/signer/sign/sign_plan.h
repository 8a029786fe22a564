// Which records must be looked at, with their standing and their next owner: all of them, or those
// that a change touches: changed owners, names below a cut that came or went, owners that are due,
// the neighbours in the chain.
#ifndef TANDEM_SIGN_SIGN_PLAN_H
#define TANDEM_SIGN_SIGN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/base/vector.h"
#include "secondary/signer/sign/sign_content.h"
#include "secondary/signer/sign/sign_node.h"
#include "secondary/signer/sign/sign_zone.h"

struct sign_plan {
    struct vector items;   // of struct sign_item, canonical order, the apex first
    struct arena *arena;   // of what had to be made on the way
    struct vector refused; // of struct sign_refusal, SIGN_REFUSALS_MAX at most
    size_t refusals;
};
void sign_plan_init(struct sign_plan *plan);
void sign_plan_close(struct sign_plan *plan);

// context: for the sizes of signatures.
void sign_plan_whole(const struct sign_content *content, const struct sign_context *context,
                     struct sign_plan *plan);
// content->version has an NSEC chain.
void sign_plan_changes(const struct sign_content *content, const struct sign_context *context,
                       const uint8_t *const *due, size_t due_count, struct sign_plan *plan);

#endif
