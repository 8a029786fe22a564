// How is a transfer compared without sorting it? The served records are walked in their order
// beside the stream. Nearly every primary sends in canonical order, so the owner that comes is
// nearly always the next of the walk: one memcmp, no hash, and the heap is read from one end to the
// other. Where it is another owner, it is looked up by name, and the walk goes on from there; whom
// it steps over waits in a set until the stream brings it, and whoever waits at the end is gone. A
// stream in random order thus costs a lookup and a place in the set for each owner, no more.
//
// What differs goes into a draft, which sorts and mends as it does for a whole zone, and each of
// its owners is compared once more when it is sealed: an RRset in another order or an RR that came
// twice then proves to be no change.
//
// An owner that comes in several portions shows when it comes again. It is noted, and the stream
// read a second time, in which all RRs of such owners go straight into the draft.
//
// The fetcher speaks to strangers, so nothing in the stream is believed: the views of the stream
// are bounded, and an RR that is new is checked like any other. RDATA equal to served RDATA was
// checked when that came in.
#include "secondary/signer/intake_compare.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/vector.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "common/transfer/rr_stream.h"
#include "common/zone/find.h"
#include "secondary/signer/node_set.h"
#include "secondary/signer/owner_match.h"

struct comparing {
    struct intake_compare *out;
    struct rr_stream_reader *reader;
    struct version_cursor cursor;
    bool at_end;              // of the walk
    struct owner_match next;  // the record that the walk expects
    struct owner_match other; // one that was found by name
    struct node_set passed;   // whom the walk stepped over
    struct node_set split;    // who came in portions
    bool again;               // the second reading
    struct vector group;      // of struct rr_stream_view: the RRs of one owner
    struct vector gone;       // of const struct node *
    uint64_t empty_octets;    // of served empty non-terminals
};

void
intake_compare_init(struct intake_compare *compare)
{
    *compare = (struct intake_compare){0};
    diff_init(&compare->diff);
}

void
intake_compare_close(struct intake_compare *compare)
{
    diff_close(&compare->diff);
    draft_free(&compare->changed);
    arena_free(&compare->arena);
}

static bool
is_apex(const struct comparing *comparing, const uint8_t *name)
{
    return name_equal(name, comparing->out->apex);
}

static void
lay_open(const struct comparing *comparing, const struct node *node, struct owner_match *ret_match)
{
    owner_match_init(ret_match, node, node == version_apex_node(comparing->out->served));
}

// --- The walk

// To the next record with data of its own.
static void
walk_on(struct comparing *comparing)
{
    const struct node *node;
    while ((node = version_cursor_next(&comparing->cursor)) != NULL) {
        lay_open(comparing, node, &comparing->next);
        if (comparing->next.set_count > 0) {
            return;
        }
        if (node_rrset_count(node) == 0) {
            comparing->empty_octets += node_size(node);
        }
    }
    comparing->at_end = true;
}

// Up to a record that is ahead.
static bool
walk_to(struct comparing *comparing, const struct node *node)
{
    while (!comparing->at_end && comparing->next.node != node) {
        node_set_add(&comparing->passed, comparing->next.node);
        walk_on(comparing);
    }
    return !comparing->at_end;
}

// --- One owner of the stream

static bool
is_expected(const struct comparing *comparing, const struct rr_stream_view *view)
{
    const struct node *node = comparing->next.node;
    return !comparing->at_end && view->owner_length == node_owner_length(node) &&
           memcmp(view->owner, node_owner(node), view->owner_length) == 0;
}

static bool
add_changed(struct comparing *comparing)
{
    for (size_t i = 0; i < comparing->group.count; i++) {
        struct rr_stream_rr rr;
        if (!rr_stream_check_view(comparing->reader, vector_at(&comparing->group, i), &rr, NULL) ||
            !draft_add(comparing->out->changed, rr.owner, rr.type, rr.ttl, rr.rdata, rr.rdlength,
                       NULL)) {
            return false;
        }
    }
    return true;
}

// A served record that is met for the first time.
static bool
meet(struct comparing *comparing, struct owner_match *match)
{
    struct intake_compare *out = comparing->out;
    out->diff.old_pairs += match->set_count;
    if (node_set_has(&comparing->split, match->node) ||
        !owner_match_equal(match, comparing->group.items, comparing->group.count)) {
        return add_changed(comparing);
    }
    out->rr_count += match->rr_count;
    out->octets += owner_match_size(match);
    return true;
}

