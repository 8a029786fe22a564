#include "secondary/signer/sign/sign_plan.h"

#include <stdlib.h>
#include <string.h>

#include "common/dns/name.h"
#include "common/dns/rrtype.h"
#include "secondary/signer/sign/sign_plan_inside.h"

void
sign_plan_init(struct sign_plan *plan, const struct nsec3_parameters *nsec3,
               const atomic_bool *stop)
{
    *plan = (struct sign_plan){.nsec3 = nsec3, .stop = stop, .arena = arena_new()};
    vector_init(&plan->items, sizeof(struct sign_item));
    vector_init(&plan->links, sizeof(struct nsec3_link));
    vector_init(&plan->refused, sizeof(struct sign_refusal));
}

void
sign_plan_close(struct sign_plan *plan)
{
    vector_close(&plan->items);
    vector_close(&plan->links);
    vector_close(&plan->refused);
    arena_free(&plan->arena);
}

// The last member of the chain that a walk met.
struct chain_end {
    const uint8_t *owner; // NULL: none yet
    size_t item;
};

static void
chain_extend(struct sign_plan *plan, struct chain_end *end, const struct sign_item *item)
{
    const uint8_t *owner = node_owner(item->content);
    size_t index = plan->items.count - 1;
    if (plan->nsec3) {
        bool opt_out = plan->nsec3->flags & NSEC3_FLAG_OPT_OUT;
        if (!nsec3_is_member(item->content, item->standing, opt_out))
            return;
        plan_member_add(plan, end->owner, owner, index);
    } else {
        if (!node_standing_has_nsec(item->standing))
            return;
        if (end->owner)
            plan_item(plan, end->item)->next = owner;
    }
    *end = (struct chain_end){.owner = owner, .item = index};
}

bool
sign_plan_whole(const struct sign_content *content, const struct sign_context *context,
                struct pool *pool, struct sign_plan *plan, struct fault *fault)
{
    struct content_walk walk;
    struct content_step step;
    const uint8_t *cut = NULL; // the topmost cut or DNAME at or above the owners that follow
    struct chain_end end = {0};
    content_walk_init(&walk, content);
    while (content_walk_next(&walk, &step)) {
        const uint8_t *owner = node_owner(step.content ? step.content : step.old);
        bool apex = plan->items.count == 0;
        bool below = cut && name_is_at_or_below(owner, cut);
        const struct node *node =
            plan_content_trim(plan, context, step.content, step.old, apex, below);
        struct sign_item item = {.content = node,
                                 .old = step.old,
                                 .standing = (uint8_t)plan_standing(node, apex, below)};
        vector_add(&plan->items, &item);
        if (item.standing != NODE_EMPTY)
            chain_extend(plan, &end, &item);
        if (!below && node && content_cuts(node, apex))
            cut = owner;
    }
    plan->content_count = plan->items.count;
    if (plan->nsec3)
        return plan_members_close(content, pool, plan, fault);
    if (end.owner)
        plan_item(plan, end.item)->next = content->apex;
    return true;
}

// Owners to look at, gathered in any order.
static void
owner_add(struct vector *owners, const uint8_t *owner)
{
    vector_add(owners, &owner);
}

// A cut or DNAME that came or went changes the standing of every name below it that is served.
static void
range_add(struct vector *owners, const struct sign_content *content, const uint8_t *top)
{
    struct version_cursor cursor;
    const struct node *node;
    version_cursor_seek(&cursor, content->version, top);
    while ((node = version_cursor_next(&cursor)) && name_is_at_or_below(node_owner(node), top))
        owner_add(owners, node_owner(node));
    if (cursor.damaged)
        *content->damaged = true;
}

static void
changed_add(const struct sign_content *content, struct vector *owners)
{
    for (size_t i = 0; content->changes && i < content->changes->count; i++) {
        const struct diff_entry *entry = &content->changes->entries[i];
        const uint8_t *owner = node_owner(entry->new_node ? entry->new_node : entry->old_node);
        bool apex = name_equal(owner, content->apex);
        const struct node *old = content_served(content, owner);
        bool did_cut = old && content_cuts(old, apex);
        bool cuts = entry->new_node && content_cuts(entry->new_node, apex);
        owner_add(owners, owner);
        if (did_cut != cuts)
            range_add(owners, content, owner);
    }
}

static int
owner_order(const void *a, const void *b)
{
    return name_compare(*(const uint8_t *const *)a, *(const uint8_t *const *)b);
}

static void
owners_sort(struct vector *owners)
{
    const uint8_t **names = owners->items;
    size_t kept = 0;
    qsort(names, owners->count, sizeof *names, owner_order);
    for (size_t i = 0; i < owners->count; i++)
        if (kept == 0 || !name_equal(names[kept - 1], names[i]))
            names[kept++] = names[i];
    owners->count = kept;
}

// An unchanged neighbour: only its next name is new. It was in the chain and stays, so its standing
// is its own.
static struct sign_item
neighbour(const struct sign_content *content, const uint8_t *owner)
{
    const struct node *node = content_served(content, owner);
    struct sign_item item = {.content = node, .old = node, .standing = NODE_EMPTY};
    if (node) // else it is damaged, which was noted
        item.standing = (uint8_t)node_standing(node, name_equal(owner, content->apex), false);
    return item;
}

// Fills next names and adds the neighbours.
static void
nsec_repair(const struct sign_content *content, struct sign_plan *plan)
{
    size_t count = plan->items.count;
    struct chain_change *changes = memory_zalloc(2 * count * sizeof *changes);
    for (size_t i = 0; i < count; i++) {
        const struct sign_item *item = plan_item(plan, i);
        changes[i].key = plan_owner(plan, i);
        changes[i].was = item->old && node_has(item->old, RRTYPE_NSEC);
        changes[i].is = node_standing_has_nsec(item->standing);
    }
    size_t all = nsec_chain_repair(content->version, changes, count);
    if (all == 0)
        *content->damaged = true;
    struct vector items;
    vector_init(&items, sizeof(struct sign_item));
    for (size_t i = 0, from = 0; i < all; i++) {
        bool is_given = from < count && name_equal(plan_owner(plan, from), changes[i].key);
        struct sign_item item =
            is_given ? *plan_item(plan, from) : neighbour(content, changes[i].key);
        from += is_given;
        item.next = changes[i].is ? changes[i].next : NULL;
        vector_add(&items, &item);
    }
    vector_close(&plan->items);
    plan->items = items;
    plan->content_count = items.count;
    free(changes);
}

bool
sign_plan_changes(const struct sign_content *content, const struct sign_context *context,
                  const uint8_t *const *due, size_t due_count, struct sign_plan *plan)
{
    struct vector owners;
    vector_init(&owners, sizeof(const uint8_t *));
    owner_add(&owners, content->apex);
    changed_add(content, &owners);
    for (size_t i = 0; i < due_count; i++)
        owner_add(&owners, due[i]);
    owners_sort(&owners);
    for (size_t i = 0; i < owners.count; i++) {
        const uint8_t *owner = *(const uint8_t **)vector_at(&owners, i);
        if (content_find(content, owner) || content_served(content, owner))
            plan_item_add(content, context, plan, owner);
    }
    vector_close(&owners);
    plan->content_count = plan->items.count;
    if (plan->nsec3)
        return plan_ring_repair(content, context, plan);
    nsec_repair(content, plan);
    return true;
}
