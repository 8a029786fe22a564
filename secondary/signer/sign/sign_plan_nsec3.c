// How do NSEC3s come into a plan?
//
// Whole: the walk gives the members of the chain with data in canonical order. Empty non-terminals
// are what stands between a member and the one before it: suffixes of the one that are not suffixes
// of the other. So with opt-out those above insecure delegations alone are left out by themselves
// (RFC 5155 section 7.1). All are hashed at once (iterations cost, so in the pool), sorted, and
// laid over the items: a hashed name may be a record's that is there already.
//
// Changes: names that were touched are hashed; what they were is looked up in the old chain, what
// they are follows from their records. Empty non-terminals come and go with members below them, so
// the ancestors of what came or went are looked at: one is in the chain if a touched member is
// below it, or an untouched one, for which the old version is asked: the first record below it that
// is not touched answers (with opt-out the first that is a member: there a long run of insecure
// delegations is passed). Only an empty non-terminal that was in the chain can have an untouched
// member below, so what comes never needs that walk. Then the ring is repaired between the hashes.
//
// Two names with one hash: between touched names it is seen here. A new name whose hash stands in
// the old chain, without the name having been in it, has the hash of a name that nobody knows here:
// the whole zone is planned, and that finds both or finds that the other one went.
#include <stdlib.h>
#include <string.h>

#include "common/dns/name.h"
#include "common/dns/rrtype.h"
#include "common/zone/find.h"
#include "secondary/signer/sign/sign_plan_inside.h"

#define HASH_BLOCK                                                                                 \
    1024 // names of one portion of the pool: some 100 microseconds without iterations

// ---- whole ----

static void
link_add(struct sign_plan *plan, const uint8_t *name, uint32_t item)
{
    struct nsec3_link link = {.item = item, .next = name};
    vector_add(&plan->links, &link);
}

void
plan_member_add(struct sign_plan *plan, const uint8_t *last, const uint8_t *owner, size_t item)
{
    if (last) {
        unsigned labels = name_labels(owner);
        for (unsigned depth = name_common_labels(last, owner) + 1; depth < labels; depth++)
            link_add(plan, name_skip(owner, labels - depth), NSEC3_LINK_EMPTY);
    }
    link_add(plan, owner, (uint32_t)item);
}

// With many iterations a million names take seconds.
static bool
is_stopped(const struct sign_plan *plan)
{
    return plan->stop && atomic_load_explicit(plan->stop, memory_order_relaxed);
}

static void
block_hash(void *context, unsigned thread, size_t first, size_t end)
{
    const struct sign_plan *plan = context;
    struct nsec3_link *links = plan->links.items;
    (void)thread;
    for (size_t i = first; i < end && !is_stopped(plan); i++)
        nsec3_chain_hash(plan->nsec3, links[i].next, links[i].hash);
}

static bool
collision_fault(const uint8_t *apex, const uint8_t *a, const uint8_t *b, struct fault *fault)
{
    char zone[NAME_TEXT_MAX], first[NAME_TEXT_MAX], second[NAME_TEXT_MAX];
    return fault_set(fault, FAULT_CONFIG,
                     "zone %s: %s and %s have the same NSEC3 hash; set another nsec3-salt in its "
                     "policy, or nsec3: no",
                     name_to_text_short(apex, zone), name_to_text_short(a, first),
                     name_to_text_short(b, second));
}

// Gives each link its item: the record that stands at its owner, or a new one. Hashed names of the
// items come in the order of the links.
static void
links_place(const struct sign_content *content, struct sign_plan *plan)
{
    const struct nsec3_link *links = plan->links.items;
    size_t count = plan->links.count, next = 0;
    for (size_t i = 0; i <= plan->content_count; i++) {
        uint8_t hash[NSEC3_HASH_SIZE];
        bool at_end = i == plan->content_count;
        if (!at_end && !nsec3_owner_hash(plan_owner(plan, i), content->apex, hash))
            continue;
        for (; next < count && (at_end || memcmp(links[next].hash, hash, sizeof hash) < 0);
             next++) {
            struct sign_item item = {.link = (uint32_t)next + 1, .standing = NODE_EMPTY};
            vector_add(&plan->items, &item);
        }
        if (next < count && memcmp(links[next].hash, hash, sizeof hash) == 0)
            plan_item(plan, i)->link = (uint32_t)++next;
    }
}

