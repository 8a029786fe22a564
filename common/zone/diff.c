#include "common/zone/diff.h"

#include "common/base/arena.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES_FIRST 16

void
diff_init(struct diff *diff)
{
    *diff = (struct diff){0};
}

void
diff_close(struct diff *diff)
{
    free(diff->entries);
    diff_init(diff);
}

void
diff_add(struct diff *diff, const struct node *old_node, const struct node *new_node)
{
    ENSURE(old_node || new_node);
    if (diff->count == diff->capacity) {
        diff->capacity = diff->capacity ? diff->capacity * 2 : ENTRIES_FIRST;
        diff->entries = memory_realloc(diff->entries, diff->capacity * sizeof *diff->entries);
    }
    diff->entries[diff->count++] = (struct diff_entry){.old_node = old_node, .new_node = new_node};
}

static const uint8_t *
entry_owner(const struct diff_entry *entry)
{
    return node_owner(entry->new_node ? entry->new_node : entry->old_node);
}

static int
entry_compare(const void *left, const void *right)
{
    return name_compare(entry_owner(left), entry_owner(right));
}

void
diff_sort(struct diff *diff)
{
    if (diff->count > 1)
        qsort(diff->entries, diff->count, sizeof *diff->entries, entry_compare);
}

static bool
node_is_empty(const struct node *node)
{
    return !node || node_rrset_count(node) == 0;
}

static bool
nodes_differ(const struct node *old, const struct node *new, enum diff_view view, bool apex)
{
    if (view == DIFF_UNSIGNED)
        return !node_equal_unsigned(old, new, apex);
    if (node_is_empty(old) || node_is_empty(new))
        return node_is_empty(old) != node_is_empty(new);
    return node_size(old) != node_size(new) || memcmp(old, new, node_size(old)) != 0;
}

static size_t
unsigned_pairs(const struct node *node, bool apex)
{
    size_t pairs = 0;
    for (unsigned i = 0; i < node_rrset_count(node); i++) {
        struct rrset rrset;
        node_rrset_at(node, i, &rrset);
        pairs += !rrset_is_signers(rrset.type, apex);
    }
    return pairs;
}

// The merge walk's two sides; each gives its records in canonical order.
struct diff_side {
    struct version_cursor cursor;
    const struct version *version; // or
    const struct draft *draft;
    size_t next;
    const struct node *node; // NULL: at the end
};

static void
side_next(struct diff_side *side)
{
    if (side->version)
        side->node = version_cursor_next(&side->cursor);
    else if (side->draft && side->next < draft_node_count(side->draft))
        side->node = draft_node_at(side->draft, side->next++);
    else
        side->node = NULL;
}

static void
side_start(struct diff_side *side)
{
    if (side->version)
        version_cursor_first(&side->cursor, side->version);
    side_next(side);
}

static void
sides_diff(struct diff_side *old, struct diff_side *new, enum diff_view view, const uint8_t *apex,
           struct diff *diff)
{
    diff_init(diff);
    side_start(old);
    side_start(new);
    while (old->node || new->node) {
        int order = !old->node   ? 1
                    : !new->node ? -1
                                 : name_compare(node_owner(old->node), node_owner(new->node));
        const struct node *old_node = order <= 0 ? old->node : NULL;
        const struct node *new_node = order >= 0 ? new->node : NULL;
        bool is_apex = name_equal(node_owner(old_node ? old_node : new_node), apex);
        if (nodes_differ(old_node, new_node, view, is_apex))
            diff_add(diff, old_node, new_node);
        if (old_node) {
            diff->old_pairs += unsigned_pairs(old_node, is_apex);
            side_next(old);
        }
        if (new_node)
            side_next(new);
    }
    diff->damaged = old->version && old->cursor.damaged;
}

void
diff_version_draft(const struct version *old, const struct draft *new, enum diff_view view,
                   struct diff *ret_diff)
{
    struct diff_side old_side = {.version = old}, new_side = {.draft = new};
    sides_diff(&old_side, &new_side, view, draft_apex(new), ret_diff);
}

void
diff_version_version(const struct version *old, const struct version *new, enum diff_view view,
                     struct diff *ret_diff)
{
    struct diff_side old_side = {.version = old}, new_side = {.version = new};
    sides_diff(&old_side, &new_side, view, version_apex(new), ret_diff);
}

size_t
version_unsigned_pairs(const struct version *version)
{
    struct version_cursor cursor;
    const struct node *node;
    size_t pairs = 0;
    version_cursor_first(&cursor, version);
    while ((node = version_cursor_next(&cursor)))
        pairs += unsigned_pairs(node, name_equal(node_owner(node), version_apex(version)));
    return pairs;
}
