// What must hold of the NSEC3 chain after a change, if it held before?
//
// Ring: between a new NSEC3 and its next hash there is none, neither a new one nor one that stays;
// the index of what is served is asked for the last one before the next hash, which must be the
// NSEC3 itself or further back. Where one came or went, the one before it was changed with it: so
// the last new one before it must reach up to it, as with NSEC.
//
// Names: each name of the diff has its NSEC3 or must have none (that one was asked with its
// record); so have the empty non-terminals above it, and all names below a cut that came or went.
// And each NSEC3 that is new, or that shows other types, was asked for by one of these names:
// others stand for names that did not change, or for nobody.
#include "secondary/signer/sign/verify_changes_inside.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/dns/name.h"
#include "common/dns/rrtype.h"
#include "common/zone/find.h"
#include "secondary/signer/sign/verify_nsec3.h"
#include "secondary/signer/sign/verify_report.h"

struct link {
    uint8_t hash[NSEC3_HASH_SIZE];
    const uint8_t *next;
    const struct node *node;
    bool fresh, other_types, claimed; // claimed: a name of the change was looked for here
};

struct gone {
    uint8_t hash[NSEC3_HASH_SIZE];
    const struct node *node; // as it was
    bool asked;              // by a name of the change
};

struct changed_links {
    const struct changed *changed;
    struct link *links; // both in hash order
    struct gone *gone;
    size_t count, gone_count;
};

static bool
link_of(const struct changed *changed, const struct node *node, struct verify_link *ret_link)
{
    return verify_link_read(changed->apex, &changed->zone.parameters, node, ret_link);
}

static bool
same_bitmap(const struct nsec3_rdata *a, const struct nsec3_rdata *b)
{
    return a->bitmap_length == b->bitmap_length &&
           memcmp(a->bitmap, b->bitmap, a->bitmap_length) == 0;
}

static void
link_add(struct changed_links *links, const struct diff_entry *entry)
{
    struct verify_link link, old;
    bool had = link_of(links->changed, entry->old_node, &old);
    if (!link_of(links->changed, entry->new_node, &link)) {
        if (!had)
            return;
        struct gone *gone = &links->gone[links->gone_count++];
        *gone = (struct gone){.node = entry->old_node};
        memcpy(gone->hash, old.hash, NSEC3_HASH_SIZE);
        return;
    }
    struct link *added = &links->links[links->count++];
    *added = (struct link){.next = link.rdata.next,
                           .node = entry->new_node,
                           .fresh = !had,
                           .other_types = had && !same_bitmap(&old.rdata, &link.rdata)};
    memcpy(added->hash, link.hash, NSEC3_HASH_SIZE);
}

// --- Which NSEC3 denies a hash

