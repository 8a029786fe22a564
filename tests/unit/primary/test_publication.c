// needs: zone
#include "primary/publication.h"

#include <dirent.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/arena.h"
#include "common/dns/rrtype.h"
#include "common/zone/zonefile_read.h"
#include "common/zone/zonefile_write.h"
#include "primary/expanded.h"

#define NOW 1795263187

// A zone's store in a folder of its own.
struct bed {
    char directory[64];
    uint8_t apex[NAME_SIZE_MAX];
    struct store *store;
    const struct version *version; // the last one mapped
};

static int
bed_make(void **state)
{
    struct bed *bed = memory_zalloc(sizeof *bed);
    snprintf(bed->directory, sizeof bed->directory, "/tmp/publication.XXXXXX");
    assert_non_null(mkdtemp(bed->directory));
    assert_true(name_from_text("example.gov.", NULL, bed->apex, NULL));
    *state = bed;
    return 0;
}

static int
bed_clear(void **state)
{
    struct bed *bed = *state;
    char path[PATH_MAX];
    struct dirent *entry;
    version_drop(&bed->version);
    store_close(&bed->store);
    DIR *directory = opendir(bed->directory);
    while ((entry = readdir(directory)))
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", bed->directory, entry->d_name);
            unlink(path);
        }
    closedir(directory);
    rmdir(bed->directory);
    free(bed);
    return 0;
}

static struct draft *
draft_read(const struct bed *bed, const char *text)
{
    struct draft *draft = draft_new(bed->apex);
    struct vector errors;
    struct draft_findings findings;
    assert_true(zonefile_read_memory("zone", text, strlen(text), NULL, draft, NULL, &errors));
    zonefile_errors_close(&errors);
    assert_true(draft_seal(draft, &findings, NULL));
    return draft;
}

static struct source *
source_read(const struct bed *bed, const char *text)
{
    struct source *source = memory_zalloc(sizeof *source);
    source->references = 1;
    source->draft = draft_read(bed, text);
    source->serial = expanded_serial(draft_node_at(source->draft, 0));
    return source;
}

static uint64_t
sequence(const struct bed *bed)
{
    return bed->version ? version_facts(bed->version)->sequence : 0;
}

// As the keeper does: beside the version before, with which it shares what it can.
static void
place_map(struct bed *bed, struct publication *publication)
{
    const struct version *version;
    struct fault fault;
    if (!publication->has_place)
        return;
    assert_true(version_map(&publication->place, bed->version, &version, &fault));
    version_place_close(&publication->place);
    publication->has_place = false;
    version_drop(&bed->version);
    bed->version = version;
}

// Publishes a text with addresses ("" none) and gives what came of it.
static struct publication
step(struct bed *bed, enum serial_policy policy, const char *text, const char *addresses,
     const struct vector *owners)
{
    struct source *source = source_read(bed, text);
    struct draft *draft = addresses ? draft_read(bed, addresses) : NULL;
    struct publication publication = {.store = &bed->store,
                                      .directory = bed->directory,
                                      .apex = bed->apex,
                                      .source = source,
                                      .addresses = draft,
                                      .owners = owners,
                                      .policy = policy,
                                      .now = NOW,
                                      .mapped = sequence(bed)};
    publication_run(&publication);
    assert_true(publication.good);
    place_map(bed, &publication);
    source_drop(&source);
    draft_free(&draft);
    return publication;
}

static uint32_t
serial(const struct bed *bed)
{
    uint32_t of_soa = expanded_serial(version_apex_node(bed->version));
    assert_int_equal(of_soa, version_facts(bed->version)->signed_serial);
    return of_soa;
}

static char *
content(const struct version *version)
{
    struct version_cursor cursor;
    struct octets_buffer text;
    octets_buffer_init(&text);
    version_cursor_first(&cursor, version);
    while (zonefile_write_some(&cursor, true, 65536, &text))
        ;
    octets_buffer_add_u8(&text, '\0');
    return (char *)text.data;
}

#define HEAD(serial) "$TTL 300\n@ SOA ns1 h " #serial " 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\n"

static void
the_first_version_has_the_serial_of_the_file(void **state)
{
    struct bed *bed = *state;
    struct publication done = step(bed, SERIAL_INCREMENT, HEAD(7), NULL, NULL);
    assert_true(done.changed);
    assert_false(done.had_version);
    assert_int_equal(done.counts.added_rrs, 3);
    assert_int_equal(serial(bed), 7);
}

