// needs: zone
// One owner whose addresses rotate: half of them move with each step, so that most of what happened
// is taken back again. What is left must be the naive difference of the first content and the last,
// RR for RR in order, however small the slices are in which it is looked for, and no slice looks at
// more RRs than it may.
#include "common/transfer/condense.h"

#include "common/base/arena.h"
#include "common/dns/rrtype.h"
#include "common/zone/diff.h"
#include "common/zone/draft.h"
#include "tests/support/store_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define ADDRESSES 128
#define STEPS     24
#define OWNERS    3 // the second one's addresses rotate, and it is signed anew with each step
#define NOW       1795263187

static const char *const owners[OWNERS] = {"a", "lb", "z"};

struct content {
    bool has[OWNERS][ADDRESSES];
    uint32_t ttl;    // of what rotates
    uint8_t signing; // number of the signature over it
};
struct scene {
    struct random random;
    uint8_t apex[NAME_SIZE_MAX];
    char path[STORE_DIRECTORY_MAX];
    struct store *store;
    uint32_t serial;
    struct content first, now;
};

static void
owner_of(const struct scene *scene, unsigned owner, uint8_t ret_name[static NAME_SIZE_MAX])
{
    assert_true(name_from_text(owners[owner], scene->apex, ret_name, NULL));
}

static uint16_t
signature_write(uint8_t number, uint8_t rdata[static 64])
{
    static const uint8_t head[] =
        "\0\1\15\3\0\0\0\74\152\240\0\0\152\220\0\0\60\71\7example\3gov\0";
    memcpy(rdata, head, sizeof head - 1);
    rdata[sizeof head - 1] = number;
    return sizeof head;
}

static void
apex_add(const struct scene *scene, struct draft *draft)
{
    static const uint8_t soa[] = "\2ns\7example\3gov\0\4host\7example\3gov\0"
                                 "\0\0\0\0\0\0\16\20\0\0\2\130\0\11\72\200\0\0\0\74";
    uint8_t rdata[sizeof soa - 1];
    memcpy(rdata, soa, sizeof rdata);
    octets_put_u32(rdata + sizeof rdata - 20, scene->serial);
    assert_true(draft_add(draft, scene->apex, RRTYPE_SOA, 60, rdata, sizeof rdata, NULL));
    assert_true(draft_add(draft, scene->apex, RRTYPE_NS, 60, (const uint8_t *)"\2ns\7example\3gov",
                          16, NULL));
}

static struct draft *
draft_of(const struct scene *scene)
{
    uint8_t name[NAME_SIZE_MAX], rdata[64] = {192, 0, 2};
    struct draft *draft = draft_new(scene->apex);
    apex_add(scene, draft);
    for (unsigned owner = 0; owner < OWNERS; owner++) {
        owner_of(scene, owner, name);
        for (unsigned i = 0; i < ADDRESSES; i++) {
            rdata[3] = (uint8_t)i;
            uint32_t ttl = owner == 1 ? scene->now.ttl : 60;
            if (scene->now.has[owner][i])
                assert_true(draft_add(draft, name, RRTYPE_A, ttl, rdata, 4, NULL));
        }
    }
    owner_of(scene, 1, name);
    uint16_t length = signature_write(scene->now.signing, rdata);
    assert_true(draft_add(draft, name, RRTYPE_RRSIG, scene->now.ttl, rdata, length, NULL));
    assert_true(draft_seal(draft, NULL, NULL));
    return draft;
}

static void
scene_publish(struct scene *scene)
{
    struct fault fault = {.text = ""};
    struct diff diff;
    bool first = store_current(scene->store) == NULL;
    scene->serial++;
    struct draft *draft = draft_of(scene);
    const struct version_facts facts = {
        .signed_serial = scene->serial, .unsigned_serial = scene->serial, .published_seconds = NOW};
    if (!first)
        diff_version_draft(store_current(scene->store), draft, DIFF_WHOLE, &diff);
    bool good = first ? store_publish_draft(scene->store, draft, &facts, &fault)
                      : store_publish_diff(scene->store, &diff, &facts, &fault);
    if (!first)
        diff_close(&diff);
    draft_free(&draft);
    if (!good)
        fail_msg("%s", fault.text);
}

// Half of the rotating addresses move; the others' move now and then, and so does the TTL.
static void
scene_step(struct scene *scene)
{
    for (unsigned i = 0; i < ADDRESSES; i++)
        if (random_below(&scene->random, 2) == 0)
            scene->now.has[1][i] = !scene->now.has[1][i];
    scene->now.has[1][0] = true;
    unsigned other = random_below(&scene->random, 2) * 2,
             address = 1 + random_below(&scene->random, 3);
    scene->now.has[other][address] = !scene->now.has[other][address];
    if (random_below(&scene->random, 8) == 0)
        scene->now.ttl = scene->now.ttl == 60 ? 30 : 60;
    scene->now.signing++;
    scene_publish(scene);
}

static void
scene_open(struct scene *scene, uint64_t seed)
{
    const struct store_options options = {.journal_octets_max = UINT64_C(64) << 20};
    *scene = (struct scene){.random = {seed}, .serial = 100, .now.ttl = 60};
    assert_true(name_from_text("example.gov.", NULL, scene->apex, NULL));
    store_directory_make(scene->path);
    assert_true(store_open(scene->path, scene->apex, &options, &scene->store, NULL, NULL));
    for (unsigned owner = 0; owner < OWNERS; owner++)
        scene->now.has[owner][0] = true;
    scene_publish(scene);
    scene->first = scene->now;
    for (unsigned step = 0; step < STEPS; step++)
        scene_step(scene);
}

