// A publish knows each owner's record before and after, so a step costs what it says: no lookup, no
// walk over the zone, and one write and one sync together with the records.
//
// How are old steps dropped? By the index counting fewer of them: the oldest octets are then dead,
// and compaction leaves them behind. Steps name only the one before, so finding the new oldest
// means walking the whole journal. When a limit is passed an eighth is cut off at once: the walk
// (40 octets of each step) is then paid by all the publishes that filled this eighth, some seven
// headers each.
//
// Who follows the steps into a new generation of the heap? They are copied in one go, oldest first,
// before anything else of a compaction, so offsets never lead from one generation to another and a
// step can be published between two parts of a compaction.
#include "common/zone/journal_write.h"

#include "common/base/hash.h"
#include "common/base/vector.h"
#include "common/dns/rrtype.h"
#include "common/zone/diff.h"
#include "common/zone/journal_inside.h"
#include "common/zone/serial.h"
#include "common/zone/version_inside.h"

#include <string.h>

#define CUT_NUMERATOR   7U // of what the limits allow so much stays when one of them is passed
#define CUT_DENOMINATOR 8U
// Two SOAs with their owners and the header: what a step has beside the records' own octets.
#define STEP_FIXED_OCTETS 2048U

// ---- a step on its way ----

static void
half_open(struct journal_half *half)
{
    *half = (struct journal_half){.owner = NULL};
    octets_buffer_init(&half->items);
}

static void
half_add(struct journal_half *half, bool added, const uint8_t *owner, const struct rr *rr)
{
    bool same_owner = half->owner && name_equal(half->owner, owner);
    bool same_type = same_owner && half->type == rr->type && half->ttl == rr->ttl;
    octets_buffer_add_u8(&half->items, (uint8_t)((same_owner ? 0 : JOURNAL_ITEM_OWNER) |
                                                 (same_type ? 0 : JOURNAL_ITEM_TYPE) |
                                                 (added && !half->owner ? JOURNAL_ITEM_ADDED : 0)));
    if (!same_owner)
        octets_buffer_add(&half->items, owner, name_length(owner));
    if (!same_type) {
        octets_buffer_add_u16(&half->items, rr->type);
        octets_buffer_add_u32(&half->items, rr->ttl);
    }
    octets_buffer_add_u16(&half->items, rr->rdlength);
    octets_buffer_add(&half->items, rr->rdata, rr->rdlength);
    half->owner = owner;
    half->type = rr->type;
    half->ttl = rr->ttl;
}

void
journal_draft_open(struct journal_draft *draft, const struct node *old_apex,
                   const struct node *new_apex, uint64_t octets_max)
{
    struct rr old_soa, new_soa;
    *draft = (struct journal_draft){.apex = node_owner(new_apex), .octets_max = octets_max};
    if (draft->octets_max > JOURNAL_STEP_OCTETS_MAX)
        draft->octets_max = JOURNAL_STEP_OCTETS_MAX;
    half_open(&draft->removed);
    half_open(&draft->added);
    draft->lost = octets_max == 0 || !old_apex ||
                  !journal_apex_serial(old_apex, &draft->from_serial, &old_soa) ||
                  !journal_apex_serial(new_apex, &draft->to_serial, &new_soa) ||
                  !serial_is_after(draft->to_serial, draft->from_serial);
    if (draft->lost)
        return;
    draft->changed = true;
    half_add(&draft->removed, false, draft->apex, &old_soa);
    half_add(&draft->added, true, draft->apex, &new_soa);
}

void
journal_draft_close(struct journal_draft *draft)
{
    octets_buffer_close(&draft->removed.items);
    octets_buffer_close(&draft->added.items);
}

void
journal_draft_lose(struct journal_draft *draft)
{
    draft->changed = draft->lost = true;
    journal_draft_close(draft);
}

static uint64_t
items_length(const struct journal_draft *draft)
{
    return draft->removed.items.length + draft->added.items.length;
}

static uint64_t
step_octets(uint64_t items)
{
    const struct journal_record record = {.items_length = items};
    return journal_record_octets(&record);
}

uint64_t
journal_draft_octets(const struct journal_draft *draft)
{
    return draft->changed && !draft->lost ? step_octets(items_length(draft)) : 0;
}

// The SOAs stand in front of all.
static void
draft_rr_add(struct journal_draft *draft, const struct diff_rr *told)
{
    struct rr rr = {
        .type = told->type, .ttl = told->ttl, .rdata = told->rdata, .rdlength = told->rdlength};
    draft->changed = true;
    if (draft->lost || (rr.type == RRTYPE_SOA && name_equal(told->owner, draft->apex)))
        return;
    half_add(told->added ? &draft->added : &draft->removed, told->added, told->owner, &rr);
    if (step_octets(items_length(draft)) > draft->octets_max)
        journal_draft_lose(draft);
}

bool
journal_draft_add(struct journal_draft *draft, const struct node *old_node,
                  const struct node *new_node)
{
    struct diff_entry entry = {.old_node = old_node, .new_node = new_node};
    struct diff diff = {.entries = &entry, .count = 1};
    struct diff_walk walk;
    struct diff_rr rr;
    diff_walk_init(&walk, &diff, DIFF_WHOLE, draft->apex);
    while (!(draft->changed && draft->lost) && diff_walk_next(&walk, &rr))
        draft_rr_add(draft, &rr);
    return !(draft->changed && draft->lost);
}

