// The pool against models of its zones: what is published is there, also after a restart, while
// files fill, are emptied and go; damage anywhere is found, and never taken for content.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/hash.h"
#include "common/dns/rrtype.h"
#include "common/zone/zone_pool_segment.h"
#include "common/zone/store_io.h"
#include "tests/support/failing_disk.h"
#include "tests/support/pool_bed.h"
#include "tests/support/store_bed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MANY          40
#define SEGMENT_SMALL (UINT64_C(40) << 10)

static const struct zone_pool_options SMALL = {.segment_octets = SEGMENT_SMALL};

static unsigned
descriptors_open(void)
{
    unsigned count = 0;
    DIR *walk = opendir("/proc/self/fd");
    assert_non_null(walk);
    while (readdir(walk))
        count++;
    closedir(walk);
    return count;
}

static bool
has_directory(const struct pool_bed *bed, size_t zone)
{
    char path[STORE_DIRECTORY_MAX + 64];
    struct stat status;
    snprintf(path, sizeof path, "%s/z%zu.example", bed->path, zone);
    return stat(path, &status) == 0;
}

static bool
is_pooled(struct pool_bed *bed, size_t zone)
{
    struct zone_pool_place place;
    return store_pool_place(bed->zones[zone].store, &place);
}

static void
many_zones_are_one_file_one_map_and_two_descriptors(void **state)
{
    (void)state;
    struct pool_bed bed;
    pool_bed_open(&bed, MANY, NULL);
    for (size_t i = 0; i < MANY; i++) {
        pool_bed_edit(&bed, i, 10);
        pool_bed_publish(&bed, i);
        pool_bed_publish(&bed, i);
        assert_true(is_pooled(&bed, i));
        assert_false(has_directory(&bed, i));
    }
    pool_bed_check(&bed);
    pool_bed_shut(&bed);
    unsigned before = descriptors_open();
    pool_bed_reopen(&bed);
    assert_int_equal(descriptors_open(), before + 3); // directory, lock, file
    assert_int_equal(zone_pool_segments(bed.pool), 1);
    assert_int_equal(bed.opening.zones, MANY);
    assert_int_equal(bed.opening.damaged_entries, 0);
    pool_bed_check(&bed);
    for (size_t i = 0; i < MANY; i++) {
        struct version_place place;
        assert_true(store_place(bed.zones[i].store, &place, NULL));
        assert_ptr_equal(place.shared, zone_pool_map(bed.pool, zone_pool_segment_at(bed.pool, 0)));
        assert_false(has_directory(&bed, i));
    }
    pool_bed_close(&bed);
}

static void
a_zone_goes_to_a_directory_when_it_grows_and_comes_back_when_it_shrinks(void **state)
{
    (void)state;
    struct pool_bed bed;
    pool_bed_open(&bed, 2, NULL);
    pool_bed_publish(&bed, 1);
    pool_bed_publish(&bed, 0);
    assert_true(is_pooled(&bed, 0));
    for (unsigned round = 0; round < 2; round++) {
        struct model small;
        model_copy(&small, &bed.zones[0].model);
        pool_bed_grow(&bed, 0, 3000);
        pool_bed_publish(&bed, 0);
        assert_false(is_pooled(&bed, 0));
        assert_true(has_directory(&bed, 0));
        pool_bed_check(&bed);
        pool_bed_reopen(&bed);
        assert_false(is_pooled(&bed, 0));
        pool_bed_check(&bed);
        pool_bed_edit(&bed, 0, 3);
        pool_bed_publish(&bed, 0);
        pool_bed_check(&bed);
        model_close(&bed.zones[0].model);
        bed.zones[0].model = small;
        pool_bed_publish(&bed, 0);
        assert_true(is_pooled(&bed, 0));
        assert_false(has_directory(&bed, 0));
        pool_bed_check(&bed);
        pool_bed_reopen(&bed);
        assert_true(is_pooled(&bed, 0));
        pool_bed_check(&bed);
    }
    pool_bed_close(&bed);
}