bool
plan_members_close(const struct sign_content *content, struct pool *pool, struct sign_plan *plan,
                   struct fault *fault)
{
    const uint8_t *names[2];
    if (pool)
        pool_run(pool, plan->links.count, HASH_BLOCK, block_hash, plan);
    else
        block_hash(plan, 0, 0, plan->links.count);
    if (is_stopped(plan))
        return fault_set(fault, FAULT_BUSY, "signing was stopped");
    if (!nsec3_links_close(plan->links.items, plan->links.count, names))
        return collision_fault(content->apex, names[0], names[1], fault);
    links_place(content, plan);
    return true;
}

// ---- changes ----

// A name, or a hash alone, whose place in the chain may have changed.
struct touched {
    const uint8_t *hash; // in the plan's arena
    const uint8_t *name; // NULL: a touched record holds the NSEC3 of a name that may be untouched
    uint32_t item;       // as nsec3_link.item
    bool was, is;        // in the old chain (some name with this hash), in the new one
    bool is_new;         // the name itself was not in the old chain, as far as can be seen
    bool round;          // before the apex's hash, so behind all others in the ring
};
// What the repair works with.
struct repair {
    const struct sign_content *content;
    struct sign_plan *plan;
    bool opt_out;
    struct vector touched; // struct touched
    struct vector above;   // const uint8_t *: names above those that came or went
};

// The NSEC3 with this hash in the old chain; NULL: none.
static const struct node *
chain_find(const struct repair *repair, const uint8_t *hash)
{
    bool matches;
    const struct node *node = zone_find_nsec3(repair->content->version, hash, &matches);
    if (!node)
        *repair->content->damaged = true;
    return node && matches ? node : NULL;
}

static bool
item_is_member(const struct repair *repair, const struct sign_item *item)
{
    return item->standing != NODE_EMPTY &&
           nsec3_is_member(item->content, item->standing, repair->opt_out);
}

