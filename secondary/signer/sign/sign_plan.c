#include "secondary/signer/sign/sign_plan.h"

#include <stdlib.h>
#include <string.h>

#include "common/dns/name.h"
#include "common/dns/rrtype.h"

#define OVERSIZE_FROM                                                                              \
    32768 // octets of a record below which no RRset of it can be too long with its signatures

void
sign_plan_init(struct sign_plan *plan)
{
    *plan = (struct sign_plan){.arena = arena_new()};
    vector_init(&plan->items, sizeof(struct sign_item));
    vector_init(&plan->refused, sizeof(struct sign_refusal));
}

void
sign_plan_close(struct sign_plan *plan)
{
    vector_close(&plan->items);
    vector_close(&plan->refused);
    arena_free(&plan->arena);
}

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

// A record without the RRsets that no message could carry with their signatures: the served ones
// stay in their place.
static const struct node *
oversize_trim(struct sign_plan *plan, const struct sign_context *context,
              const struct node *content, const struct node *old, bool apex, bool below)
{
    if (!content || node_size(content) < OVERSIZE_FROM)
        return content;
    enum node_standing standing = node_standing(content, apex, below);
    struct rrset *rrsets = arena_alloc(plan->arena, NODE_RRSETS_MAX * sizeof *rrsets);
    unsigned count = node_unsigned_rrsets(content, apex, rrsets, NODE_RRSETS_MAX), kept = 0;
    for (unsigned i = 0; i < count; i++) {
        size_t octets = sign_rrset_size(context, &rrsets[i]);
        bool good =
            !sign_standing_signs(standing, rrsets[i].type) || octets <= NODE_RRSET_OCTETS_MAX;
        struct rrset served;
        if (!good)
            refuse(plan, node_owner(content), rrsets[i].type, octets);
        if (!good && old && node_rrset_find(old, rrsets[i].type, &served) &&
            sign_rrset_size(context, &served) <= NODE_RRSET_OCTETS_MAX) {
            rrsets[i] = served;
            good = true;
        }
        if (good)
            rrsets[kept++] = rrsets[i];
    }
    return kept == count && plan->refusals == 0
               ? content
               : node_build(plan->arena, node_owner(content), rrsets, kept);
}

static enum node_standing
standing_of(const struct node *content, bool apex, bool below)
{
    return content ? node_standing(content, apex, below) : NODE_EMPTY;
}

void
sign_plan_whole(const struct sign_content *content, const struct sign_context *context,
                struct sign_plan *plan)
{
    struct content_walk walk;
    struct content_step step;
    const uint8_t *cut = NULL; // the topmost cut or DNAME at or above the owners that follow
    size_t last = 0;           // the item whose NSEC waits for its next name
    content_walk_init(&walk, content);
    while (content_walk_next(&walk, &step)) {
        const uint8_t *owner = node_owner(step.content ? step.content : step.old);
        bool apex = plan->items.count == 0;
        bool below = cut && name_is_at_or_below(owner, cut);
        const struct node *node = oversize_trim(plan, context, step.content, step.old, apex, below);
        struct sign_item item = {
            .content = node, .old = step.old, .standing = standing_of(node, apex, below)};
        if (node_standing_has_nsec(item.standing)) {
            if (!apex)
                ((struct sign_item *)vector_at(&plan->items, last))->next = owner;
            last = plan->items.count;
        }
        if (!below && node && content_cuts(node, apex))
            cut = owner;
        vector_add(&plan->items, &item);
    }
    if (plan->items.count)
        ((struct sign_item *)vector_at(&plan->items, last))->next = content->apex;
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

static void
item_add(const struct sign_content *content, const struct sign_context *context,
         struct sign_plan *plan, const uint8_t *owner)
{
    bool apex = plan->items.count == 0;
    bool below = content_is_below_cut(content, owner);
    const struct node *old = content_served(content, owner);
    const struct node *node =
        oversize_trim(plan, context, content_find(content, owner), old, apex, below);
    struct sign_item item = {
        .content = node, .old = old, .standing = standing_of(node, apex, below)};
    vector_add(&plan->items, &item);
}

// An unchanged neighbour: only its next name is new. It was in the chain and stays, so its standing
// is its own.
static struct sign_item
neighbour(const struct sign_content *content, const uint8_t *owner)
{
    const struct node *node = content_served(content, owner);
    struct sign_item item = {.content = node, .old = node, .standing = NODE_EMPTY};
    if (node) // else it is damaged, which was noted
        item.standing = node_standing(node, name_equal(owner, content->apex), false);
    return item;
}

// Fills next names and adds the neighbours.
static void
chain_repair(const struct sign_content *content, struct sign_plan *plan)
{
    size_t count = plan->items.count;
    struct nsec_change *changes = memory_zalloc(2 * count * sizeof *changes);
    for (size_t i = 0; i < count; i++) {
        const struct sign_item *item = vector_at(&plan->items, i);
        changes[i].owner = node_owner(item->content ? item->content : item->old);
        changes[i].was = item->old && node_has(item->old, RRTYPE_NSEC);
        changes[i].is = node_standing_has_nsec(item->standing);
    }
    size_t all = nsec_chain_repair(content->version, changes, count);
    if (all == 0)
        *content->damaged = true;
    struct vector items;
    vector_init(&items, sizeof(struct sign_item));
    for (size_t i = 0, from = 0; i < all; i++) {
        const struct sign_item *given = from < count ? vector_at(&plan->items, from) : NULL;
        const uint8_t *owner =
            given ? node_owner(given->content ? given->content : given->old) : NULL;
        bool is_given = owner && name_equal(owner, changes[i].owner);
        struct sign_item item = is_given ? *given : neighbour(content, changes[i].owner);
        from += is_given;
        item.next = changes[i].is ? changes[i].next : NULL;
        vector_add(&items, &item);
    }
    vector_close(&plan->items);
    plan->items = items;
    free(changes);
}

void
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
            item_add(content, context, plan, owner);
    }
    vector_close(&owners);
    chain_repair(content, plan);
}