static void
a_zone_that_had_a_directory_of_its_own_is_taken_in_by_upkeep(void **state)
{
    (void)state;
    struct pool_bed bed;
    struct fault fault = {.text = ""};
    pool_bed_open(&bed, 1, NULL);
    struct pool_bed_zone *zone = bed.zones;
    char path[STORE_DIRECTORY_MAX + 64];
    snprintf(path, sizeof path, "%s/z0.example", bed.path);
    store_close(&zone->store);
    const struct store_options alone = {.journal_octets_max = 100000};
    assert_true(store_open(path, zone->model.apex, &alone, &zone->store, NULL, &fault));
    for (unsigned i = 0; i < 3; i++) {
        pool_bed_edit(&bed, 0, 4);
        pool_bed_publish(&bed, 0);
    }
    assert_false(store_wants_compact(zone->store));
    uint64_t sequence = version_facts(store_current(zone->store))->sequence;
    struct octets_buffer journal, taken;
    octets_buffer_init(&journal);
    octets_buffer_init(&taken);
    assert_true(journal_dump(store_current(zone->store), &journal));
    pool_bed_reopen(&bed);
    assert_false(is_pooled(&bed, 0));
    pool_bed_check(&bed);
    assert_true(store_wants_compact(zone->store));
    assert_true(store_compact(zone->store, &fault));
    assert_true(is_pooled(&bed, 0));
    assert_false(has_directory(&bed, 0));
    assert_false(store_wants_compact(zone->store));
    assert_true(version_facts(store_current(zone->store))->sequence > sequence);
    assert_true(journal_dump(store_current(zone->store), &taken));
    assert_true(journal.length > 0 && journal.length == taken.length &&
                memcmp(journal.data, taken.data, taken.length) == 0);
    pool_bed_check(&bed);
    pool_bed_reopen(&bed);
    pool_bed_check(&bed);
    octets_buffer_close(&journal);
    octets_buffer_close(&taken);
    pool_bed_close(&bed);
}

static void
files_that_are_mostly_dead_are_emptied_and_go(void **state)
{
    (void)state;
    enum { ZONES = 12, ROUNDS = 200 };
    struct pool_bed bed;
    size_t most = 0, moved = 0;
    store_io_without_sync();
    pool_bed_open(&bed, ZONES, &SMALL);
    for (size_t i = 0; i < ZONES; i++) {
        pool_bed_edit(&bed, i, 8);
        pool_bed_publish(&bed, i);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t zone = random_below(&bed.random, ZONES / 2); // the other half never changes again
        model_put(&bed.zones[zone].model, bed.zones[zone].model.apex, RRTYPE_TXT, 60,
                  (const uint8_t *)"\1x", 2);
        pool_bed_publish(&bed, zone);
        most = zone_pool_segments(bed.pool) > most ? zone_pool_segments(bed.pool) : most;
        for (size_t i = ZONES / 2; i < ZONES; i++) {
            if (!store_wants_compact(bed.zones[i].store))
                continue;
            moved++;
            assert_true(store_compact(bed.zones[i].store, NULL));
            assert_false(store_wants_compact(bed.zones[i].store));
            assert_true(model_is_version(&bed.zones[i].model, store_current(bed.zones[i].store)));
        }
        if (round % 10 == 0)
            pool_bed_check(&bed);
        if (round % 50 == 0)
            pool_bed_reopen(&bed);
    }
    assert_true(moved > 0);
    assert_in_range(most, 2, 8);
    assert_true(zone_pool_segment_at(bed.pool, 0) > 1);
    pool_bed_reopen(&bed);
    pool_bed_check(&bed);
    pool_bed_close(&bed);
    store_io_set(NULL);
}

static void
a_pool_is_open_once(void **state)
{
    (void)state;
    struct pool_bed bed;
    struct zone_pool *other;
    struct fault fault = {.text = ""};
    pool_bed_open(&bed, 0, NULL);
    assert_false(zone_pool_open(bed.path, NULL, &other, NULL, &fault));
    assert_int_equal(fault.kind, FAULT_BUSY);
    pool_bed_close(&bed);
}

// ---- damage ----

static int
segment_file(const char *directory, uint32_t number)
{
    char path[STORE_DIRECTORY_MAX + ZONE_POOL_NAME_MAX + 2], name[ZONE_POOL_NAME_MAX];
    snprintf(path, sizeof path, "%s/%s", directory, zone_pool_segment_name(number, name));
    int file = open(path, O_RDWR | O_CLOEXEC);
    assert_true(file >= 0);
    return file;
}

