// What can make a served NS or MX record worse? That its target loses its last address or becomes a
// CNAME; that a zone cut goes which hid it; that a target which does not exist lived on a wildcard
// and now there is another closest encloser, or that it did exist and now lives on one. The first
// two name owners: the walk looks for them among the targets. The third names no owner, so there
// every target without data before or after counts as harmed; it is asked only where a name came or
// went below a parent with a wildcard.
#include "secondary/signer/gate/change_targets.h"

#include <stdlib.h>

#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "common/zone/find.h"

struct lost_name {
    const uint8_t *name;
    bool below; // all names below it, too
};

void
change_targets_init(struct change_targets *targets, const struct version *served,
                    const struct diff *diff)
{
    *targets =
        (struct change_targets){.served = served, .diff = diff, .apex = version_apex(served)};
    vector_init(&targets->lost, sizeof(struct lost_name));
}

void
change_targets_close(struct change_targets *targets)
{
    vector_close(&targets->lost);
}

static int
entry_find(const void *key, const void *item)
{
    const struct diff_entry *entry = item;
    return name_compare(key, node_owner(entry->new_node ? entry->new_node : entry->old_node));
}

const struct diff_entry *
change_entry(const struct diff *diff, const uint8_t *owner)
{
    if (diff->count == 0) {
        return NULL;
    }
    return bsearch(owner, diff->entries, diff->count, sizeof *diff->entries, entry_find);
}

const struct node *
change_node(const struct version *served, const struct diff *diff, const uint8_t *owner)
{
    const struct diff_entry *entry = change_entry(diff, owner);
    const struct node *node = entry != NULL ? entry->new_node : zone_find_exact(served, owner);
    return node != NULL && node_rrset_count(node) > 0 ? node : NULL;
}

bool
change_has(const struct node *node, uint16_t type)
{
    return node != NULL && node_has(node, type);
}

bool
change_has_address(const struct node *node)
{
    return change_has(node, RRTYPE_A) || change_has(node, RRTYPE_AAAA);
}

static bool
has_data(const struct node *node, bool apex)
{
    return node != NULL && node_unsigned_rrsets(node, apex, NULL, 0) > 0;
}

static void
lost_add(struct change_targets *targets, const uint8_t *name, bool below)
{
    struct lost_name *lost = vector_add(&targets->lost, NULL);
    *lost = (struct lost_name){.name = name, .below = below};
}

// A wildcard beside the name or beside one of its ancestors below the apex.
static bool
wildcard_is_near(const struct change_targets *targets, const uint8_t *name)
{
    uint8_t wildcard[NAME_SIZE_MAX];
    while (!name_equal(name, targets->apex)) {
        name = name_skip(name, 1);
        if (name_wildcard_of(name, wildcard) &&
            (zone_find_exact(targets->served, wildcard) != NULL ||
             change_entry(targets->diff, wildcard) != NULL)) {
            return true;
        }
    }
    return false;
}

void
change_targets_note(struct change_targets *targets, const struct diff_entry *entry)
{
    const struct node *old = entry->old_node, *new = entry->new_node;
    const uint8_t *owner = node_owner(new != NULL ? new : old);
    bool apex = name_equal(owner, targets->apex);
    bool lost = change_has_address(old) && !change_has_address(new);
    lost = lost || change_has(old, RRTYPE_CNAME) != change_has(new, RRTYPE_CNAME);
    bool moved = has_data(old, apex) != has_data(new, apex);
    if (lost) {
        lost_add(targets, owner, false);
    }
    if (!targets->wildcards_concerned && !apex && (moved || lost)) {
        targets->wildcards_concerned =
            name_is_wildcard(owner) || (moved && wildcard_is_near(targets, owner));
    }
}

void
change_targets_note_cut_gone(struct change_targets *targets, const uint8_t *owner)
{
    lost_add(targets, owner, true);
}