static void
the_same_content_changes_nothing_at_all(void **state)
{
    struct bed *bed = *state;
    struct store_sizes before, after;
    step(bed, SERIAL_INCREMENT, HEAD(7), NULL, NULL);
    store_sizes(bed->store, &before);
    assert_false(step(bed, SERIAL_INCREMENT, HEAD(7), NULL, NULL).changed);
    assert_false(step(bed, SERIAL_INCREMENT, HEAD(9), NULL, NULL).changed);
    store_sizes(bed->store, &after);
    assert_int_equal(serial(bed), 7);
    assert_memory_equal(&before, &after, sizeof before);
}

static void
another_content_gets_a_later_serial_whatever_the_file_says(void **state)
{
    struct bed *bed = *state;
    step(bed, SERIAL_INCREMENT, HEAD(7), NULL, NULL);
    step(bed, SERIAL_INCREMENT, HEAD(7) "a A 192.0.2.2\n", NULL, NULL);
    assert_int_equal(serial(bed), 8);
    step(bed, SERIAL_INCREMENT, HEAD(3) "a A 192.0.2.3\n", NULL, NULL);
    assert_int_equal(serial(bed), 9);
    step(bed, SERIAL_INCREMENT, HEAD(100) "a A 192.0.2.4\n", NULL, NULL);
    assert_int_equal(serial(bed), 100);
    step(bed, SERIAL_UNIXTIME, HEAD(100) "a A 192.0.2.5\n", NULL, NULL);
    assert_int_equal(serial(bed), NOW);
    step(bed, SERIAL_UNIXTIME, HEAD(100) "a A 192.0.2.6\n", NULL, NULL);
    assert_int_equal(serial(bed), NOW + 1);
}

static void
keep_gives_out_the_serial_of_the_file_and_nothing_else(void **state)
{
    struct bed *bed = *state;
    step(bed, SERIAL_KEEP, HEAD(7), NULL, NULL);
    assert_true(step(bed, SERIAL_KEEP, HEAD(7) "a A 192.0.2.2\n", NULL, NULL).changed);
    assert_int_equal(serial(bed), 7);
    assert_true(step(bed, SERIAL_KEEP, HEAD(8) "a A 192.0.2.2\n", NULL, NULL).changed);
    assert_int_equal(serial(bed), 8);
}

static void
the_serial_goes_on_after_a_restart(void **state)
{
    struct bed *bed = *state;
    step(bed, SERIAL_INCREMENT, HEAD(7), NULL, NULL);
    step(bed, SERIAL_INCREMENT, HEAD(7) "a A 192.0.2.2\n", NULL, NULL);
    version_drop(&bed->version);
    store_close(&bed->store);
    struct publication done = step(bed, SERIAL_INCREMENT, HEAD(7) "a A 192.0.2.2\n", NULL, NULL);
    assert_false(done.changed);
    assert_true(done.had_version);
    assert_int_equal(serial(bed), 8);
}

#define ALIASES                                                                                    \
    HEAD(1)                                                                                        \
    "@ ALIAS t.example.net.\n*.w ALIAS t.example.net.\nx.y ALIAS u.example.net.\nx.y TXT \"t\"\n"

static void
alias_records_become_addresses_and_never_leave(void **state)
{
    struct bed *bed = *state;
    step(bed, SERIAL_INCREMENT, ALIASES,
         "@ 60 A 192.0.2.9\n@ 60 A 192.0.2.10\n*.w 60 AAAA 2001:db8::9\n", NULL);
    char *text = content(bed->version);
    assert_null(strstr(text, "ALIAS"));
    assert_non_null(strstr(text, "example.gov. 60 IN A 192.0.2.9\n"));
    assert_non_null(strstr(text, "*.w.example.gov. 60 IN AAAA 2001:db8::9\n"));
    assert_non_null(strstr(text, "x.y.example.gov. 300 IN TXT \"t\"\n"));
    free(text);
}

