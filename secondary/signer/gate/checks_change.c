// A change judged by itself. What is served passed the gate, so of the whole content only what
// changed, and what it changes for the rest, can be wrong. gate_judge on the whole remains the law:
// this is a quick way to the same verdict in the usual case, and every question that it cannot
// answer from a few lookups ends in "judge the whole".
//
// What does a record mean for the others?
//   - a zone cut or DNAME: names below it. A cut may come or go where nothing is left below it; a
//   DNAME
//     that changes in any way is left to the whole judgement.
//   - an address or CNAME: those whose NS and MX point there (change_targets.c).
//   - an NS record: the glue that it makes glue, perhaps below another cut.
//   - a name that comes or goes: what wildcards stand for (change_targets.c).
//
// Warnings that the served content has already (an MX without an address, say) are no news: they
// were given when it was judged, and a change that adds none passes beside them.
#include "secondary/signer/gate/checks_inside.h"

#include <stdint.h>

#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "common/zone/find.h"
#include "secondary/signer/gate/change_targets.h"
#include "secondary/signer/gate/doubled.h"

#define BELOW_MAX 1000 // names below a cut that came or went that are looked at

struct judging {
    const struct gate_change *change;
    const struct gate_limits *limits;
    const uint8_t *apex;
    struct change_targets targets;
    struct doubled doubled;
    const struct node *new_cut; // the last one that came: entries below it follow it
    uint32_t largest_ttl;
};

// One entry of the diff.
struct item {
    const uint8_t *owner;
    const struct node *old, *new; // NULL: no data
    bool apex;
};

static const struct node *
with_data(const struct node *node, bool apex)
{
    return node != NULL && node_unsigned_rrsets(node, apex, NULL, 0) > 0 ? node : NULL;
}

// --- What one owner may hold

static bool
rrset_passes(struct judging *judging, const struct item *item, const struct rrset *set)
{
    uint32_t limit = judging->limits->max_ttl_seconds;
    if (set->ttl > judging->largest_ttl) {
        judging->largest_ttl = set->ttl;
    }
    bool plain = set->type != RRTYPE_ALIAS && set->type != RRTYPE_DNAME &&
                 !rrtype_is_dnssec(set->type) && set->signature_count == 0;
    bool in_place = set->type != RRTYPE_SOA || (item->apex && set->rr_count == 1);
    bool alone =
        set->type != RRTYPE_CNAME || (set->rr_count == 1 && node_rrset_count(item->new) == 1);
    return plain && in_place && alone && set->ttl <= INT32_MAX && (limit == 0 || set->ttl <= limit);
}

static bool
shape_passes(struct judging *judging, const struct item *item)
{
    if (change_has(item->old, RRTYPE_DNAME)) {
        return false;
    }
    if (item->apex && (!change_has(item->new, RRTYPE_SOA) || !change_has(item->new, RRTYPE_NS) ||
                       (change_has_address(item->old) && !change_has_address(item->new)))) {
        return false;
    }
    for (unsigned i = 0; item->new != NULL &&i < node_rrset_count(item->new); i++) {
        struct rrset set;
        node_rrset_at(item->new, i, &set);
        if (!rrset_passes(judging, item, &set)) {
            return false;
        }
    }
    return true;
}

// --- Zone cuts

static bool
only_addresses(const struct node *node)
{
    struct rrset sets[3];
    unsigned count = node_unsigned_rrsets(node, false, sets, 3);
    for (unsigned i = 0; i < count && i < 3; i++) {
        if (sets[i].type != RRTYPE_A && sets[i].type != RRTYPE_AAAA) {
            return false;
        }
    }
    return count <= 2;
}

static bool
points_at(const struct rrset *set, const uint8_t *name)
{
    struct rr rr;
    uint32_t at = 0;
    while (rrset_next(set->wire, set->wire_length, &at, &rr)) {
        const uint8_t *target = rdata_target(set->type, rr.rdata, rr.rdlength);
        if (target != NULL && name_equal(target, name)) {
            return true;
        }
    }
    return false;
}

// Below a cut there is glue and nothing else.
static bool
below_cut_passes(const struct judging *judging, const struct item *item, const uint8_t *cut,
                 bool cut_is_new)
{
    const struct node *ruler = change_node(judging->change->served, judging->change->diff, cut);
    struct rrset set;
    if (item->new == NULL || (!cut_is_new && item->old != NULL && !only_addresses(item->old))) {
        return true; // gone; or it was more than glue before
    }
    if (!only_addresses(item->new)) {
        return false;
    }
    return (!cut_is_new && item->old != NULL) ||
           (ruler != NULL && node_rrset_find(ruler, RRTYPE_NS, &set) &&
            points_at(&set, item->owner));
}

// No data is left below the owner of what is served.
static bool
nothing_stays_below(const struct judging *judging, const uint8_t *owner)
{
    struct version_cursor cursor;
    const struct node *node;
    unsigned looked_at = 0;
    version_cursor_seek(&cursor, judging->change->served, owner);
    while ((node = version_cursor_next(&cursor)) != NULL &&
           name_is_at_or_below(node_owner(node), owner)) {
        if (name_equal(node_owner(node), owner) || with_data(node, false) == NULL) {
            continue;
        }
        if (++looked_at > BELOW_MAX ||
            change_node(judging->change->served, judging->change->diff, node_owner(node)) != NULL) {
            return false;
        }
    }
    return !cursor.damaged;
}

