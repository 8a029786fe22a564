// What a step says, and what becomes of it: in compaction, and when it is damaged.
#include "journal_bed.h"

#include <fcntl.h>
#include <unistd.h>

// ---- what a step says ----

static void
steps_text(const struct journal_bed *bed, uint32_t serial, struct octets_buffer *text)
{
    struct vector steps;
    vector_init(&steps, sizeof(struct journal_step));
    octets_buffer_init(text);
    assert_true(journal_steps(bed_version(bed), serial, &steps));
    for (size_t i = 0; i < steps.count; i++) {
        struct journal_walk walk;
        struct diff_rr rr;
        journal_walk_init(&walk, vector_at(&steps, i));
        while (journal_walk_next(&walk, &rr)) {
            char owner[NAME_TEXT_MAX];
            octets_buffer_printf(text, "%c%s %u/%u:", rr.added ? '+' : '-',
                                 name_to_text(rr.owner, owner), rr.type, (unsigned)rr.ttl);
            octets_buffer_printf(text, "%u\n", rr.rdlength > 3 ? rr.rdata[3] : 0U);
        }
    }
    octets_buffer_add_u8(text, 0);
    vector_close(&steps);
}

static void
model_address(struct model *model, const char *owner, uint32_t ttl, uint8_t last)
{
    uint8_t name[NAME_SIZE_MAX];
    assert_true(name_from_text(owner, NULL, name, NULL));
    model_put(model, name, RRTYPE_A, ttl, (const uint8_t[]){192, 0, 2, last}, 4);
}

static void
model_remove_all(struct model *model, const char *owner)
{
    uint8_t name[NAME_SIZE_MAX];
    assert_true(name_from_text(owner, NULL, name, NULL));
    model_remove(model, name, 0);
}

static void
one_rr_of_an_rrset_goes_and_comes_alone_but_a_ttl_takes_all_along(void **state)
{
    (void)state;
    const struct store_options options = {.journal_octets_max = PLENTY};
    struct journal_bed bed;
    struct octets_buffer text;
    struct model *model = &bed.store.model;
    bed_open(&bed, 40, &options);
    for (uint8_t last = 1; last <= 3; last++) {
        model_address(model, "a.example.gov.", 60, last);
        model_address(model, "b.example.gov.", 60, last);
    }
    bed_publish(&bed, true);
    model_remove_all(model, "a.example.gov.");
    for (uint8_t last = 2; last <= 4; last++)
        model_address(model, "a.example.gov.", 60, last);
    model_remove_all(model, "b.example.gov.");
    for (uint8_t last = 1; last <= 2; last++)
        model_address(model, "b.example.gov.", 61, last);
    bed_publish(&bed, false);
    steps_text(&bed, 1, &text);
    assert_string_equal((const char *)text.data,
                        "-example.gov. 6/3600:0\n"
                        "-a.example.gov. 1/60:1\n"
                        "-b.example.gov. 1/60:1\n-b.example.gov. 1/60:2\n-b.example.gov. 1/60:3\n"
                        "+example.gov. 6/3600:0\n"
                        "+a.example.gov. 1/60:4\n"
                        "+b.example.gov. 1/61:1\n+b.example.gov. 1/61:2\n");
    octets_buffer_close(&text);
    reach_check(&bed, 1);
    bed_close(&bed);
}

static void
model_signature(struct model *model, uint16_t type, uint32_t ttl, uint8_t seen)
{
    uint8_t rdata[20] = {0};
    octets_put_u16(rdata, type);
    rdata[3] = seen;
    model_put(model, model->apex, RRTYPE_RRSIG, ttl, rdata, sizeof rdata);
}

