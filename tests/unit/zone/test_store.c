// Random edit scripts against the naive model, over full indexes, overlays, merged, compacted and
// reopened stores.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/dns/rrtype.h"
#include "common/zone/diff.h"
#include "common/zone/store.h"
#include "tests/support/store_bed.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

// What the store says is the model, as the store has it mapped and as a server maps it afresh.
static void
bed_check(struct store_bed *bed, unsigned queries)
{
    const struct version *version = store_current(bed->store);
    struct version_place place;
    struct fault fault;
    assert_int_equal(version_facts(version)->signed_serial, bed->serial);
    model_check_version(&bed->model, version, &bed->random, queries);
    assert_true(store_place(bed->store, &place, &fault));
    if (!version_map(&place, NULL, &version, &fault))
        fail_msg("%s", fault.text);
    version_place_close(&place);
    assert_true(model_is_version(&bed->model, version));
    version_drop(&version);
}

// apply(a, diff(a, b)) == b, record by record.
static void
bed_publish_checked(struct store_bed *bed)
{
    struct diff diff;
    store_bed_publish_diff(bed);
    struct draft *draft = model_draft(&bed->model);
    diff_version_draft(store_current(bed->store), draft, DIFF_WHOLE, &diff);
    assert_int_equal(diff.count, 0);
    assert_int_equal(draft_node_count(draft), version_facts(store_current(bed->store))->node_count);
    diff_close(&diff);
    draft_free(&draft);
}

static void
bed_upkeep(struct store_bed *bed)
{
    struct fault fault = {.text = ""};
    bool done = true;
    switch (random_below(&bed->random, 8)) {
    case 0:
        done = store_merge(bed->store, &fault);
        break;
    case 1:
        done = store_compact(bed->store, &fault);
        break;
    case 2:
        store_bed_reopen(bed);
        break;
    case 3:
        store_bed_publish_draft(bed);
        break;
    default:
        return;
    }
    if (!done)
        fail_msg("%s", fault.text);
    bed_check(bed, 20);
}

static void
script_run(uint64_t seed, size_t overlay_max, uint64_t compact_max, unsigned steps)
{
    struct store_options options = {.overlay_entries_max = overlay_max,
                                    .compact_octets_max = compact_max};
    struct store_bed bed;
    store_bed_open(&bed, seed, &options);
    store_bed_publish_draft(&bed);
    bed_check(&bed, 20);
    for (; steps; steps--) {
        store_bed_edit(&bed, 1 + random_below(&bed.random, 5));
        bed_publish_checked(&bed);
        bed_check(&bed, 30);
        bed_upkeep(&bed);
    }
    store_bed_close(&bed);
}

static void
random_scripts_give_the_model_with_overlays(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++)
        script_run(seed, 0, 0, 40);
}

static void
random_scripts_give_the_model_with_small_overlays(void **state)
{
    (void)state;
    for (uint64_t seed = 101; seed <= 112; seed++)
        script_run(seed, 1 + seed % 7, 0, 40);
}

static void
random_scripts_give_the_model_while_compaction_is_under_way(void **state)
{
    (void)state;
    for (uint64_t seed = 201; seed <= 212; seed++)
        script_run(seed, 10, 200 * (seed % 5 + 1), 40);
}

static void
compaction_ends_and_leaves_nothing_dead(void **state)
{
    (void)state;
    struct store_options options = {.compact_octets_max = 100};
    struct store_bed bed;
    struct fault fault;
    struct store_sizes sizes;
    store_bed_open(&bed, 7, &options);
    store_bed_publish_draft(&bed);
    for (unsigned i = 0; i < 30; i++) {
        store_bed_edit(&bed, 3);
        store_bed_publish_diff(&bed);
    }
    unsigned calls = 0;
    do {
        assert_true(store_compact(bed.store, &fault));
        bed_check(&bed, 5);
        assert_true(++calls < 1000);
    } while (store_wants_compact(bed.store));
    assert_true(calls > 3);
    store_sizes(bed.store, &sizes);
    assert_int_equal(sizes.heap_octets, sizes.living_octets + 64); // the heap's header
    store_bed_close(&bed);
}

static void
living_octets_are_those_of_the_records(void **state)
{
    (void)state;
    struct store_bed bed;
    store_bed_open(&bed, 8, NULL);
    store_bed_publish_draft(&bed);
    for (unsigned i = 0; i < 40; i++) {
        struct octets_buffer octets;
        struct store_sizes sizes;
        store_bed_edit(&bed, 4);
        store_bed_publish_diff(&bed);
        octets_buffer_init(&octets);
        assert_true(version_dump(store_current(bed.store), &octets));
        store_sizes(bed.store, &sizes);
        assert_int_equal(sizes.living_octets, octets.length);
        octets_buffer_close(&octets);
    }
    store_bed_close(&bed);
}

