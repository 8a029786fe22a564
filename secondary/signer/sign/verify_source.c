#include "secondary/signer/sign/verify_source.h"

#include "common/dns/name.h"
#include "common/dns/rrtype.h"
#include "common/zone/find.h"

const uint8_t *
verify_entry_owner(const struct diff_entry *entry)
{
    return node_owner(entry->new_node ? entry->new_node : entry->old_node);
}

size_t
verify_entry_of(const struct diff *diff, const uint8_t *owner, bool *ret_exact)
{
    size_t low = 0, high = diff->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (name_compare(verify_entry_owner(&diff->entries[middle]), owner) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_exact = low < diff->count && name_equal(verify_entry_owner(&diff->entries[low]), owner);
    return low;
}

static void
step_ahead(struct verify_cursor *cursor)
{
    cursor->ahead = cursor->source->version ? version_cursor_next(&cursor->walk) : NULL;
}

void
verify_cursor_first(struct verify_cursor *cursor, const struct verify_source *source)
{
    *cursor = (struct verify_cursor){.source = source, .entry = VERIFY_NO_ENTRY};
    if (source->version)
        version_cursor_first(&cursor->walk, source->version);
    step_ahead(cursor);
}

void
verify_cursor_seek(struct verify_cursor *cursor, const struct verify_source *source,
                   const uint8_t *name)
{
    bool exact;
    *cursor = (struct verify_cursor){.source = source, .entry = VERIFY_NO_ENTRY};
    if (source->version)
        version_cursor_seek(&cursor->walk, source->version, name);
    if (source->draft)
        cursor->index = draft_lower_bound(source->draft, name);
    else if (source->diff)
        cursor->index = verify_entry_of(source->diff, name, &exact);
    step_ahead(cursor);
}

static const struct node *
next_of_draft(struct verify_cursor *cursor)
{
    const struct draft *draft = cursor->source->draft;
    return cursor->index < draft_node_count(draft) ? draft_node_at(draft, cursor->index++) : NULL;
}

// The nearer of the two; an entry takes the place of the version's record. *ret_gone: the entry's
// owner goes.
static const struct node *
next_of_both(struct verify_cursor *cursor, bool *ret_gone)
{
    const struct diff *diff = cursor->source->diff;
    const struct node *ahead = cursor->ahead;
    cursor->entry = VERIFY_NO_ENTRY;
    *ret_gone = false;
    if (diff && cursor->index < diff->count) {
        const struct diff_entry *entry = &diff->entries[cursor->index];
        int order = ahead ? name_compare(verify_entry_owner(entry), node_owner(ahead)) : -1;
        if (order <= 0) {
            cursor->entry = cursor->index++;
            if (order == 0)
                step_ahead(cursor);
            *ret_gone = entry->new_node == NULL;
            return entry->new_node;
        }
    }
    if (ahead)
        step_ahead(cursor);
    return ahead;
}

const struct node *
verify_cursor_next(struct verify_cursor *cursor)
{
    for (;;) {
        bool gone = false;
        const struct node *node =
            cursor->source->draft ? next_of_draft(cursor) : next_of_both(cursor, &gone);
        if (!gone && (!node || node_rrset_count(node) > 0))
            return node;
    }
}

bool
verify_cursor_damaged(const struct verify_cursor *cursor)
{
    return cursor->source->version && cursor->walk.damaged;
}

const struct node *
verify_source_at(const struct verify_source *source, const uint8_t *name, bool *ret_damaged)
{
    bool exact = false, damaged = false;
    const struct node *node = NULL;
    if (source->draft) {
        node = draft_find(source->draft, name);
    } else {
        size_t at = source->diff ? verify_entry_of(source->diff, name, &exact) : 0;
        if (exact)
            node = source->diff->entries[at].new_node;
        else if (source->version)
            node = zone_find_record(source->version, name, &damaged);
    }
    if (ret_damaged)
        *ret_damaged = damaged;
    return node;
}

bool
verify_is_hash_only(const struct node *node)
{
    return node_rrset_count(node) == 1 && node_has(node, RRTYPE_NSEC3);
}

bool
verify_source_has_below(const struct verify_source *source, const uint8_t *top)
{
    struct verify_cursor cursor;
    const struct node *node;
    verify_cursor_seek(&cursor, source, top);
    while ((node = verify_cursor_next(&cursor)) && name_equal(node_owner(node), top))
        ;
    return node && name_is_at_or_below(node_owner(node), top);
}
