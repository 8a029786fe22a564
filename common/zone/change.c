// A diff speaks of owners with data. The tree has more to say, in this order:
//
// 1. Candidates. Beside each owner that comes: its ancestors that do not exist yet. Beside each
// that goes: its
//    ancestors that are empty non-terminals. All are candidates for being one or for going.
// 2. Resolving, from the last name to the first: a name without data stays, as an empty
// non-terminal, if and only if
//    the next name that stays is below it. Going backwards, that next name is known: either an
//    untouched name of the version, or the next change if it stays, or what that one's next is.
// 3. Cuts. Where a name begins or ceases to cut, every name below it gets a new entry (with its old
// record).
// 4. Depth of the topmost cut, from the first name to the last: the parent's, or the name's own. A
// parent is a change
//    before it or an untouched name whose entry holds.
// 5. Hidden: a record that holds nothing but NSEC3 is a name if and only if the next name that
// stays is below it. So
//    the nearest ancestor of what comes or goes is looked at too where it is such a record.
#include "common/zone/change.h"

#include "common/dns/rrtype.h"
#include "common/zone/index_build.h"

#include <stdlib.h>
#include <string.h>

static struct change *
change_at(const struct change_set *set, size_t place)
{
    return (struct change *)set->changes.items + place;
}

static bool
fault_damaged(struct fault *fault)
{
    return fault_set(fault, FAULT_CORRUPT,
                     "heap: a record is damaged; publish the whole zone anew from its source");
}

// ---- 1. candidates ----

static bool
candidate_add(struct change_set *set, const uint8_t *name, const struct node *node,
              struct fault *fault)
{
    struct change change = {.name = name, .node = node};
    uint64_t hash = name_hash(name, version_hash_key(set->version));
    if (version_probe(set->version, name, name_length(name), hash, &change.old) == INDEX_DAMAGED)
        return fault_damaged(fault);
    vector_add(&set->changes, &change);
    return true;
}

static const struct change *
last_added(const struct change_set *set)
{
    return change_at(set, set->changes.count - 1);
}

// Ancestors from the parent up, as long as they are of the kind wanted: missing ones of an owner
// that comes, empty ones of an owner that goes. The next one's record stays as it is, but where it
// holds nothing but NSEC3, whether it is hidden may change.
static bool
ancestors_add(struct change_set *set, const uint8_t *name, bool missing, struct fault *fault)
{
    unsigned labels = name_labels(name);
    for (unsigned up = 1; labels - up > set->version->apex_labels; up++) {
        if (!candidate_add(set, name_skip(name, up), NULL, fault))
            return false;
        struct change *added = change_at(set, set->changes.count - 1);
        const struct node *old = added->old.node;
        if (missing ? old == NULL : old && node_rrset_count(old) == 0)
            continue;
        added->node = old;
        added->kept = true;
        if (!old || !index_item_bare(old))
            set->changes.count--;
        break;
    }
    return true;
}

static bool
candidates_add(struct change_set *set, const struct diff *diff, struct fault *fault)
{
    for (size_t i = 0; i < diff->count; i++) {
        const struct diff_entry *entry = diff->entries + i;
        const struct node *node = entry->new_node;
        const uint8_t *name = node_owner(node ? node : entry->old_node);
        ENSURE(name_is_at_or_below(name, set->version->apex));
        if (node && node_rrset_count(node) == 0)
            node = NULL; // whether it stays empty is the tree's to say
        if (!candidate_add(set, name, node, fault))
            return false;
        const struct node *old = last_added(set)->old.node;
        bool comes = node && !old, goes = !node && old;
        if ((comes || goes) && name_labels(name) > set->version->apex_labels &&
            !ancestors_add(set, name, comes, fault))
            return false;
    }
    return true;
}

static int
change_compare(const void *left, const void *right)
{
    const struct change *a = left, *b = right;
    int order = name_compare(a->name, b->name);
    if (order == 0) // what the diff says wins, so it comes first
        order = (int)a->kept - (int)b->kept;
    if (order == 0) // so does data
        order = (a->node == NULL) - (b->node == NULL);
    return order;
}

