// What the parts of a plan share: sign_plan.c -> sign_plan_nsec3.c -> sign_plan_item.c. Inner to
// them.
#ifndef TANDEM_SIGN_SIGN_PLAN_INSIDE_H
#define TANDEM_SIGN_SIGN_PLAN_INSIDE_H

#include "secondary/signer/sign/sign_plan.h"

static inline struct sign_item *
plan_item(const struct sign_plan *plan, size_t index)
{
    return (struct sign_item *)plan->items.items + index;
}
static inline const uint8_t *
plan_owner(const struct sign_plan *plan, size_t index)
{
    const struct sign_item *item = plan_item(plan, index);
    return node_owner(item->content ? item->content : item->old);
}
// A record without the RRsets that no message could carry with their signatures, in whose place the
// served ones stay, and without those that leave no room in it for what is added; all are noted in
// the plan. content may be NULL.
const struct node *plan_content_trim(struct sign_plan *plan, const struct sign_context *context,
                                     const struct node *content, const struct node *old, bool apex,
                                     bool below);
// NODE_EMPTY where there is no record.
enum node_standing plan_standing(const struct node *content, bool apex, bool below);
// Adds the item of one owner, as the content and the version have it.
void plan_item_add(const struct sign_content *content, const struct sign_context *context,
                   struct sign_plan *plan, const uint8_t *owner);

// Whole: a member of the chain, in canonical order; last: the one before it (NULL: it is the apex).
// Adds it and the empty non-terminals between them.
void plan_member_add(struct sign_plan *plan, const uint8_t *last, const uint8_t *owner,
                     size_t item);
// Whole: all members were added, all items stand. False: two names have one hash.
bool plan_members_close(const struct sign_content *content, struct pool *pool,
                        struct sign_plan *plan, struct fault *fault);
// Changes: all owners that were touched are items. False as sign_plan_changes.
bool plan_ring_repair(const struct sign_content *content, const struct sign_context *context,
                      struct sign_plan *plan);

#endif