static size_t
files_count(const char *path, const char *prefix)
{
    size_t count = 0;
    DIR *walk = opendir(path);
    const struct dirent *entry;
    assert_non_null(walk);
    while ((entry = readdir(walk)))
        count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
    closedir(walk);
    return count;
}

static void
no_more_files_stay_than_two_versions_need(void **state)
{
    (void)state;
    struct store_bed bed;
    struct fault fault;
    store_bed_open(&bed, 9, NULL);
    for (unsigned i = 0; i < 60; i++) {
        store_bed_edit(&bed, 3);
        if (i % 20 == 0)
            store_bed_publish_draft(&bed);
        else
            store_bed_publish_diff(&bed);
        if (i % 13 == 0)
            assert_true(store_compact(bed.store, &fault));
        assert_in_range(files_count(bed.path, "index."), 1, 4);
        assert_in_range(files_count(bed.path, "heap."), 1, 2);
    }
    store_bed_close(&bed);
}

static void
room_is_never_less_than_what_a_publish_takes(uint64_t journal_octets_max)
{
    struct store_options options = {.overlay_entries_max = 6,
                                    .journal_octets_max = journal_octets_max};
    struct store_bed bed;
    struct fault fault;
    store_bed_open(&bed, 10, &options);
    store_bed_publish_draft(&bed);
    for (unsigned i = 0; i < 40; i++) {
        struct store_sizes before, after;
        struct diff diff;
        store_bed_edit(&bed, 5);
        model_set_serial(&bed.model, 10 + i);
        struct draft *draft = model_draft(&bed.model);
        diff_version_draft(store_current(bed.store), draft, DIFF_WHOLE, &diff);
        for (size_t k = 0; k < diff.count && i % 2; k++)
            diff.entries[k].old_node = diff.entries[k].new_node ? NULL : diff.entries[k].old_node;
        uint64_t room = store_room_needed(bed.store, &diff);
        struct version_facts facts = {.signed_serial = i};
        store_sizes(bed.store, &before);
        assert_true(store_publish_diff(bed.store, &diff, &facts, &fault));
        store_sizes(bed.store, &after);
        assert_true(after.heap_octets - before.heap_octets + after.index_octets <=
                    room + before.index_octets);
        diff_close(&diff);
        draft_free(&draft);
    }
    store_bed_close(&bed);
}

static void
room_needed_is_never_less_than_what_a_publish_takes(void **state)
{
    (void)state;
    room_is_never_less_than_what_a_publish_takes(0);
    room_is_never_less_than_what_a_publish_takes(1 << 20);
}

static void
a_name_that_came_and_went_leaves_the_overlay(void **state)
{
    (void)state;
    struct store_bed bed;
    struct store_sizes sizes;
    uint8_t name[NAME_SIZE_MAX];
    store_bed_open(&bed, 15, NULL);
    store_bed_publish_draft(&bed);
    assert_true(name_from_text("new.under.nothing.example.gov.", NULL, name, NULL));
    model_put(&bed.model, name, RRTYPE_A, 60, (const uint8_t *)"aaaa", 4);
    store_bed_publish_diff(&bed);
    store_sizes(bed.store, &sizes);
    assert_int_equal(sizes.overlay_entries, 4); // two empty non-terminals and the apex's new SOA
    model_remove(&bed.model, name, 0);
    store_bed_publish_diff(&bed);
    store_sizes(bed.store, &sizes);
    assert_int_equal(sizes.overlay_entries, 1);
    bed_check(&bed, 10);
    store_bed_close(&bed);
}

static void
facts_are_those_given_and_what_the_store_counts(void **state)
{
    (void)state;
    struct store_bed bed;
    struct fault fault;
    struct version_facts given = {.sequence = 99,
                                  .unsigned_serial = 2026112104,
                                  .signed_serial = 1795263187,
                                  .published_seconds = 1795286527,
                                  .is_signed = true,
                                  .node_count = 12345};
    store_bed_open(&bed, 16, NULL);
    struct draft *draft = model_draft(&bed.model);
    assert_true(store_publish_draft(bed.store, draft, &given, &fault));
    draft_free(&draft);
    store_bed_reopen(&bed);
    const struct version_facts *facts = version_facts(store_current(bed.store));
    assert_int_equal(facts->sequence, 1);
    assert_int_equal(facts->unsigned_serial, 2026112104);
    assert_int_equal(facts->signed_serial, 1795263187);
    assert_int_equal(facts->published_seconds, 1795286527);
    assert_true(facts->is_signed);
    assert_false(facts->nsec3);
    assert_int_equal(facts->soa_expire_seconds, 604800); // the SOA's
    assert_int_equal(facts->node_count, 1);
    assert_int_equal(facts->rr_count, 2);
    store_bed_close(&bed);
}