// The first link that is not before hash.
static size_t
lower_bound(const struct changed_links *links, const uint8_t *hash)
{
    size_t low = 0, high = links->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (memcmp(links->links[middle].hash, hash, NSEC3_HASH_SIZE) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void
gone_ask(struct changed_links *links, const uint8_t *hash)
{
    size_t low = 0, high = links->gone_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = memcmp(links->gone[middle].hash, hash, NSEC3_HASH_SIZE);
        if (order == 0) {
            __atomic_store_n(&links->gone[middle].asked, true, __ATOMIC_RELAXED);
            return;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
}

static bool
in_diff(const struct changed *changed, const uint8_t *owner)
{
    bool exact;
    (void)verify_entry_of(changed->request->diff, owner, &exact);
    return exact;
}

static void
hash_before(const uint8_t *hash, uint8_t ret_before[static NSEC3_HASH_SIZE])
{
    memcpy(ret_before, hash, NSEC3_HASH_SIZE);
    for (int i = NSEC3_HASH_SIZE - 1; i >= 0 && ret_before[i]-- == 0; i--)
        ;
}

// The last NSEC3 that stays as it is strictly between two hashes, or NULL. Those that the diff has
// are passed over; they are few, or a link of theirs ends the range.
static const struct node *
unchanged_between(const struct changed *changed, const uint8_t *after, const uint8_t *before)
{
    uint8_t at[NSEC3_HASH_SIZE];
    struct verify_link link;
    bool matches;
    hash_before(before, at);
    for (size_t steps = 0; steps <= changed->request->diff->count; steps++) {
        const struct node *node = zone_find_nsec3(changed->request->current, at, &matches);
        if (!link_of(changed, node, &link) || !verify_hash_between(after, link.hash, before))
            return NULL;
        if (!in_diff(changed, node_owner(node)))
            return node;
        hash_before(link.hash, at);
    }
    return NULL;
}

static const struct node *
cover_of(const struct changed_links *links, const uint8_t *hash)
{
    size_t at = lower_bound(links, hash);
    const struct link *nearest = NULL;
    if (links->count > 0)
        nearest = &links->links[at > 0 ? at - 1 : links->count - 1];
    const struct node *node =
        unchanged_between(links->changed, nearest ? nearest->hash : hash, hash);
    return node ? node : nearest ? nearest->node : NULL;
}

static void
find(void *context, const uint8_t hash[static NSEC3_HASH_SIZE], bool claim, bool want_cover,
     struct verify_denier *ret_denier)
{
    struct changed_links *links = context;
    const struct changed *changed = links->changed;
    struct verify_link link;
    size_t at = lower_bound(links, hash);
    *ret_denier = (struct verify_denier){0};
    if (at < links->count && memcmp(links->links[at].hash, hash, NSEC3_HASH_SIZE) == 0) {
        ret_denier->match = links->links[at].node;
        if (claim)
            __atomic_store_n(&links->links[at].claimed, true, __ATOMIC_RELAXED);
        return;
    }
    bool matches;
    gone_ask(links, hash);
    const struct node *node = zone_find_nsec3(changed->request->current, hash, &matches);
    if (matches && !in_diff(changed, node_owner(node)) && link_of(changed, node, &link))
        ret_denier->match = node;
    else if (want_cover)
        ret_denier->cover = cover_of(links, hash);
}

void
changed_nsec3_open(struct changed *changed)
{
    const struct diff *diff = changed->request->diff;
    struct changed_links *links = memory_zalloc(sizeof *links);
    links->changed = changed;
    links->links = memory_alloc((diff->count + 1) * sizeof *links->links);
    links->gone = memory_alloc((diff->count + 1) * sizeof *links->gone);
    for (size_t i = 0; i < diff->count; i++)
        link_add(links, &diff->entries[i]);
    changed->links = links;
    changed->zone.find = find;
    changed->zone.find_context = links;
}

void
changed_nsec3_close(struct changed *changed)
{
    if (!changed->links)
        return;
    free(changed->links->links);
    free(changed->links->gone);
    free(changed->links);
    changed->links = NULL;
}

// --- The ring

static void
next_add(const struct changed *changed, const struct link *link, const struct node *between)
{
    char is[NSEC3_LABEL_SIZE + 1];
    char owner[NAME_TEXT_MAX];
    if (between)
        verify_report_add(changed->report, node_owner(link->node), RRTYPE_NSEC3, "next",
                          "the next hash is %s, but there is %.100s before it",
                          verify_hash_text(link->next, is),
                          name_to_text(node_owner(between), owner));
    else
        verify_report_add(changed->report, node_owner(link->node), RRTYPE_NSEC3, "next",
                          "the next hash is %s, and no NSEC3 has it",
                          verify_hash_text(link->next, is));
}

static void
ring_check(const struct changed *changed)
{
    const struct changed_links *links = changed->links;
    for (size_t i = 0; i < links->count; i++) {
        const struct link *link = &links->links[i];
        const struct link *next = &links->links[(i + 1) % links->count];
        struct verify_denier denier;
        const struct node *between;
        changed->zone.find(changed->zone.find_context, link->next, false, false, &denier);
        if (!denier.match)
            next_add(changed, link, NULL);
        else if (next != link && verify_hash_between(link->hash, next->hash, link->next))
            next_add(changed, link, next->node);
        else if ((between = unchanged_between(changed, link->hash, link->next)))
            next_add(changed, link, between);
    }
}

// Where an NSEC3 came or went, the last new one before it reaches up to it.
static void
neighbours_check(const struct changed *changed)
{
    const struct changed_links *links = changed->links;
    const struct diff *diff = changed->request->diff;
    for (size_t i = 0; i < diff->count; i++) {
        const struct diff_entry *entry = &diff->entries[i];
        struct verify_link was, is;
        bool did = link_of(changed, entry->old_node, &was);
        bool does = link_of(changed, entry->new_node, &is);
        if (did == does)
            continue;
        const uint8_t *hash = did ? was.hash : is.hash;
        size_t at = lower_bound(links, hash);
        const struct link *before =
            links->count == 0 ? NULL : &links->links[at > 0 ? at - 1 : links->count - 1];
        if (!before || verify_hash_between(before->hash, before->next, hash))
            verify_report_add(changed->report, verify_entry_owner(entry), RRTYPE_NSEC3, "next",
                              "the NSEC3 before it in the chain was not changed with it");
    }
}

// --- Names

static bool
is_name(const struct node *node)
{
    return node && node_rrset_count(node) > 0 && !verify_is_hash_only(node);
}

// A name that has no record of its own, or had one: an empty non-terminal, or nothing.
static void
bare_check(const struct changed *changed, const uint8_t *owner)
{
    if (is_name(verify_source_at(&changed->source, owner, NULL)))
        return; // it is in the diff, or nothing about it changed
    if (!verify_is_hidden(&changed->source, changed->apex, owner) &&
        verify_source_has_below(&changed->source, owner))
        verify_nsec3_name(&changed->zone, owner, NULL, PLACE_EMPTY, changed->report);
    else
        verify_nsec3_absent(&changed->zone, owner, changed->report);
}

// The ancestors of owner that it does not share with the name before.
static void
above_check(const struct changed *changed, const uint8_t *before, const uint8_t *owner)
{
    unsigned shared = name_common_labels(before, owner), labels = name_labels(owner);
    for (unsigned i = shared + 1; i < labels; i++)
        bare_check(changed, name_skip(owner, labels - i));
}

static void
hidden_check(const struct changed *changed, const uint8_t *owner)
{
    if (verify_is_hidden(&changed->source, changed->apex, owner))
        verify_nsec3_absent(&changed->zone, owner, changed->report);
}

// Below a cut that came or went; what is not hidden is asked with its record.
static void
below_check(const struct changed *changed, const uint8_t *top)
{
    struct verify_cursor cursor;
    const struct node *node;
    uint8_t last[NAME_SIZE_MAX];
    name_copy(last, top);
    verify_cursor_seek(&cursor, &changed->source, top);
    while ((node = verify_cursor_next(&cursor)) && name_is_at_or_below(node_owner(node), top)) {
        if (name_equal(node_owner(node), top) || verify_is_hash_only(node))
            continue;
        above_check(changed, last, node_owner(node));
        if (cursor.entry == VERIFY_NO_ENTRY)
            hidden_check(changed, node_owner(node));
        name_copy(last, node_owner(node));
    }
}

static bool
hides(const struct changed *changed, const struct node *node)
{
    return is_name(node) && verify_place_hides(node, name_equal(node_owner(node), changed->apex));
}

static void
names_check(const struct changed *changed)
{
    const struct diff *diff = changed->request->diff;
    const uint8_t *last = changed->apex;
    for (size_t i = 0; i < diff->count; i++) {
        const struct diff_entry *entry = &diff->entries[i];
        const uint8_t *owner = verify_entry_owner(entry);
        if (!is_name(entry->old_node) && !is_name(entry->new_node))
            continue;
        if (!name_equal(owner, changed->apex)) {
            above_check(changed, last, owner);
            if (is_name(entry->new_node))
                hidden_check(changed, owner);
            else
                bare_check(changed, owner);
        }
        if (hides(changed, entry->old_node) != hides(changed, entry->new_node))
            below_check(changed, owner);
        last = owner;
    }
}

static void
claims_check(const struct changed *changed)
{
    const struct changed_links *links = changed->links;
    for (size_t i = 0; i < links->count; i++) {
        const struct link *link = &links->links[i];
        if (link->fresh && !link->claimed)
            verify_report_add(changed->report, node_owner(link->node), RRTYPE_NSEC3, "extra-nsec3",
                              "it is new, and no name that changed has this hash");
        else if (link->other_types && !link->claimed)
            verify_report_add(changed->report, node_owner(link->node), RRTYPE_NSEC3, "bitmap",
                              "it shows other types, and no name that changed has this hash");
    }
    for (size_t i = 0; i < links->gone_count; i++)
        if (!links->gone[i].asked)
            verify_report_add(changed->report, node_owner(links->gone[i].node), RRTYPE_NSEC3,
                              "no-nsec3", "it went, and no name that changed has this hash");
}

void
changed_nsec3_check(const struct changed *changed)
{
    ring_check(changed);
    neighbours_check(changed);
    names_check(changed);
    claims_check(changed);
}
