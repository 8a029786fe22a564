// How can one walk do, when a name's NSEC3 stands somewhere else?
//
// It is two: the first goes over the records and takes the NSEC3s into a table (in canonical order,
// so they come in hash order and the ring is checked on the way); the second looks every name up
// there, in the threads that verify its signatures, and ticks off what it finds. What is not ticked
// off at the end stands for no name. Memory: 32 octets for each NSEC3, a portion of records, and
// nothing that grows with anything else. A zone with NSEC needs one walk: standing from the cut
// last seen, the chain from the NSEC last seen.
//
// Empty non-terminals come from the names below them: of two neighbours in canonical order the
// second brings those of its ancestors that it does not share with the first.
#include "secondary/signer/sign/verify_walk.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/dns/name.h"
#include "common/dns/rrtype.h"
#include "secondary/signer/sign/verify_batch.h"
#include "secondary/signer/sign/verify_chain.h"
#include "secondary/signer/sign/verify_report.h"
#include "secondary/signer/sign/verify_zonemd.h"

enum phase { PHASE_CHAIN, PHASE_RECORDS, PHASE_END };

struct verify_walk {
    const struct version *held; // by verify_walk_new
    struct verify_walk_options options;
    struct verify_cursor cursor;
    struct verify_zone zone;
    struct verify_keys *keys;
    struct verify_chain *chain; // of NSEC3
    struct verify_zonemd *zonemd;
    enum phase phase;
    uint8_t cut[NAME_SIZE_MAX];                             // the last one seen
    uint8_t name[NAME_SIZE_MAX];                            // the last name seen
    uint8_t nsec_owner[NAME_SIZE_MAX], next[NAME_SIZE_MAX]; // of the last NSEC seen
    bool has_cut, has_nsec;
    struct verify_record *records;
    struct verify_report opening; // findings of the apex, given with the first portion
};

struct verify_walk *
verify_walk_open(const struct verify_walk_options *options)
{
    struct verify_walk *walk = memory_zalloc(sizeof *walk);
    walk->options = *options;
    verify_report_init(&walk->opening);
    bool good = verify_zone_init(&walk->zone, &walk->options.source, options->apex, options->now,
                                 options->strict, &walk->keys, &walk->opening);
    walk->phase = good ? PHASE_RECORDS : PHASE_END;
    walk->records = memory_alloc((VERIFY_PORTION + NAME_LABELS_MAX) * sizeof *walk->records);
    name_copy(walk->name, options->apex);
    verify_cursor_first(&walk->cursor, &walk->options.source);
    if (!good)
        return walk;
    walk->zonemd = verify_zonemd_new(&walk->zone, options->wants_zonemd, &walk->opening);
    if (walk->zone.denial == VERIFY_NSEC3) {
        walk->phase = PHASE_CHAIN;
        walk->chain = verify_chain_new(&walk->zone);
        walk->zone.find = verify_chain_find;
        walk->zone.find_context = walk->chain;
    }
    return walk;
}

struct verify_walk *
verify_walk_new(const struct version *version, int64_t now)
{
    const struct version *held = version_hold(version);
    struct verify_walk_options options = {
        .source = {.version = version}, .apex = version_apex(version), .now = now};
    struct verify_walk *walk = verify_walk_open(&options);
    walk->held = held;
    return walk;
}

void
verify_walk_free(struct verify_walk **walk)
{
    if (!*walk)
        return;
    verify_chain_free(&(*walk)->chain);
    verify_zonemd_free(&(*walk)->zonemd);
    verify_keys_free(&(*walk)->keys);
    verify_report_close(&(*walk)->opening);
    if ((*walk)->held)
        version_drop(&(*walk)->held);
    free((*walk)->records);
    free(*walk);
    *walk = NULL;
}

// --- The chain of NSEC

static void
nsec_step(struct verify_walk *walk, const uint8_t *owner, const uint8_t *next,
          struct verify_report *report)
{
    char is[NAME_TEXT_MAX], should[NAME_TEXT_MAX];
    if (walk->has_nsec && !name_equal_any_case(walk->next, owner))
        verify_report_add(report, walk->nsec_owner, RRTYPE_NSEC, "next",
                          "the next name is %.100s, the next owner is %.100s",
                          name_to_text(walk->next, is), name_to_text(owner, should));
    walk->has_nsec = next != NULL;
    if (!next)
        return;
    report->chain_owners++;
    name_copy(walk->nsec_owner, owner);
    name_copy(walk->next, next);
}

// --- Records

