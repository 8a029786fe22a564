// What a crash leaves at any moment of a run of publishes, on a disk that loses, reorders and tears
// whatever was not synced: the store opens, and says what it said before the interrupted publish or
// what it was about to say, never less than the last publish that reported success, octet for
// octet.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/support/disk_recorder.h"
#include "tests/support/store_bed.h"

#include "common/zone/diff.h"
#include "common/zone/store_io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define STEPS_MAX   40
#define SUBSETS_ALL 6    // pending calls up to which every subset is tried
#define TORN_STATES 12   // random torn states at each crash
#define JOURNAL_MAX 1200 // octets: some steps are dropped on the way

// One publish of the run: after the call number ended it had reported success with this content.
struct step {
    size_t began, ended;
    uint32_t serial;
    uint64_t sequence;
    struct octets_buffer content, journal;
    struct model model;
};
struct run {
    struct store_bed bed;
    struct step steps[STEPS_MAX];
    size_t count;
    size_t states;
    struct random random;
};

static void
step_begin(struct run *run)
{
    assert_true(run->count < STEPS_MAX);
    run->steps[run->count].began = disk_record_calls();
}

static void
step_end(struct run *run)
{
    struct step *step = run->steps + run->count++;
    const struct version *version = store_current(run->bed.store);
    step->ended = disk_record_calls();
    step->serial = version_facts(version)->signed_serial;
    step->sequence = version_facts(version)->sequence;
    octets_buffer_init(&step->content);
    octets_buffer_init(&step->journal);
    assert_true(version_dump(version, &step->content));
    assert_true(journal_dump(version, &step->journal));
    model_copy(&step->model, &run->bed.model);
}

static void
run_publish(struct run *run, unsigned edits, bool draft)
{
    store_bed_edit(&run->bed, edits);
    step_begin(run);
    if (draft)
        store_bed_publish_draft(&run->bed);
    else
        store_bed_publish_diff(&run->bed);
    step_end(run);
}

static void
run_merge(struct run *run)
{
    struct fault fault;
    step_begin(run);
    assert_true(store_merge(run->bed.store, &fault));
    step_end(run);
}

static void
run_compact(struct run *run)
{
    struct fault fault;
    step_begin(run);
    assert_true(store_compact(run->bed.store, &fault));
    step_end(run);
}

static void
run_open(struct run *run, uint64_t seed, const struct store_options *options)
{
    *run = (struct run){.random = {seed}};
    disk_record_start();
    store_bed_open(&run->bed, seed, options);
}

static void
run_close(struct run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        octets_buffer_close(&run->steps[i].content);
        octets_buffer_close(&run->steps[i].journal);
        model_close(&run->steps[i].model);
    }
    store_bed_close(&run->bed);
    disk_record_forget();
}

static bool
octets_equal(const struct octets_buffer *a, const struct octets_buffer *b)
{
    return a->length == b->length && (a->length == 0 || memcmp(a->data, b->data, a->length) == 0);
}

// With its journal: that is on the disk before the version counts.
static bool
version_is_step(const struct version *version, const struct step *step)
{
    struct octets_buffer content, journal;
    octets_buffer_init(&content);
    octets_buffer_init(&journal);
    bool same = version_dump(version, &content) && octets_equal(&content, &step->content) &&
                version_facts(version)->sequence == step->sequence;
    if (same)
        assert_true(journal_dump(version, &journal) && octets_equal(&journal, &step->journal));
    octets_buffer_close(&content);
    octets_buffer_close(&journal);
    return same;
}

// A store that came back from a crash is a store like any other.
static void
publish_again(const struct run *run, struct store *store, const struct step *step)
{
    struct store_bed bed = {.store = store, .serial = step->serial, .random = run->random};
    struct fault fault = {.text = ""};
    model_copy(&bed.model, &step->model);
    store_bed_edit(&bed, 3);
    if (!store_bed_try_diff(&bed, &fault))
        fail_msg("%s", fault.text);
    assert_true(model_is_version(&bed.model, store_current(store)));
    model_close(&bed.model);
}

static void
state_check(struct run *run, size_t issued, const char *directory)
{
    struct store *store;
    struct store_opening opening;
    struct fault fault = {.text = ""};
    const struct step *before = NULL, *after = NULL;
    for (size_t i = 0; i < run->count; i++) {
        const struct step *step = run->steps + i;
        if (step->ended <= issued)
            before = step;
        else if (step->began < issued)
            after = step;
    }
    if (!store_open(directory, run->bed.model.apex, &run->bed.options, &store, &opening, &fault))
        fail_msg("after %zu calls: %s", issued, fault.text);
    const struct version *version = store_current(store);
    const struct step *found = before;
    if (!version)
        assert_null(before);
    else if (!(before && version_is_step(version, before))) {
        assert_non_null(after);
        assert_true(version_is_step(version, after));
        found = after;
    }
    if (version && run->states++ % 8 == 0)
        publish_again(run, store, found);
    store_close(&store);
}