// A name that an NS record no longer makes glue, and that stands below a cut, may be none any more.
static bool
glue_stays_glue(const struct judging *judging, const struct rrset *was, const struct rrset *is)
{
    const struct gate_change *change = judging->change;
    struct rr rr;
    uint32_t at = 0;
    while (rrset_next(was->wire, was->wire_length, &at, &rr)) {
        const uint8_t *target = rdata_target(RRTYPE_NS, rr.rdata, rr.rdlength);
        struct name_suffixes suffixes;
        struct zone_match match;
        if (target == NULL || !name_is_at_or_below(target, judging->apex) ||
            (is != NULL && points_at(is, target)) ||
            change_node(change->served, change->diff, target) == NULL) {
            continue;
        }
        name_suffixes_init(&suffixes, target, version_hash_key(change->served));
        zone_find(change->served, target, &suffixes, &match);
        if (match.damaged || match.cut != NULL) {
            return false;
        }
    }
    return true;
}

static bool
cut_passes(struct judging *judging, const struct item *item)
{
    bool did = !item->apex && change_has(item->old, RRTYPE_NS);
    bool does = !item->apex && change_has(item->new, RRTYPE_NS);
    if (did == does) {
        return true;
    }
    if (!nothing_stays_below(judging, item->owner) || name_is_wildcard(item->owner)) {
        return false;
    }
    if (did) {
        change_targets_note_cut_gone(&judging->targets, item->owner);
    } else {
        judging->new_cut = item->new;
    }
    return true;
}

// --- Records that point at names

static bool
pointers_pass(const struct judging *judging, const struct item *item, uint16_t type)
{
    struct rrset was, is;
    bool did = item->old != NULL && node_rrset_find(item->old, type, &was);
    bool does = item->new != NULL &&node_rrset_find(item->new, type, &is);
    bool same = did && does && rrset_equal(&was, &is, false);
    return same || !does || change_targets_have_addresses(&judging->targets, &is);
}

// Any NS record makes glue, one that stands below a cut, too.
static bool
glue_passes(const struct judging *judging, const struct item *item)
{
    struct rrset was, is;
    bool did = item->old != NULL && node_rrset_find(item->old, RRTYPE_NS, &was);
    bool does = item->new != NULL &&node_rrset_find(item->new, RRTYPE_NS, &is);
    bool same = did && does && rrset_equal(&was, &is, false);
    return same || !did || glue_stays_glue(judging, &was, does ? &is : NULL);
}

// --- The whole

static bool
item_passes(struct judging *judging, const struct item *item)
{
    const struct version *served = judging->change->served;
    struct name_suffixes suffixes;
    struct zone_match match;
    name_suffixes_init(&suffixes, item->owner, version_hash_key(served));
    zone_find(served, item->owner, &suffixes, &match);
    if (match.damaged || match.cut_is_dname || !shape_passes(judging, item) ||
        !glue_passes(judging, item)) {
        return false;
    }
    if (judging->new_cut != NULL &&
        name_is_at_or_below(item->owner, node_owner(judging->new_cut))) {
        return below_cut_passes(judging, item, node_owner(judging->new_cut), true);
    }
    if (match.cut != NULL && !name_equal(node_owner(match.cut), item->owner)) {
        return below_cut_passes(judging, item, node_owner(match.cut), false);
    }
    return cut_passes(judging, item) && pointers_pass(judging, item, RRTYPE_NS) &&
           pointers_pass(judging, item, RRTYPE_MX);
}

static bool
entries_pass(struct judging *judging)
{
    const struct diff *diff = judging->change->diff;
    bool looks_for_doubled = doubled_is_looked_for(&judging->doubled);
    for (size_t i = 0; i < diff->count; i++) {
        const struct diff_entry *entry = &diff->entries[i];
        struct item item = {
            .owner = node_owner(entry->new_node != NULL ? entry->new_node : entry->old_node)};
        item.apex = name_equal(item.owner, judging->apex);
        item.old = with_data(entry->old_node, item.apex);
        item.new = with_data(entry->new_node, item.apex);
        if (!item_passes(judging, &item)) {
            return false;
        }
        change_targets_note(&judging->targets, entry);
        if (looks_for_doubled && item.new != NULL) {
            doubled_look(&judging->doubled, item.new);
        }
    }
    // From so many on the share of all names decides.
    return judging->doubled.count < GATE_DOUBLED_FROM && change_targets_unharmed(&judging->targets);
}

static bool
totals_pass(const struct gate_change *change, const struct gate_limits *limits,
            const struct diff_counts *counts)
{
    return !change->diff->damaged &&
           (limits->max_records == 0 || change->rr_count <= limits->max_records) &&
           (limits->max_size_octets == 0 || change->octets <= limits->max_size_octets) &&
           !gate_removes_too_much(counts, limits);
}

bool
gate_judge_change(const struct gate_change *change, const struct gate_limits *limits,
                  struct gate_verdict *verdict)
{
    struct judging judging = {
        .change = change, .limits = limits, .apex = version_apex(change->served)};
    struct diff_counts counts;
    diff_count(change->diff, DIFF_UNSIGNED, judging.apex, &counts);
    if (!totals_pass(change, limits, &counts)) {
        return false;
    }
    change_targets_init(&judging.targets, change->served, change->diff);
    doubled_init(&judging.doubled, change->served, judging.apex);
    bool passes = entries_pass(&judging);
    change_targets_close(&judging.targets);
    if (!passes) {
        return false;
    }
    verdict->outcome = GATE_ACCEPTED;
    verdict->reason = "";
    verdict->sentence[0] = '\0';
    verdict->counts = counts;
    verdict->removed_percent = gate_removed_percent(&counts);
    verdict->largest_ttl = judging.largest_ttl;
    return true;
}