// Sorts, and keeps the first change of each name.
static void
changes_sort(struct change_set *set)
{
    struct change *changes = set->changes.items;
    size_t kept = 0;
    if (set->changes.count > 1)
        qsort(changes, set->changes.count, sizeof *changes, change_compare);
    for (size_t i = 0; i < set->changes.count; i++)
        if (kept == 0 || !name_equal(changes[kept - 1].name, changes[i].name))
            changes[kept++] = changes[i];
    set->changes.count = kept;
}

// ---- 2. resolving ----

// The first name after this one that the version has, changed or not. False: a damaged record is in
// the way.
static bool
name_after(const struct version *version, const uint8_t *name, const uint8_t **ret_name)
{
    struct version_cursor cursor;
    version_cursor_seek(&cursor, version, name);
    const struct node *node = version_cursor_next(&cursor);
    if (node && name_equal(node_owner(node), name))
        node = version_cursor_next(&cursor);
    *ret_name = node ? node_owner(node) : NULL;
    return !cursor.damaged;
}

// The first name after a change that stays; those behind it are resolved.
static bool
staying_after(const struct change_set *set, size_t place, const uint8_t **ret_next,
              struct fault *fault)
{
    const struct change *behind = place + 1 < set->changes.count ? change_at(set, place + 1) : NULL;
    if (!name_after(set->version, change_at(set, place)->name, ret_next))
        return fault_damaged(fault);
    if (behind && (!*ret_next || name_compare(behind->name, *ret_next) <= 0))
        *ret_next = behind->node ? behind->name : behind->next;
    return true;
}

static bool
change_resolve(struct change_set *set, size_t place, struct fault *fault)
{
    struct change *change = change_at(set, place);
    const uint8_t *next;
    if (change->node)
        return true;
    if (!staying_after(set, place, &next, fault))
        return false;
    change->next = next;
    bool is_apex = name_equal(change->name, set->version->apex);
    if (is_apex || (next && name_is_at_or_below(next, change->name)))
        change->node = node_build(set->arena, change->name, NULL, 0);
    return true;
}

static bool
node_same(const struct node *a, const struct node *b)
{
    return a && b ? node_size(a) == node_size(b) && memcmp(a, b, node_size(a)) == 0 : a == b;
}

// Leaves out what changes nothing; what is kept on purpose is judged when its flags are set.
static void
changes_keep(struct change_set *set)
{
    size_t kept = 0;
    for (size_t i = 0; i < set->changes.count; i++)
        if (change_at(set, i)->kept ||
            !node_same(change_at(set, i)->node, change_at(set, i)->old.node))
            *change_at(set, kept++) = *change_at(set, i);
    set->changes.count = kept;
}

static bool
changes_resolve(struct change_set *set, struct fault *fault)
{
    for (size_t i = set->changes.count; i-- > 0;)
        if (!change_resolve(set, i, fault))
            return false;
    changes_keep(set);
    return true;
}

// ---- 3. cuts ----

static bool
cut_changes(const struct change_set *set, const struct change *change)
{
    bool apex = name_equal(change->name, set->version->apex);
    bool old_dname = false, new_dname = false;
    bool old_cuts = change->old.node && index_item_cuts(change->old.node, apex, &old_dname);
    bool new_cuts = change->node && index_item_cuts(change->node, apex, &new_dname);
    return old_cuts != new_cuts || old_dname != new_dname;
}

static bool
range_add(struct change_set *set, const uint8_t *name, size_t names_max, struct fault *fault)
{
    struct version_cursor cursor;
    struct version_hit hit;
    version_cursor_seek(&cursor, set->version, name);
    while (version_cursor_hit(&cursor, &hit) && name_is_at_or_below(node_owner(hit.node), name)) {
        if (name_equal(node_owner(hit.node), name))
            continue;
        if (set->changes.count > names_max) {
            set->whole = true;
            break;
        }
        struct change change = {
            .name = node_owner(hit.node), .node = hit.node, .old = hit, .kept = true};
        vector_add(&set->changes, &change);
    }
    return !cursor.damaged || fault_damaged(fault);
}