static const struct node *
old_of(const struct verify_walk *walk, const struct node *node)
{
    const struct diff *diff = walk->options.source.diff;
    if (!diff || walk->options.anew)
        return NULL;
    return walk->cursor.entry == VERIFY_NO_ENTRY ? node
                                                 : diff->entries[walk->cursor.entry].old_node;
}

static size_t
record_take(struct verify_walk *walk, const struct node *node, struct verify_record *ret_records)
{
    const uint8_t *owner = node_owner(node);
    bool apex = name_equal(owner, walk->zone.apex);
    bool below = walk->has_cut && name_is_at_or_below(owner, walk->cut);
    bool out = walk->options.some && walk->cursor.entry != VERIFY_NO_ENTRY &&
               !walk->options.some[walk->cursor.entry];
    struct verify_record record = {.owner = owner,
                                   .node = node,
                                   .old = old_of(walk, node),
                                   .place = verify_place_of(node, apex, below),
                                   .crypto = !out};
    size_t count = 0;
    if (!apex && !below && record.place != PLACE_HASH) {
        unsigned shared = name_common_labels(walk->name, owner), labels = name_labels(owner);
        for (unsigned i = shared + 1; i < labels; i++)
            ret_records[count++] =
                (struct verify_record){.owner = name_skip(owner, labels - i), .place = PLACE_EMPTY};
    }
    if (record.place != PLACE_HASH)
        name_copy(walk->name, owner);
    if (!below && record.place != PLACE_HASH) {
        walk->has_cut = verify_place_hides(node, apex);
        if (walk->has_cut)
            name_copy(walk->cut, owner);
    }
    ret_records[count++] = record;
    return count;
}

static bool
is_stopped(const struct verify_walk *walk)
{
    return walk->options.stop && atomic_load_explicit(walk->options.stop, memory_order_relaxed);
}

static void
walk_end(struct verify_walk *walk, struct verify_report *report)
{
    walk->phase = PHASE_END;
    bool damaged = verify_cursor_damaged(&walk->cursor);
    if (damaged)
        verify_report_add(report, walk->zone.apex, 0, "damaged",
                          "records of the saved version failed their checksum");
    if (walk->has_nsec)
        nsec_step(walk, walk->zone.apex, NULL, report);
    if (walk->chain)
        verify_chain_unclaimed(walk->chain, report);
    if (walk->zonemd && !damaged)
        verify_zonemd_end(walk->zonemd, report);
}

static size_t
records_portion(struct verify_walk *walk, struct pool *pool, size_t count,
                struct verify_report *report)
{
    const struct node *node = NULL;
    size_t looked = 0, items = 0;
    while (looked < count && items < VERIFY_PORTION && (node = verify_cursor_next(&walk->cursor))) {
        items += record_take(walk, node, walk->records + items);
        if (walk->zone.denial == VERIFY_NSEC && verify_place_denies(walk->records[items - 1].place))
            nsec_step(walk, node_owner(node), verify_next_of(node), report);
        if (walk->zonemd)
            verify_zonemd_add(walk->zonemd, node);
        looked++;
    }
    verify_batch(&walk->zone, pool, walk->records, items, walk->options.stop, report);
    if (!node && !is_stopped(walk))
        walk_end(walk, report);
    return looked;
}

static size_t
chain_portion(struct verify_walk *walk, size_t count, struct verify_report *report)
{
    const struct node *node = NULL;
    size_t looked = 0;
    while (looked < count && (node = verify_cursor_next(&walk->cursor))) {
        verify_chain_add(walk->chain, node, report);
        looked++;
    }
    if (!node) {
        verify_chain_end(walk->chain, report);
        report->chain_owners += verify_chain_count(walk->chain);
        walk->phase = PHASE_RECORDS;
        verify_cursor_first(&walk->cursor, &walk->options.source);
    }
    return looked;
}

bool
verify_walk_portion(struct verify_walk *walk, struct pool *pool, size_t count, size_t *ret_looked,
                    struct verify_report *report)
{
    *ret_looked = 0;
    if (walk->opening.finding_count > 0) {
        verify_report_merge(report, &walk->opening);
        verify_report_close(&walk->opening);
        verify_report_init(&walk->opening);
    }
    report->denial = walk->zone.denial;
    if (is_stopped(walk)) {
        report->stopped = true;
        return false;
    }
    if (walk->phase == PHASE_CHAIN)
        (void)chain_portion(walk, count, report);
    else if (walk->phase == PHASE_RECORDS)
        *ret_looked = records_portion(walk, pool, count, report);
    return walk->phase != PHASE_END;
}

bool
verify_walk_some(struct verify_walk *walk, size_t count, struct verify_report *report)
{
    size_t looked;
    return verify_walk_portion(walk, NULL, count, &looked, report);
}
