// Files that are not what was written: a newest index that is shorter or has one octet wrong gives
// way to the previous version; a heap with one octet wrong never shows a record that was not
// written.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/zone/diff.h"
#include "common/zone/find.h"
#include "tests/support/store_bed.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct torn_bed {
    struct store_bed bed;             // closed store
    struct model previous;            // the bed's model is the newest
    struct octets_buffer journals[2]; // of the newest and of the previous version
    char copy[STORE_DIRECTORY_MAX];
    char index[STORE_DIRECTORY_MAX + 32], heap[STORE_DIRECTORY_MAX + 32]; // in copy
    size_t index_length, heap_length, previous_heap_length;
};

static size_t
file_length(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return (size_t)status.st_size;
}

static void
journal_remember(struct torn_bed *torn, unsigned which)
{
    octets_buffer_init(&torn->journals[which]);
    assert_true(journal_dump(store_current(torn->bed.store), &torn->journals[which]));
}

static void
torn_bed_open(struct torn_bed *torn, bool overlay)
{
    struct store_sizes sizes;
    store_bed_open(&torn->bed, 3, &(struct store_options){.journal_octets_max = 1 << 20});
    store_bed_edit(&torn->bed, 12);
    store_bed_publish_draft(&torn->bed);
    for (unsigned i = 0; i < 2; i++) {
        model_copy(&torn->previous, &torn->bed.model);
        store_sizes(torn->bed.store, &sizes);
        torn->previous_heap_length = sizes.heap_octets;
        if (i == 1)
            journal_remember(torn, 1);
        store_bed_edit(&torn->bed, 3);
        if (overlay || i == 0)
            store_bed_publish_diff(&torn->bed);
        else
            store_bed_publish_draft(&torn->bed);
        if (i == 0)
            model_close(&torn->previous);
    }
    journal_remember(torn, 0);
    store_sizes(torn->bed.store, &sizes);
    store_directory_make(torn->copy);
    snprintf(torn->index, sizeof torn->index, "%s/index.%u", torn->copy,
             (unsigned)version_facts(store_current(torn->bed.store))->sequence);
    snprintf(torn->heap, sizeof torn->heap, "%s/heap.%u", torn->copy, sizes.generation);
    store_close(&torn->bed.store);
    store_directory_copy(torn->bed.path, torn->copy);
    torn->index_length = file_length(torn->index);
    torn->heap_length = file_length(torn->heap);
}

static void
torn_bed_close(struct torn_bed *torn)
{
    store_directory_remove(torn->copy);
    model_close(&torn->previous);
    octets_buffer_close(&torn->journals[0]);
    octets_buffer_close(&torn->journals[1]);
    store_bed_close(&torn->bed);
}

static void
copy_again(struct torn_bed *torn)
{
    store_directory_remove(torn->copy);
    assert_int_equal(mkdir(torn->copy, 0700), 0);
    store_directory_copy(torn->bed.path, torn->copy);
}