static void
octet_flip(int file, uint64_t offset)
{
    uint8_t octet;
    assert_int_equal(pread(file, &octet, 1, (off_t)offset), 1);
    octet ^= 0x55;
    assert_int_equal(pwrite(file, &octet, 1, (off_t)offset), 1);
}

struct flips {
    struct pool_bed bed;
    struct zone_pool_place place; // of the newest entry
    struct model before;
    int file;
};

// Two versions of one zone, shut.
static void
flips_open(struct flips *flips)
{
    store_io_without_sync();
    pool_bed_open(&flips->bed, 1, NULL);
    pool_bed_edit(&flips->bed, 0, 3);
    pool_bed_publish(&flips->bed, 0);
    model_copy(&flips->before, &flips->bed.zones[0].model);
    pool_bed_edit(&flips->bed, 0, 3);
    pool_bed_publish(&flips->bed, 0);
    assert_true(store_pool_place(flips->bed.zones[0].store, &flips->place));
    pool_bed_shut(&flips->bed);
    flips->file = segment_file(flips->bed.path, flips->place.segment);
}

static void
flips_close(struct flips *flips)
{
    pool_bed_reopen(&flips->bed);
    pool_bed_check(&flips->bed);
    close(flips->file);
    model_close(&flips->before);
    pool_bed_close(&flips->bed);
    store_io_set(NULL);
}

static void
every_octet_that_a_crash_has_torn_leaves_the_version_before(void **state)
{
    (void)state;
    static struct flips flips;
    struct stat status;
    flips_open(&flips);
    const struct zone_pool_place *place = &flips.place;
    assert_int_equal(fstat(flips.file, &status), 0);
    // The last octets say that all before them was synced.
    assert_int_equal(ftruncate(flips.file, status.st_size - ZONE_POOL_ALIGN), 0);
    for (uint64_t at = place->heap_offset; at < place->index_offset + place->index_length;
         at += at < place->heap_offset + 72u ? 1 : 23) {
        octet_flip(flips.file, at);
        pool_bed_reopen(&flips.bed);
        assert_int_equal(flips.bed.opening.torn_entries, at >= place->heap_offset + HEAP_FIRST);
        assert_int_equal(flips.bed.opening.damaged_entries, 0);
        assert_true(model_is_version(&flips.before, store_current(flips.bed.zones[0].store)));
        pool_bed_shut(&flips.bed);
        octet_flip(flips.file, at);
    }
    flips_close(&flips);
}

// The version itself is better than one of yesterday, where it can be used.
static void
every_octet_that_rots_damages_records_or_leaves_the_version_before(void **state)
{
    (void)state;
    static struct flips flips;
    unsigned damaged = 0, before = 0, without = 0;
    flips_open(&flips);
    const struct zone_pool_place *place = &flips.place;
    for (uint64_t at = place->heap_offset; at < place->index_offset + place->index_length;
         at += at < place->heap_offset + 72u ? 1 : 23) {
        octet_flip(flips.file, at);
        pool_bed_reopen(&flips.bed);
        const struct version *version = store_current(flips.bed.zones[0].store);
        assert_int_equal(flips.bed.opening.torn_entries, 0);
        assert_int_equal(flips.bed.opening.damaged_entries, at >= place->heap_offset + HEAP_FIRST);
        if (!version) { // its apex
            without++;
            assert_in_range(at, place->heap_offset + HEAP_FIRST, place->index_offset - 1u);
        } else if (version_facts(version)->sequence == 1) {
            before++;
            assert_true(model_is_version(&flips.before, version));
        } else {
            struct octets_buffer octets;
            damaged++;
            octets_buffer_init(&octets);
            assert_in_range(at, place->heap_offset + HEAP_FIRST, place->index_offset - 1u);
            if (version_dump(version, &octets)) // then it was a step of the journal, or a gap
                assert_true(model_is_version(&flips.bed.zones[0].model, version));
            octets_buffer_close(&octets);
        }
        pool_bed_shut(&flips.bed);
        octet_flip(flips.file, at);
    }
    print_message("%u damaged, %u the one before, %u no version\n", damaged, before, without);
    assert_true(damaged > 0 && before > HEAP_FIRST && without > 0);
    flips_close(&flips);
}

