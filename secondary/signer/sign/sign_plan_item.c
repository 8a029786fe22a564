// What an item of a plan is made from: the record that the owner shall have, without what no
// message could carry, and what it is to the signer.
#include "common/dns/name.h"
#include "secondary/signer/sign/sign_plan_inside.h"

#define CONTENT_RRSETS_MAX (NODE_RRSETS_MAX - SIGN_ADDED_MAX)
#define OVERSIZE_FROM                                                                              \
    32768 // octets of a record below which no RRset of it can be too long with its signatures

static void
refuse(struct sign_plan *plan, const uint8_t *owner, uint16_t type, size_t octets)
{
    if (plan->refusals++ >= SIGN_REFUSALS_MAX)
        return;
    struct sign_refusal *refusal = vector_add(&plan->refused, NULL);
    name_copy(refusal->owner, owner);
    refusal->type = type;
    refusal->octets = octets;
}

// A record without the RRsets that no message could carry with their signatures, in whose place the
// served ones stay, and without those that leave no room in it for what is added.
const struct node *
plan_content_trim(struct sign_plan *plan, const struct sign_context *context,
                  const struct node *content, const struct node *old, bool apex, bool below)
{
    if (!content ||
        (node_size(content) < OVERSIZE_FROM && node_rrset_count(content) <= CONTENT_RRSETS_MAX))
        return content;
    enum node_standing standing = node_standing(content, apex, below);
    struct rrset *rrsets = arena_alloc(plan->arena, NODE_RRSETS_MAX * sizeof *rrsets);
    unsigned count = node_unsigned_rrsets(content, apex, rrsets, NODE_RRSETS_MAX), kept = 0;
    size_t refusals = plan->refusals;
    for (unsigned i = 0; i < count; i++) {
        size_t octets = sign_rrset_size(context, &rrsets[i]);
        bool room = kept < CONTENT_RRSETS_MAX;
        bool good =
            !sign_standing_signs(standing, rrsets[i].type) || octets <= NODE_RRSET_OCTETS_MAX;
        struct rrset served;
        if (!good || !room)
            refuse(plan, node_owner(content), rrsets[i].type, octets);
        if (!good && old && node_rrset_find(old, rrsets[i].type, &served) &&
            sign_rrset_size(context, &served) <= NODE_RRSET_OCTETS_MAX) {
            rrsets[i] = served;
            good = true;
        }
        if (good && room)
            rrsets[kept++] = rrsets[i];
    }
    return plan->refusals == refusals ? content
                                      : node_build(plan->arena, node_owner(content), rrsets, kept);
}

enum node_standing
plan_standing(const struct node *content, bool apex, bool below)
{
    return content ? node_standing(content, apex, below) : NODE_EMPTY;
}

void
plan_item_add(const struct sign_content *content, const struct sign_context *context,
              struct sign_plan *plan, const uint8_t *owner)
{
    bool apex = plan->items.count == 0;
    bool below = content_is_below_cut(content, owner);
    const struct node *old = content_served(content, owner);
    const struct node *node =
        plan_content_trim(plan, context, content_find(content, owner), old, apex, below);
    struct sign_item item = {
        .content = node, .old = old, .standing = (uint8_t)plan_standing(node, apex, below)};
    vector_add(&plan->items, &item);
}