static void
signatures_of_one_owner_keep_their_own_ttls(void **state)
{
    (void)state;
    const struct store_options options = {.journal_octets_max = PLENTY};
    struct journal_bed bed;
    struct octets_buffer text;
    struct model *model = &bed.store.model;
    bed_open(&bed, 42, &options);
    for (uint8_t round = 1; round <= 2; round++) {
        model_remove(model, model->apex, RRTYPE_RRSIG);
        model_signature(model, RRTYPE_NS, 60, round);
        model_signature(model, RRTYPE_SOA, 300, round);
        bed_publish(&bed, round == 1);
    }
    steps_text(&bed, 1, &text);
    assert_string_equal((const char *)text.data, "-example.gov. 6/3600:0\n"
                                                 "-example.gov. 46/60:1\n-example.gov. 46/300:1\n"
                                                 "+example.gov. 6/3600:0\n"
                                                 "+example.gov. 46/60:2\n+example.gov. 46/300:2\n");
    octets_buffer_close(&text);
    reach_check(&bed, 1);
    bed_close(&bed);
}

static void
an_earlier_version_keeps_its_own_journal(void **state)
{
    (void)state;
    const struct store_options options = {.journal_octets_max = 2000};
    struct journal_bed bed;
    struct octets_buffer before, after;
    bed_open(&bed, 41, &options);
    bed_publish(&bed, true);
    for (unsigned i = 0; i < 5; i++)
        bed_publish(&bed, false);
    const struct version *held = version_hold(bed_version(&bed));
    octets_buffer_init(&before);
    octets_buffer_init(&after);
    assert_true(journal_dump(held, &before));
    assert_true(before.length > 0);
    for (unsigned i = 0; i < 40; i++) {
        struct fault fault;
        store_bed_edit(&bed.store, 3);
        bed_publish(&bed, i % 7 == 0);
        assert_true(i % 9 != 0 || store_compact(bed.store.store, &fault));
    }
    bed_close(&bed);
    assert_true(journal_dump(held, &after));
    assert_int_equal(before.length, after.length);
    assert_memory_equal(before.data, after.data, before.length);
    version_drop(&held);
    octets_buffer_close(&before);
    octets_buffer_close(&after);
}

// ---- upkeep ----

static void
compaction_copies_the_steps_and_leaves_nothing_dead(void **state)
{
    (void)state;
    const struct store_options options = {.journal_octets_max = PLENTY};
    struct journal_bed bed;
    struct store_sizes sizes;
    struct fault fault;
    bed_open(&bed, 50, &options);
    bed_publish(&bed, true);
    for (unsigned i = 0; i < 20; i++) {
        store_bed_edit(&bed.store, 3);
        bed_publish(&bed, false);
    }
    assert_true(store_compact(bed.store.store, &fault));
    store_sizes(bed.store.store, &sizes);
    assert_int_equal(sizes.heap_octets, sizes.living_octets + 64); // the heap's header
    assert_true(sizes.living_octets > bed_extent(&bed).octets);
    reach_check(&bed, 20);
    bed_close(&bed);
}

static void
compaction_takes_no_more_steps_along_than_one_call_may_copy(void **state)
{
    (void)state;
    const struct store_options options = {.journal_octets_max = PLENTY, .compact_octets_max = 1000};
    struct journal_bed bed;
    struct fault fault;
    bed_open(&bed, 51, &options);
    bed_publish(&bed, true);
    for (unsigned i = 0; i < 20; i++)
        bed_publish(&bed, false);
    assert_true(bed_extent(&bed).octets > 2000);
    assert_true(store_compact(bed.store.store, &fault));
    assert_in_range(bed_extent(&bed).octets, 500, 1000);
    uint32_t steps = bed_extent(&bed).steps;
    reach_check(&bed, steps);
    bed_publish(&bed, false); // while compaction is under way
    reach_check(&bed, steps + 1);
    while (store_wants_compact(bed.store.store))
        assert_true(store_compact(bed.store.store, &fault));
    reach_check(&bed, steps + 1);
    bed_close(&bed);
}

// ---- damage ----

static uint8_t *
heap_octet(const struct version *version, uint64_t offset, int file)
{
    static uint8_t octet;
    assert_int_equal(pread(file, &octet, 1, (off_t)offset), 1);
    assert_int_equal(octet, version->heaps.octets[0][offset]);
    return &octet;
}

static void
octet_flip(const struct version *version, uint64_t offset, int file)
{
    uint8_t *octet = heap_octet(version, offset, file);
    *octet ^= (uint8_t)(1U << offset % 8);
    assert_int_equal(pwrite(file, octet, 1, (off_t)offset), 1);
}