// A record that the walk has left behind: it waits, or was met already.
static bool
meet_passed(struct comparing *comparing, const struct node *node)
{
    if (node_set_take(&comparing->passed, node)) {
        lay_open(comparing, node, &comparing->other);
        return meet(comparing, &comparing->other);
    }
    if (node_set_has(&comparing->split, node)) {
        return !comparing->again || add_changed(comparing);
    }
    node_set_add(&comparing->split, node);
    return !comparing->again && comparing->split.count <= INTAKE_COMPARE_SPLIT_MAX;
}

static bool
meet_by_name(struct comparing *comparing, const struct rr_stream_view *view)
{
    uint8_t name[NAME_SIZE_MAX];
    bool damaged = false;
    name_copy_lower(name, view->owner);
    if (!name_is_at_or_below(name, comparing->out->apex)) {
        return false;
    }
    const struct node *node = zone_find_record(comparing->out->served, name, &damaged);
    comparing->out->found++;
    if (damaged) {
        return false;
    }
    if (node == NULL || node_unsigned_rrsets(node, is_apex(comparing, name), NULL, 0) == 0) {
        return add_changed(comparing);
    }
    bool ahead = !comparing->at_end && name_compare(name, node_owner(comparing->next.node)) >= 0;
    if (!ahead) {
        return meet_passed(comparing, node);
    }
    if (!walk_to(comparing, node) || !meet(comparing, &comparing->next)) {
        return false;
    }
    walk_on(comparing);
    return true;
}

static bool
take_group(struct comparing *comparing)
{
    const struct rr_stream_view *view = comparing->group.items;
    if (comparing->group.count == 0) {
        return true;
    }
    if (!is_expected(comparing, view)) {
        return meet_by_name(comparing, view);
    }
    comparing->out->in_order++;
    if (!meet(comparing, &comparing->next)) {
        return false;
    }
    walk_on(comparing);
    return true;
}

// --- The stream

// The first SOA is the apex's; what it says of the primary is kept.
static bool
note_soa(struct intake_compare *out, const struct rr_stream_view *view)
{
    struct rdata_soa soa;
    if (!rdata_soa_read(view->rdata, view->rdlength, &soa)) {
        return false;
    }
    out->serial = soa.serial;
    out->soa_expire_seconds = soa.expire;
    return true;
}

static bool
take_view(struct comparing *comparing, const struct rr_stream_view *view)
{
    struct intake_compare *out = comparing->out;
    if (!view->same_owner) {
        if (!take_group(comparing)) {
            return false;
        }
        vector_clear(&comparing->group);
    }
    if (view->ttl > out->largest_ttl) {
        out->largest_ttl = view->ttl;
    }
    vector_add(&comparing->group, view);
    // At any owner: a DNSKEY below the apex is rare enough to be judged whole.
    return !rrtype_is_dnssec(view->type) && (view->type != RRTYPE_SOA || note_soa(out, view));
}

static bool
read_stream(struct comparing *comparing)
{
    struct rr_stream_view view;
    for (;;) {
        switch (rr_stream_next_view(comparing->reader, &view, NULL)) {
        case RR_STREAM_DONE:
            return take_group(comparing);
        case RR_STREAM_BAD:
            return false;
        case RR_STREAM_RR:
            if (!take_view(comparing, &view)) {
                return false;
            }
            break;
        }
    }
}

// --- What it comes to

static bool
seal(struct comparing *comparing)
{
    struct draft_findings findings = {0};
    return draft_seal(comparing->out->changed, &findings, NULL) && findings.ttl_differs == 0;
}

static int
node_order(const void *a, const void *b)
{
    return name_compare(node_owner(*(const struct node *const *)a),
                        node_owner(*(const struct node *const *)b));
}

// Everybody whom the stream did not bring, in canonical order.
static void
gather_gone(struct comparing *comparing)
{
    size_t place = 0;
    for (const struct node *node; (node = node_set_next(&comparing->passed, &place)) != NULL;) {
        vector_add(&comparing->gone, &node);
    }
    for (; !comparing->at_end; walk_on(comparing)) {
        vector_add(&comparing->gone, &comparing->next.node);
    }
    if (comparing->gone.count > 1) {
        qsort(comparing->gone.items, comparing->gone.count, comparing->gone.item_size, node_order);
    }
}

// The first record with data behind the given one.
static const struct node *
data_behind(const struct comparing *comparing, const struct node *node)
{
    struct version_cursor cursor;
    const struct node *next;
    version_cursor_seek(&cursor, comparing->out->served, node_owner(node));
    while ((next = version_cursor_next(&cursor)) != NULL) {
        if (next != node && node_unsigned_rrsets(next, false, NULL, 0) > 0) {
            return next;
        }
    }
    return NULL;
}

