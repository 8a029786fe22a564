// Every single call by which a publish changes the disk fails once: for want of room, for an I/O
// error, or after half of the octets. The current version stays, here and after a restart; nothing
// half-written stays; the next publish works.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/zone/diff.h"
#include "common/zone/journal.h"
#include "common/zone/store_io.h"
#include "tests/support/failing_disk.h"
#include "tests/support/store_bed.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

enum kind { KIND_DRAFT, KIND_DIFF, KIND_MERGE, KIND_COMPACT, KINDS };

static bool
bed_try(struct store_bed *bed, enum kind kind, struct fault *fault)
{
    switch (kind) {
    case KIND_DRAFT:
        return store_bed_try_draft(bed, fault);
    case KIND_DIFF:
        return store_bed_try_diff(bed, fault);
    case KIND_MERGE:
        return store_merge(bed->store, fault);
    case KIND_COMPACT:
        return store_compact(bed->store, fault);
    case KINDS:
        break;
    }
    return false;
}

static bool
directory_has(const char *path, const char *suffix)
{
    bool has = false;
    DIR *walk = opendir(path);
    const struct dirent *entry;
    assert_non_null(walk);
    while ((entry = readdir(walk))) {
        size_t length = strlen(entry->d_name), end = strlen(suffix);
        has = has || (length > end && strcmp(entry->d_name + length - end, suffix) == 0);
    }
    closedir(walk);
    return has;
}

static bool
journals_same(const struct version *a, const struct version *b)
{
    struct octets_buffer of_a, of_b;
    octets_buffer_init(&of_a);
    octets_buffer_init(&of_b);
    bool same = journal_dump(a, &of_a) && journal_dump(b, &of_b) && of_a.length == of_b.length &&
                (of_a.length == 0 || memcmp(of_a.data, of_b.data, of_a.length) == 0);
    octets_buffer_close(&of_a);
    octets_buffer_close(&of_b);
    return same;
}

static void
check_reopened(const struct store_bed *bed, const struct model *model, const char *directory)
{
    struct store *store;
    struct store_opening opening;
    struct fault fault = {.text = ""};
    store_directory_copy(bed->path, directory);
    if (!store_open(directory, model->apex, &bed->options, &store, &opening, &fault))
        fail_msg("%s", fault.text);
    assert_int_equal(opening.torn_indexes, 0);
    assert_true(model_is_version(model, store_current(store)));
    assert_true(journals_same(store_current(bed->store), store_current(store)));
    store_close(&store);
}

// The step from the version before the failure is there, however the failure came out.
static void
journal_goes_on(const struct store_bed *bed, uint32_t served)
{
    struct vector steps;
    struct octets_buffer octets;
    vector_init(&steps, sizeof(struct journal_step));
    octets_buffer_init(&octets);
    assert_true(journal_steps(store_current(bed->store), served, &steps));
    assert_true(journal_dump(store_current(bed->store), &octets));
    octets_buffer_close(&octets);
    vector_close(&steps);
}

// False: no call was left to fail. A publish may go through all the same: fallocate is asked a
// second time.
static bool
failure_try(struct store_bed *bed, enum kind kind, unsigned at, int error, bool half, bool persists)
{
    struct model served;
    struct fault fault = {.text = ""};
    char copy[STORE_DIRECTORY_MAX];
    model_copy(&served, &bed->model);
    const struct version *before = store_current(bed->store);
    uint32_t serial = version_facts(before)->signed_serial;
    store_bed_edit(bed, kind < KIND_MERGE ? 4 : 0);
    failing_disk_start(
        &(struct failing_disk){.call = at, .error = error, .half = half, .persists = persists});
    bool published = bed_try(bed, kind, &fault);
    bool failed = failing_disk_stop();
    if (!published) {
        assert_int_equal(fault.kind, FAULT_IO);
        assert_non_null(strstr(fault.text, "zone example.gov"));
        assert_ptr_equal(store_current(bed->store), before);
        assert_true(model_is_version(&served, store_current(bed->store)));
        if (!persists)
            assert_false(directory_has(bed->path, ".tmp"));
        store_directory_make(copy);
        check_reopened(bed, &served, copy);
        store_directory_remove(copy);
        // The next one works.
        if (!bed_try(bed, kind, &fault))
            fail_msg("%s", fault.text);
    }
    model_check_version(&bed->model, store_current(bed->store), &bed->random, 5);
    journal_goes_on(bed, serial);
    assert_false(directory_has(bed->path, ".tmp"));
    model_close(&served);
    assert_true(published || failed);
    return failed;
}

static unsigned
failures_try(enum kind kind, int error, bool half, bool persists)
{
    struct store_options options = {
        .overlay_entries_max = 30, .compact_octets_max = 1000, .journal_octets_max = 5000};
    struct store_bed bed;
    store_bed_open(&bed, 5 + kind, &options);
    store_bed_edit(&bed, 15);
    store_bed_publish_draft(&bed);
    unsigned at = 1;
    for (;; at++) {
        store_bed_edit(&bed, 2);
        store_bed_publish_diff(&bed); // so that there is something to merge
        if (!failure_try(&bed, kind, at, error, half, persists))
            break;
        assert_true(at < 200);
    }
    store_bed_close(&bed);
    return at - 1;
}

static void
a_failing_call_leaves_the_current_version(void **state)
{
    (void)state;
    for (enum kind kind = KIND_DRAFT; kind < KINDS; kind++) {
        // open or fallocate, pwrite, fdatasync, open, pwrite, fsync, rename, fsync: fewer were not
        // tried
        assert_true(failures_try(kind, ENOSPC, false, false) >= 5);
        failures_try(kind, EIO, false, false);
    }
}

static void
a_full_disk_stays_full_and_the_current_version_stays(void **state)
{
    (void)state;
    for (enum kind kind = KIND_DRAFT; kind < KINDS; kind++)
        failures_try(kind, ENOSPC, false, true);
}

static void
a_write_that_ends_half_way_leaves_the_current_version(void **state)
{
    (void)state;
    for (enum kind kind = KIND_DRAFT; kind < KINDS; kind++)
        failures_try(kind, ENOSPC, true, false);
}

static int
fallocate_unknown(int file, int mode, off_t offset, off_t length)
{
    (void)file, (void)mode, (void)offset, (void)length;
    errno = EOPNOTSUPP;
    return -1;
}

static void
a_file_system_without_fallocate_will_do(void **state)
{
    (void)state;
    struct store_bed bed;
    store_io_set(NULL);
    struct store_io io = *store_io();
    io.fallocate = fallocate_unknown;
    store_io_set(&io);
    store_bed_open(&bed, 77, NULL);
    store_bed_publish_draft(&bed);
    store_bed_edit(&bed, 9);
    store_bed_publish_diff(&bed);
    assert_true(model_is_version(&bed.model, store_current(bed.store)));
    store_bed_close(&bed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failing_call_leaves_the_current_version),
        cmocka_unit_test(a_full_disk_stays_full_and_the_current_version_stays),
        cmocka_unit_test(a_write_that_ends_half_way_leaves_the_current_version),
        cmocka_unit_test(a_file_system_without_fallocate_will_do),
    };
    store_io_without_sync();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
