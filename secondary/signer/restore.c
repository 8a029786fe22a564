#include "secondary/signer/restore.h"

#include "common/dns/name.h"

static const uint8_t *
owner_of(const struct diff_entry *entry)
{
    return node_owner(entry->new_node ? entry->new_node : entry->old_node);
}

void
restore_compose(const struct version *current, const struct version *former,
                const struct diff *fresh, struct diff *ret_diff)
{
    struct diff back;
    size_t i = 0, j = 0;
    diff_version_version(current, former, DIFF_WHOLE, &back);
    diff_init(ret_diff);
    ret_diff->damaged = back.damaged;
    if (back.damaged) { // not to be built upon: all of former, in a heap of its own
        diff_close(&back);
        diff_version_version(NULL, former, DIFF_WHOLE, &back);
    }
    while (i < back.count || j < fresh->count) {
        int order = i == back.count ? 1
                    : j == fresh->count
                        ? -1
                        : name_compare(owner_of(&back.entries[i]), owner_of(&fresh->entries[j]));
        if (order < 0)
            diff_add(ret_diff, back.entries[i].old_node, back.entries[i].new_node);
        else // the store looks up what is served of an owner that differs only by fresh
            diff_add(ret_diff, order == 0 ? back.entries[i].old_node : NULL,
                     fresh->entries[j].new_node);
        i += order <= 0;
        j += order >= 0;
    }
    diff_close(&back);
}
