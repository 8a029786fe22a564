// What must hold after a change, and how is it seen without a walk over the zone?
//
// Records: each new one keeps the rules of its place (verify_record), with the keys of the apex
// that is about to be published. Chain: the next name of every new NSEC is the next owner of the
// zone as it will be: the nearer of the next changed record that has an NSEC and the first
// unchanged one, found by a walk that ends at the nearer. And where an owner came or went, its
// predecessor cannot have stayed as it was: so the last changed record before it must point past
// it. The same holds for NSEC3, in another file. Cuts: below one that came, nothing unchanged may
// still be signed; below one that went, nothing may still lack an NSEC. Keys: where a key left the
// DNSKEY RRset, no unchanged signature may be its; and where another key has its tag now, nothing
// tells whose a signature is but verifying it, so all of them are.
//
// Where the chain is another one (NSEC to NSEC3 and back, another salt, opt-out or not) there is
// nothing served that it could be compared with: one walk over the content as it will be looks at
// the whole structure. The same where nothing is served yet.
#include "secondary/signer/sign/verify.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/hash.h"
#include "common/dns/name.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "secondary/signer/sign/verify_batch.h"
#include "secondary/signer/sign/verify_changes_inside.h"
#include "secondary/signer/sign/verify_nsec3.h"
#include "secondary/signer/sign/verify_report.h"
#include "secondary/signer/sign/verify_walk.h"
#include "secondary/signer/sign/verify_zonemd.h"

static bool
is_changed(const struct changed *changed, const uint8_t *owner)
{
    bool exact;
    verify_entry_of(changed->request->diff, owner, &exact);
    return exact;
}

static bool
hidden(const struct changed *changed, const uint8_t *owner)
{
    return verify_is_hidden(&changed->source, changed->apex, owner);
}