// The first item that stands behind the name in canonical order.
static size_t
item_behind(const struct sign_plan *plan, const uint8_t *name)
{
    size_t low = 0, high = plan->content_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (name_compare(plan_owner(plan, middle), name) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// The item of a name that was touched; NULL.
static struct sign_item *
item_of(const struct sign_plan *plan, const uint8_t *name)
{
    size_t behind = item_behind(plan, name);
    bool found = behind > 0 && name_equal(plan_owner(plan, behind - 1), name);
    return found ? plan_item(plan, behind - 1) : NULL;
}

static bool
touched_member_below(const struct repair *repair, const uint8_t *name)
{
    const struct sign_plan *plan = repair->plan;
    for (size_t i = item_behind(plan, name);
         i < plan->content_count && name_is_at_or_below(plan_owner(plan, i), name); i++)
        if (item_is_member(repair, plan_item(plan, i)))
            return true;
    return false;
}

// Whether a member that nobody touched stands below a name that is below no cut. Touched records
// are passed, but they may cut.
static bool
untouched_member_below(const struct repair *repair, const uint8_t *name)
{
    const struct sign_plan *plan = repair->plan;
    const uint8_t *cut = NULL;
    struct version_cursor cursor;
    const struct node *node;
    size_t item = item_behind(plan, name);
    version_cursor_seek(&cursor, repair->content->version, name);
    while ((node = version_cursor_next(&cursor)) && name_is_at_or_below(node_owner(node), name)) {
        const uint8_t *owner = node_owner(node);
        while (item < plan->content_count && name_compare(plan_owner(plan, item), owner) < 0)
            item++;
        bool is_touched = name_equal(owner, name) ||
                          (item < plan->content_count && name_equal(plan_owner(plan, item), owner));
        bool below = cut && name_is_at_or_below(owner, cut);
        const struct node *content = is_touched ? content_find(repair->content, owner) : node;
        enum node_standing standing = node_standing(node, false, below);
        if (!is_touched && standing != NODE_EMPTY &&
            nsec3_is_member(node, standing, repair->opt_out))
            return true;
        if (!below && content && content_cuts(content, false))
            cut = owner;
    }
    if (cursor.damaged)
        *repair->content->damaged = true;
    return false;
}

// Whether a name without data is in the chain; was: it, or data at it, was in the old one.
static bool
empty_is_member(const struct repair *repair, const uint8_t *name, bool was)
{
    if (content_is_below_cut(repair->content, name))
        return false;
    return touched_member_below(repair, name) || (was && untouched_member_below(repair, name));
}

// Whether the name itself was in the old chain, of which `in_chain` is the NSEC3 with its hash.
static bool
name_was_member(const struct repair *repair, const uint8_t *name, const struct node *in_chain)
{
    const struct version *version = repair->content->version;
    struct name_suffixes suffixes;
    struct zone_match match;
    struct nsec3_rdata nsec3;
    name_suffixes_init(&suffixes, name, version_hash_key(version));
    zone_find(version, name, &suffixes, &match);
    if (match.damaged)
        *repair->content->damaged = true;
    if (!match.node)
        return false;
    bool apex = name_equal(name, repair->content->apex);
    bool below = match.cut && match.cut != match.node;
    enum node_standing standing = node_standing(match.node, apex, below);
    if (standing != NODE_EMPTY)
        return nsec3_is_member(match.node, standing, repair->opt_out);
    return !below && nsec3_of(in_chain, &nsec3) && nsec3.bitmap_length == 0;
}

// The ancestors of a name that came or went, below the apex.
static void
above_add(struct repair *repair, const uint8_t *name)
{
    unsigned apex_labels = name_labels(repair->content->apex);
    for (unsigned up = 1, labels = name_labels(name); labels - up > apex_labels; up++) {
        const uint8_t *above = name_skip(name, up);
        vector_add(&repair->above, &above);
    }
}

// Looks up what the name was, and notes it where its NSEC3 may change.
static void
name_touch(struct repair *repair, const uint8_t *name, uint32_t item)
{
    const struct sign_item *given = item == NSEC3_LINK_EMPTY ? NULL : plan_item(repair->plan, item);
    uint8_t *hash = arena_alloc(repair->plan->arena, NSEC3_HASH_SIZE);
    nsec3_chain_hash(repair->plan->nsec3, name, hash);
    const struct node *in_chain = chain_find(repair, hash);
    bool has_data = given && given->standing != NODE_EMPTY;
    struct touched touched = {.hash = hash, .name = name, .was = in_chain != NULL};
    touched.is =
        has_data ? item_is_member(repair, given) : empty_is_member(repair, name, touched.was);
    touched.item = has_data ? item : NSEC3_LINK_EMPTY;
    bool same = touched.was == touched.is;
    if (same && (!touched.is || (given && given->content == given->old && item != 0)))
        return;
    touched.is_new = touched.is && touched.was && !name_was_member(repair, name, in_chain);
    if (same && !given && !touched.is_new)
        return;
    vector_add(&repair->touched, &touched);
    if (given && touched.was != touched.is)
        above_add(repair, name);
}

// A touched record that holds an NSEC3 keeps it, unless the name that it belongs to says otherwise.
static void
held_touch(struct repair *repair, const struct sign_item *item)
{
    uint8_t hash[NSEC3_HASH_SIZE];
    if (!item->old || !node_has(item->old, RRTYPE_NSEC3) ||
        !nsec3_owner_hash(node_owner(item->old), repair->content->apex, hash))
        return;
    struct touched touched = {.hash = arena_copy(repair->plan->arena, hash, sizeof hash),
                              .item = NSEC3_LINK_OLD,
                              .was = true,
                              .is = true};
    vector_add(&repair->touched, &touched);
}

static int
name_order(const void *a, const void *b)
{
    return name_compare(*(const uint8_t *const *)a, *(const uint8_t *const *)b);
}

// Empty non-terminals that come and go; a name with data was touched itself or stays as it is.
static void
above_touch(struct repair *repair)
{
    const uint8_t **names = repair->above.items;
    size_t count = repair->above.count;
    if (count > 1)
        qsort(names, count, sizeof *names, name_order);
    for (size_t i = 0; i < count; i++) {
        if ((i > 0 && name_equal(names[i - 1], names[i])) || item_of(repair->plan, names[i]))
            continue;
        const struct node *content = content_find(repair->content, names[i]);
        if (!content || node_standing(content, false, false) == NODE_EMPTY)
            name_touch(repair, names[i], NSEC3_LINK_EMPTY);
    }
}

// Hashes in order from the apex's on. Of one hash: names before those without, members before
// others.
static int
touched_order(const void *left, const void *right)
{
    const struct touched *a = left, *b = right;
    int order = a->round != b->round ? (int)a->round - (int)b->round
                                     : memcmp(a->hash, b->hash, NSEC3_HASH_SIZE);
    if (order == 0)
        order = (a->name == NULL) - (b->name == NULL);
    return order ? order : (int)b->is - (int)a->is;
}

static void
touched_sort(struct repair *repair)
{
    struct touched *touched = repair->touched.items;
    const uint8_t *apex_hash = touched[0].hash;
    for (size_t i = 0; i < repair->touched.count; i++)
        touched[i].round = memcmp(touched[i].hash, apex_hash, NSEC3_HASH_SIZE) < 0;
    qsort(touched, repair->touched.count, sizeof *touched, touched_order);
}

// One for each hash. False: two names that shall be in the chain have this one, or may have.
static bool
touched_join(struct repair *repair)
{
    struct touched *touched = repair->touched.items;
    size_t kept = 0;
    for (size_t i = 0, end; i < repair->touched.count; i = end) {
        struct touched joined = touched[i];
        bool another_was = false; // in the old chain under this hash, and is touched
        for (end = i + 1; end < repair->touched.count &&
                          memcmp(touched[end].hash, joined.hash, NSEC3_HASH_SIZE) == 0;
             end++) {
            joined.was = joined.was || touched[end].was;
            if (touched[end].name && touched[end].is)
                return false;
            another_was = another_was || (touched[end].name && touched[end].was);
        }
        if (joined.is_new && !another_was)
            return false;
        touched[kept++] = joined;
    }
    repair->touched.count = kept;
    return true;
}

// Gives a change of the ring its item: the record that stands at its owner, touched or not.
static void
change_place(struct repair *repair, const struct sign_context *context,
             const struct chain_change *change, uint32_t item)
{
    struct sign_plan *plan = repair->plan;
    uint8_t owner[NAME_SIZE_MAX];
    ENSURE(nsec3_owner(change->key, repair->content->apex, owner));
    if (!item_of(plan, owner)) {
        const struct sign_content *content = repair->content;
        if (content_find(content, owner) || content_served(content, owner))
            plan_item_add(content, context, plan, owner);
        else if (change->is)
            vector_add(&plan->items, &(struct sign_item){.standing = NODE_EMPTY});
        else
            return;
    }
    if (!change->is)
        return;
    struct nsec3_link link = {.item = item,
                              .next = arena_copy(plan->arena, change->next, NSEC3_HASH_SIZE)};
    memcpy(link.hash, change->key, NSEC3_HASH_SIZE);
    vector_add(&plan->links, &link);
    struct sign_item *touched = item_of(plan, owner);
    struct sign_item *place = touched ? touched : plan_item(plan, plan->items.count - 1);
    place->link = (uint32_t)plan->links.count;
}

// The ring between the hashes that were touched; items of neighbours are added in hash order.
static void
ring_close(struct repair *repair, const struct sign_context *context)
{
    const struct touched *touched = repair->touched.items;
    size_t count = repair->touched.count, first = 0;
    struct chain_change *changes = memory_zalloc(2 * count * sizeof *changes);
    for (size_t i = 0; i < count; i++)
        changes[i] = (struct chain_change){
            .key = touched[i].hash, .was = touched[i].was, .is = touched[i].is};
    size_t all = nsec3_chain_repair(repair->content->version, touched[0].hash, repair->plan->arena,
                                    changes, count);
    if (all == 0)
        *repair->content->damaged = true;
    uint32_t *items = memory_alloc((all + 1) * sizeof *items);
    for (size_t i = 0, given = 0; i < all; i++) {
        bool is_given = given < count && changes[i].key == touched[given].hash;
        items[i] = is_given ? touched[given++].item : NSEC3_LINK_OLD;
        if (i > 0 && memcmp(changes[i].key, changes[i - 1].key, NSEC3_HASH_SIZE) < 0)
            first = i; // of all hashes
    }
    for (size_t i = 0; i < all; i++) {
        size_t at = (first + i) % all;
        change_place(repair, context, &changes[at], items[at]);
    }
    free(items);
    free(changes);
}

bool
plan_ring_repair(const struct sign_content *content, const struct sign_context *context,
                 struct sign_plan *plan)
{
    struct repair repair = {
        .content = content, .plan = plan, .opt_out = plan->nsec3->flags & NSEC3_FLAG_OPT_OUT};
    vector_init(&repair.touched, sizeof(struct touched));
    vector_init(&repair.above, sizeof(const uint8_t *));
    for (size_t i = 0; i < plan->content_count; i++) {
        name_touch(&repair, plan_owner(plan, i), (uint32_t)i);
        held_touch(&repair, plan_item(plan, i));
    }
    above_touch(&repair);
    bool sure = true;
    if (!*content->damaged) {
        touched_sort(&repair);
        sure = touched_join(&repair);
        if (sure)
            ring_close(&repair, context);
    }
    vector_close(&repair.touched);
    vector_close(&repair.above);
    return sure;
}
