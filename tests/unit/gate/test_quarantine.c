#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "secondary/signer/gate/quarantine.h"

static char folder[64];

static int
folder_make(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/tandem-held-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int
folder_remove(void **state)
{
    (void)state;
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static struct quarantine *
opened(void)
{
    struct quarantine *quarantine;
    struct fault fault;
    char path[96];
    snprintf(path, sizeof path, "%s/q", folder);
    if (!quarantine_open(path, &quarantine, &fault))
        fail_msg("%s", fault.text);
    return quarantine;
}

static int
stream_of(const char *text)
{
    int stream = memfd_create("stream", MFD_CLOEXEC);
    assert_int_equal(write(stream, text, strlen(text)), strlen(text));
    return stream;
}

static struct quarantine_entry
entry_of(uint8_t first, uint64_t sequence, int64_t since)
{
    struct quarantine_entry entry = {
        .against_sequence = sequence, .unsigned_serial = 7, .since_seconds = since};
    memset(entry.digest.octets, first, HASH_DIGEST_SIZE);
    strcpy(entry.reason, "removed");
    strcpy(entry.sentence, "61% removed (limit 30%)");
    return entry;
}

static bool
put(struct quarantine *quarantine, uint8_t first, uint64_t sequence, int64_t since,
    const char *text)
{
    struct quarantine_entry entry = entry_of(first, sequence, since);
    struct fault fault;
    bool is_new;
    int stream = stream_of(text);
    if (!quarantine_put(quarantine, &entry, stream, strlen(text), &is_new, &fault))
        fail_msg("%s", fault.text);
    close(stream);
    return is_new;
}

static unsigned
files(void)
{
    char command[128];
    unsigned count = 0;
    snprintf(command, sizeof command, "ls %s/q | wc -l", folder);
    FILE *pipe = popen(command, "r");
    assert_int_equal(fscanf(pipe, "%u", &count), 1);
    pclose(pipe);
    return count;
}

static void
a_candidate_outlives_a_restart(void **state)
{
    (void)state;
    struct quarantine *quarantine = opened();
    assert_null(quarantine_current(quarantine));
    assert_true(put(quarantine, 0xAB, 3, 100, "the stream"));
    quarantine_close(&quarantine);
    quarantine = opened();
    const struct quarantine_entry *entry = quarantine_current(quarantine);
    assert_non_null(entry);
    assert_string_equal(entry->reason, "removed");
    assert_string_equal(entry->sentence, "61% removed (limit 30%)");
    assert_int_equal(entry->since_seconds, 100);
    assert_int_equal(entry->unsigned_serial, 7);
    int stream;
    char text[32] = "";
    struct fault fault;
    assert_true(quarantine_accept(quarantine, "ABAB", &stream, &fault));
    assert_int_equal(read(stream, text, sizeof text), 10);
    assert_string_equal(text, "the stream");
    close(stream);
    quarantine_close(&quarantine);
}

static void
one_digest_is_one_event_and_keeps_its_time(void **state)
{
    (void)state;
    struct quarantine *quarantine = opened();
    struct quarantine_entry entry = entry_of(1, 3, 100);
    assert_true(put(quarantine, 1, 3, 100, "a"));
    assert_int_equal(quarantine_ask(quarantine, &entry.digest, 3), QUARANTINE_KNOWN);
    assert_int_equal(quarantine_ask(quarantine, &entry.digest, 4), QUARANTINE_JUDGE);
    assert_false(put(quarantine, 1, 4, 200, "a"));
    assert_int_equal(quarantine_ask(quarantine, &entry.digest, 4), QUARANTINE_KNOWN);
    assert_int_equal(quarantine_current(quarantine)->since_seconds, 100);
    assert_true(put(quarantine, 2, 4, 300, "b"));
    assert_int_equal(quarantine_ask(quarantine, &entry.digest, 4), QUARANTINE_JUDGE);
    assert_int_equal(quarantine_current(quarantine)->since_seconds, 300);
    assert_int_equal(files(), 2); // the former stream is gone
    quarantine_close(&quarantine);
}

static void
accepting_asks_for_the_digest_that_is_held(void **state)
{
    (void)state;
    struct quarantine *quarantine = opened();
    struct fault fault;
    int stream;
    assert_false(quarantine_accept(quarantine, "abab", &stream, &fault));
    assert_int_equal(fault.kind, FAULT_NOT_FOUND);
    put(quarantine, 0xAB, 1, 1, "x");
    static const char *const wrong[] = {"", "a", "aba", "abac", "zzzz", "ababg"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(quarantine_accept(quarantine, wrong[i], &stream, &fault));
    assert_false(quarantine_accept(quarantine, "abac", &stream, &fault));
    assert_non_null(strstr(fault.text, "ababab"));
    assert_true(quarantine_accept(quarantine, "ababab", &stream, &fault));
    close(stream);
    quarantine_close(&quarantine);
}

static void
clearing_leaves_nothing_and_says_whether_there_was_something(void **state)
{
    (void)state;
    struct quarantine *quarantine = opened();
    struct fault fault;
    bool was;
    assert_true(quarantine_clear(quarantine, &was, &fault));
    assert_false(was);
    put(quarantine, 1, 1, 1, "x");
    assert_true(quarantine_clear(quarantine, &was, &fault));
    assert_true(was);
    assert_int_equal(files(), 0);
    assert_null(quarantine_current(quarantine));
    quarantine_close(&quarantine);
}

static void
a_damaged_entry_and_a_missing_stream_count_as_none(void **state)
{
    (void)state;
    char path[96], command[160];
    struct quarantine *quarantine = opened();
    put(quarantine, 1, 1, 1, "x");
    quarantine_close(&quarantine);
    snprintf(path, sizeof path, "%s/q/entry", folder);
    int descriptor = open(path, O_RDWR);
    assert_int_equal(pwrite(descriptor, "?", 1, 20), 1);
    close(descriptor);
    quarantine = opened();
    assert_null(quarantine_current(quarantine));
    put(quarantine, 2, 1, 1, "y");
    quarantine_close(&quarantine);
    snprintf(command, sizeof command, "rm %s/q/stream.*", folder);
    assert_int_equal(system(command), 0);
    quarantine = opened();
    assert_null(quarantine_current(quarantine));
    quarantine_close(&quarantine);
}

static void
a_stream_that_is_too_short_leaves_the_former_candidate(void **state)
{
    (void)state;
    struct quarantine *quarantine = opened();
    struct quarantine_entry entry = entry_of(2, 1, 1);
    struct fault fault;
    bool is_new;
    put(quarantine, 1, 1, 1, "x");
    int stream = stream_of("short");
    assert_false(quarantine_put(quarantine, &entry, stream, 100, &is_new, &fault));
    assert_int_equal(fault.kind, FAULT_IO);
    close(stream);
    assert_int_equal(quarantine_current(quarantine)->digest.octets[0], 1);
    assert_int_equal(files(), 2);
    quarantine_close(&quarantine);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_candidate_outlives_a_restart),
        IN_FOLDER(one_digest_is_one_event_and_keeps_its_time),
        IN_FOLDER(accepting_asks_for_the_digest_that_is_held),
        IN_FOLDER(clearing_leaves_nothing_and_says_whether_there_was_something),
        IN_FOLDER(a_damaged_entry_and_a_missing_stream_count_as_none),
        IN_FOLDER(a_stream_that_is_too_short_leaves_the_former_candidate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