static void
one_copy_of_a_files_header_is_enough_and_without_both_it_is_set_aside(void **state)
{
    (void)state;
    struct pool_bed bed;
    store_io_without_sync();
    pool_bed_open(&bed, 1, NULL);
    pool_bed_publish(&bed, 0);
    pool_bed_shut(&bed);
    int file = segment_file(bed.path, 1);
    size_t covered = offsetof(struct zone_pool_header, spare);
    for (size_t at = 0; at < covered; at += 3) { // every field
        for (uint64_t copy = 0; copy < ZONE_POOL_FIRST; copy += ZONE_POOL_HEADER_COPY) {
            octet_flip(file, copy + at);
            pool_bed_reopen(&bed);
            assert_int_equal(bed.opening.damaged_segments, 0);
            pool_bed_check(&bed);
            pool_bed_shut(&bed);
            octet_flip(file, copy + at);
        }
    }
    octet_flip(file, 3);
    octet_flip(file, ZONE_POOL_HEADER_COPY + 3);
    close(file);
    pool_bed_reopen(&bed);
    assert_int_equal(bed.opening.damaged_segments, 1);
    assert_null(store_current(bed.zones[0].store));
    // Its number is not used again, and the zone is published anew.
    pool_bed_publish(&bed, 0);
    assert_int_equal(zone_pool_segment_at(bed.pool, 0), 2);
    pool_bed_reopen(&bed);
    assert_int_equal(bed.opening.damaged_segments, 0);
    pool_bed_check(&bed);
    pool_bed_close(&bed);
    store_io_set(NULL);
}

// Who owns a zone chooses octets of it; behind a torn header they are looked at for another one.
static void
content_that_imitates_an_entry_is_not_taken_for_one(void **state)
{
    (void)state;
    struct pool_bed bed;
    struct zone_pool_place place;
    pool_bed_open(&bed, 2, NULL);
    pool_bed_edit(&bed, 0, 3);
    pool_bed_publish(&bed, 0);
    assert_true(store_pool_place(bed.zones[0].store, &place));
    pool_bed_shut(&bed);
    // A whole entry of the same file, and of the same pool, at another offset: all of it is right
    // but the mark.
    int file = segment_file(bed.path, 1);
    struct stat status;
    assert_int_equal(fstat(file, &status), 0);
    size_t length = (size_t)status.st_size - place.heap_offset;
    uint8_t *entry = malloc(length);
    assert_int_equal(pread(file, entry, length, place.heap_offset), length);
    assert_int_equal(pwrite(file, entry, length, status.st_size), length);
    octet_flip(file, place.heap_offset);
    pool_bed_reopen(&bed);
    assert_int_equal(bed.opening.zones, 0);
    assert_null(store_current(bed.zones[0].store));
    free(entry);
    close(file);
    pool_bed_close(&bed);
}

static void
a_file_that_is_cut_at_any_length_leaves_whole_versions(void **state)
{
    (void)state;
    struct pool_bed bed;
    store_io_without_sync();
    pool_bed_open(&bed, 2, NULL);
    pool_bed_publish(&bed, 0);
    pool_bed_edit(&bed, 1, 4);
    pool_bed_publish(&bed, 1);
    pool_bed_shut(&bed);
    int file = segment_file(bed.path, 1);
    struct stat status;
    assert_int_equal(fstat(file, &status), 0);
    for (off_t length = status.st_size - 1; length >= 0; length -= 61) {
        assert_int_equal(ftruncate(file, length), 0);
        pool_bed_reopen(&bed);
        for (size_t i = 0; i < 2; i++) {
            const struct version *version = store_current(bed.zones[i].store);
            assert_true(!version || model_is_version(&bed.zones[i].model, version));
        }
        pool_bed_shut(&bed);
        if (bed.opening.damaged_segments)
            break;
    }
    assert_int_equal(bed.opening.damaged_segments, 1);
    close(file);
    pool_bed_reopen(&bed);
    pool_bed_close(&bed);
    store_io_set(NULL);
}

// ---- calls that fail ----