static void
damage_add(const struct changed *changed, bool damaged)
{
    if (damaged)
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
    damage_add(changed, cursor.damaged);
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
    if (!name_equal_any_case(next, wanted))
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
        const uint8_t *owner = verify_entry_owner(entry);
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

// For what can be read off it: its signatures were verified when it was published.
static void
unchanged_check(const struct changed *changed, const struct node *node)
{
    const uint8_t *owner = node_owner(node);
    struct verify_record record = {.owner = owner,
                                   .node = node,
                                   .old = node,
                                   .place = verify_place_of(node, false, hidden(changed, owner))};
    verify_record(&changed->zone, NULL, &record, changed->report);
}

static void
below_check(const struct changed *changed, const uint8_t *top)
{
    struct version_cursor cursor;
    const struct node *node;
    version_cursor_seek(&cursor, changed->request->current, top);
    while ((node = version_cursor_next(&cursor)) && name_is_at_or_below(node_owner(node), top)) {
        const uint8_t *owner = node_owner(node);
        if (node_rrset_count(node) > 0 && !name_equal(owner, top) && !is_changed(changed, owner))
            unchanged_check(changed, node);
    }
    damage_add(changed, cursor.damaged);
}

static void
cuts_check(const struct changed *changed)
{
    const struct diff *diff = changed->request->diff;
    for (size_t i = 0; changed->request->current && i < diff->count; i++) {
        const struct diff_entry *entry = &diff->entries[i];
        bool apex = name_equal(verify_entry_owner(entry), changed->apex);
        bool did = entry->old_node && verify_place_hides(entry->old_node, apex);
        bool does = entry->new_node && verify_place_hides(entry->new_node, apex);
        if (did != does)
            below_check(changed, verify_entry_owner(entry));
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
        if (node_rrset_count(node) > 0 && !is_changed(changed, node_owner(node)))
            unchanged_check(changed, node);
    }
    damage_add(changed, cursor.damaged);
}

// --- What of the diff is verified by its signatures

// Parallel to the diff: 1 = is. NULL: all are.
static uint8_t *
sample_choose(const struct changed *changed)
{
    const struct verify_changes *request = changed->request;
    const struct diff *diff = request->diff;
    size_t fresh = 0, limit = request->all_up_to ? request->all_up_to : VERIFY_ALL_UP_TO;
    for (size_t i = 0; i < diff->count; i++)
        if (diff->entries[i].new_node)
            fresh += verify_fresh_signatures(diff->entries[i].new_node, diff->entries[i].old_node);
    if (request->everything || fresh <= limit)
        return NULL;
    changed->report->sampled = true;
    uint8_t *some = memory_zalloc(diff->count);
    for (size_t i = 0; i < diff->count; i++)
        some[i] = i == 0 || (request->must && request->must[i]) ||
                  hash_mix(request->seed, i) % VERIFY_SAMPLE == 0;
    return some;
}

static void
records_check(const struct changed *changed, const uint8_t *some)
{
    const struct diff *diff = changed->request->diff;
    struct verify_record *records = memory_alloc((diff->count + 1) * sizeof *records);
    size_t count = 0;
    for (size_t i = 0; i < diff->count; i++) {
        const struct node *node = diff->entries[i].new_node;
        if (!node || node_rrset_count(node) == 0)
            continue;
        const uint8_t *owner = node_owner(node);
        bool apex = name_equal(owner, changed->apex);
        records[count++] = (struct verify_record){
            .owner = owner,
            .node = node,
            .old = diff->entries[i].old_node,
            .place = verify_place_of(node, apex, !apex && hidden(changed, owner)),
            .crypto = !some || some[i]};
    }
    verify_batch(&changed->zone, changed->request->pool, records, count, changed->request->stop,
                 changed->report);
    free(records);
}

// --- Altogether

static bool
has_rr(const struct rrset *rrset, const struct rr *wanted)
{
    struct rr rr;
    uint32_t position = 0;
    while (rrset_next(rrset->wire, rrset->wire_length, &position, &rr))
        if (rr.rdlength == wanted->rdlength && memcmp(rr.rdata, wanted->rdata, rr.rdlength) == 0)
            return true;
    return false;
}

// A key left, and another one with its tag and algorithm is there.
static bool
a_tag_is_taken_over(const struct changed *changed)
{
    struct rrset was, is;
    struct rr rr;
    uint32_t position = 0;
    const struct version *current = changed->request->current;
    if (!current || !node_rrset_find(version_apex_node(current), RRTYPE_DNSKEY, &was) ||
        !node_rrset_find(changed->zone.apex_node, RRTYPE_DNSKEY, &is))
        return false;
    while (rrset_next(was.wire, was.wire_length, &position, &rr))
        if (rr.rdlength > 4 && !has_rr(&is, &rr) &&
            verify_keys_have(changed->zone.keys, rdata_dnskey_tag(rr.rdata, rr.rdlength),
                             rr.rdata[3]))
            return true;
    return false;
}

// The chain that is served goes on: the same kind, parameters and flag.
static bool
same_chain(const struct changed *changed)
{
    const struct nsec3_parameters *known;
    struct nsec3_parameters was;
    const struct verify_zone *zone = &changed->zone;
    if (!changed->request->current)
        return false;
    struct verify_source served = {.version = changed->request->current};
    const struct node *apex = version_apex_node(served.version);
    if (node_has(apex, RRTYPE_NSEC))
        return zone->denial == VERIFY_NSEC;
    return zone->denial == VERIFY_NSEC3 && (known = version_nsec3(served.version)) &&
           verify_nsec3_choose(&served, apex, &was) && nsec3_parameters_equal(&was, known) &&
           nsec3_parameters_equal(&was, &zone->parameters) && was.flags == zone->parameters.flags;
}

static void
whole_check(const struct changed *changed, const uint8_t *some, bool anew)
{
    size_t looked;
    const struct verify_changes *request = changed->request;
    changed->report->sampled = changed->report->sampled && !anew;
    struct verify_walk_options options = {.source = changed->source,
                                          .apex = changed->apex,
                                          .now = request->now,
                                          .strict = true,
                                          .wants_zonemd = request->zonemd,
                                          .some = anew ? NULL : some,
                                          .anew = anew,
                                          .stop = request->stop};
    struct verify_walk *walk = verify_walk_open(&options);
    while (verify_walk_portion(walk, request->pool, VERIFY_PORTION, &looked, changed->report))
        ;
    verify_walk_free(&walk);
}

static void
zonemd_check(const struct changed *changed)
{
    struct verify_cursor cursor;
    const struct node *node;
    struct verify_zonemd *zonemd =
        verify_zonemd_new(&changed->zone, changed->request->zonemd, changed->report);
    if (!zonemd)
        return;
    verify_cursor_first(&cursor, &changed->source);
    while ((node = verify_cursor_next(&cursor)))
        verify_zonemd_add(zonemd, node);
    damage_add(changed, verify_cursor_damaged(&cursor));
    verify_zonemd_end(zonemd, changed->report);
    verify_zonemd_free(&zonemd);
}

static void
places_check(struct changed *changed, const uint8_t *some)
{
    if (changed->zone.denial == VERIFY_NSEC3)
        changed_nsec3_open(changed);
    records_check(changed, some);
    cuts_check(changed);
    keys_check(changed);
    if (changed->zone.denial == VERIFY_NSEC3) {
        changed_nsec3_check(changed); // after all names were looked for
    } else {
        chain_check(changed);
        predecessors_check(changed);
    }
    zonemd_check(changed);
    changed_nsec3_close(changed);
}

bool
verify_changes(const struct verify_changes *request, struct verify_report *report)
{
    const struct diff *diff = request->diff;
    struct verify_keys *keys = NULL;
    struct verify_changes whole = *request;
    struct verify_report opening;
    struct changed changed = {.request = &whole, .report = report};
    if (diff->damaged) // a whole content that takes the place of a damaged version
        whole.current = NULL;
    if (diff->count == 0)
        return true;
    changed.apex = verify_entry_owner(&diff->entries[0]); // least in canonical order
    changed.source = (struct verify_source){.version = whole.current, .diff = diff};
    verify_report_init(&opening);
    if (verify_zone_init(&changed.zone, &changed.source, changed.apex, request->now, true, &keys,
                         &opening)) {
        uint8_t *some = sample_choose(&changed);
        bool anew = a_tag_is_taken_over(&changed);
        if (same_chain(&changed) && !anew) {
            verify_report_merge(report, &opening);
            places_check(&changed, some);
        } else {
            whole_check(&changed, some, anew); // finds what the opening found
        }
        free(some);
    } else {
        verify_report_merge(report, &opening);
    }
    verify_report_close(&opening);
    verify_keys_free(&keys);
    return report->finding_count == 0 && !report->stopped;
}
