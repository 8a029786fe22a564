// How far back the journal reaches: random edit scripts over diffs, whole contents, merges,
// compactions and restarts; limits; serials.
#include "journal_bed.h"

// ---- scripts ----

static void
bed_upkeep(struct journal_bed *bed)
{
    struct fault fault = {.text = ""};
    bool done = true;
    switch (random_below(&bed->store.random, 8)) {
    case 0:
        done = store_merge(bed->store.store, &fault);
        break;
    case 1:
        done = store_compact(bed->store.store, &fault);
        break;
    case 2:
        store_bed_reopen(&bed->store);
        break;
    default:
        return;
    }
    if (!done)
        fail_msg("%s", fault.text);
    reach_check(bed, bed->count - 1);
}

static void
script_run(uint64_t seed, const struct store_options *options, bool nsec3)
{
    struct journal_bed bed;
    bed_open(&bed, seed, options);
    bed.store.model.nsec3 = nsec3;
    bed.store.serial = 0xFFFFFFF0; // passes 0 on the way
    store_bed_edit(&bed.store, (unsigned)seed % 3 * 50);
    bed_publish(&bed, true);
    reach_check(&bed, 0);
    for (unsigned i = 1; i < SCRIPT_PUBLISHES; i++) {
        store_bed_edit(&bed.store, 1 + random_below(&bed.store.random, 5));
        bed_publish(&bed, random_below(&bed.store.random, 6) == 0);
        reach_check(&bed, i);
        bed_upkeep(&bed);
    }
    bed_close(&bed);
}

static void
from_every_earlier_content_the_steps_lead_to_the_current_one(void **state)
{
    (void)state;
    const struct store_options options = {.journal_octets_max = PLENTY};
    for (uint64_t seed = 1; seed <= 4; seed++)
        script_run(seed, &options, seed % 2 == 0);
}

static void
so_they_do_with_small_overlays_and_compaction_under_way(void **state)
{
    (void)state;
    for (uint64_t seed = 101; seed <= 104; seed++) {
        const struct store_options options = {.journal_octets_max = PLENTY,
                                              .overlay_entries_max = 1 + seed % 7,
                                              .compact_octets_max = 65536};
        script_run(seed, &options, seed % 2 == 0);
    }
}

// ---- limits ----

static void
octets_over_the_limit_go_from_the_oldest_on(void **state)
{
    (void)state;
    const struct store_options options = {.journal_octets_max = 4000};
    struct journal_bed bed;
    unsigned cuts = 0;
    bed_open(&bed, 21, &options);
    store_bed_edit(&bed.store, 30);
    bed_publish(&bed, true);
    for (unsigned i = 1; i < OLDER_MAX; i++) {
        uint32_t before = bed_extent(&bed).steps;
        store_bed_edit(&bed.store, 3);
        bed_publish(&bed, i % 10 == 5);
        struct journal_extent extent = bed_extent(&bed);
        assert_in_range(extent.octets, 1, 4000);
        assert_true(extent.octets > 2500 || extent.steps == i); // no more than an eighth and a step
        cuts += extent.steps <= before;
        if (i % 5 == 0)
            reach_check(&bed, extent.steps);
    }
    assert_in_range(cuts, 2, OLDER_MAX / 3); // not one at each publish
    bed_close(&bed);
}

static void
a_step_too_large_by_itself_empties_the_journal(void **state)
{
    (void)state;
    const struct store_options options = {.journal_octets_max = 1000};
    for (int whole = 0; whole < 2; whole++) {
        struct journal_bed bed;
        bed_open(&bed, 22, &options);
        bed_publish(&bed, true);
        store_bed_edit(&bed.store, 2);
        bed_publish(&bed, false);
        reach_check(&bed, 1);
        store_bed_edit(&bed.store, 100);
        bed_publish(&bed, whole);
        reach_check(&bed, 0);
        store_bed_edit(&bed.store, 2);
        bed_publish(&bed, whole);
        reach_check(&bed, 1);
        bed_close(&bed);
    }
}