static void
crash_check(struct run *run, size_t issued)
{
    struct disk_state state = disk_state_at(issued);
    char directory[STORE_DIRECTORY_MAX];
    size_t subsets = state.pending <= SUBSETS_ALL ? (size_t)1 << state.pending : 0;
    size_t prefixes = subsets ? 0 : state.pending + 1;
    size_t random_ones = subsets ? 0 : 32;
    for (size_t i = 0; i < subsets + prefixes + random_ones + TORN_STATES; i++) {
        store_directory_make(directory);
        if (i < subsets)
            disk_state_make(&state, i, directory);
        else if (i < subsets + prefixes)
            disk_state_make_prefix(&state, i - subsets, directory);
        else if (i < subsets + prefixes + random_ones)
            disk_state_make(&state,
                            (uint64_t)random_below(&run->random, UINT32_MAX) << 32 |
                                random_below(&run->random, UINT32_MAX),
                            directory);
        else
            disk_state_make_torn(&state, &run->random, directory);
        state_check(run, issued, directory);
        store_directory_remove(directory);
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
    run_close(run);
}

static void
every_crash_in_a_run_of_overlays_leaves_a_whole_version(void **state)
{
    (void)state;
    struct run run;
    struct store_options options = {.journal_octets_max = JOURNAL_MAX};
    run_open(&run, 1, &options);
    run_publish(&run, 20, true);
    for (unsigned i = 0; i < 6; i++)
        run_publish(&run, 3, false);
    run_check(&run);
}

static void
every_crash_in_merging_and_compacting_leaves_a_whole_version(void **state)
{
    (void)state;
    struct store_options options = {
        .overlay_entries_max = 12, .compact_octets_max = 600, .journal_octets_max = JOURNAL_MAX};
    struct run run;
    run_open(&run, 2, &options);
    run_publish(&run, 10, true);
    run_publish(&run, 3, false);
    run_merge(&run);
    run_publish(&run, 3, false);
    run_compact(&run);
    run_publish(&run, 3, false);
    run_compact(&run);
    run_compact(&run);
    run_publish(&run, 30, false);
    run_publish(&run, 4, true);
    run_publish(&run, 4, true);
    run_publish(&run, 2, false);
    run_check(&run);
}

static unsigned directory_syncs;

static int
counting_sync(int file)
{
    struct stat status;
    assert_int_equal(fstat(file, &status), 0);
    directory_syncs += S_ISDIR(status.st_mode);
    return 0;
}

// A process killed between rename and sync leaves what a later power cut could take back.
static void
what_a_restart_serves_is_on_the_disk(void **state)
{
    (void)state;
    struct store_bed bed;
    struct store_io io;
    store_io_without_sync();
    store_bed_open(&bed, 5, NULL);
    store_bed_publish_draft(&bed);
    store_close(&bed.store);
    io = *store_io();
    io.fsync = counting_sync;
    store_io_set(&io);
    directory_syncs = 0;
    store_bed_reopen(&bed);
    assert_int_equal(directory_syncs, 1);
    store_io_set(NULL);
    store_bed_close(&bed);
}

static unsigned file_system_syncs;

static int
counting_syncfs(int file)
{
    (void)file;
    file_system_syncs++;
    return 0;
}

static void
many_stores_are_made_durable_by_one_sync(void **state)
{
    (void)state;
    enum { STORES = 3 };
    struct store_bed beds[STORES];
    struct store *stores[STORES];
    struct store_io io;
    store_io_without_sync();
    io = *store_io();
    io.fsync = counting_sync;
    io.syncfs = counting_syncfs;
    for (unsigned i = 0; i < STORES; i++) {
        store_bed_open(&beds[i], 6 + i, &(struct store_options){.sync_later = true});
        store_bed_publish_draft(&beds[i]);
    }
    store_io_set(&io);
    directory_syncs = file_system_syncs = 0;
    for (unsigned i = 0; i < STORES; i++) {
        store_bed_reopen(&beds[i]);
        stores[i] = beds[i].store;
    }
    assert_int_equal(directory_syncs, 0);
    store_sync_all(stores, STORES);
    store_sync_all(stores, STORES);
    assert_int_equal(file_system_syncs, 1);
    store_bed_reopen(&beds[0]);
    store_sync_all(&beds[0].store, 1);
    assert_int_equal(directory_syncs, 1); // of one alone its directory will do
    store_io_set(NULL);
    for (unsigned i = 0; i < STORES; i++)
        store_bed_close(&beds[i]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_crash_in_a_run_of_overlays_leaves_a_whole_version),
        cmocka_unit_test(every_crash_in_merging_and_compacting_leaves_a_whole_version),
        cmocka_unit_test(what_a_restart_serves_is_on_the_disk),
        cmocka_unit_test(many_stores_are_made_durable_by_one_sync),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
