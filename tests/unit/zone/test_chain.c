// NSEC3 in the store: random edit scripts against the naive model, then what a chain, a hidden
// record and an older index's format come to, one by one.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/dns/rrtype.h"
#include "common/zone/chain.h"
#include "common/zone/find.h"
#include "common/zone/store.h"
#include "tests/support/store_bed.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct store_bed bed;
static const struct nsec3_parameters plain = {.algorithm = NSEC3_SHA1};
static const struct nsec3_parameters salted = {
    .algorithm = NSEC3_SHA1, .iterations = 5, .salt_length = 2, .salt = {0xab, 0xcd}};

// ---- random scripts ----

// What the store says is the model, as the store has it mapped and as a server maps it afresh.
static void
bed_check(unsigned queries)
{
    const struct version *version;
    struct version_place place;
    struct fault fault;
    model_check_version(&bed.model, store_current(bed.store), &bed.random, queries);
    assert_true(store_place(bed.store, &place, &fault));
    if (!version_map(&place, NULL, &version, &fault))
        fail_msg("%s", fault.text);
    version_place_close(&place);
    model_check_version(&bed.model, version, &bed.random, 3);
    version_drop(&version);
}

static void
bed_upkeep(void)
{
    struct fault fault = {.text = ""};
    bool done = true;
    switch (random_below(&bed.random, 8)) {
    case 0:
        done = store_merge(bed.store, &fault);
        break;
    case 1:
        done = store_compact(bed.store, &fault);
        break;
    case 2:
        store_bed_reopen(&bed);
        break;
    case 3:
        store_bed_publish_draft(&bed);
        break;
    default:
        return;
    }
    if (!done)
        fail_msg("%s", fault.text);
    bed_check(5);
}

// How often the scripts came by what they are for.
static unsigned versions_with_nsec3, versions_with_overlay;

static void
script_run(uint64_t seed, size_t overlay_max, unsigned steps)
{
    struct store_options options = {.overlay_entries_max = overlay_max,
                                    .compact_octets_max = seed % 2 ? 0 : 500};
    store_bed_open(&bed, seed, &options);
    bed.model.nsec3 = true;
    store_bed_publish_draft(&bed);
    for (; steps; steps--) {
        struct store_sizes sizes;
        store_bed_edit(&bed, 1 + random_below(&bed.random, 5));
        store_bed_publish_diff(&bed);
        store_sizes(bed.store, &sizes);
        versions_with_nsec3 += version_facts(store_current(bed.store))->nsec3;
        versions_with_overlay +=
            version_facts(store_current(bed.store))->nsec3 && sizes.overlay_entries > 0;
        bed_check(12);
        bed_upkeep();
    }
    store_bed_close(&bed);
}

static void
random_scripts_give_the_model(void **state)
{
    (void)state;
    for (uint64_t seed = 301; seed <= 306; seed++)
        script_run(seed, 0, 30);
    for (uint64_t seed = 311; seed <= 316; seed++)
        script_run(seed, 1 + seed % 12, 30);
    assert_true(versions_with_nsec3 > 100);
    assert_true(versions_with_overlay > 50);
}

// ---- a zone that one can see through ----

static const uint8_t *
hashed(const struct nsec3_parameters *parameters, const char *text)
{
    static uint8_t names[8][NAME_SIZE_MAX];
    static unsigned next;
    uint8_t *name = names[next++ % 8], hash[NSEC3_HASH_SIZE];
    nsec3_hash(parameters, model_wire(text), hash);
    assert_true(nsec3_owner(hash, bed.model.apex, name));
    return name;
}

static void
put(const uint8_t *owner, uint16_t type)
{
    model_put(&bed.model, owner, type, 60, (const uint8_t *)"\0\0\0\1", 4);
}