// Each publish of the run with each of its calls failing once: what is served stays, here and after
// a restart, and the next publish works.
static void
fail_each_call(struct pool_bed *bed, size_t zone, bool persists)
{
    for (unsigned left = 1;; left++) {
        struct fault fault = {.text = ""};
        struct model before;
        model_copy(&before, &bed->zones[zone].model);
        model_put(&bed->zones[zone].model, bed->zones[zone].model.apex, RRTYPE_TXT, 60 + left,
                  (const uint8_t *)"\1x", 2);
        failing_disk_start(&(struct failing_disk){
            .call = left, .error = EIO, .persists = persists, .any_open = true});
        bool published = pool_bed_try(bed, zone, &fault);
        bool failed = failing_disk_stop();
        const struct model *holds = published ? &bed->zones[zone].model : &before;
        uint32_t serial = bed->zones[zone].serial - !published;
        if (!published && serial > 0)
            model_set_serial(&before, serial);
        assert_true(published || failed);
        assert_true(model_is_version(holds, store_current(bed->zones[zone].store)));
        if (!published && !persists) { // a disk that takes no octet cannot be told to forget one
            pool_bed_reopen(bed);
            assert_true(model_is_version(holds, store_current(bed->zones[zone].store)));
        }
        pool_bed_publish(bed, zone);
        pool_bed_check(bed);
        model_close(&before);
        if (!failed)
            return;
    }
}

static void
whatever_call_fails_the_version_stays_and_the_next_publish_works(void **state)
{
    (void)state;
    struct pool_bed bed;
    store_io_without_sync();
    for (unsigned persists = 0; persists < 2; persists++) {
        pool_bed_open(&bed, 3, &SMALL);
        for (size_t i = 0; i < 3; i++) {
            pool_bed_edit(&bed, i, 5);
            pool_bed_publish(&bed, i);
        }
        for (unsigned round = 0; round < 8; round++) // over full files and emptied ones, too
            fail_each_call(&bed, round % 2, persists != 0);
        pool_bed_reopen(&bed);
        pool_bed_check(&bed);
        assert_in_range(zone_pool_segments(bed.pool), 1, 8);
        pool_bed_close(&bed);
    }
    store_io_set(NULL);
}

static void
whatever_call_fails_a_zone_that_leaves_is_in_one_place(void **state)
{
    (void)state;
    store_io_without_sync();
    bool failed = true;
    for (unsigned left = 1; failed; left++) {
        struct pool_bed bed;
        struct fault fault = {.text = ""};
        struct model before;
        pool_bed_open(&bed, 1, NULL);
        pool_bed_publish(&bed, 0);
        model_copy(&before, &bed.zones[0].model);
        pool_bed_grow(&bed, 0, 3000);
        failing_disk_start(&(struct failing_disk){.call = left, .error = EIO, .any_open = true});
        bool published = pool_bed_try(&bed, 0, &fault);
        failed = failing_disk_stop();
        const struct model *holds = published ? &bed.zones[0].model : &before;
        assert_true(model_is_version(holds, store_current(bed.zones[0].store)));
        assert_int_equal(is_pooled(&bed, 0), !published);
        pool_bed_reopen(&bed);
        assert_true(model_is_version(holds, store_current(bed.zones[0].store)));
        pool_bed_publish(&bed, 0);
        pool_bed_check(&bed);
        assert_false(is_pooled(&bed, 0));
        pool_bed_reopen(&bed);
        pool_bed_check(&bed);
        model_close(&before);
        pool_bed_close(&bed);
    }
    store_io_set(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_zones_are_one_file_one_map_and_two_descriptors),
        cmocka_unit_test(a_zone_goes_to_a_directory_when_it_grows_and_comes_back_when_it_shrinks),
        cmocka_unit_test(a_zone_that_had_a_directory_of_its_own_is_taken_in_by_upkeep),
        cmocka_unit_test(files_that_are_mostly_dead_are_emptied_and_go),
        cmocka_unit_test(a_pool_is_open_once),
        cmocka_unit_test(every_octet_that_a_crash_has_torn_leaves_the_version_before),
        cmocka_unit_test(every_octet_that_rots_damages_records_or_leaves_the_version_before),
        cmocka_unit_test(one_copy_of_a_files_header_is_enough_and_without_both_it_is_set_aside),
        cmocka_unit_test(content_that_imitates_an_entry_is_not_taken_for_one),
        cmocka_unit_test(a_file_that_is_cut_at_any_length_leaves_whole_versions),
        cmocka_unit_test(whatever_call_fails_the_version_stays_and_the_next_publish_works),
        cmocka_unit_test(whatever_call_fails_a_zone_that_leaves_is_in_one_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
