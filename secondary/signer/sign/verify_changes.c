// What must hold after a change, and how is it seen without a walk over the zone?
//
// Records: each new one keeps the rules of its place (verify_record), with the keys of the apex
// that is about to be published. Chain: the next name of every new NSEC is the next owner of the
// zone as it will be: the nearer of the next changed record that has an NSEC and the first
// unchanged one, found by a walk that ends at the nearer. And where an owner came or went, its
// predecessor cannot have stayed as it was: so the last changed record before it must point past
// it. Cuts: below one that came, nothing unchanged may still be signed; below one that went,
// nothing may still lack an NSEC. Keys: where a key left the DNSKEY RRset, no unchanged signature
// may be its.
#include "secondary/signer/sign/verify.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/hash.h"
#include "common/dns/name.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "common/zone/find.h"
#include "secondary/signer/sign/verify_batch.h"
#include "secondary/signer/sign/verify_report.h"

struct changed {
    const struct verify_changes *request;
    const uint8_t *apex;
    struct verify_zone zone;
    struct verify_report *report;
};

static const uint8_t *
owner_of(const struct diff_entry *entry)
{
    return entry->new_node ? node_owner(entry->new_node) : node_owner(entry->old_node);
}

// Index of the entry at owner, or of the first behind it.
static size_t
place_of(const struct diff *diff, const uint8_t *owner, bool *ret_exact)
{
    size_t low = 0, high = diff->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (name_compare(owner_of(&diff->entries[middle]), owner) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_exact = low < diff->count && name_equal(owner_of(&diff->entries[low]), owner);
    return low;
}

// The record as it will be.
static const struct node *
future(const struct changed *changed, const uint8_t *owner)
{
    bool exact;
    size_t at = place_of(changed->request->diff, owner, &exact);
    if (exact)
        return changed->request->diff->entries[at].new_node;
    return changed->request->current ? zone_find_exact(changed->request->current, owner) : NULL;
}

static bool
is_changed(const struct changed *changed, const uint8_t *owner)
{
    bool exact;
    place_of(changed->request->diff, owner, &exact);
    return exact;
}

static bool
hidden(const struct changed *changed, const uint8_t *owner)
{
    unsigned extra = name_labels(owner) - name_labels(changed->apex);
    for (unsigned up = extra; up > 0; up--) { // from the apex down to the parent
        const struct node *above = future(changed, name_skip(owner, up));
        if (above && verify_place_hides(above, up == extra))
            return true;
    }
    return false;
}

// What cannot be read cannot be verified.
static void
damage_note(const struct changed *changed, const struct version_cursor *cursor)
{
    if (cursor->damaged)
        verify_report_add(changed->report, changed->apex, 0, "damaged",
                          "records of the saved version failed their checksum");
}

static bool
has_nsec(const struct node *node)
{
    return node && node_has(node, RRTYPE_NSEC);
}

// The first unchanged owner with an NSEC after owner and before limit (NULL: no limit).
static const uint8_t *
unchanged_after(const struct changed *changed, const uint8_t *owner, const uint8_t *limit)
{
    struct version_cursor cursor;
    const struct node *node;
    if (!changed->request->current)
        return NULL;
    version_cursor_seek(&cursor, changed->request->current, owner);
    while ((node = version_cursor_next(&cursor))) {
        if (limit && name_compare(node_owner(node), limit) >= 0)
            node = NULL;
        if (!node || (has_nsec(node) && !name_equal(node_owner(node), owner) &&
                      !is_changed(changed, node_owner(node))))
            break;
    }
    damage_note(changed, &cursor);
    return node ? node_owner(node) : NULL;
}

static void
next_check(const struct changed *changed, const struct node *node, const uint8_t *next_changed)
{
    const uint8_t *owner = node_owner(node);
    const uint8_t *wanted = unchanged_after(changed, owner, next_changed);
    if (!wanted)
        wanted = next_changed ? next_changed : changed->apex;
    const uint8_t *next = verify_next_of(node);
    char is[NAME_TEXT_MAX], should[NAME_TEXT_MAX];
    if (!name_equal(next, wanted))
        verify_report_add(changed->report, owner, RRTYPE_NSEC, "next",
                          "the next name is %.100s, the next owner is %.100s",
                          name_to_text(next, is), name_to_text(wanted, should));
}

// From the last to the first, so that the next changed owner with an NSEC is known.
static void
chain_check(const struct changed *changed)
{
    const struct diff *diff = changed->request->diff;
    const uint8_t *next_changed = NULL;
    for (size_t i = diff->count; i-- > 0;) {
        const struct node *node = diff->entries[i].new_node;
        if (!has_nsec(node))
            continue;
        next_check(changed, node, next_changed);
        next_changed = node_owner(node);
    }
}

// Where an owner came or went, the last changed record before it points past it.
static void
predecessors_check(const struct changed *changed)
{
    const struct diff *diff = changed->request->diff;
    const uint8_t *points_at = NULL; // next name of the last changed record with an NSEC
    for (size_t i = 0; i < diff->count; i++) {
        const struct diff_entry *entry = &diff->entries[i];
        const uint8_t *owner = owner_of(entry);
        if (has_nsec(entry->old_node) != has_nsec(entry->new_node) &&
            !name_equal(owner, changed->apex) &&
            (!points_at ||
             (!name_equal(points_at, changed->apex) && name_compare(points_at, owner) < 0)))
            verify_report_add(changed->report, owner, RRTYPE_NSEC, "next",
                              "the owner before it in the chain was not changed with it");
        if (has_nsec(entry->new_node))
            points_at = verify_next_of(entry->new_node);
    }
}

static void
below_check(const struct changed *changed, const uint8_t *top)
{
    struct version_cursor cursor;
    const struct node *node;
    version_cursor_seek(&cursor, changed->request->current, top);
    while ((node = version_cursor_next(&cursor)) && name_is_at_or_below(node_owner(node), top)) {
        const uint8_t *owner = node_owner(node);
        if (name_equal(owner, top) || is_changed(changed, owner))
            continue;
        struct verify_record record = {.node = node,
                                       .old = node,
                                       .place =
                                           verify_place_of(node, false, hidden(changed, owner))};
        verify_record(&changed->zone, NULL, &record, changed->report);
    }
    damage_note(changed, &cursor);
}

static void
cuts_check(const struct changed *changed)
{
    const struct diff *diff = changed->request->diff;
    for (size_t i = 0; changed->request->current && i < diff->count; i++) {
        const struct diff_entry *entry = &diff->entries[i];
        bool apex = name_equal(owner_of(entry), changed->apex);
        bool did = entry->old_node && verify_place_hides(entry->old_node, apex);
        bool does = entry->new_node && verify_place_hides(entry->new_node, apex);
        if (did != does)
            below_check(changed, owner_of(entry));
    }
}

static bool
a_key_left(const struct changed *changed)
{
    struct rrset rrset;
    struct rr rr;
    uint32_t position = 0;
    const struct version *current = changed->request->current;
    if (!current || !node_rrset_find(version_apex_node(current), RRTYPE_DNSKEY, &rrset))
        return false;
    while (rrset_next(rrset.wire, rrset.wire_length, &position, &rr))
        if (rr.rdlength > 4 &&
            !verify_keys_have(changed->zone.keys, rdata_dnskey_tag(rr.rdata, rr.rdlength),
                              rr.rdata[3]))
            return true;
    return false;
}

// Every unchanged record, for what can be read off its signatures.
static void
keys_check(const struct changed *changed)
{
    struct version_cursor cursor;
    const struct node *node;
    if (!a_key_left(changed))
        return;
    version_cursor_first(&cursor, changed->request->current);
    while ((node = version_cursor_next(&cursor))) {
        const uint8_t *owner = node_owner(node);
        if (is_changed(changed, owner))
            continue;
        struct verify_record record = {.node = node,
                                       .old = node,
                                       .place =
                                           verify_place_of(node, false, hidden(changed, owner))};
        verify_record(&changed->zone, NULL, &record, changed->report);
    }
    damage_note(changed, &cursor);
}

static bool
in_sample(const struct verify_changes *request, size_t index)
{
    if (request->must && request->must[index])
        return true;
    return hash_mix(request->seed, index) % VERIFY_SAMPLE == 0;
}

static void
records_check(const struct changed *changed)
{
    const struct verify_changes *request = changed->request;
    const struct diff *diff = request->diff;
    struct verify_record *records = memory_alloc((diff->count + 1) * sizeof *records);
    size_t fresh = 0, count = 0;
    for (size_t i = 0; i < diff->count; i++)
        if (diff->entries[i].new_node)
            fresh += verify_fresh_signatures(diff->entries[i].new_node, diff->entries[i].old_node);
    size_t limit = request->all_up_to ? request->all_up_to : VERIFY_ALL_UP_TO;
    bool sample = !request->everything && fresh > limit;
    for (size_t i = 0; i < diff->count; i++) {
        const struct diff_entry *entry = &diff->entries[i];
        if (!entry->new_node)
            continue;
        const uint8_t *owner = node_owner(entry->new_node);
        bool apex = name_equal(owner, changed->apex);
        records[count++] = (struct verify_record){
            .node = entry->new_node,
            .old = entry->old_node,
            .place = verify_place_of(entry->new_node, apex, !apex && hidden(changed, owner)),
            .crypto = !sample || apex || in_sample(request, i)};
    }
    changed->report->sampled = sample;
    verify_batch(&changed->zone, request->pool, records, count, changed->report);
    free(records);
}

bool
verify_changes(const struct verify_changes *request, struct verify_report *report)
{
    const struct diff *diff = request->diff;
    struct verify_keys *keys = NULL;
    struct verify_changes whole = *request;
    struct changed changed = {.request = &whole, .report = report};
    if (diff->damaged) // a whole content that takes the place of a damaged version
        whole.current = NULL;
    if (diff->count == 0)
        return true;
    changed.apex = owner_of(&diff->entries[0]); // least in canonical order
    if (verify_zone_init(&changed.zone, diff->entries[0].new_node, changed.apex, request->now, true,
                         &keys, report)) {
        records_check(&changed);
        chain_check(&changed);
        predecessors_check(&changed);
        cuts_check(&changed);
        keys_check(&changed);
    }
    verify_keys_free(&keys);
    return report->finding_count == 0;
}