static void
put_nsec3(const struct nsec3_parameters *parameters, uint8_t flags, const char *text)
{
    uint8_t rdata[64];
    size_t length = nsec3_parameters_write(parameters, rdata);
    rdata[1] = flags;
    rdata[length++] = NSEC3_HASH_SIZE;
    memset(rdata + length, 7, NSEC3_HASH_SIZE);
    model_remove(&bed.model, hashed(parameters, text), RRTYPE_NSEC3);
    model_put(&bed.model, hashed(parameters, text), RRTYPE_NSEC3, 60, rdata,
              (uint16_t)(length + NSEC3_HASH_SIZE));
}

static void
put_parameters(const struct nsec3_parameters *parameters)
{
    uint8_t rdata[64];
    size_t length = nsec3_parameters_write(parameters, rdata);
    model_put(&bed.model, bed.model.apex, RRTYPE_NSEC3PARAM, 0, rdata, (uint16_t)length);
}

static int
zone_make(void **state)
{
    (void)state;
    store_bed_open(&bed, 1, NULL);
    put(model_wire("www"), RRTYPE_A);
    put(model_wire("mail"), RRTYPE_A);
    put_parameters(&plain);
    put_nsec3(&plain, 0, "example.gov.");
    put_nsec3(&plain, 0, "www");
    put_nsec3(&plain, 0, "mail");
    store_bed_publish_draft(&bed);
    return 0;
}

static int
zone_give(void **state)
{
    (void)state;
    store_bed_close(&bed);
    return 0;
}

static const struct version *
current(void)
{
    return store_current(bed.store);
}

static size_t
overlay_entries(void)
{
    struct store_sizes sizes;
    store_sizes(bed.store, &sizes);
    return (size_t)sizes.overlay_entries;
}

// By all three lookups.
static void
assert_name(const uint8_t *name, bool exists)
{
    struct name_suffixes suffixes;
    struct zone_match match;
    name_suffixes_init(&suffixes, name, version_hash_key(current()));
    zone_find(current(), name, &suffixes, &match);
    assert_int_equal(match.node != NULL, exists);
    assert_int_equal(zone_find_exact(current(), name) != NULL, exists);
}

static void
assert_denies(const struct nsec3_parameters *parameters, const char *text)
{
    uint8_t hash[NSEC3_HASH_SIZE];
    bool matches;
    nsec3_hash(parameters, model_wire(text), hash);
    const struct node *node = zone_find_nsec3(current(), hash, &matches);
    assert_non_null(node);
    assert_true(matches);
    assert_true(name_equal(node_owner(node), hashed(parameters, text)));
}

static void
parameters_are_read_off_the_apex_whatever_the_caller_says(void **state)
{
    (void)state;
    assert_true(version_facts(current())->nsec3); // bed's facts say no
    assert_true(nsec3_parameters_equal(version_nsec3(current()), &plain));
    store_bed_reopen(&bed);
    assert_true(nsec3_parameters_equal(version_nsec3(current()), &plain));
    put(model_wire("example.gov."), RRTYPE_NSEC);
    store_bed_publish_diff(&bed);
    assert_false(version_facts(current())->nsec3);
    assert_null(version_nsec3(current()));
}

static void
hashed_owners_are_records_and_no_names(void **state)
{
    (void)state;
    bool damaged;
    assert_name(hashed(&plain, "www"), false);
    assert_non_null(zone_find_record(current(), hashed(&plain, "www"), &damaged));
    assert_name(model_wire("www"), true);
    assert_null(zone_find_record(current(), hashed(&plain, "none"), &damaged));
    assert_false(damaged);
}

static void
a_name_below_a_hashed_owner_makes_it_exist_as_long_as_it_is_there(void **state)
{
    (void)state;
    uint8_t below[NAME_SIZE_MAX], deeper[NAME_SIZE_MAX];
    const uint8_t *owner = hashed(&plain, "www");
    below[0] = 1;
    below[1] = 'x';
    name_copy(below + 2, owner);
    deeper[0] = 1;
    deeper[1] = 'y';
    name_copy(deeper + 2, below);
    put(deeper, RRTYPE_A);
    store_bed_publish_diff(&bed);
    assert_int_equal(overlay_entries(), 4); // the two, the hashed owner, and the apex's SOA
    assert_name(owner, true);
    assert_name(below, true);
    bed_check(5);
    model_remove(&bed.model, deeper, 0);
    store_bed_publish_diff(&bed);
    assert_name(owner, false);
    assert_name(below, false);
    bed_check(5);
}

