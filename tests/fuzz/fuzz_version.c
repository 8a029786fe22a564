// needs: zone test_support
// Index and heap files with octets changed and the checksums made right again: a version is
// refused, or maps and answers every lookup, walk and diff without leaving the files. Input: one
// octet of switches (which chooses a zone with or without NSEC3, too), then changes of four octets:
// file, place (two octets), value.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/fault.h"
#include "common/base/hash.h"
#include "common/zone/diff.h"
#include "common/zone/find.h"
#include "common/zone/index.h"
#include "common/zone/journal_inside.h"
#include "tests/support/store_bed.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length);

enum {
    SWITCH_KEEP_INDEX_CRC = 1,
    SWITCH_KEEP_RECORD_CRC = 2,
    SWITCH_NO_OVERLAY = 4,
    SWITCH_NSEC3 = 8
};
#define JOURNAL_MAX 100000 // octets: all steps stay

enum file { FILE_HEAP, FILE_BASE, FILE_INDEX, FILES };

// Without NSEC3 and with it.
static struct zone {
    struct model model;
    const struct version *whole; // as it was published
    uint8_t *contents[FILES];
    size_t lengths[FILES];
} zones[2];
static const struct zone *zone; // of this run

static void
content_read(struct zone *to, enum file file, int descriptor, uint64_t length)
{
    to->lengths[file] = (size_t)length;
    to->contents[file] = malloc((size_t)length);
    ENSURE(to->contents[file] &&
           pread(descriptor, to->contents[file], (size_t)length, 0) == (ssize_t)length);
}

// An overlay over a full index of the kind that is wanted.
static void
bed_fill(struct store_bed *bed, bool nsec3)
{
    struct store_sizes sizes;
    bed->model.nsec3 = nsec3;
    store_bed_edit(bed, 40);
    store_bed_publish_draft(bed);
    do {
        store_bed_edit(bed, 12);
        store_bed_publish_diff(bed);
        store_sizes(bed->store, &sizes);
    } while (version_facts(store_current(bed->store))->nsec3 != nsec3 || !sizes.overlay_entries);
}

static void
contents_make(struct zone *to, bool nsec3)
{
    struct store_bed bed;
    struct version_place place;
    store_io_without_sync();
    store_bed_open(&bed, 3,
                   &(struct store_options){.hash_key = 1, .journal_octets_max = JOURNAL_MAX});
    bed_fill(&bed, nsec3);
    ENSURE(store_place(bed.store, &place, NULL));
    to->whole = version_hold(store_current(bed.store));
    content_read(to, FILE_HEAP, place.heap, place.heap_length);
    content_read(to, FILE_BASE, place.base, place.base_length);
    content_read(to, FILE_INDEX, place.index, place.index_length);
    version_place_close(&place);
    model_copy(&to->model, &bed.model);
    store_bed_close(&bed);
}

static void
index_crc_mend(uint8_t *octets, size_t length)
{
    size_t crc = offsetof(struct index_header, crc);
    uint32_t value = hash_crc32c(0, octets + crc + 4, length - crc - 4);
    memcpy(octets + crc, &value, sizeof value);
}

// base_crc of the overlay follows the base.
static void
indexes_mend(uint8_t *files[FILES])
{
    index_crc_mend(files[FILE_BASE], zone->lengths[FILE_BASE]);
    memcpy(files[FILE_INDEX] + offsetof(struct index_header, base_crc),
           files[FILE_BASE] + offsetof(struct index_header, crc), sizeof(uint32_t));
    index_crc_mend(files[FILE_INDEX], zone->lengths[FILE_INDEX]);
}

// Gives the octets that the step takes; 0: none stood there.
static size_t
step_mend(uint8_t *heap, size_t at)
{
    struct journal_record stood, record;
    if (zone->lengths[FILE_HEAP] - at < sizeof stood)
        return 0;
    memcpy(&stood, zone->contents[FILE_HEAP] + at, sizeof stood);
    if (stood.magic != JOURNAL_MAGIC)
        return 0;
    memcpy(&record, heap + at, sizeof record);
    if (record.items_length <= zone->lengths[FILE_HEAP] - at - sizeof record)
        record.items_crc = hash_crc32c(0, heap + at + sizeof record, (size_t)record.items_length);
    record.crc = hash_crc32c(0, (const uint8_t *)&record + JOURNAL_CRC_FROM,
                             sizeof record - JOURNAL_CRC_FROM);
    memcpy(heap + at, &record, sizeof record);
    return (size_t)journal_record_octets(&stood);
}

