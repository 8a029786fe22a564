// The steps of the journal lead from each earlier content to the current one, RR by RR: random edit
// scripts against the naive model, over diffs, whole contents, merges, compactions and restarts.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "common/zone/journal.h"
#include "common/zone/journal_write.h"
#include "common/zone/version_inside.h"
#include "tests/support/store_bed.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PLENTY           (UINT64_C(1) << 20)
#define OLDER_MAX        64 // contents kept to start from
#define STEP_FIRST       40 // octets of a step's header
#define SCRIPT_PUBLISHES 20

struct journal_bed {
    struct store_bed store;
    struct model older[OLDER_MAX]; // contents published, the oldest first
    uint32_t serials[OLDER_MAX];
    size_t count;
};

static void
bed_open(struct journal_bed *bed, uint64_t seed, const struct store_options *options)
{
    memset(bed, 0, sizeof *bed);
    store_bed_open(&bed->store, seed, options);
}

static void
bed_forget(struct journal_bed *bed)
{
    while (bed->count)
        model_close(&bed->older[--bed->count]);
}

static void
bed_close(struct journal_bed *bed)
{
    bed_forget(bed);
    store_bed_close(&bed->store);
}

static const struct version *
bed_version(const struct journal_bed *bed)
{
    return store_current(bed->store.store);
}

static struct journal_extent
bed_extent(const struct journal_bed *bed)
{
    struct journal_extent extent;
    journal_extent(bed_version(bed), &extent);
    return extent;
}

// The content of the last publish becomes one to start from.
static void
bed_remember(struct journal_bed *bed)
{
    assert_true(bed->count < OLDER_MAX);
    bed->serials[bed->count] = bed->store.serial;
    model_copy(&bed->older[bed->count++], &bed->store.model);
}

static void
bed_publish(struct journal_bed *bed, bool whole)
{
    if (whole)
        store_bed_publish_draft(&bed->store);
    else
        store_bed_publish_diff(&bed->store);
    bed_remember(bed);
}

// ---- applying ----

static bool
rr_is(const struct model_rr *rr, const struct diff_rr *told)
{
    return name_equal(rr->owner, told->owner) && rr->type == told->type && rr->ttl == told->ttl &&
           rr->rdlength == told->rdlength && memcmp(rr->rdata, told->rdata, told->rdlength) == 0;
}

static struct model_rr *
model_rr_find(const struct model *model, const struct diff_rr *told)
{
    for (size_t i = 0; i < model->rrs.count; i++)
        if (rr_is(vector_at(&model->rrs, i), told))
            return vector_at(&model->rrs, i);
    return NULL;
}

static void
rr_apply(struct model *model, const struct diff_rr *told)
{
    struct model_rr *rr = model_rr_find(model, told);
    if (told->added) {
        assert_null(rr); // never told to come while it is there
        struct model_rr *added = vector_add(&model->rrs, NULL);
        name_copy(added->owner, told->owner);
        added->type = told->type;
        added->ttl = told->ttl;
        added->rdlength = told->rdlength;
        memcpy(added->rdata, told->rdata, told->rdlength);
        return;
    }
    assert_non_null(rr); // never told to go while it is not there
    *rr = *(struct model_rr *)vector_at(&model->rrs, model->rrs.count - 1);
    model->rrs.count--;
}

// An RRSIG stands behind what it covers.
static unsigned
place_of_type(const struct diff_rr *rr)
{
    bool signature = rr->type == RRTYPE_RRSIG;
    return 2U * (signature ? octets_get_u16(rr->rdata) : rr->type) + signature;
}

static void
order_check(const struct diff_rr *last, const struct diff_rr *rr)
{
    int order = name_compare(last->owner, rr->owner);
    bool last_soa = last->type == RRTYPE_SOA;
    assert_true(last_soa || order < 0 || (order == 0 && place_of_type(last) <= place_of_type(rr)));
}

static uint32_t
soa_serial(const struct diff_rr *rr)
{
    struct rdata_soa soa;
    assert_int_equal(rr->type, RRTYPE_SOA);
    assert_true(rdata_soa_read(rr->rdata, rr->rdlength, &soa));
    return soa.serial;
}

static void
step_apply(struct model *model, const struct journal_step *step)
{
    struct journal_walk walk;
    struct diff_rr rr, last = {.added = false};
    bool soas[2] = {false, false};
    journal_walk_init(&walk, step);
    while (journal_walk_next(&walk, &rr)) {
        if (!soas[rr.added]) {
            assert_int_equal(soa_serial(&rr), rr.added ? step->to_serial : step->from_serial);
            assert_true(!rr.added || soas[false]);
            soas[rr.added] = true;
        } else {
            assert_true(rr.added == last.added);
            order_check(&last, &rr);
        }
        rr_apply(model, &rr);
        last = rr;
    }
    assert_true(soas[true]);
}

// From the content with this serial to the current one; false: the journal does not reach it.
static bool
steps_apply(const struct journal_bed *bed, size_t older)
{
    struct vector steps;
    uint32_t serial = bed->serials[older];
    vector_init(&steps, sizeof(struct journal_step));
    bool reached = journal_steps(bed_version(bed), serial, &steps);
    if (reached) {
        struct model model;
        model_copy(&model, &bed->older[older]);
        for (size_t i = 0; i < steps.count; i++) {
            const struct journal_step *step = vector_at(&steps, i);
            assert_int_equal(step->from_serial, serial);
            serial = step->to_serial;
            step_apply(&model, step);
        }
        assert_int_equal(serial, bed->store.serial);
        assert_true(model_is_version(&model, bed_version(bed)));
        model_close(&model);
    } else {
        assert_int_equal(steps.count, 0);
    }
    vector_close(&steps);
    return reached;
}

// The latest steps lead to the current content from each content, those before from none.
static void
reach_check(const struct journal_bed *bed, size_t steps)
{
    struct journal_extent extent = bed_extent(bed);
    assert_int_equal(extent.steps, steps);
    assert_true(steps == 0 ? extent.octets == 0 : extent.octets >= steps * STEP_FIRST);
    for (size_t i = 0; i < bed->count; i++)
        assert_int_equal(steps_apply(bed, i), i + steps + 1 >= bed->count);
    if (steps && steps < bed->count)
        assert_int_equal(extent.from_serial, bed->serials[bed->count - 1 - steps]);
}

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