static void
a_hashed_owner_that_goes_in_the_same_publish_as_a_name_below_it_is_gone(void **state)
{
    (void)state;
    uint8_t below[NAME_SIZE_MAX];
    bool damaged;
    const uint8_t *owner = hashed(&plain, "www");
    below[0] = 1;
    below[1] = 'x';
    name_copy(below + 2, owner);
    put(below, RRTYPE_A);
    store_bed_publish_diff(&bed);
    model_remove(&bed.model, below, 0);
    model_remove(&bed.model, owner, 0);
    store_bed_publish_diff(&bed);
    assert_null(zone_find_record(current(), owner, &damaged));
    bed_check(5);
    put(below, RRTYPE_A); // now as an empty non-terminal
    store_bed_publish_diff(&bed);
    assert_name(owner, true);
    put_nsec3(&plain, 0, "www");
    store_bed_publish_diff(&bed);
    assert_name(owner, true);
    assert_denies(&plain, "www");
    bed_check(5);
}

static void
a_name_may_coincide_with_a_hashed_one(void **state)
{
    (void)state;
    const uint8_t *owner = hashed(&plain, "www");
    put(owner, RRTYPE_TXT);
    store_bed_publish_diff(&bed);
    assert_name(owner, true);
    assert_denies(&plain, "www");
    model_remove(&bed.model, owner, RRTYPE_TXT);
    store_bed_publish_diff(&bed);
    assert_name(owner, false);
    assert_denies(&plain, "www");
    bed_check(5);
}

static void
another_salt_takes_a_full_index_and_the_same_one_an_overlay(void **state)
{
    (void)state;
    put_nsec3(&plain, 0, "new");
    store_bed_publish_diff(&bed);
    assert_int_equal(overlay_entries(), 2);
    put_nsec3(&salted, 0, "www");
    put_nsec3(&salted, 0, "example.gov.");
    store_bed_publish_diff(&bed); // another chain's records are data
    assert_int_equal(overlay_entries(), 4);
    assert_denies(&plain, "www");
    put_parameters(&salted);
    store_bed_publish_diff(&bed); // 0 iterations come before 5
    assert_denies(&plain, "www");
    assert_int_equal(overlay_entries(), 4);
    model_remove(&bed.model, bed.model.apex, RRTYPE_NSEC3PARAM);
    put_parameters(&salted);
    store_bed_publish_diff(&bed);
    assert_int_equal(overlay_entries(), 0);
    assert_denies(&salted, "www");
    bed_check(5);
    put(bed.model.apex, RRTYPE_NSEC);
    store_bed_publish_diff(&bed);
    assert_int_equal(overlay_entries(), 0);
    assert_true(
        name_equal(node_owner(zone_find_nsec(current(), model_wire("www"))), bed.model.apex));
    bed_check(5);
}

static void
of_several_parameters_those_are_used_whose_chain_has_the_apex(void **state)
{
    (void)state;
    put_parameters(&salted);
    put_nsec3(&salted, 0, "example.gov.");
    model_remove(&bed.model, hashed(&plain, "example.gov."), 0);
    store_bed_publish_diff(&bed);
    assert_true(nsec3_parameters_equal(version_nsec3(current()), &salted));
    assert_int_equal(overlay_entries(), 0);
    bed_check(5);
}