// Whoever goes stays as an empty non-terminal where something is left below: a new name, which made
// one in the draft, or a served one. In canonical order that is the next one that stays.
static void
tell_gone(struct comparing *comparing)
{
    struct intake_compare *out = comparing->out;
    const struct node *const *gone = comparing->gone.items;
    const struct node *stays = NULL; // the first with data that stays behind gone[i]
    for (size_t i = comparing->gone.count; i-- > 0;) {
        const struct node *behind = data_behind(comparing, gone[i]);
        if (i + 1 == comparing->gone.count || behind != gone[i + 1]) {
            stays = behind;
        }
        const uint8_t *owner = node_owner(gone[i]);
        const struct node *empty = draft_find(out->changed, owner);
        if (empty == NULL && stays != NULL && name_is_at_or_below(node_owner(stays), owner)) {
            empty = node_build(out->arena, owner, NULL, 0);
        }
        diff_add(&out->diff, gone[i], empty);
        out->diff.old_pairs += node_unsigned_rrsets(gone[i], is_apex(comparing, owner), NULL, 0);
        out->octets += empty != NULL ? node_size(empty) : 0;
    }
}

static bool
tell_changed(struct comparing *comparing)
{
    struct intake_compare *out = comparing->out;
    for (size_t i = 0; i < draft_node_count(out->changed); i++) {
        const struct node *new = draft_node_at(out->changed, i);
        bool apex = is_apex(comparing, node_owner(new)), damaged = false;
        out->octets += node_size(new);
        if (node_rrset_count(new) == 0) {
            continue; // sealing made it
        }
        for (unsigned k = 0; k < node_rrset_count(new); k++) {
            struct rrset set;
            node_rrset_at(new, k, &set);
            out->rr_count += set.rr_count;
        }
        const struct node *old = zone_find_record(out->served, node_owner(new), &damaged);
        if (damaged) {
            return false;
        }
        if (!node_equal_unsigned(old, new, apex)) {
            diff_add(&out->diff, old, new);
        }
    }
    return true;
}

static bool
conclude(struct comparing *comparing)
{
    struct intake_compare *out = comparing->out;
    if (!seal(comparing)) {
        return false;
    }
    gather_gone(comparing);
    tell_gone(comparing);
    out->octets += comparing->empty_octets;
    bool good = tell_changed(comparing) && !comparing->cursor.damaged;
    diff_sort(&out->diff);
    return good;
}

// --- From end to end

static void
begin(struct comparing *comparing)
{
    struct intake_compare *out = comparing->out;
    draft_free(&out->changed);
    out->changed = draft_new(out->apex);
    out->diff.old_pairs = 0;
    out->rr_count = out->octets = 0;
    out->in_order = out->found = 0;
    comparing->empty_octets = 0;
    comparing->at_end = false;
    node_set_close(&comparing->passed);
    vector_clear(&comparing->group);
    version_cursor_first(&comparing->cursor, out->served);
    walk_on(comparing);
}

static bool
read_twice_at_most(struct comparing *comparing)
{
    struct octets_reader start = comparing->reader->reader;
    begin(comparing);
    if (!read_stream(comparing)) {
        return false;
    }
    comparing->out->split = comparing->split.count;
    if (comparing->split.count == 0) {
        return true;
    }
    comparing->reader->reader = start;
    comparing->reader->count = 0;
    comparing->reader->ended = false;
    comparing->again = true;
    begin(comparing);
    return read_stream(comparing);
}

bool
intake_compare_run(struct intake_compare *compare, int stream)
{
    struct comparing *comparing = memory_zalloc(sizeof *comparing);
    bool good = false;
    comparing->out = compare;
    comparing->reader = memory_alloc(sizeof *comparing->reader);
    node_set_init(&comparing->passed);
    node_set_init(&comparing->split);
    vector_init(&comparing->group, sizeof(struct rr_stream_view));
    vector_init(&comparing->gone, sizeof(const struct node *));
    compare->arena = arena_new();
    if (rr_stream_reader_map(comparing->reader, stream, compare->stream_max, NULL)) {
        good = !comparing->reader->is_delta && name_equal(comparing->reader->apex, compare->apex) &&
               read_twice_at_most(comparing) && conclude(comparing);
        rr_stream_reader_close(comparing->reader);
    }
    node_set_close(&comparing->passed);
    node_set_close(&comparing->split);
    vector_close(&comparing->group);
    vector_close(&comparing->gone);
    free(comparing->reader);
    free(comparing);
    return good;
}