uint64_t
journal_octets_needed(uint64_t record_octets, uint64_t octets_max)
{
    // Every RR takes less in a step than in its record, owner and all.
    uint64_t octets = record_octets + STEP_FIXED_OCTETS;
    return octets < octets_max ? octets : octets_max;
}

// ---- what stays of the former steps ----

// The newest steps of the version's that fit, from the newest on.
static struct index_journal
journal_cut(const struct version *version, uint64_t octets_max, uint32_t steps_max, uint32_t serial)
{
    const struct index_journal *journal = &version->header->journal;
    struct index_journal kept = {.newest = journal->newest};
    uint64_t offset = journal->newest;
    while (kept.steps < journal->steps && kept.steps < steps_max) {
        const struct journal_record *record = journal_record_at(&version->heaps, offset);
        if (!record || kept.octets + journal_record_octets(record) > octets_max ||
            !serial_is_after(serial, record->from_serial))
            break;
        kept.steps++;
        kept.octets += journal_record_octets(record);
        kept.from_serial = record->from_serial;
        offset = record->previous;
    }
    return kept.steps ? kept : (struct index_journal){0};
}

struct index_journal
journal_keep(const struct version *version, const struct journal_draft *draft, uint64_t octets_max)
{
    const struct index_journal none = {0};
    if (!version || octets_max == 0 || version->header->journal.steps == 0 ||
        (draft && draft->changed && draft->lost))
        return none;
    const struct index_journal *journal = &version->header->journal;
    uint64_t step = draft ? journal_draft_octets(draft) : 0;
    uint32_t serial = draft && step ? draft->to_serial : version->facts.signed_serial;
    if (!draft || !step) // the content stays
        journal_apex_serial(version->apex_node, &serial, NULL);
    if (step <= octets_max && journal->octets <= octets_max - step &&
        journal->steps + (step != 0) <= JOURNAL_STEPS_MAX &&
        serial_is_after(serial, journal->from_serial))
        return *journal;
    uint64_t room = octets_max / CUT_DENOMINATOR * CUT_NUMERATOR;
    return journal_cut(version, room > step ? room - step : 0,
                       JOURNAL_STEPS_MAX / CUT_DENOMINATOR * CUT_NUMERATOR, serial);
}

// ---- into the heap ----

static bool
record_write(struct heap_writer *heap, struct journal_record *record, const struct octets items[2],
             struct index_journal *journal, struct fault *fault)
{
    static const uint8_t zeros[8];
    uint64_t offset, part;
    record->magic = JOURNAL_MAGIC;
    record->previous = journal->newest;
    record->crc = hash_crc32c(0, (const uint8_t *)record + JOURNAL_CRC_FROM,
                              sizeof *record - JOURNAL_CRC_FROM);
    size_t padding =
        (size_t)(journal_record_octets(record) - sizeof *record - record->items_length);
    if (!heap_writer_append(heap, record, sizeof *record, &offset, fault) ||
        !heap_writer_append(heap, items[0].data, items[0].length, &part, fault) ||
        !heap_writer_append(heap, items[1].data, items[1].length, &part, fault) ||
        !heap_writer_append(heap, zeros, padding, &part, fault))
        return false;
    if (journal->steps++ == 0)
        journal->from_serial = record->from_serial;
    journal->octets += journal_record_octets(record);
    journal->newest = offset;
    return true;
}

// Whole records among the journal's, the newest first.
static void
records_collect(const struct version *version, const struct index_journal *journal,
                struct vector *records)
{
    uint64_t offset = journal->newest;
    for (uint32_t i = 0; i < journal->steps; i++) {
        const struct journal_record *record = journal_record_at(&version->heaps, offset);
        if (!record || !journal_record_check(record))
            break;
        vector_add(records, &record);
        offset = record->previous;
    }
}

bool
journal_copy(const struct version *version, struct heap_writer *heap, struct index_journal *journal,
             struct fault *fault)
{
    struct vector records;
    bool copied = true;
    vector_init(&records, sizeof(const struct journal_record *));
    records_collect(version, journal, &records);
    *journal = (struct index_journal){0};
    for (size_t i = records.count; i-- > 0 && copied;) {
        const struct journal_record *const *former = vector_at(&records, i);
        struct journal_record record = **former;
        const struct octets items[2] = {
            {journal_record_items(*former), (size_t)record.items_length}, {NULL, 0}};
        copied = record_write(heap, &record, items, journal, fault);
    }
    vector_close(&records);
    return copied;
}

bool
journal_append(const struct journal_draft *draft, struct heap_writer *heap,
               struct index_journal *journal, struct fault *fault)
{
    if (journal_draft_octets(draft) == 0)
        return true;
    const struct octets_buffer *removed = &draft->removed.items, *added = &draft->added.items;
    const struct octets items[2] = {{removed->data, removed->length}, {added->data, added->length}};
    struct journal_record record = {.items_length = items_length(draft),
                                    .from_serial = draft->from_serial,
                                    .to_serial = draft->to_serial};
    record.items_crc = hash_crc32c(0, removed->data, removed->length);
    record.items_crc = hash_crc32c(record.items_crc, added->data, added->length);
    return record_write(heap, &record, items, journal, fault);
}