// Whatever the settings allow, for a step is made in memory.
static void
a_step_has_a_limit_of_its_own(void **state)
{
    (void)state;
    enum { LARGE = 60000 };
    static uint8_t rdata[LARGE];
    struct model model;
    struct fault fault;
    struct journal_draft step;
    uint8_t name[NAME_SIZE_MAX];
    model_init(&model, "example.gov.");
    assert_true(name_from_text("large.example.gov.", NULL, name, NULL));
    struct draft *old = model_draft(&model);
    model_set_serial(&model, 2);
    struct draft *new = model_draft(&model), *large = draft_new(name);
    assert_true(draft_add(large, name, 65280, 60, rdata, LARGE, &fault));
    assert_true(draft_seal(large, NULL, &fault));
    journal_draft_open(&step, draft_node_at(old, 0), draft_node_at(new, 0), UINT64_MAX);
    unsigned owners = 0;
    while (journal_draft_add(&step, NULL, draft_node_at(large, 0)))
        owners++;
    assert_in_range(owners, JOURNAL_STEP_OCTETS_MAX / LARGE - 1, JOURNAL_STEP_OCTETS_MAX / LARGE);
    assert_int_equal(journal_draft_octets(&step), 0);
    journal_draft_close(&step);
    draft_free(&old);
    draft_free(&new);
    draft_free(&large);
    model_close(&model);
}

static void
no_more_than_so_many_steps_count(void **state)
{
    (void)state;
    const struct store_options options = {.journal_octets_max = PLENTY};
    struct journal_bed bed;
    struct vector steps;
    uint32_t most = 0, least = JOURNAL_STEPS_MAX;
    bed_open(&bed, 23, &options);
    store_bed_publish_draft(&bed.store);
    for (unsigned i = 1; i < JOURNAL_STEPS_MAX + 100; i++) {
        store_bed_publish_diff(&bed.store);
        uint32_t count = bed_extent(&bed).steps;
        most = count > most ? count : most;
        least = i > JOURNAL_STEPS_MAX && count < least ? count : least;
    }
    assert_int_equal(most, JOURNAL_STEPS_MAX);
    assert_in_range(least, JOURNAL_STEPS_MAX / 2, JOURNAL_STEPS_MAX - 100);
    vector_init(&steps, sizeof(struct journal_step));
    uint32_t first = bed_extent(&bed).from_serial;
    assert_true(journal_steps(bed_version(&bed), first, &steps));
    assert_int_equal(steps.count, bed_extent(&bed).steps);
    assert_false(journal_steps(bed_version(&bed), first - 1, &steps));
    assert_int_equal(steps.count, bed_extent(&bed).steps); // nothing appended
    vector_close(&steps);
    bed_close(&bed);
}

static void
without_a_limit_set_no_journal_is_kept(void **state)
{
    (void)state;
    struct journal_bed bed;
    struct fault fault;
    bed_open(&bed, 24, NULL);
    bed_publish(&bed, true);
    bed_publish(&bed, false);
    reach_check(&bed, 0);
    store_set_journal_max(bed.store.store, PLENTY);
    reach_check(&bed, 0);
    bed_publish(&bed, false);
    bed_publish(&bed, false);
    reach_check(&bed, 2);
    store_set_journal_max(bed.store.store, 0);
    reach_check(&bed, 2); // until the next publish
    assert_true(store_merge(bed.store.store, &fault));
    reach_check(&bed, 0);
    bed_close(&bed);
}

static void
a_lower_limit_holds_from_the_next_publish_on(void **state)
{
    (void)state;
    const struct store_options options = {.journal_octets_max = PLENTY};
    struct journal_bed bed;
    bed_open(&bed, 25, &options);
    bed_publish(&bed, true);
    for (unsigned i = 0; i < 20; i++)
        bed_publish(&bed, false);
    uint64_t before = bed_extent(&bed).octets;
    store_set_journal_max(bed.store.store, before / 2);
    bed_publish(&bed, false);
    assert_in_range(bed_extent(&bed).octets, 1, before / 2);
    reach_check(&bed, bed_extent(&bed).steps);
    bed_close(&bed);
}

// ---- serials ----

// Publishes the model under this serial.
static void
publish_with(struct journal_bed *bed, uint32_t serial, bool whole)
{
    bed->store.serial = serial - 1;
    if (whole)
        store_bed_publish_draft(&bed->store);
    else
        store_bed_publish_diff(&bed->store);
}