static void
one_changed_owner_gives_what_the_whole_expansion_gives(void **state)
{
    struct bed *bed = *state;
    const char *addresses[] = {
        "@ 60 A 192.0.2.9\nx.y 60 A 192.0.2.9\n",
        "@ 60 A 192.0.2.10\nx.y 60 A 192.0.2.9\n",
        "@ 60 A 192.0.2.10\n@ 60 AAAA 2001:db8::1\n",
        "*.w 60 A 192.0.2.7\n",
        "@ 60 A 192.0.2.9\n*.w 60 A 192.0.2.7\nx.y 60 AAAA 2001:db8::2\n",
    };
    struct vector owners;
    uint8_t owner[NAME_SIZE_MAX];
    vector_init(&owners, NAME_SIZE_MAX);
    const char *names[] = {"example.gov.", "*.w.example.gov.", "x.y.example.gov."};
    for (int i = 0; i < 3; i++) {
        assert_true(name_from_text(names[i], NULL, owner, NULL));
        vector_add(&owners, owner);
    }
    step(bed, SERIAL_INCREMENT, ALIASES, addresses[0], NULL);
    for (size_t i = 1; i < sizeof addresses / sizeof addresses[0]; i++) {
        struct publication done = step(bed, SERIAL_INCREMENT, ALIASES, addresses[i], &owners);
        assert_true(done.changed);
        assert_int_equal(serial(bed), i + 1);
        // The oracle: comparing the whole zone finds nothing more.
        assert_false(step(bed, SERIAL_INCREMENT, ALIASES, addresses[i], NULL).changed);
        assert_false(step(bed, SERIAL_INCREMENT, ALIASES, addresses[i], &owners).changed);
    }
    vector_close(&owners);
}

static void
a_store_that_cannot_be_opened_is_a_fault_and_no_version(void **state)
{
    struct bed *bed = *state;
    struct source *source = source_read(bed, HEAD(1));
    struct publication publication = {.store = &bed->store,
                                      .directory = "/proc/nowhere/zone",
                                      .apex = bed->apex,
                                      .source = source,
                                      .now = NOW};
    publication_run(&publication);
    assert_false(publication.good);
    assert_false(publication.has_place);
    assert_non_null(strstr(publication.fault.text, "/proc/nowhere"));
    source_drop(&source);
}

// What the mark says would be believed at the next start, of a version that is not of its files.
static void
a_mark_that_cannot_be_removed_is_a_fault_and_no_version(void **state)
{
    struct bed *bed = *state;
    char mark[PATH_MAX];
    step(bed, SERIAL_INCREMENT, HEAD(1), NULL, NULL);
    snprintf(mark, sizeof mark, "%s/source", bed->directory);
    assert_int_equal(mkdir(mark, 0700), 0); // unlink refuses it
    struct source *source = source_read(bed, HEAD(2) "www A 192.0.2.2\n");
    struct publication publication = {.store = &bed->store,
                                      .directory = bed->directory,
                                      .apex = bed->apex,
                                      .source = source,
                                      .now = NOW,
                                      .mapped = sequence(bed)};
    publication_run(&publication);
    assert_false(publication.good);
    assert_false(publication.changed);
    assert_false(publication.has_place);
    assert_non_null(strstr(publication.fault.text, mark));
    publication.marked = true; // the same files: their mark stays
    publication.fault = (struct fault){0};
    publication_run(&publication);
    assert_true(publication.good && publication.changed);
    version_place_close(&publication.place);
    rmdir(mark);
    source_drop(&source);
}

// A million names are not here, but what is written and walked must not grow with those that are:
// the octets that one changed address costs in a zone of many names are those of a small zone.
static uint64_t
octets_of_one_change(struct bed *bed, unsigned names)
{
    struct octets_buffer text;
    struct vector owners;
    uint8_t owner[NAME_SIZE_MAX];
    octets_buffer_init(&text);
    octets_buffer_add(&text, HEAD(1), sizeof HEAD(1) - 1);
    for (unsigned i = 0; i < names; i++)
        octets_buffer_printf(&text, "n%u TXT \"some text in each of them\"\n", i);
    octets_buffer_printf(&text, "w ALIAS t.example.net.\n");
    octets_buffer_add_u8(&text, '\0');
    vector_init(&owners, NAME_SIZE_MAX);
    assert_true(name_from_text("w.example.gov.", NULL, owner, NULL));
    vector_add(&owners, owner);
    step(bed, SERIAL_INCREMENT, (char *)text.data, "w A 192.0.2.1\n", NULL);
    struct store_sizes before, after;
    store_sizes(bed->store, &before);
    struct publication done =
        step(bed, SERIAL_INCREMENT, (char *)text.data, "w A 192.0.2.2\n", &owners);
    store_sizes(bed->store, &after);
    assert_true(done.changed);
    assert_int_equal(done.counts.added_rrs, 1);
    assert_false(done.upkeep_wanted);
    vector_close(&owners);
    octets_buffer_close(&text);
    return after.heap_octets - before.heap_octets + (after.index_octets - before.index_octets);
}

