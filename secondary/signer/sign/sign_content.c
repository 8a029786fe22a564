#include "secondary/signer/sign/sign_content.h"

#include "common/dns/name.h"
#include "common/dns/rrtype.h"
#include "common/zone/find.h"

static const uint8_t *
entry_owner(const struct diff_entry *entry)
{
    return node_owner(entry->new_node ? entry->new_node : entry->old_node);
}

static const struct diff_entry *
entry_find(const struct diff *changes, const uint8_t *owner)
{
    size_t low = 0, high = changes->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = name_compare(entry_owner(&changes->entries[middle]), owner);
        if (order == 0)
            return &changes->entries[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct node *
content_served(const struct sign_content *content, const uint8_t *owner)
{
    bool damaged;
    if (!content->version)
        return NULL;
    const struct node *node = zone_find_record(content->version, owner, &damaged);
    if (damaged)
        *content->damaged = true;
    return node;
}

const struct node *
content_find(const struct sign_content *content, const uint8_t *owner)
{
    if (content->changes) {
        const struct diff_entry *entry = entry_find(content->changes, owner);
        if (entry)
            return entry->new_node;
    }
    return content_served(content, owner);
}

bool
content_cuts(const struct node *node, bool apex)
{
    return node_has(node, RRTYPE_DNAME) || (!apex && node_has(node, RRTYPE_NS));
}

bool
content_is_below_cut(const struct sign_content *content, const uint8_t *owner)
{
    unsigned apex_labels = name_labels(content->apex);
    unsigned labels = name_labels(owner);
    for (unsigned depth = apex_labels; depth < labels; depth++) {
        const struct node *node = content_find(content, name_skip(owner, labels - depth));
        if (node && content_cuts(node, depth == apex_labels))
            return true;
    }
    return false;
}

void
content_walk_init(struct content_walk *walk, const struct sign_content *content)
{
    *walk = (struct content_walk){.content = content};
    if (!content->version)
        return;
    version_cursor_first(&walk->cursor, content->version);
    walk->ahead = version_cursor_next(&walk->cursor);
}

bool
content_walk_next(struct content_walk *walk, struct content_step *ret_step)
{
    const struct diff *changes = walk->content->changes;
    const struct diff_entry *entry =
        changes && walk->entry < changes->count ? &changes->entries[walk->entry] : NULL;
    if (walk->cursor.damaged)
        *walk->content->damaged = true;
    if (!entry && !walk->ahead)
        return false;
    int order = !entry         ? -1
                : !walk->ahead ? 1
                               : name_compare(node_owner(walk->ahead), entry_owner(entry));
    *ret_step = (struct content_step){.old = order <= 0 ? walk->ahead : NULL,
                                      .content = order >= 0 ? entry->new_node : walk->ahead};
    if (order >= 0)
        walk->entry++;
    if (order <= 0)
        walk->ahead = version_cursor_next(&walk->cursor);
    return true;
}
