// Which serial counts? The one in the SOA's RR, for that is what a client holds and asks with. The
// header of a version says the same wherever a daemon publishes; where it does not (a test, a
// caller's slip), the wire must still be right.
//
// What is believed? A step found by following offsets is data from a disk. Its header has a
// checksum of its own, so that a walk along thousands of steps, to cut the oldest off, reads 40
// octets of each; its items are checked when they are given out or copied, by checksum and by shape
// (once, so that journal_walk_next can end only where the items do). Offsets get smaller from step
// to step, and the index says how many steps count, so no damage makes a walk endless. Whatever is
// wrong means that the journal does not reach there: an AXFR is always right.
//
// How far does it reach? Only to serials from which the version's own is ahead (RFC 1982): the
// writer drops what is further behind, so no serial stands twice in a journal.
#include "common/zone/journal.h"

#include "common/base/hash.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "common/zone/journal_inside.h"
#include "common/zone/serial.h"
#include "common/zone/version_inside.h"

#include <string.h>

_Static_assert(sizeof(struct journal_record) == 40, "a step's header is 40 octets on disk");

bool
journal_apex_serial(const struct node *apex, uint32_t *ret_serial, struct rr *ret_soa)
{
    struct rrset rrset;
    struct rr rr;
    struct rdata_soa soa;
    uint32_t position = 0;
    if (!node_rrset_find(apex, RRTYPE_SOA, &rrset) || rrset.rr_count != 1 ||
        !rrset_next(rrset.wire, rrset.wire_length, &position, &rr) ||
        !rdata_soa_read(rr.rdata, rr.rdlength, &soa))
        return false;
    *ret_serial = soa.serial;
    if (ret_soa)
        *ret_soa = rr;
    return true;
}

const struct journal_record *
journal_record_at(const struct heap_view *heaps, uint64_t offset)
{
    if (offset % 8 != 0 || offset < HEAP_FIRST || offset > heaps->length[0] ||
        heaps->length[0] - offset < sizeof(struct journal_record))
        return NULL;
    const uint8_t *octets = heap_at(heaps, offset);
    const struct journal_record *record = (const void *)octets;
    uint32_t crc = hash_crc32c(0, octets + JOURNAL_CRC_FROM, sizeof *record - JOURNAL_CRC_FROM);
    uint64_t left = heaps->length[0] - offset - sizeof *record;
    bool whole = record->crc == crc && record->magic == JOURNAL_MAGIC &&
                 record->items_length <= left && record->previous < offset;
    return whole ? record : NULL;
}

// ---- the walk ----

struct walk_state {
    const uint8_t *owner;
    uint32_t ttl;
    uint16_t type;
    bool added;
};
_Static_assert(sizeof(struct walk_state) <= sizeof((struct journal_walk *)0)->state,
               "a walk's state has room for what the last RR leaves to the next");

static void
walk_items(struct journal_walk *walk, const struct journal_record *record)
{
    *walk = (struct journal_walk){.position = journal_record_items(record),
                                  .end = journal_record_items(record) + record->items_length};
}

void
journal_walk_init(struct journal_walk *walk, const struct journal_step *step)
{
    walk_items(walk, (const void *)step->place);
}

// A wire name without pointers, where it stands.
static const uint8_t *
owner_read(struct octets_reader *reader)
{
    const uint8_t *owner = reader->at;
    uint8_t label;
    do {
        label = octets_read_u8(reader);
        if (label > NAME_LABEL_MAX || reader->at - owner > NAME_SIZE_MAX - label)
            reader->failed = true;
        octets_read_view(reader, label);
    } while (label && !reader->failed);
    return reader->failed ? NULL : owner;
}

static void
item_read(struct octets_reader *reader, struct walk_state *state, struct diff_rr *ret_rr)
{
    uint8_t flags = octets_read_u8(reader);
    state->added = state->added || (flags & JOURNAL_ITEM_ADDED);
    if (flags & JOURNAL_ITEM_OWNER)
        state->owner = owner_read(reader);
    if (flags & JOURNAL_ITEM_TYPE) {
        state->type = octets_read_u16(reader);
        state->ttl = octets_read_u32(reader);
    }
    uint16_t length = octets_read_u16(reader);
    *ret_rr = (struct diff_rr){.added = state->added,
                               .owner = state->owner,
                               .type = state->type,
                               .ttl = state->ttl,
                               .rdata = octets_read_view(reader, length),
                               .rdlength = length};
}

