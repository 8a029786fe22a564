#include "primary/source_files.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/arena.h"
#include "primary/source.h"
#include "primary/source_mark.h"

#define HEAD "$TTL 300\n@ SOA ns1 h 7 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\n"
#define OLD  1700000000 // the time of the files in these tests, long before
#define LATE 4000000000

static const uint8_t apex[] = "\7example\3gov";

// A folder with a zone file that includes another.
struct bed {
    char directory[64], zone[96], part[96];
};

static void
file_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) >= 0, 1);
    fclose(file);
}

// The last change of a file cannot be set, so "now" is said to be late, and old times are set.
static void
file_age(const char *path, int64_t seconds)
{
    struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static int
bed_make(void **state)
{
    struct bed *bed = memory_zalloc(sizeof *bed);
    snprintf(bed->directory, sizeof bed->directory, "/tmp/source-files.XXXXXX");
    assert_non_null(mkdtemp(bed->directory));
    snprintf(bed->zone, sizeof bed->zone, "%s/zone", bed->directory);
    snprintf(bed->part, sizeof bed->part, "%s/part", bed->directory);
    file_write(bed->part, "www A 192.0.2.2\n");
    file_write(bed->zone, HEAD "$INCLUDE part\n");
    file_age(bed->part, OLD);
    file_age(bed->zone, OLD);
    *state = bed;
    return 0;
}

static int
bed_clear(void **state)
{
    struct bed *bed = *state;
    char path[128];
    unlink(bed->zone);
    unlink(bed->part);
    snprintf(path, sizeof path, "%s/source", bed->directory);
    unlink(path);
    assert_int_equal(rmdir(bed->directory), 0);
    free(bed);
    return 0;
}

static struct source *
source_at(const struct bed *bed, int64_t now)
{
    struct source_loading loading;
    source_load(bed->zone, apex, now, &loading);
    struct source *source = loading.source;
    assert_non_null(source);
    loading.source = NULL;
    source_loading_close(&loading);
    return source;
}

// Loads again what is known; gives of how many files the content was looked at, or -1: it was read.
static int
again(struct source *source, const struct bed *bed, int64_t now)
{
    struct source_loading loading;
    source_load_changed(source, bed->zone, apex, now, &loading);
    int looked_into = loading.unchanged ? (int)loading.looked_into : -1;
    if (loading.unchanged)
        source_files_take(&source->files, &loading.files);
    else
        assert_true(loading.source || loading.errors.count > 0);
    source_loading_close(&loading);
    return looked_into;
}

static void
unchanged_files_are_known_by_their_times_alone(void **state)
{
    struct bed *bed = *state;
    struct source *source = source_at(bed, LATE);
    assert_int_equal(source->files.items.count, 2);
    assert_int_equal(again(source, bed, LATE), 0);
    assert_int_equal(again(source, bed, LATE + 1), 0);
    source_drop(&source);
}

static void
a_changed_file_is_read_the_included_one_as_well_as_the_including(void **state)
{
    struct bed *bed = *state;
    struct source *source = source_at(bed, LATE);
    file_write(bed->part, "www A 192.0.2.3\n");
    assert_int_equal(again(source, bed, LATE), -1);
    file_write(bed->part, "www A 192.0.2.2\n");
    assert_int_equal(again(source, bed, LATE), 1); // the same again: its content tells
    assert_int_equal(again(source, bed, LATE), 0); // and then its times
    file_write(bed->zone, HEAD "$INCLUDE part\nx A 192.0.2.1\n");
    assert_int_equal(again(source, bed, LATE), -1);
    unlink(bed->part);
    file_write(bed->zone, HEAD "$INCLUDE part\n");
    assert_int_equal(again(source, bed, LATE), -1);
    source_drop(&source);
}

// Two writes within one tick of the clock leave the same size and the same times.
static void
a_file_that_was_just_written_is_known_by_its_content(void **state)
{
    struct bed *bed = *state;
    struct stat status;
    file_age(bed->part, LATE);
    struct source *source = source_at(bed, LATE);
    assert_int_equal(again(source, bed, LATE), 1);
    assert_int_equal(again(source, bed, LATE + SOURCE_FILES_RACY_SECONDS), 1);
    // The last time of looking was still too near; from then on it is old enough.
    assert_int_equal(again(source, bed, LATE + SOURCE_FILES_RACY_SECONDS + 1), 1);
    assert_int_equal(again(source, bed, LATE + SOURCE_FILES_RACY_SECONDS + 2), 0);
    source_drop(&source);

    source = source_at(bed, LATE);
    assert_int_equal(stat(bed->part, &status), 0);
    file_write(bed->part, "www A 192.0.2.9\n");
    file_age(bed->part, LATE);
    // What no program can do, another clock tick can: all that the system says of it is the same.
    struct source_file *file = vector_at(&source->files.items, 1);
    assert_int_equal(stat(bed->part, &status), 0);
    file->changed_ns = (int64_t)status.st_ctim.tv_sec * 1000000000 + status.st_ctim.tv_nsec;
    assert_int_equal(again(source, bed, LATE + 1000), -1);
    source_drop(&source);
}

static void
a_file_from_the_future_is_never_trusted(void **state)
{
    struct bed *bed = *state;
    file_age(bed->zone, LATE + 5000);
    struct source *source = source_at(bed, LATE);
    assert_int_equal(again(source, bed, LATE), 1);
    assert_int_equal(again(source, bed, LATE + 100), 1);
    source_drop(&source);
}

static void
another_path_is_another_source(void **state)
{
    struct bed *bed = *state, moved = *bed;
    struct source *source = source_at(bed, LATE);
    snprintf(moved.zone, sizeof moved.zone, "%s/./zone", bed->directory);
    assert_int_equal(again(source, &moved, LATE), -1);
    source_drop(&source);
}

static void
digests_are_of_paths_and_contents_but_not_of_times(void **state)
{
    struct bed *bed = *state;
    struct hash_digest first, second;
    struct source *source = source_at(bed, LATE);
    assert_true(source_files_digest(&source->files, &first));
    source_drop(&source);
    file_age(bed->part, OLD + 1);
    source = source_at(bed, LATE);
    assert_true(source_files_digest(&source->files, &second));
    assert_memory_equal(first.octets, second.octets, sizeof first.octets);
    source_drop(&source);
    file_write(bed->part, "www A 192.0.2.3\n");
    source = source_at(bed, LATE);
    assert_true(source_files_digest(&source->files, &second));
    assert_memory_not_equal(first.octets, second.octets, sizeof first.octets);
    source_drop(&source);
}

static void
a_source_of_too_many_files_is_always_read(void **state)
{
    struct bed *bed = *state;
    struct hash_digest digest;
    FILE *file = fopen(bed->zone, "w");
    fputs(HEAD, file);
    for (int i = 0; i < SOURCE_FILES_MAX; i++)
        fputs("$INCLUDE part\n", file);
    fclose(file);
    struct source *source = source_at(bed, LATE);
    assert_int_equal(source->files.items.count, SOURCE_FILES_MAX);
    assert_int_equal(again(source, bed, LATE), -1);
    assert_false(source_files_digest(&source->files, &digest));
    source_mark_write(bed->directory, &source->files);
    struct source_files files;
    assert_false(source_mark_read(bed->directory, &files));
    source_drop(&source);
}

static void
a_mark_says_later_what_the_files_were(void **state)
{
    struct bed *bed = *state;
    struct source_files files, now;
    struct fault fault;
    size_t looked_into;
    assert_false(source_mark_read(bed->directory, &files));
    struct source *source = source_at(bed, LATE);
    source_mark_write(bed->directory, &source->files);
    source_drop(&source);
    assert_true(source_mark_read(bed->directory, &files));
    assert_int_equal(source_files_compare(&files, bed->zone, LATE, &now, &looked_into),
                     SOURCE_FILES_SAME);
    assert_int_equal(looked_into, 0);
    source_files_close(&now);
    file_write(bed->part, "www A 192.0.2.3\n");
    assert_int_equal(source_files_compare(&files, bed->zone, LATE, &now, &looked_into),
                     SOURCE_FILES_CHANGED);
    source_files_close(&files);
    assert_true(source_mark_remove(bed->directory, &fault));
    assert_true(source_mark_remove(bed->directory, &fault)); // there is none: that will do
    assert_false(source_mark_read(bed->directory, &files));
}

static void
a_mark_that_is_not_whole_is_none(void **state)
{
    struct bed *bed = *state;
    struct source_files files;
    char path[128];
    uint8_t octets[1024];
    struct source *source = source_at(bed, LATE);
    source_mark_write(bed->directory, &source->files);
    source_drop(&source);
    snprintf(path, sizeof path, "%s/source", bed->directory);
    FILE *file = fopen(path, "r");
    size_t length = fread(octets, 1, sizeof octets, file);
    fclose(file);
    assert_in_range(length, 100, sizeof octets - 1);
    for (size_t i = 0; i <= length; i++) {
        file = fopen(path, "w"); // cut behind i octets; then whole, with one bit turned
        assert_int_equal(fwrite(octets, 1, i, file), i);
        fclose(file);
        bool whole = i == length;
        assert_int_equal(source_mark_read(bed->directory, &files), whole);
        source_files_close(&files);
        octets[i == length ? 0 : i] ^= 1;
        file = fopen(path, "w");
        fwrite(octets, 1, length, file);
        fclose(file);
        assert_false(source_mark_read(bed->directory, &files));
        octets[i == length ? 0 : i] ^= 1;
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_make, bed_clear)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(unchanged_files_are_known_by_their_times_alone),
        TEST(a_changed_file_is_read_the_included_one_as_well_as_the_including),
        TEST(a_file_that_was_just_written_is_known_by_its_content),
        TEST(a_file_from_the_future_is_never_trusted),
        TEST(another_path_is_another_source),
        TEST(digests_are_of_paths_and_contents_but_not_of_times),
        TEST(a_source_of_too_many_files_is_always_read),
        TEST(a_mark_says_later_what_the_files_were),
        TEST(a_mark_that_is_not_whole_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