// The records and steps stand where they stood.
static void
records_mend(uint8_t *heap)
{
    for (size_t at = HEAP_FIRST; at < zone->lengths[FILE_HEAP];) {
        size_t step = step_mend(heap, at);
        at += step;
        if (step)
            continue;
        const struct node *node = (const void *)(zone->contents[FILE_HEAP] + at);
        uint32_t size;
        memcpy(&size, heap + at + 4, sizeof size);
        if (size >= 16 && size <= zone->lengths[FILE_HEAP] - at) {
            uint32_t value = hash_crc32c(0, heap + at + 4, size - 4);
            memcpy(heap + at, &value, sizeof value);
        }
        at += node_size(node);
    }
}

static int
file_make(const uint8_t *octets, size_t length)
{
    int file = memfd_create("fuzz", MFD_CLOEXEC);
    ENSURE(file >= 0 && write(file, octets, length) == (ssize_t)length);
    return file;
}

static void
lookups_try(const struct version *version)
{
    for (size_t i = 0; i < zone->model.rrs.count; i++) {
        const struct model_rr *rr = vector_at(&zone->model.rrs, i);
        struct name_suffixes suffixes;
        struct zone_match match;
        struct version_cursor cursor;
        uint8_t below[NAME_SIZE_MAX];
        const uint8_t *names[] = {rr->owner,
                                  name_wildcard_of(rr->owner, below) ? below : rr->owner};
        for (size_t k = 0; k < 2; k++) {
            name_suffixes_init(&suffixes, names[k], version_hash_key(version));
            zone_find(version, names[k], &suffixes, &match);
            bool damaged, matches;
            uint8_t hash[NSEC3_HASH_SIZE];
            if (version_nsec3(version)) {
                nsec3_hash(version_nsec3(version), names[k], hash);
                zone_find_nsec3(version, hash, &matches);
            }
            zone_find_record(version, names[k], &damaged);
            if (match.encloser)
                zone_find_wildcard(version, match.encloser, &damaged);
            zone_find_nsec(version, names[k]);
            version_cursor_seek(&cursor, version, names[k]);
            version_cursor_next(&cursor);
        }
    }
}

static void
journal_try(const struct version *version)
{
    struct octets_buffer octets;
    struct vector steps;
    octets_buffer_init(&octets);
    vector_init(&steps, sizeof(struct journal_step));
    for (uint32_t serial = 0; serial <= version_facts(zone->whole)->signed_serial + 1; serial++)
        journal_steps(version, serial, &steps);
    journal_dump(version, &octets);
    vector_close(&steps);
    octets_buffer_close(&octets);
}

static void
version_try(const struct version *version)
{
    struct octets_buffer octets;
    struct diff diff;
    struct diff_counts counts;
    octets_buffer_init(&octets);
    version_dump(version, &octets);
    diff_version_version(version, zone->whole, DIFF_WHOLE, &diff);
    diff_count(&diff, DIFF_WHOLE, zone->model.apex, &counts);
    diff_close(&diff);
    octets_buffer_close(&octets);
    journal_try(version);
    lookups_try(version);
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
    uint8_t switches = length ? octets[0] : 0;
    bool nsec3 = (switches & SWITCH_NSEC3) != 0;
    if (!zones[nsec3].whole)
        contents_make(&zones[nsec3], nsec3);
    zone = &zones[nsec3];
    const size_t *lengths = zone->lengths;
    uint8_t *files[FILES];
    for (unsigned i = 0; i < FILES; i++) {
        files[i] = malloc(lengths[i]);
        memcpy(files[i], zone->contents[i], lengths[i]);
    }
    for (size_t at = 1; at + 4 <= length; at += 4) {
        enum file file = octets[at] % FILES;
        files[file][octets_get_u16(octets + at + 1) % lengths[file]] = octets[at + 3];
    }
    if (!(switches & SWITCH_KEEP_RECORD_CRC))
        records_mend(files[FILE_HEAP]);
    if (!(switches & SWITCH_KEEP_INDEX_CRC))
        indexes_mend(files);
    bool overlay = !(switches & SWITCH_NO_OVERLAY);
    enum file index = overlay ? FILE_INDEX : FILE_BASE;
    struct version_place place = {.heap = file_make(files[FILE_HEAP], lengths[FILE_HEAP]),
                                  .old_heap = -1,
                                  .base = overlay ? file_make(files[FILE_BASE], lengths[FILE_BASE])
                                                  : -1,
                                  .index = file_make(files[index], lengths[index]),
                                  .heap_length = lengths[FILE_HEAP],
                                  .base_length = lengths[FILE_BASE],
                                  .index_length = lengths[index]};
    const struct version *version;
    if (version_map(&place, NULL, &version, NULL)) {
        version_try(version);
        version_drop(&version);
    }
    version_place_close(&place);
    for (unsigned i = 0; i < FILES; i++)
        free(files[i]);
    return 0;
}