static void
a_changed_address_costs_the_same_octets_in_a_zone_of_any_size(void **state)
{
    struct bed *small = *state, *large;
    uint64_t few = octets_of_one_change(small, 10);
    void *other;
    bed_make(&other);
    large = other;
    uint64_t many = octets_of_one_change(large, 20000);
    assert_true(few > 0);
    assert_in_range(many, few - few / 4, few + few / 4);
    bed_clear(&other);
}

static void
upkeep_folds_the_changes_in_and_says_the_same(void **state)
{
    struct bed *bed = *state;
    struct octets_buffer text;
    struct publication done = {0};
    octets_buffer_init(&text);
    step(bed, SERIAL_INCREMENT, HEAD(7) "www A 192.0.2.2\n", NULL, NULL);
    octets_buffer_add(&text, HEAD(7), sizeof HEAD(7) - 1);
    for (unsigned i = 0; !done.upkeep_wanted && i < STORE_OVERLAY_ENTRIES_MAX; i += 512) {
        for (unsigned k = i; k < i + 512; k++)
            octets_buffer_printf(&text, "n%u A 192.0.2.2\n", k);
        octets_buffer_add_u8(&text, '\0');
        text.length--;
        done = step(bed, SERIAL_INCREMENT, (char *)text.data, NULL, NULL);
    }
    assert_true(done.upkeep_wanted);
    char *before = content(bed->version);
    uint32_t last = serial(bed);
    struct store_sizes sizes;
    store_sizes(bed->store, &sizes);
    assert_true(sizes.overlay_entries > 0);
    struct publication upkeep = {.store = &bed->store, .mapped = sequence(bed)};
    publication_keep_up(&upkeep);
    assert_true(upkeep.good && upkeep.has_place && !upkeep.upkeep_wanted);
    assert_int_equal(upkeep.sizes.overlay_entries, 0);
    place_map(bed, &upkeep);
    char *after = content(bed->version);
    assert_string_equal(after, before);
    assert_int_equal(serial(bed), last);
    free(before);
    free(after);
    octets_buffer_close(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_make, bed_clear)

static void
a_damaged_record_on_disk_is_replaced_by_the_whole_content_under_the_next_serial(void **state)
{
    struct bed *bed = *state;
    static const uint8_t owner[] = "\3www\7example\3gov";
    static uint8_t heap[1 << 16];
    char path[128];
    step(bed, SERIAL_INCREMENT, HEAD(7) "www A 192.0.2.2\n", NULL, NULL);
    char *before = content(bed->version);
    version_drop(&bed->version);
    store_close(&bed->store);
    snprintf(path, sizeof path, "%s/heap.1", bed->directory);
    FILE *file = fopen(path, "r+b");
    size_t length = fread(heap, 1, sizeof heap, file);
    const uint8_t *at = memmem(heap, length, owner, sizeof owner);
    assert_non_null(at);
    assert_int_equal(fseek(file, at - heap + 1, SEEK_SET), 0);
    fputc('W', file);
    fclose(file);
    assert_true(step(bed, SERIAL_INCREMENT, HEAD(7) "www A 192.0.2.2\n", NULL, NULL).changed);
    assert_int_equal(serial(bed), 8);
    char *after = content(bed->version);
    assert_int_equal(strlen(after), strlen(before));
    assert_non_null(strstr(after, "192.0.2.2"));
    free(before);
    free(after);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_version_has_the_serial_of_the_file),
        TEST(the_same_content_changes_nothing_at_all),
        TEST(another_content_gets_a_later_serial_whatever_the_file_says),
        TEST(keep_gives_out_the_serial_of_the_file_and_nothing_else),
        TEST(the_serial_goes_on_after_a_restart),
        TEST(alias_records_become_addresses_and_never_leave),
        TEST(one_changed_owner_gives_what_the_whole_expansion_gives),
        TEST(a_changed_address_costs_the_same_octets_in_a_zone_of_any_size),
        TEST(upkeep_folds_the_changes_in_and_says_the_same),
        TEST(a_damaged_record_on_disk_is_replaced_by_the_whole_content_under_the_next_serial),
        TEST(a_store_that_cannot_be_opened_is_a_fault_and_no_version),
        TEST(a_mark_that_cannot_be_removed_is_a_fault_and_no_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