static void
scene_close(struct scene *scene)
{
    store_close(&scene->store);
    store_directory_remove(scene->path);
}

// ---- the naive difference: a line for each RR, in order ----

struct line {
    unsigned owner;
    uint16_t type;
    uint8_t number; // of the address or signature
    uint32_t ttl;
    bool added;
};
#define LINES_MAX (2 * OWNERS * (ADDRESSES + 1))

static void
lines_add(struct line *lines, size_t *count, bool old, bool new, const struct scene *scene,
          struct line line)
{
    uint32_t before = line.owner == 1 ? scene->first.ttl : 60;
    uint32_t after = line.owner == 1 ? scene->now.ttl : 60;
    if (old == new && (!old || before == after))
        return;
    for (unsigned i = 0; i < 2; i++) { // of the same RR, the lower TTL first
        line.added = (before > after) != (i > 0);
        line.ttl = line.added ? after : before;
        if (line.added ? new : old)
            lines[(*count)++] = line;
    }
}

static size_t
lines_wanted(const struct scene *scene, struct line lines[static LINES_MAX])
{
    size_t count = 0;
    const struct content *first = &scene->first, *now = &scene->now;
    for (unsigned owner = 0; owner < OWNERS; owner++) {
        for (unsigned i = 0; i < ADDRESSES; i++)
            lines_add(lines, &count, first->has[owner][i], now->has[owner][i], scene,
                      (struct line){.owner = owner, .type = RRTYPE_A, .number = (uint8_t)i});
        if (owner != 1)
            continue;
        struct line line = {.owner = owner, .type = RRTYPE_RRSIG, .number = first->signing};
        lines_add(lines, &count, true, false, scene, line);
        line.number = now->signing;
        lines_add(lines, &count, false, true, scene, line);
    }
    return count;
}

static void
line_check(const struct scene *scene, const struct line *wanted, const struct diff_rr *rr)
{
    uint8_t name[NAME_SIZE_MAX];
    owner_of(scene, wanted->owner, name);
    assert_true(name_equal(name, rr->owner));
    assert_int_equal(rr->type, wanted->type);
    assert_int_equal(rr->rdata[rr->rdlength - 1], wanted->number);
    assert_int_equal(rr->ttl, wanted->ttl);
    assert_int_equal(rr->added, wanted->added);
}

// ---- tests ----

static void
steps_open(const struct scene *scene, struct condense *condense, size_t *ret_events)
{
    struct vector steps;
    struct journal_walk walk;
    struct diff_rr rr;
    vector_init(&steps, sizeof(struct journal_step));
    assert_true(journal_steps(store_current(scene->store), 101, &steps));
    assert_int_equal(steps.count, STEPS);
    *ret_events = 0;
    for (size_t i = 0; i < steps.count; i++) {
        journal_walk_init(&walk, vector_at(&steps, i));
        while (journal_walk_next(&walk, &rr))
            *ret_events += rr.type != RRTYPE_SOA;
    }
    condense_init(condense, steps.items, steps.count);
    vector_close(&steps);
}

// One pass in slices of so many RRs; gives how often it paused.
static size_t
pass_check(const struct scene *scene, struct condense *condense, uint32_t slice)
{
    struct line wanted[LINES_MAX];
    struct diff_rr rr;
    enum condense_state state;
    uint32_t budget = slice;
    size_t pauses = 0, told = 0, count = lines_wanted(scene, wanted);
    while ((state = condense_peek(condense, &budget, &rr)) != CONDENSE_END) {
        if (state == CONDENSE_LATER) {
            assert_int_equal(budget, 0);
            budget = slice;
            pauses++;
            continue;
        }
        assert_true(told < count);
        line_check(scene, &wanted[told++], &rr);
        condense_take(condense);
    }
    assert_int_equal(told, count);
    return pauses;
}

static void
what_is_left_is_the_naive_difference_in_order(void **state)
{
    (void)state;
    struct scene scene;
    struct condense condense;
    size_t events;
    for (uint64_t seed = 1; seed < 9; seed++) {
        scene_open(&scene, seed);
        steps_open(&scene, &condense, &events);
        for (uint32_t slice = 1; slice < 4000; slice = slice * 3 + 1) {
            pass_check(&scene, &condense, slice);
            condense_restart(&condense);
        }
        condense_close(&condense);
        scene_close(&scene);
    }
}

// All of it is one owner's, and every slice ends when it has looked at what it may.
static void
the_history_of_one_owner_is_cut_into_slices(void **state)
{
    (void)state;
    struct scene scene;
    struct condense condense;
    size_t events;
    scene_open(&scene, 42);
    steps_open(&scene, &condense, &events);
    assert_true(events > 1000);
    size_t pauses = pass_check(&scene, &condense, 50);
    assert_int_equal(pauses, (events - 1) / 50);
    condense_close(&condense);
    scene_close(&scene);
}

static int
syncs_off(void **state)
{
    (void)state;
    store_io_without_sync();
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_is_the_naive_difference_in_order),
        cmocka_unit_test(the_history_of_one_owner_is_cut_into_slices),
    };
    return cmocka_run_group_tests(tests, syncs_off, NULL);
}