static int
heap_open(const struct journal_bed *bed)
{
    char path[STORE_DIRECTORY_MAX + 32];
    struct store_sizes sizes;
    store_sizes(bed->store.store, &sizes);
    snprintf(path, sizeof path, "%s/heap.%u", bed->store.path, sizes.generation);
    int file = open(path, O_RDWR | O_CLOEXEC);
    assert_true(file >= 0);
    return file;
}

// A whole content, so that the heap ends in all the steps and nothing else.
static void
bed_open_with_steps(struct journal_bed *bed, uint64_t seed, size_t steps)
{
    const struct store_options options = {.journal_octets_max = PLENTY};
    bed_open(bed, seed, &options);
    store_bed_edit(&bed->store, 15);
    bed_publish(bed, true);
    for (size_t i = 1; i <= steps; i++) {
        store_bed_edit(&bed->store, 2);
        bed_publish(bed, i == steps);
    }
    reach_check(bed, steps);
}

// A wrong octet is in one step: what needs it is not reached, all else is, and is right.
static void
any_wrong_octet_in_a_step_is_seen_and_never_told(void **state)
{
    (void)state;
    enum { STEPS = 4 };
    struct journal_bed bed;
    bed_open_with_steps(&bed, 60, STEPS);
    int file = heap_open(&bed);
    const struct version *version = bed_version(&bed);
    uint64_t end = version->header->heap_length, padding = 0, damaged[STEPS + 1] = {0};
    for (uint64_t at = end - bed_extent(&bed).octets; at < end; at++) {
        size_t reached = 0;
        octet_flip(version, at, file);
        for (size_t i = 0; i <= STEPS; i++)
            reached += steps_apply(&bed, i);
        damaged[reached - 1]++;
        octet_flip(version, at, file);
    }
    padding = damaged[STEPS];
    assert_in_range(padding, 0, 7 * STEPS); // zeros behind the items are nobody's
    for (size_t i = 0; i < STEPS; i++)
        assert_true(damaged[i] >= STEP_FIRST);
    close(file);
    bed_close(&bed);
}

static void
steps_behind_a_damaged_one_are_carried_on_and_the_rest_left_behind(void **state)
{
    (void)state;
    struct fault fault;
    for (unsigned way = 0; way < 3; way++) {
        struct journal_bed bed;
        bed_open_with_steps(&bed, 61, 6);
        int file = heap_open(&bed);
        struct vector steps;
        vector_init(&steps, sizeof(struct journal_step));
        assert_true(journal_steps(bed_version(&bed), bed.serials[0], &steps));
        const struct journal_step *step = vector_at(&steps, 2);
        octet_flip(bed_version(&bed),
                   (uint64_t)(step->place - bed_version(&bed)->heaps.octets[0]) + STEP_FIRST + 4,
                   file);
        close(file);
        vector_close(&steps);
        if (way == 0)
            assert_true(store_compact(bed.store.store, &fault));
        else
            bed_publish(&bed, way == 1);
        if (way == 2) { // an overlay looks at none of them
            assert_int_equal(bed_extent(&bed).steps, 7);
            for (size_t i = 0; i < bed.count; i++)
                assert_int_equal(steps_apply(&bed, i), i >= 3);
        } else {
            reach_check(&bed, way == 1 ? 4 : 3);
        }
        bed_close(&bed);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_rr_of_an_rrset_goes_and_comes_alone_but_a_ttl_takes_all_along),
        cmocka_unit_test(signatures_of_one_owner_keep_their_own_ttls),
        cmocka_unit_test(an_earlier_version_keeps_its_own_journal),
        cmocka_unit_test(compaction_copies_the_steps_and_leaves_nothing_dead),
        cmocka_unit_test(compaction_takes_no_more_steps_along_than_one_call_may_copy),
        cmocka_unit_test(any_wrong_octet_in_a_step_is_seen_and_never_told),
        cmocka_unit_test(steps_behind_a_damaged_one_are_carried_on_and_the_rest_left_behind),
    };
    store_io_without_sync();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