static void
opt_out_is_what_the_apexs_nsec3_says(void **state)
{
    (void)state;
    assert_int_equal(version_nsec3(current())->flags, 0);
    put_nsec3(&plain, NSEC3_FLAG_OPT_OUT, "example.gov.");
    store_bed_publish_diff(&bed);
    assert_int_equal(version_nsec3(current())->flags, NSEC3_FLAG_OPT_OUT);
    assert_true(overlay_entries() > 0);
    store_bed_reopen(&bed);
    assert_int_equal(version_nsec3(current())->flags, NSEC3_FLAG_OPT_OUT);
    put_nsec3(&plain, 0, "example.gov.");
    put_nsec3(&plain, NSEC3_FLAG_OPT_OUT, "www");
    store_bed_publish_draft(&bed);
    assert_int_equal(version_nsec3(current())->flags, 0);
}

static void
parameters_that_cannot_be_used_are_passed_over(void **state)
{
    (void)state;
    struct nsec3_parameters other = plain;
    uint8_t rdata[64];
    model_remove(&bed.model, bed.model.apex, RRTYPE_NSEC3PARAM);
    other.algorithm = 2;
    put_parameters(&other);
    other = plain;
    other.iterations = CHAIN_ITERATIONS_MAX + 1;
    put_parameters(&other);
    size_t length = nsec3_parameters_write(&plain, rdata);
    rdata[1] = 1;
    model_put(&bed.model, bed.model.apex, RRTYPE_NSEC3PARAM, 0, rdata, (uint16_t)length);
    store_bed_publish_diff(&bed);
    assert_false(version_facts(current())->nsec3);
    assert_null(zone_find_nsec(current(), model_wire("www")));
    bed_check(5);
    other.iterations = CHAIN_ITERATIONS_MAX;
    put_parameters(&other);
    store_bed_publish_diff(&bed);
    assert_true(version_facts(current())->nsec3);
    bed_check(5);
}

static void
before_the_first_hash_comes_the_last_in_a_ring_and_none_by_name(void **state)
{
    (void)state;
    uint8_t first[NSEC3_HASH_SIZE] = {0}, last[NSEC3_HASH_SIZE];
    uint8_t lowest[NAME_SIZE_MAX], highest[NAME_SIZE_MAX];
    bool matches = true;
    memset(last, 0xff, sizeof last);
    assert_true(nsec3_owner(first, bed.model.apex, lowest));
    assert_true(nsec3_owner(last, bed.model.apex, highest));
    for (unsigned round = 0; round < 2; round++) { // from the base, then with an overlay
        assert_null(zone_find_nsec(current(), lowest));
        const struct node *node = zone_find_nsec3(current(), first, &matches);
        assert_non_null(node);
        assert_false(matches);
        assert_ptr_equal(node, zone_find_nsec3(current(), last, &matches));
        assert_ptr_equal(node, zone_find_nsec(current(), highest));
        assert_false(matches);
        model_remove(&bed.model, node_owner(node), 0); // its last record is dead now
        store_bed_publish_diff(&bed);
    }
    bed_check(5);
}

// Whether the zone has NSEC3 cannot be known then.
static void
a_change_beside_a_damaged_apex_is_refused(void **state)
{
    (void)state;
    char path[STORE_DIRECTORY_MAX + 16];
    struct version_facts facts = {.signed_serial = 2};
    struct fault fault;
    struct diff diff;
    size_t position = 0;
    uint8_t octet;
    struct arena *arena = arena_new();
    snprintf(path, sizeof path, "%s/heap.1", bed.path);
    int file = open(path, O_RDWR | O_CLOEXEC);
    off_t inside = 64 + 32; // of the first record, the apex's
    assert_int_equal(pread(file, &octet, 1, inside), 1);
    octet ^= 1;
    assert_int_equal(pwrite(file, &octet, 1, inside), 1);
    close(file);
    assert_false(store_scrub(bed.store, &position, 100, &fault)); // so it is looked at again
    diff_init(&diff);
    diff_add(&diff, NULL, node_build(arena, model_wire("ent.new"), NULL, 0));
    assert_false(store_publish_diff(bed.store, &diff, &facts, &fault));
    assert_int_equal(fault.kind, FAULT_CORRUPT);
    diff_close(&diff);
    arena_free(&arena);
}