static void
octet_flip(const char *path, size_t offset, uint8_t bits)
{
    uint8_t octet;
    int file = open(path, O_RDWR | O_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(pread(file, &octet, 1, (off_t)offset), 1);
    octet ^= bits;
    assert_int_equal(pwrite(file, &octet, 1, (off_t)offset), 1);
    close(file);
}

static struct store *
copy_open(struct torn_bed *torn, struct store_opening *opening)
{
    struct store *store;
    struct fault fault = {.text = ""};
    if (!store_open(torn->copy, torn->bed.model.apex, NULL, &store, opening, &fault))
        fail_msg("%s", fault.text);
    return store;
}

static void
previous_is_served(struct torn_bed *torn)
{
    struct store_opening opening;
    struct store *store = copy_open(torn, &opening);
    assert_int_equal(opening.torn_indexes, 1);
    assert_non_null(store_current(store));
    assert_true(model_is_version(&torn->previous, store_current(store)));
    store_close(&store);
    // And still at the next start, without anything torn.
    store = copy_open(torn, &opening);
    assert_int_equal(opening.torn_indexes, 0);
    assert_true(model_is_version(&torn->previous, store_current(store)));
    store_close(&store);
}

static void
a_shorter_index_gives_way(struct torn_bed *torn)
{
    for (size_t length = 0; length < torn->index_length; length += 1 + length / 40) {
        assert_int_equal(truncate(torn->index, (off_t)length), 0);
        previous_is_served(torn);
        copy_again(torn);
    }
}

static void
a_shorter_index_gives_way_to_the_previous_version(void **state)
{
    (void)state;
    for (int overlay = 0; overlay < 2; overlay++) {
        struct torn_bed torn;
        torn_bed_open(&torn, overlay);
        a_shorter_index_gives_way(&torn);
        torn_bed_close(&torn);
    }
}

static void
any_wrong_octet_in_the_index_gives_way_to_the_previous_version(void **state)
{
    (void)state;
    for (int overlay = 0; overlay < 2; overlay++) {
        struct torn_bed torn;
        torn_bed_open(&torn, overlay);
        // All of the header's first part, every third octet of the rest.
        for (size_t at = 0; at < torn.index_length; at += at < 400 ? 1 : 3) {
            octet_flip(torn.index, at, (uint8_t)(1U << at % 8));
            previous_is_served(&torn);
            copy_again(&torn);
        }
        torn_bed_close(&torn);
    }
}

static void
an_index_longer_than_it_was_gives_way_to_the_previous_version(void **state)
{
    (void)state;
    struct torn_bed torn;
    torn_bed_open(&torn, true);
    assert_int_equal(truncate(torn.index, (off_t)torn.index_length + 8), 0);
    previous_is_served(&torn);
    torn_bed_close(&torn);
}

static void
a_heap_cut_behind_the_previous_version_gives_way_to_it(void **state)
{
    (void)state;
    struct torn_bed torn;
    torn_bed_open(&torn, true);
    assert_true(torn.previous_heap_length < torn.heap_length);
    for (size_t length = torn.previous_heap_length; length < torn.heap_length; length += 8) {
        assert_int_equal(truncate(torn.heap, (off_t)length), 0);
        previous_is_served(&torn);
        copy_again(&torn);
    }
    torn_bed_close(&torn);
}

static void
a_heap_cut_before_all_versions_leaves_none_and_says_so(void **state)
{
    (void)state;
    struct torn_bed torn;
    struct store_opening opening;
    torn_bed_open(&torn, true);
    for (size_t length = 0; length < 64; length += 21) {
        assert_int_equal(truncate(torn.heap, (off_t)length), 0);
        struct store *store = copy_open(&torn, &opening);
        assert_null(store_current(store));
        assert_false(opening.fresh);
        assert_int_equal(opening.torn_indexes, 3); // two overlays and their base
        store_close(&store);
        copy_again(&torn);
    }
    torn_bed_close(&torn);
}

// Its steps are those written, or are not reached.
static bool
journal_is_whole(const struct torn_bed *torn, const struct version *version)
{
    struct octets_buffer octets;
    octets_buffer_init(&octets);
    bool whole = journal_dump(version, &octets);
    bool newest = version_facts(version)->signed_serial == torn->bed.serial;
    const struct octets_buffer *written = &torn->journals[newest ? 0 : 1];
    if (whole) {
        assert_int_equal(octets.length, written->length);
        assert_memory_equal(octets.data, written->data, written->length);
    }
    octets_buffer_close(&octets);
    return whole;
}

// Every record that a walk gives is one that was written; what is missing is reported, by the walk,
// by the lookup of the name and by the scrub.
static void
damage_is_seen(struct torn_bed *torn, const struct store *store)
{
    struct version_cursor cursor;
    const struct version *version = store_current(store);
    size_t position = 0, walked = 0;
    struct fault fault;
    version_cursor_first(&cursor, version);
    while (version_cursor_next(&cursor))
        walked++;
    bool scrubbed = store_scrub(store, &position, 100000, &fault);
    // The scrub sees more than the walk: records of the base that the overlay replaces.
    assert_false(scrubbed && cursor.damaged);
    if (!cursor.damaged) {
        assert_true(model_is_version(&torn->bed.model, version) ||
                    model_is_version(&torn->previous, version));
        return;
    }
    assert_int_equal(walked + 1, version_facts(version)->node_count);
    assert_int_equal(fault.kind, FAULT_CORRUPT);
    size_t missed = 0;
    for (size_t i = 0; i < torn->bed.model.rrs.count; i++) {
        const struct model_rr *rr = vector_at(&torn->bed.model.rrs, i);
        struct name_suffixes suffixes;
        struct zone_match match;
        name_suffixes_init(&suffixes, rr->owner, version_hash_key(version));
        zone_find(version, rr->owner, &suffixes, &match);
        missed += match.damaged;
        assert_true(match.damaged || match.node);
    }
    (void)missed; // an empty non-terminal's damage shows at no owner
}

static void
any_wrong_octet_in_the_heap_is_seen_and_never_served(void **state)
{
    (void)state;
    struct torn_bed torn;
    struct store_opening opening;
    size_t seen = 0, without_journal = 0;
    torn_bed_open(&torn, true);
    for (size_t at = 0; at < torn.heap_length; at += at < 64 ? 1 : 5) {
        octet_flip(torn.heap, at, (uint8_t)(1U << at % 8));
        struct store *store = copy_open(&torn, &opening);
        if (store_current(store)) {
            damage_is_seen(&torn, store);
            seen++;
            without_journal += !journal_is_whole(&torn, store_current(store));
        }
        store_close(&store);
        copy_again(&torn);
    }
    assert_true(seen > 100);
    assert_true(without_journal > 20);
    torn_bed_close(&torn);
}

static void
a_store_with_a_damaged_record_takes_a_whole_content_and_is_well_again(void **state)
{
    (void)state;
    struct torn_bed torn;
    struct store_opening opening;
    struct fault fault = {.text = ""};
    torn_bed_open(&torn, true);
    size_t at = torn.previous_heap_length;
    struct store *store;
    for (;; at -= 8) { // from the end of the previous version on backwards: a record that lives
        assert_true(at > 64);
        octet_flip(torn.heap, at - 1, 1);
        store = copy_open(&torn, &opening);
        size_t position = 0;
        if (store_current(store) && opening.torn_indexes == 0 &&
            !store_scrub(store, &position, 100000, &fault))
            break;
        store_close(&store);
        copy_again(&torn);
    }
    assert_false(store_merge(store, &fault));
    assert_int_equal(fault.kind, FAULT_CORRUPT);
    assert_false(store_compact(store, &fault));
    assert_int_equal(fault.kind, FAULT_CORRUPT);
    struct draft *draft = model_draft(&torn.bed.model);
    struct version_facts facts = {.signed_serial = 99};
    if (!store_publish_draft(store, draft, &facts, &fault))
        fail_msg("%s", fault.text);
    assert_true(model_is_version(&torn.bed.model, store_current(store)));
    draft_free(&draft);
    store_close(&store);
    torn_bed_close(&torn);
}

static void
damage_behind_a_first_touch_is_seen_after_the_scrub_found_it(void **state)
{
    (void)state;
    struct torn_bed torn;
    struct store_opening opening;
    struct fault fault = {.text = ""};
    struct version_cursor cursor;
    torn_bed_open(&torn, true);
    size_t position = 0;
    struct store *store = copy_open(&torn, &opening);
    version_cursor_first(&cursor, store_current(store));
    while (version_cursor_next(&cursor))
        ;
    assert_false(cursor.damaged); // all was touched
    for (size_t at = torn.previous_heap_length;; at -= 8) {
        assert_true(at > 64);
        octet_flip(torn.heap, at - 1, 1);
        position = 0;
        if (!store_scrub(store, &position, 100000, &fault))
            break;
        octet_flip(torn.heap, at - 1, 1); // nobody lives there
    }
    version_cursor_first(&cursor, store_current(store));
    while (version_cursor_next(&cursor))
        ;
    assert_true(cursor.damaged);
    store_close(&store);
    torn_bed_close(&torn);
}

static void
half_written_indexes_are_removed_at_the_next_start(void **state)
{
    (void)state;
    struct torn_bed torn;
    struct store_opening opening;
    char path[STORE_DIRECTORY_MAX + 32];
    torn_bed_open(&torn, true);
    snprintf(path, sizeof path, "%s/index.99.tmp", torn.copy);
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    close(file);
    struct store *store = copy_open(&torn, &opening);
    assert_int_equal(opening.torn_indexes, 0);
    assert_int_equal(access(path, F_OK), -1);
    store_close(&store);
    torn_bed_close(&torn);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shorter_index_gives_way_to_the_previous_version),
        cmocka_unit_test(any_wrong_octet_in_the_index_gives_way_to_the_previous_version),
        cmocka_unit_test(an_index_longer_than_it_was_gives_way_to_the_previous_version),
        cmocka_unit_test(a_heap_cut_behind_the_previous_version_gives_way_to_it),
        cmocka_unit_test(a_heap_cut_before_all_versions_leaves_none_and_says_so),
        cmocka_unit_test(any_wrong_octet_in_the_heap_is_seen_and_never_served),
        cmocka_unit_test(a_store_with_a_damaged_record_takes_a_whole_content_and_is_well_again),
        cmocka_unit_test(damage_behind_a_first_touch_is_seen_after_the_scrub_found_it),
        cmocka_unit_test(half_written_indexes_are_removed_at_the_next_start),
    };
    store_io_without_sync();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