static int
kept_compare(const void *left, const void *right)
{
    const struct change *a = left, *b = right;
    int order = name_compare(a->name, b->name);
    return order ? order : (int)a->kept - (int)b->kept;
}

static bool
ranges_add(struct change_set *set, size_t names_max, struct fault *fault)
{
    size_t count = set->changes.count, kept = 0;
    const uint8_t *covered = NULL; // the last cut whose range was added
    for (size_t i = 0; i < count && !set->whole; i++) {
        const struct change *change = change_at(set, i);
        if (!cut_changes(set, change) || (covered && name_is_at_or_below(change->name, covered)))
            continue;
        covered = change->name;
        if (!range_add(set, covered, names_max, fault))
            return false;
    }
    if (set->changes.count == count)
        return true;
    struct change *changes = set->changes.items;
    qsort(changes, set->changes.count, sizeof *changes, kept_compare);
    for (size_t i = 0; i < set->changes.count; i++)
        if (kept == 0 || !name_equal(changes[kept - 1].name, changes[i].name))
            changes[kept++] = changes[i];
    set->changes.count = kept;
    return true;
}

// ---- 4. depth ----

struct ancestors {
    size_t place[NAME_LABELS_MAX + 1]; // of changes that are ancestors of each other
    unsigned count;
};

static bool
parent_cut(const struct change_set *set, const struct ancestors *ancestors,
           const struct change *change, uint8_t *ret_depth, uint8_t *ret_flags)
{
    const uint8_t *parent = name_skip(change->name, 1);
    if (ancestors->count) {
        const struct change *nearest = change_at(set, ancestors->place[ancestors->count - 1]);
        if (name_equal(nearest->name, parent)) {
            *ret_depth = nearest->cut_depth;
            *ret_flags = nearest->flags & INDEX_CUT_IS_DNAME;
            return nearest->node != NULL;
        }
    }
    struct version_hit hit;
    uint64_t hash = name_hash(parent, version_hash_key(set->version));
    if (version_probe(set->version, parent, name_length(parent), hash, &hit) != INDEX_FOUND)
        return false;
    *ret_depth = hit.slot->cut_depth;
    *ret_flags = hit.slot->flags & INDEX_CUT_IS_DNAME;
    return true;
}

static bool
depth_set(const struct change_set *set, const struct ancestors *ancestors, struct change *change)
{
    bool apex = name_equal(change->name, set->version->apex), dname = false;
    change->cut_depth = INDEX_NO_CUT;
    change->flags = 0;
    if (!change->node)
        return true;
    if (!apex && !parent_cut(set, ancestors, change, &change->cut_depth, &change->flags))
        return false;
    if (change->cut_depth == INDEX_NO_CUT && index_item_cuts(change->node, apex, &dname)) {
        change->cut_depth = (uint8_t)name_labels(change->name);
        change->flags = dname ? INDEX_CUT_IS_DNAME : 0;
    }
    if (chain_has(&set->chain, set->version->apex, change->node))
        change->flags |= INDEX_IN_CHAIN;
    return true;
}

static bool
depths_set(struct change_set *set, struct fault *fault)
{
    struct ancestors ancestors = {.count = 0};
    for (size_t i = 0; i < set->changes.count; i++) {
        struct change *change = change_at(set, i);
        while (ancestors.count &&
               !name_is_at_or_below(change->name,
                                    change_at(set, ancestors.place[ancestors.count - 1])->name))
            ancestors.count--;
        if (!depth_set(set, &ancestors, change))
            return fault_damaged(fault);
        ancestors.place[ancestors.count++] = i;
    }
    return true;
}

// ---- 5. hidden ----