// ---- an older format ----

static void
format_set(uint8_t format)
{
    DIR *walk = opendir(bed.path);
    const struct dirent *entry;
    assert_non_null(walk);
    while ((entry = readdir(walk))) {
        if (strncmp(entry->d_name, "index.", 6) != 0)
            continue;
        int file = openat(dirfd(walk), entry->d_name, O_WRONLY | O_CLOEXEC);
        assert_int_equal(pwrite(file, &format, 1, 8), 1); // behind the magic; no checksum covers it
        close(file);
    }
    closedir(walk);
}

static void
nsec_indexes_of_the_format_before_are_served_and_written_anew(void **state)
{
    (void)state;
    model_remove(&bed.model, bed.model.apex, RRTYPE_NSEC3PARAM);
    model_remove(&bed.model, hashed(&plain, "example.gov."), 0);
    model_remove(&bed.model, hashed(&plain, "www"), 0);
    model_remove(&bed.model, hashed(&plain, "mail"), 0);
    put(bed.model.apex, RRTYPE_NSEC);
    store_bed_publish_draft(&bed);
    put(model_wire("next"), RRTYPE_A);
    store_bed_publish_diff(&bed);
    store_close(&bed.store);
    format_set(1);
    store_bed_reopen(&bed);
    assert_true(overlay_entries() > 0);
    bed_check(10);
    put(model_wire("other"), RRTYPE_A);
    store_bed_publish_diff(&bed);
    assert_int_equal(overlay_entries(), 0);
    bed_check(10);
    store_bed_publish_diff(&bed);
    assert_true(overlay_entries() > 0);
}

static void
nsec3_indexes_of_the_format_before_are_set_aside(void **state)
{
    (void)state;
    struct store_opening opening;
    struct fault fault;
    store_close(&bed.store);
    format_set(1);
    assert_true(store_open(bed.path, bed.model.apex, NULL, &bed.store, &opening, &fault));
    assert_int_equal(opening.torn_indexes, 1);
    assert_null(store_current(bed.store));
    store_bed_publish_draft(&bed); // from the source, as at a first start
    bed_check(10);
    assert_int_equal(version_facts(current())->sequence, 2);
}

static void
indexes_of_a_format_to_come_are_set_aside(void **state)
{
    (void)state;
    struct store_opening opening;
    struct fault fault;
    store_close(&bed.store);
    format_set(3);
    assert_true(store_open(bed.path, bed.model.apex, NULL, &bed.store, &opening, &fault));
    assert_int_equal(opening.torn_indexes, 1);
    assert_null(store_current(bed.store));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, zone_make, zone_give)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_scripts_give_the_model),
        TEST(parameters_are_read_off_the_apex_whatever_the_caller_says),
        TEST(hashed_owners_are_records_and_no_names),
        TEST(a_name_below_a_hashed_owner_makes_it_exist_as_long_as_it_is_there),
        TEST(a_hashed_owner_that_goes_in_the_same_publish_as_a_name_below_it_is_gone),
        TEST(a_name_may_coincide_with_a_hashed_one),
        TEST(another_salt_takes_a_full_index_and_the_same_one_an_overlay),
        TEST(of_several_parameters_those_are_used_whose_chain_has_the_apex),
        TEST(opt_out_is_what_the_apexs_nsec3_says),
        TEST(parameters_that_cannot_be_used_are_passed_over),
        TEST(before_the_first_hash_comes_the_last_in_a_ring_and_none_by_name),
        TEST(a_change_beside_a_damaged_apex_is_refused),
        TEST(nsec_indexes_of_the_format_before_are_served_and_written_anew),
        TEST(nsec3_indexes_of_the_format_before_are_set_aside),
        TEST(indexes_of_a_format_to_come_are_set_aside),
    };
    store_io_without_sync();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