bool
journal_walk_next(struct journal_walk *walk, struct diff_rr *ret_rr)
{
    struct walk_state state;
    struct octets_reader reader;
    struct diff_rr rr;
    if (walk->position == walk->end)
        return false;
    memcpy(&state, walk->state, sizeof state);
    octets_reader_init(&reader, walk->position, (size_t)(walk->end - walk->position));
    item_read(&reader, &state, &rr);
    if (reader.failed || !rr.owner) // never where the step was checked
        return false;
    walk->position = reader.at;
    memcpy(walk->state, &state, sizeof state);
    *ret_rr = rr;
    return true;
}

// ---- checking ----

static bool
soa_has(const struct diff_rr *rr, uint32_t serial)
{
    struct rdata_soa soa;
    return rr->type == RRTYPE_SOA && rdata_soa_read(rr->rdata, rr->rdlength, &soa) &&
           soa.serial == serial;
}

// Both halves begin with their SOA, and the last item ends where the items do.
static bool
items_check(const struct journal_record *record)
{
    struct journal_walk walk;
    struct diff_rr rr;
    bool added = false;
    walk_items(&walk, record);
    if (!journal_walk_next(&walk, &rr) || rr.added || !soa_has(&rr, record->from_serial))
        return false;
    while (journal_walk_next(&walk, &rr)) {
        if (rr.added && !added && !soa_has(&rr, record->to_serial))
            return false;
        added = rr.added;
    }
    return added && walk.position == walk.end;
}

bool
journal_record_check(const struct journal_record *record)
{
    return hash_crc32c(0, journal_record_items(record), (size_t)record->items_length) ==
               record->items_crc &&
           items_check(record);
}

// ---- finding ----

void
journal_extent(const struct version *version, struct journal_extent *ret_extent)
{
    const struct index_journal *journal = &version->header->journal;
    *ret_extent = (struct journal_extent){
        .steps = journal->steps, .octets = journal->octets, .from_serial = journal->from_serial};
}

static void
step_add(struct vector *steps, const struct journal_record *record)
{
    struct journal_step step = {.from_serial = record->from_serial,
                                .to_serial = record->to_serial,
                                .octets = journal_record_octets(record),
                                .place = (const uint8_t *)record};
    vector_add(steps, &step);
}

static void
steps_reverse(struct vector *steps, size_t from)
{
    struct journal_step *step = steps->items;
    for (size_t low = from, high = steps->count; low + 1 < high; low++) {
        struct journal_step swapped = step[low];
        step[low] = step[--high];
        step[high] = swapped;
    }
}

// From the newest step back to the one that begins at the serial, by the headers alone: a serial
// that no step begins at costs no more than that.
static bool
steps_collect(const struct version *version, uint32_t serial, uint32_t own, uint64_t octets_max,
              struct vector *steps)
{
    const struct index_journal *journal = &version->header->journal;
    uint64_t offset = journal->newest;
    uint64_t octets = 0;
    uint32_t reached = own;
    for (uint32_t i = 0; i < journal->steps && serial_is_after(reached, serial); i++) {
        const struct journal_record *record = journal_record_at(&version->heaps, offset);
        if (!record || record->to_serial != reached)
            return false;
        octets += journal_record_octets(record);
        if (octets > octets_max)
            return false;
        step_add(steps, record);
        reached = record->from_serial;
        offset = record->previous;
    }
    return reached == serial;
}

static bool
steps_check(const struct vector *steps, size_t from)
{
    for (size_t i = from; i < steps->count; i++) {
        const struct journal_step *step = vector_at(steps, i);
        if (!journal_record_check((const void *)step->place))
            return false;
    }
    return true;
}

bool
journal_steps_within(const struct version *version, uint32_t serial, uint64_t octets_max,
                     struct vector *ret_steps)
{
    size_t before = ret_steps->count;
    uint32_t own, first = version->header->journal.from_serial;
    if (!journal_apex_serial(version->apex_node, &own, NULL))
        return false;
    if (serial != own && (!serial_is_after(own, serial) || serial_is_after(first, serial)))
        return false; // the client is ahead, too far behind, or of another zone
    if (!steps_collect(version, serial, own, octets_max, ret_steps) ||
        !steps_check(ret_steps, before)) {
        ret_steps->count = before;
        return false;
    }
    steps_reverse(ret_steps, before);
    return true;
}

bool
journal_steps(const struct version *version, uint32_t serial, struct vector *ret_steps)
{
    return journal_steps_within(version, serial, UINT64_MAX, ret_steps);
}