static void
sequences_go_up_by_each_publish_and_each_upkeep(void **state)
{
    (void)state;
    struct store_bed bed;
    struct fault fault;
    store_bed_open(&bed, 17, NULL);
    store_bed_publish_draft(&bed);
    store_bed_publish_diff(&bed);
    assert_true(store_merge(bed.store, &fault));
    assert_true(store_compact(bed.store, &fault));
    assert_int_equal(version_facts(store_current(bed.store))->sequence, 4);
    assert_int_equal(version_facts(store_current(bed.store))->signed_serial, 2);
    store_bed_reopen(&bed);
    store_bed_publish_diff(&bed);
    assert_int_equal(version_facts(store_current(bed.store))->sequence, 5);
    store_bed_close(&bed);
}

static void
a_second_store_on_the_directory_is_refused(void **state)
{
    (void)state;
    struct store_bed bed;
    struct store *second;
    struct fault fault;
    store_bed_open(&bed, 11, NULL);
    assert_false(store_open(bed.path, bed.model.apex, NULL, &second, NULL, &fault));
    assert_int_equal(fault.kind, FAULT_BUSY);
    store_bed_close(&bed);
}

static void
the_directory_of_another_zone_is_refused(void **state)
{
    (void)state;
    struct store_bed bed;
    struct store *second;
    struct fault fault;
    uint8_t other[NAME_SIZE_MAX];
    store_bed_open(&bed, 12, NULL);
    store_bed_publish_draft(&bed);
    store_close(&bed.store);
    assert_true(name_from_text("example.net.", NULL, other, NULL));
    assert_false(store_open(bed.path, other, NULL, &second, NULL, &fault));
    assert_int_equal(fault.kind, FAULT_CONFIG);
    assert_non_null(strstr(fault.text, "example.gov"));
    store_bed_close(&bed);
}

static void
a_new_directory_is_made_for_the_owner_alone(void **state)
{
    (void)state;
    struct store_bed bed;
    struct store *store;
    struct store_opening opening;
    struct fault fault;
    struct stat status;
    char path[STORE_DIRECTORY_MAX + 8];
    store_bed_open(&bed, 13, NULL);
    snprintf(path, sizeof path, "%s/zone", bed.path);
    assert_true(store_open(path, bed.model.apex, NULL, &store, &opening, &fault));
    assert_true(opening.fresh);
    assert_null(store_current(store));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    struct version_place place;
    assert_false(store_place(store, &place, &fault));
    assert_int_equal(fault.kind, FAULT_NOT_FOUND);
    store_close(&store);
    store_directory_remove(path);
    store_bed_close(&bed);
}

static void
versions_held_outlive_the_store_and_its_files(void **state)
{
    (void)state;
    struct store_bed bed;
    struct octets_buffer before, after;
    octets_buffer_init(&before);
    octets_buffer_init(&after);
    store_bed_open(&bed, 14, NULL);
    store_bed_edit(&bed, 20);
    store_bed_publish_draft(&bed);
    store_bed_edit(&bed, 3);
    store_bed_publish_diff(&bed);
    const struct version *held = version_hold(store_current(bed.store));
    assert_true(version_dump(held, &before));
    for (unsigned i = 0; i < 20; i++) {
        store_bed_edit(&bed, 4);
        if (i % 7 == 3)
            store_bed_publish_draft(&bed);
        else
            store_bed_publish_diff(&bed);
    }
    store_bed_close(&bed);
    assert_true(version_dump(held, &after));
    assert_int_equal(before.length, after.length);
    assert_memory_equal(before.data, after.data, before.length);
    version_drop(&held);
    octets_buffer_close(&before);
    octets_buffer_close(&after);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_scripts_give_the_model_with_overlays),
        cmocka_unit_test(random_scripts_give_the_model_with_small_overlays),
        cmocka_unit_test(random_scripts_give_the_model_while_compaction_is_under_way),
        cmocka_unit_test(compaction_ends_and_leaves_nothing_dead),
        cmocka_unit_test(living_octets_are_those_of_the_records),
        cmocka_unit_test(no_more_files_stay_than_two_versions_need),
        cmocka_unit_test(room_needed_is_never_less_than_what_a_publish_takes),
        cmocka_unit_test(a_name_that_came_and_went_leaves_the_overlay),
        cmocka_unit_test(facts_are_those_given_and_what_the_store_counts),
        cmocka_unit_test(sequences_go_up_by_each_publish_and_each_upkeep),
        cmocka_unit_test(a_second_store_on_the_directory_is_refused),
        cmocka_unit_test(the_directory_of_another_zone_is_refused),
        cmocka_unit_test(a_new_directory_is_made_for_the_owner_alone),
        cmocka_unit_test(versions_held_outlive_the_store_and_its_files),
    };
    store_io_without_sync();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
