// What a crash leaves of the pool at any moment, on a disk that loses, reorders and tears whatever
// was not synced: each zone says what its last publish that reported success said, or what the one
// under way was about to say; the others, which may be on their way out of a file that is to go,
// say what they said.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/dns/rrtype.h"
#include "common/zone/store_io.h"
#include "tests/support/disk_recorder.h"
#include "tests/support/pool_bed.h"
#include "tests/support/store_bed.h"

#include <stdio.h>
#include <string.h>

#define STEPS_MAX   64
#define SUBSETS_ALL 5 // pending calls up to which every subset is tried
#define TORN_STATES 10 // random torn states at each crash

struct step {
    size_t zone, began, ended; // after the call number ended it had reported success
    struct model model;
};
struct run {
    struct pool_bed bed;
    struct step steps[STEPS_MAX];
    size_t count, states;
    struct random random;
};

static void
run_publish(struct run *run, size_t zone)
{
    assert_true(run->count < STEPS_MAX);
    struct step *step = run->steps + run->count++;
    step->zone = zone;
    step->began = disk_record_calls();
    pool_bed_publish(&run->bed, zone);
    step->ended = disk_record_calls();
    model_copy(&step->model, &run->bed.zones[zone].model);
}

static void
zone_check(const struct run *run, size_t zone, size_t issued, const struct version *version)
{
    const struct step *before = NULL, *after = NULL;
    for (size_t i = 0; i < run->count; i++) {
        const struct step *step = run->steps + i;
        if (step->zone == zone && step->ended <= issued)
            before = step;
        else if (step->zone == zone && step->began < issued)
            after = step;
    }
    if (!version)
        assert_null(before);
    else if (!before || !model_is_version(&before->model, version))
        assert_true(after && model_is_version(&after->model, version));
}

// A pool that came back from a crash takes versions like any other.
static void
publish_again(struct pool_bed *bed, const struct run *run)
{
    for (size_t i = 0; i < bed->count; i++) {
        struct pool_bed_zone *zone = bed->zones + i;
        model_copy(&zone->model, &run->bed.zones[i].model);
        zone->serial = run->bed.zones[i].serial;
        pool_bed_publish(bed, i);
    }
    pool_bed_reopen(bed);
    pool_bed_check(bed);
    for (size_t i = 0; i < bed->count; i++)
        model_close(&bed->zones[i].model);
}

static void
state_check(struct run *run, size_t issued, const char *directory)
{
    static struct pool_bed bed;
    assert_true(pool_bed_open_copy(&run->bed, directory, &bed));
    assert_int_equal(bed.opening.damaged_segments > 1, 0);
    for (size_t i = 0; i < bed.count; i++)
        zone_check(run, i, issued, store_current(bed.zones[i].store));
    if (run->states++ % 16 == 0)
        publish_again(&bed, run);
    pool_bed_shut(&bed);
}

static void
directories_remove(const struct run *run, const char *directory)
{
    for (size_t i = 0; i < run->bed.count && !run->bed.flat; i++) {
        char path[STORE_DIRECTORY_MAX + 64], name[NAME_TEXT_MAX];
        snprintf(path, sizeof path, "%s/%.40s", directory,
                 name_to_text_short(run->bed.zones[i].model.apex, name));
        store_directory_remove(path);
    }
    store_directory_remove(directory);
}

static void
crash_check(struct run *run, size_t issued)
{
    struct disk_state disk = disk_state_at(issued);
    char directory[STORE_DIRECTORY_MAX];
    size_t subsets = disk.pending <= SUBSETS_ALL ? (size_t)1 << disk.pending : 0;
    size_t prefixes = subsets ? 0 : disk.pending + 1;
    for (size_t i = 0; i < subsets + prefixes + TORN_STATES; i++) {
        store_directory_make(directory);
        if (i < subsets)
            disk_state_make(&disk, i, directory);
        else if (i < subsets + prefixes)
            disk_state_make_prefix(&disk, i - subsets, directory);
        else
            disk_state_make_torn(&disk, &run->random, directory);
        state_check(run, issued, directory);
        directories_remove(run, directory);
    }
}

static void
run_check(struct run *run)
{
    disk_record_stop();
    store_io_without_sync();
    for (size_t issued = 0; issued <= disk_record_calls(); issued++)
        crash_check(run, issued);
    print_message("%zu publishes, %zu calls, %zu states opened\n", run->count, disk_record_calls(),
                  run->states);
    for (size_t i = 0; i < run->count; i++)
        model_close(&run->steps[i].model);
    pool_bed_close(&run->bed);
    disk_record_forget();
    store_io_set(NULL);
}

static void
every_crash_while_files_fill_and_are_emptied_leaves_whole_versions(void **state)
{
    (void)state;
    enum { ZONES = 4, PUBLISHES = 26 };
    const struct zone_pool_options small = {.segment_octets = 24 << 10};
    static struct run run;
    run = (struct run){.random = {3}};
    disk_record_start();
    pool_bed_open(&run.bed, ZONES, &small);
    for (size_t i = 0; i < ZONES; i++) {
        // Records in sectors of their own, which may be lost while header and index are there.
        pool_bed_grow(&run.bed, i, i < 2 ? 24 : 2);
        run_publish(&run, i);
    }
    for (unsigned i = 0; i < PUBLISHES; i++) {
        model_put(&run.bed.zones[i % 2].model, run.bed.zones[i % 2].model.apex, RRTYPE_TXT, 60 + i,
                  (const uint8_t *)"\1x", 2);
        run_publish(&run, i % 2);
    }
    assert_true(zone_pool_segment_at(run.bed.pool, 0) > 1); // one was emptied and went
    run_check(&run);
}

static void
every_crash_of_a_zone_that_goes_in_and_out_leaves_it_in_one_place(void **state)
{
    (void)state;
    static struct run run;
    struct model small;
    run = (struct run){.random = {4}};
    disk_record_start();
    pool_bed_open_flat(&run.bed, NULL);
    pool_bed_edit(&run.bed, 0, 3);
    run_publish(&run, 0);
    model_copy(&small, &run.bed.zones[0].model);
    pool_bed_grow(&run.bed, 0, 1500);
    run_publish(&run, 0);
    assert_int_equal(run.bed.opening.zones, 0);
    model_close(&run.bed.zones[0].model);
    run.bed.zones[0].model = small;
    run_publish(&run, 0);
    run_publish(&run, 0);
    run_check(&run);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_crash_while_files_fill_and_are_emptied_leaves_whole_versions),
        cmocka_unit_test(every_crash_of_a_zone_that_goes_in_and_out_leaves_it_in_one_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