bool
change_targets_have_addresses(const struct change_targets *targets, const struct rrset *rrset)
{
    struct rr rr;
    uint32_t at = 0;
    while (rrset_next(rrset->wire, rrset->wire_length, &at, &rr)) {
        const uint8_t *target = rdata_target(rr.type, rr.rdata, rr.rdlength);
        if (target != NULL && name_is_at_or_below(target, targets->apex) &&
            !change_has_address(change_node(targets->served, targets->diff, target))) {
            return false;
        }
    }
    return true;
}

// --- The walk

static int
lost_compare(const void *a, const void *b)
{
    const struct lost_name *left = a, *right = b;
    int order = name_compare(left->name, right->name);
    return order != 0 ? order : (int)left->below - (int)right->below;
}

static int
lost_find(const void *key, const void *item)
{
    return name_compare(key, ((const struct lost_name *)item)->name);
}

// Names stand in it once or, with and without what is below, twice; a cut that goes counts for its
// owner, too, so either will do but for below.
static bool
lost_has(const struct vector *lost, const uint8_t *name, bool below)
{
    const struct lost_name *all = lost->items, *end = all + lost->count;
    const struct lost_name *found =
        lost->count > 0 ? bsearch(name, all, lost->count, sizeof *all, lost_find) : NULL;
    if (found == NULL || !below || found->below) {
        return found != NULL;
    }
    bool before = found > all && name_equal(found[-1].name, name) && found[-1].below;
    bool after = found + 1 < end && name_equal(found[1].name, name) && found[1].below;
    return before || after;
}

// It did not exist, or does no longer: as an empty non-terminal it may vanish unseen.
static bool
may_live_on_wildcard(const struct change_targets *targets, const uint8_t *target)
{
    const struct node *was = zone_find_exact(targets->served, target);
    return !has_data(was, name_equal(target, targets->apex)) ||
           change_node(targets->served, targets->diff, target) == NULL;
}

static bool
is_harmed(const struct change_targets *targets, const uint8_t *target)
{
    if (!name_is_at_or_below(target, targets->apex)) {
        return false;
    }
    if (lost_has(&targets->lost, target, false)) {
        return true;
    }
    for (const uint8_t *name = target; !name_equal(name, targets->apex);) {
        name = name_skip(name, 1);
        if (lost_has(&targets->lost, name, true)) {
            return true;
        }
    }
    return targets->wildcards_concerned && may_live_on_wildcard(targets, target);
}

static bool
set_points_at_harm(const struct change_targets *targets, const struct node *node, uint16_t type)
{
    struct rrset rrset;
    struct rr rr;
    uint32_t at = 0;
    if (!node_rrset_find(node, type, &rrset)) {
        return false;
    }
    while (rrset_next(rrset.wire, rrset.wire_length, &at, &rr)) {
        const uint8_t *target = rdata_target(type, rr.rdata, rr.rdlength);
        if (target != NULL && is_harmed(targets, target)) {
            return true;
        }
    }
    return false;
}

static bool
points_at_harm(const struct change_targets *targets, const struct node *node)
{
    return set_points_at_harm(targets, node, RRTYPE_NS) ||
           set_points_at_harm(targets, node, RRTYPE_MX);
}

// It did, and perhaps it is changed itself and does no more.
static bool
still_points_at_harm(const struct change_targets *targets, const struct node *served)
{
    const struct node *node = change_node(targets->served, targets->diff, node_owner(served));
    return node != NULL && points_at_harm(targets, node);
}

bool
change_targets_unharmed(struct change_targets *targets)
{
    struct version_cursor cursor;
    const struct node *node;
    if (targets->lost.count == 0 && !targets->wildcards_concerned) {
        return true;
    }
    if (targets->lost.count > 1) {
        qsort(targets->lost.items, targets->lost.count, sizeof(struct lost_name), lost_compare);
    }
    version_cursor_first(&cursor, targets->served);
    while ((node = version_cursor_next(&cursor)) != NULL) {
        if (points_at_harm(targets, node) && still_points_at_harm(targets, node)) {
            return false;
        }
    }
    return !cursor.damaged;
}