static void
content_that_changes_under_a_serial_that_stays_or_goes_back_empties_the_journal(void **state)
{
    (void)state;
    const struct store_options options = {.journal_octets_max = PLENTY};
    for (unsigned way = 0; way < 6; way++) {
        struct journal_bed bed;
        bed_open(&bed, 30 + way, &options);
        bed_publish(&bed, true);
        bed_publish(&bed, false);
        reach_check(&bed, 1);
        bed_forget(&bed);
        store_bed_edit(&bed.store, 10);
        publish_with(&bed, (uint32_t[]){2, 1, 2 + (UINT32_C(1) << 31) + 1}[way / 2], way % 2);
        bed_remember(&bed);
        reach_check(&bed, 0);
        bed_publish(&bed, false);
        reach_check(&bed, 1);
        bed_close(&bed);
    }
}

static void
the_same_content_under_the_same_serial_keeps_the_journal(void **state)
{
    (void)state;
    const struct store_options options = {.journal_octets_max = PLENTY};
    for (int whole = 0; whole < 2; whole++) {
        struct journal_bed bed;
        bed_open(&bed, 36, &options);
        store_bed_edit(&bed.store, 10);
        bed_publish(&bed, true);
        store_bed_edit(&bed.store, 3);
        bed_publish(&bed, false);
        publish_with(&bed, bed.store.serial, whole);
        reach_check(&bed, 1);
        bed_close(&bed);
    }
}

// Further back than half of all serials RFC 1982 knows no order; a serial would come twice.
static void
steps_from_which_the_current_serial_is_not_ahead_are_dropped(void **state)
{
    (void)state;
    const struct store_options options = {.journal_octets_max = PLENTY};
    struct journal_bed bed;
    bed_open(&bed, 37, &options);
    for (uint32_t i = 0; i < 20; i++) {
        publish_with(&bed, 7 + i * ((UINT32_C(3) << 28) + 1), i == 0);
        bed_remember(&bed);
        reach_check(&bed, i < 2 ? i : 2); // two of them are 3/8 of the circle, three 9/16
        if (i)
            store_bed_edit(&bed.store, 2);
    }
    bed_close(&bed);
}

static void
serials_that_no_client_can_have_are_not_reached(void **state)
{
    (void)state;
    const struct store_options options = {.journal_octets_max = PLENTY};
    struct journal_bed bed;
    struct vector steps;
    bed_open(&bed, 38, &options);
    bed.store.serial = 99;
    bed_publish(&bed, true);
    bed.store.serial = 104;
    bed_publish(&bed, false);
    vector_init(&steps, sizeof(struct journal_step));
    for (uint32_t serial = 90; serial < 120; serial++)
        assert_int_equal(journal_steps(bed_version(&bed), serial, &steps),
                         serial == 100 || serial == 105);
    assert_int_equal(steps.count, 1);
    vector_close(&steps);
    bed_close(&bed);
}

static void
the_soas_own_serial_counts_whatever_the_facts_say(void **state)
{
    (void)state;
    const struct store_options options = {.journal_octets_max = PLENTY};
    struct journal_bed bed;
    struct fault fault;
    bed_open(&bed, 39, &options);
    for (uint32_t serial = 5; serial < 8; serial++) {
        struct version_facts facts = {.signed_serial = 1000 - serial};
        model_set_serial(&bed.store.model, serial);
        struct draft *draft = model_draft(&bed.store.model);
        assert_true(store_publish_draft(bed.store.store, draft, &facts, &fault));
        draft_free(&draft);
        bed.store.serial = serial;
        bed_remember(&bed);
    }
    reach_check(&bed, 2);
    bed_close(&bed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_every_earlier_content_the_steps_lead_to_the_current_one),
        cmocka_unit_test(so_they_do_with_small_overlays_and_compaction_under_way),
        cmocka_unit_test(octets_over_the_limit_go_from_the_oldest_on),
        cmocka_unit_test(a_step_too_large_by_itself_empties_the_journal),
        cmocka_unit_test(a_step_has_a_limit_of_its_own),
        cmocka_unit_test(no_more_than_so_many_steps_count),
        cmocka_unit_test(without_a_limit_set_no_journal_is_kept),
        cmocka_unit_test(a_lower_limit_holds_from_the_next_publish_on),
        cmocka_unit_test(
            content_that_changes_under_a_serial_that_stays_or_goes_back_empties_the_journal),
        cmocka_unit_test(the_same_content_under_the_same_serial_keeps_the_journal),
        cmocka_unit_test(steps_from_which_the_current_serial_is_not_ahead_are_dropped),
        cmocka_unit_test(serials_that_no_client_can_have_are_not_reached),
        cmocka_unit_test(the_soas_own_serial_counts_whatever_the_facts_say),
    };
    store_io_without_sync();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