static bool
hidden_set(struct change_set *set, struct fault *fault)
{
    for (size_t i = set->changes.count; i-- > 0;) {
        struct change *change = change_at(set, i);
        const uint8_t *next;
        if (!change->node || !index_item_bare(change->node) ||
            name_equal(change->name, set->version->apex))
            continue;
        if (!staying_after(set, i, &next, fault))
            return false;
        if (!next || !name_is_at_or_below(next, change->name))
            change->flags |= INDEX_HIDDEN;
    }
    return true;
}

// Leaves out records that stay where they are and whose entries say the same as before.
static void
kept_drop(struct change_set *set)
{
    const uint8_t said = INDEX_CUT_IS_DNAME | INDEX_IN_CHAIN | INDEX_HIDDEN;
    size_t left = 0;
    for (size_t i = 0; i < set->changes.count; i++) {
        const struct change *change = change_at(set, i);
        const struct index_slot *old = change->old.slot;
        if (!change->kept || change->cut_depth != old->cut_depth ||
            change->flags != (old->flags & said))
            *change_at(set, left++) = *change;
    }
    set->changes.count = left;
}

// ---- the whole ----

// The record that the next version has at this name, or NULL.
static const struct node *
next_record(const void *content, const uint8_t *name)
{
    const struct change_set *set = content;
    size_t low = 0, high = set->changes.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = name_compare(change_at(set, middle)->name, name);
        if (order == 0)
            return change_at(set, middle)->node;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    struct version_hit hit;
    uint64_t hash = name_hash(name, version_hash_key(set->version));
    return version_probe(set->version, name, name_length(name), hash, &hit) == INDEX_FOUND
               ? hit.node
               : NULL;
}

static bool
chain_find(struct change_set *set, size_t names_max, struct fault *fault)
{
    const struct version *version = set->version;
    const struct node *apex = next_record(set, version->apex);
    if (!apex) // changes_resolve keeps it, empty at worst
        return fault_damaged(fault);
    chain_choose(apex, next_record, set, &set->chain);
    set->whole = set->changes.count > names_max || !chain_same(&set->chain, version->chain) ||
                 version->base->header->format == INDEX_FORMAT_FIRST;
    return true;
}

static void
node_count_in(struct change_set *set, const struct node *node, int64_t sign)
{
    if (!node)
        return;
    set->node_count += sign;
    set->living_octets += sign * (int64_t)node_size(node);
    for (unsigned i = 0; i < node_rrset_count(node); i++) {
        struct rrset rrset;
        node_rrset_at(node, i, &rrset);
        set->rr_count += sign * rrset.rr_count;
        set->signature_count += sign * rrset.signature_count;
    }
}

// Depths and flags, unless a full index, which finds them anew, must be written anyway.
static bool
flags_set(struct change_set *set, size_t names_max, struct fault *fault)
{
    if (!chain_find(set, names_max, fault) || (!set->whole && !ranges_add(set, names_max, fault)))
        return false;
    if (set->whole)
        return true;
    if (!depths_set(set, fault) || !hidden_set(set, fault))
        return false;
    kept_drop(set);
    return true;
}

bool
change_set_make(const struct version *version, const struct diff *diff, size_t names_max,
                struct change_set *ret_set, struct fault *fault)
{
    struct change_set set = {.version = version};
    vector_init(&set.changes, sizeof(struct change));
    set.arena = arena_new();
    bool made = candidates_add(&set, diff, fault);
    if (made) {
        changes_sort(&set);
        made = changes_resolve(&set, fault) && flags_set(&set, names_max, fault);
    }
    if (!made) {
        change_set_close(&set);
        return false;
    }
    for (size_t i = 0; i < set.changes.count; i++) {
        node_count_in(&set, change_at(&set, i)->node, 1);
        node_count_in(&set, change_at(&set, i)->old.node, -1);
    }
    *ret_set = set;
    return true;
}

void
change_set_close(struct change_set *set)
{
    vector_close(&set->changes);
    arena_free(&set->arena);
}
