// A whole zone in one walk: standing from the cut last seen, the chain from the NSEC last seen.
// Records are handed to the pool in portions, so that memory does not grow with the zone.
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/dns/name.h"
#include "common/dns/rrtype.h"
#include "secondary/signer/sign/verify.h"
#include "secondary/signer/sign/verify_batch.h"
#include "secondary/signer/sign/verify_report.h"

#define PORTION 4096 // records in memory at once

struct verify_walk {
    const struct version *version; // held; NULL: a draft
    const struct draft *draft;
    struct version_cursor cursor;
    size_t index;
    struct verify_zone zone;
    struct verify_keys *keys;
    bool ready; // the apex was good enough to go on
    uint8_t cut[NAME_SIZE_MAX], last[NAME_SIZE_MAX], next[NAME_SIZE_MAX];
    bool has_cut, has_last;
    struct verify_record *records;
    bool ended;
    struct verify_report opening; // findings of the apex, given with the first portion
};

static const struct node *
walk_next(struct verify_walk *walk)
{
    if (walk->version)
        return version_cursor_next(&walk->cursor);
    if (walk->index == draft_node_count(walk->draft))
        return NULL;
    return draft_node_at(walk->draft, walk->index++);
}

static void
walk_start(struct verify_walk *walk, const struct node *apex_node, const uint8_t *apex, int64_t now)
{
    verify_report_init(&walk->opening);
    walk->ready =
        verify_zone_init(&walk->zone, apex_node, apex, now, false, &walk->keys, &walk->opening);
    if (walk->zone.nsec3)
        verify_report_add(&walk->opening, apex, RRTYPE_NSEC3PARAM, "nsec3",
                          "denial by NSEC3 cannot be verified in this version");
    walk->ended = !walk->ready;
    walk->records = memory_alloc(PORTION * sizeof *walk->records);
    if (walk->version)
        version_cursor_first(&walk->cursor, walk->version);
}

struct verify_walk *
verify_walk_new(const struct version *version, int64_t now)
{
    struct verify_walk *walk = memory_zalloc(sizeof *walk);
    walk->version = version_hold(version);
    walk_start(walk, version_apex_node(version), version_apex(version), now);
    return walk;
}

void
verify_walk_free(struct verify_walk **walk)
{
    if (!*walk)
        return;
    if ((*walk)->version)
        version_drop(&(*walk)->version);
    verify_keys_free(&(*walk)->keys);
    verify_report_close(&(*walk)->opening);
    free((*walk)->records);
    free(*walk);
    *walk = NULL;
}

static void
chain_step(struct verify_walk *walk, const uint8_t *owner, const uint8_t *next,
           struct verify_report *report)
{
    char is[NAME_TEXT_MAX], should[NAME_TEXT_MAX];
    if (walk->has_last && !name_equal(walk->next, owner))
        verify_report_add(report, walk->last, RRTYPE_NSEC, "next",
                          "the next name is %.100s, the next owner is %.100s",
                          name_to_text(walk->next, is), name_to_text(owner, should));
    walk->has_last = next != NULL;
    if (!next)
        return;
    name_copy(walk->last, owner);
    name_copy(walk->next, next);
}

static struct verify_record
record_step(struct verify_walk *walk, const struct node *node, struct verify_report *report)
{
    const uint8_t *owner = node_owner(node);
    bool apex = name_equal(owner, walk->zone.apex);
    bool below = walk->has_cut && name_is_at_or_below(owner, walk->cut);
    struct verify_record record = {
        .node = node, .place = verify_place_of(node, apex, below), .crypto = true};
    if (!below) {
        walk->has_cut = verify_place_hides(node, apex);
        if (walk->has_cut)
            name_copy(walk->cut, owner);
    }
    if (!walk->zone.nsec3 && verify_place_denies(record.place))
        chain_step(walk, owner, verify_next_of(node), report);
    return record;
}

static bool
portion(struct verify_walk *walk, struct pool *pool, size_t count, struct verify_report *report)
{
    size_t taken = 0;
    const struct node *node = NULL;
    if (walk->opening.finding_count) {
        verify_report_merge(report, &walk->opening);
        verify_report_close(&walk->opening);
        verify_report_init(&walk->opening);
    }
    if (walk->ended)
        return false;
    while (taken < count && taken < PORTION && (node = walk_next(walk)))
        walk->records[taken++] = record_step(walk, node, report);
    verify_batch(&walk->zone, pool, walk->records, taken, report);
    if (!node) {
        walk->ended = true;
        if (walk->version && walk->cursor.damaged)
            verify_report_add(report, walk->zone.apex, 0, "damaged",
                              "records of the saved version failed their checksum");
        if (walk->has_last)
            chain_step(walk, walk->zone.apex, NULL, report);
    }
    return node != NULL;
}

bool
verify_walk_some(struct verify_walk *walk, size_t count, struct verify_report *report)
{
    return portion(walk, NULL, count, report);
}

bool
verify_version(const struct version *version, struct pool *pool, int64_t now,
               struct verify_report *report)
{
    struct verify_walk *walk = verify_walk_new(version, now);
    while (portion(walk, pool, PORTION, report))
        ;
    verify_walk_free(&walk);
    return report->finding_count == 0;
}

bool
verify_draft(const struct draft *draft, struct pool *pool, int64_t now,
             struct verify_report *report)
{
    struct verify_walk *walk = memory_zalloc(sizeof *walk);
    walk->draft = draft;
    const struct node *apex = draft_node_count(draft) ? draft_node_at(draft, 0) : NULL;
    walk_start(walk, apex, draft_apex(draft), now);
    while (portion(walk, pool, PORTION, report))
        ;
    verify_walk_free(&walk);
    return report->finding_count == 0;
}
