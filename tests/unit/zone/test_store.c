// Random edit scripts against the naive model, over full indexes, overlays, merged, compacted and
// reopened stores.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/dns/rrtype.h"
#include "common/zone/diff.h"
#include "common/zone/find.h"
#include "common/zone/store.h"
#include "tests/support/zone_model.h"
#include "tests/support/store_directory.h"

#include "common/zone/store_io.h"

// What a sync is good for is the crash test's to show; here it only takes time.
static int
no_sync(int file)
{
    (void)file;
    return 0;
}

struct bed {
    char path[STORE_DIRECTORY_MAX];
    struct store_options options;
    struct store *store;
    struct model model;
    struct random random;
    uint32_t serial;
};

static void
bed_open_store(struct bed *bed)
{
    struct fault fault = {.text = ""};
    struct store_opening opening;
    if (!store_open(bed->path, bed->model.apex, &bed->options, &bed->store, &opening, &fault))
        fail_msg("%s", fault.text);
    assert_int_equal(opening.torn_indexes, 0);
}

static void
bed_open(struct bed *bed, uint64_t seed, size_t overlay_max, uint64_t compact_max)
{
    *bed = (struct bed){
        .random = {seed},
        .options = {.overlay_entries_max = overlay_max, .compact_octets_max = compact_max}};
    store_directory_make(bed->path);
    model_init(&bed->model, "example.gov.");
    bed_open_store(bed);
}

static void
bed_close(struct bed *bed)
{
    store_close(&bed->store);
    model_close(&bed->model);
    store_directory_remove(bed->path);
}

static struct version_facts
bed_facts(struct bed *bed)
{
    model_set_serial(&bed->model, ++bed->serial);
    return (struct version_facts){.unsigned_serial = bed->serial,
                                  .signed_serial = bed->serial,
                                  .published_seconds = 1000 + bed->serial};
}

static void
bed_publish_draft(struct bed *bed)
{
    struct fault fault = {.text = ""};
    struct version_facts facts = bed_facts(bed);
    struct draft *draft = model_draft(&bed->model);
    if (!store_publish_draft(bed->store, draft, &facts, &fault))
        fail_msg("%s", fault.text);
    draft_free(&draft);
}

static void
bed_publish_diff(struct bed *bed)
{
    struct fault fault = {.text = ""};
    struct version_facts facts = bed_facts(bed);
    struct draft *draft = model_draft(&bed->model);
    struct diff diff;
    diff_version_draft(store_current(bed->store), draft, DIFF_WHOLE, &diff);
    if (!store_publish_diff(bed->store, &diff, &facts, &fault))
        fail_msg("%s", fault.text);
    diff_close(&diff);
    // apply(a, diff(a, b)) == b
    diff_version_draft(store_current(bed->store), draft, DIFF_WHOLE, &diff);
    assert_int_equal(diff.count, 0);
    diff_close(&diff);
    draft_free(&draft);
}

static void
bed_check(struct bed *bed, unsigned queries)
{
    const struct version_facts *facts = version_facts(store_current(bed->store));
    assert_int_equal(facts->signed_serial, bed->serial);
    model_check_version(&bed->model, store_current(bed->store), &bed->random, queries);
    // The same, mapped afresh as a server does.
    struct version_place place;
    struct fault fault;
    const struct version *version;
    assert_true(store_place(bed->store, &place, &fault));
    if (!version_map(&place, NULL, &version, &fault))
        fail_msg("%s", fault.text);
    version_place_close(&place);
    assert_true(model_is_version(&bed->model, version));
    version_drop(&version);
}

static void
bed_upkeep(struct bed *bed)
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
        store_close(&bed->store);
        bed_open_store(bed);
        break;
    case 3:
        bed_publish_draft(bed);
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
    struct bed bed;
    bed_open(&bed, seed, overlay_max, compact_max);
    bed_publish_draft(&bed);
    bed_check(&bed, 20);
    for (; steps; steps--) {
        for (unsigned edits = 1 + random_below(&bed.random, 5); edits; edits--)
            model_random_edit(&bed.model, &bed.random);
        bed_publish_diff(&bed);
        bed_check(&bed, 30);
        bed_upkeep(&bed);
    }
    bed_close(&bed);
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

int
main(void)
{
    struct store_io io = *store_io();
    io.fsync = io.fdatasync = no_sync;
    store_io_set(&io);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_scripts_give_the_model_with_overlays),
        cmocka_unit_test(random_scripts_give_the_model_with_small_overlays),
        cmocka_unit_test(random_scripts_give_the_model_while_compaction_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
