// Deltas made from two models of a zone, applied to the version of the first: the result must be
// what a comparison with the whole second one gives. Then deltas that do not fit, each in one way.
#include "secondary/signer/intake_delta.h"

#include "common/dns/rrtype.h"
#include "common/transfer/rr_stream.h"
#include "tests/support/store_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define SCRIPTS    150
#define STEPS_MOST 4
#define STREAM_MAX (1U << 30)

static struct rr_stream_writer writer;
static struct intake_delta delta;
static struct fault fault;
static struct store_bed bed;

static const struct model_rr *
rr_at(const struct model *model, size_t place)
{
    return vector_at(&model->rrs, place);
}

static bool
is_content(const struct model *model, const struct model_rr *rr)
{
    return !rrset_is_signers(rr->type, name_equal(rr->owner, model->apex));
}

static bool
model_holds(const struct model *model, const struct model_rr *rr)
{
    for (size_t i = 0; i < model->rrs.count; i++) {
        const struct model_rr *other = rr_at(model, i);
        if (other->type == rr->type && other->ttl == rr->ttl && other->rdlength == rr->rdlength &&
            memcmp(other->rdata, rr->rdata, rr->rdlength) == 0 &&
            name_equal(other->owner, rr->owner))
            return true;
    }
    return false;
}

static void
add(const struct model_rr *rr)
{
    rr_stream_add(&writer, rr->owner, rr->type, rr->ttl, rr->rdata, rr->rdlength);
}

// What one has and the other has not, its SOA first.
static void
add_part(const struct model *of, const struct model *other, enum rr_stream_part part,
         uint32_t serial)
{
    rr_stream_add_mark(&writer, part, serial);
    for (size_t i = 0; i < of->rrs.count; i++)
        if (rr_at(of, i)->type == RRTYPE_SOA)
            add(rr_at(of, i));
    for (size_t i = 0; i < of->rrs.count; i++)
        if (rr_at(of, i)->type != RRTYPE_SOA && is_content(of, rr_at(of, i)) &&
            !model_holds(other, rr_at(of, i)))
            add(rr_at(of, i));
}

static void
begin(uint32_t from, uint32_t to)
{
    rr_stream_writer_init(&writer, bed.model.apex, -1);
    rr_stream_add_delta(&writer, from, to);
}

static void
add_step(struct model *old, uint32_t old_serial, struct model *new, uint32_t new_serial)
{
    model_set_serial(old, old_serial);
    model_set_serial(new, new_serial);
    add_part(old, new, RR_STREAM_REMOVED, old_serial);
    add_part(new, old, RR_STREAM_ADDED, new_serial);
}

static bool
run(uint32_t from)
{
    int fd = rr_stream_memfd("delta", NULL);
    assert_true(rr_stream_end(&writer, NULL));
    assert_int_equal(write(fd, writer.buffer.data, writer.buffer.length),
                     (ssize_t)writer.buffer.length);
    assert_true(rr_stream_seal(fd, NULL));
    rr_stream_writer_close(&writer);
    fault = (struct fault){0};
    delta.apex = bed.model.apex;
    delta.served = store_current(bed.store);
    delta.from_serial = from;
    delta.stream_max = STREAM_MAX;
    bool good = intake_delta_run(&delta, fd, &fault);
    close(fd);
    return good;
}

static struct draft *
content_draft(const struct model *model)
{
    struct draft *draft = draft_new(model->apex);
    struct draft_findings findings;
    for (size_t i = 0; i < model->rrs.count; i++) {
        const struct model_rr *rr = rr_at(model, i);
        if (is_content(model, rr))
            assert_true(
                draft_add(draft, rr->owner, rr->type, rr->ttl, rr->rdata, rr->rdlength, NULL));
    }
    assert_true(draft_seal(draft, &findings, NULL));
    return draft;
}

static void
totals(const struct draft *draft, uint64_t *ret_rrs, uint64_t *ret_octets)
{
    *ret_rrs = *ret_octets = 0;
    for (size_t i = 0; i < draft_node_count(draft); i++) {
        const struct node *node = draft_node_at(draft, i);
        for (unsigned j = 0; j < node_rrset_count(node); j++) {
            struct rrset set;
            node_rrset_at(node, j, &set);
            *ret_rrs += set.rr_count;
        }
        *ret_octets += node_rrset_count(node) ? node_size(node) : 0;
    }
}

// Entry by entry the diff with the whole content; the changed draft has the new records.
static void
assert_is_diff_with(const struct model *model)
{
    struct draft *whole = content_draft(model);
    struct diff diff;
    uint64_t rrs, octets;
    diff_version_draft(delta.served, whole, DIFF_UNSIGNED, &diff);
    assert_int_equal(diff.count, delta.diff.count);
    for (size_t i = 0; i < diff.count; i++) {
        const struct diff_entry *a = &diff.entries[i], *b = &delta.diff.entries[i];
        const struct node *any = a->new_node ? a->new_node : a->old_node;
        assert_ptr_equal(a->old_node, b->old_node);
        assert_int_equal(a->new_node == NULL, b->new_node == NULL);
        bool apex = name_equal(node_owner(any), model->apex);
        assert_true(node_equal_unsigned(a->new_node, b->new_node, apex));
        if (b->new_node && node_rrset_count(b->new_node) > 0)
            assert_ptr_equal(draft_find(delta.changed, node_owner(any)), b->new_node);
    }
    totals(whole, &rrs, &octets);
    assert_int_equal(delta.new_rr_count, rrs);
    assert_int_equal(delta.new_octets, octets);
    diff_close(&diff);
    draft_free(&whole);
}

static void
set_totals(const struct model *model)
{
    struct draft *whole = content_draft(model);
    totals(whole, &delta.rr_count, &delta.octets);
    draft_free(&whole);
}

// The model's own edits put RDATA that no reader of a transfer would take.
static void
edit(struct model *model, unsigned edits)
{
    static const uint16_t types[] = {RRTYPE_A, RRTYPE_NS, RRTYPE_TXT, RRTYPE_NSEC};
    for (; edits > 0; edits--) {
        uint8_t name[NAME_SIZE_MAX];
        uint8_t number = (uint8_t)random_below(&bed.random, 5);
        const uint8_t rdatas[][4] = {
            {192, 0, 2, number}, {1, (uint8_t)('a' + number), 0, 0}, {1, number}, {0, 0, 1, 64}};
        const uint16_t lengths[] = {4, 3, 2, 4};
        unsigned which = random_below(&bed.random, 4);
        model_random_name(model, &bed.random, 4, name);
        bool apex = name_equal(name, model->apex);
        if (random_below(&bed.random, 3) == 0 && !apex)
            model_remove(model, name, random_below(&bed.random, 2) ? 0 : types[which]);
        else
            model_put(model, name, types[which], 60 + random_below(&bed.random, 2), rdatas[which],
                      lengths[which]);
    }
}

static void
open_bed(uint64_t seed, unsigned edits)
{
    struct store_options options = {0};
    store_io_without_sync();
    store_bed_open(&bed, seed, &options);
    edit(&bed.model, edits);
    store_bed_publish_draft(&bed);
    intake_delta_init(&delta);
}

static void
close_bed(void)
{
    intake_delta_close(&delta);
    store_bed_close(&bed);
}

static void
one_script(uint64_t seed)
{
    struct model models[STEPS_MOST + 1];
    open_bed(seed, 40);
    unsigned steps = 1 + random_below(&bed.random, STEPS_MOST);
    model_copy(&models[0], &bed.model);
    begin(100, 100 + steps);
    for (unsigned i = 1; i <= steps; i++) {
        model_copy(&models[i], &models[i - 1]);
        edit(&models[i], random_below(&bed.random, 12));
        add_step(&models[i - 1], 99 + i, &models[i], 100 + i);
    }
    set_totals(&models[0]);
    if (!run(100))
        fail_msg("seed %u: %s", (unsigned)seed, fault.text);
    assert_int_equal(delta.serial, 100 + steps);
    assert_is_diff_with(&models[steps]);
    for (unsigned i = 0; i <= steps; i++)
        model_close(&models[i]);
    close_bed();
}

static void
random_deltas_give_what_the_whole_content_gives(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SCRIPTS; seed++)
        one_script(seed);
}

// Of a zone of which the tests below change copies by hand.
static struct model before, after;
static const uint8_t a1[4] = {192, 0, 2, 1}, a2[4] = {192, 0, 2, 2};
static uint8_t www[NAME_SIZE_MAX], below[NAME_SIZE_MAX];

static void
open_small(void)
{
    struct store_options options = {0};
    store_io_without_sync();
    store_bed_open(&bed, 1, &options);
    assert_true(name_from_text("www", bed.model.apex, www, NULL));
    assert_true(name_from_text("a.b.www", bed.model.apex, below, NULL));
    model_put(&bed.model, www, RRTYPE_A, 60, a1, 4);
    model_put(&bed.model, below, RRTYPE_A, 60, a1, 4);
    store_bed_publish_draft(&bed);
    intake_delta_init(&delta);
    model_copy(&before, &bed.model);
    model_copy(&after, &bed.model);
}

static void
close_small(void)
{
    model_close(&before);
    model_close(&after);
    close_bed();
}

static void
a_serial_alone_is_no_change(void **state)
{
    (void)state;
    open_small();
    begin(5, 6);
    add_step(&before, 5, &after, 6);
    assert_true(run(5));
    assert_int_equal(delta.serial, 6);
    assert_int_equal(delta.diff.count, 0);
    close_small();
}

static void
an_owner_that_loses_its_data_above_others_stays_as_an_empty_one(void **state)
{
    (void)state;
    open_small();
    model_remove(&after, www, 0);
    begin(5, 6);
    add_step(&before, 5, &after, 6);
    set_totals(&before);
    assert_true(run(5));
    assert_int_equal(delta.diff.count, 1);
    assert_non_null(delta.diff.entries[0].new_node);
    assert_int_equal(node_rrset_count(delta.diff.entries[0].new_node), 0);
    assert_is_diff_with(&after);
    close_small();
}

static void
what_goes_and_comes_back_is_no_change(void **state)
{
    (void)state;
    struct model again;
    open_small();
    model_copy(&again, &before);
    model_remove(&after, www, 0);
    begin(5, 7);
    add_step(&before, 5, &after, 6);
    add_step(&after, 6, &again, 7);
    assert_true(run(5));
    assert_int_equal(delta.diff.count, 0);
    model_close(&again);
    close_small();
}

// The delta that is in the writer is refused with a sentence that has these words.
static void
assert_doubt(uint32_t confirmed, const char *words)
{
    if (run(confirmed) || !strstr(fault.text, words))
        fail_msg("\"%s\" is not in \"%s\"", words, fault.text);
    close_small();
}

static void
removal_of_what_is_not_there_is_a_doubt(void **state)
{
    (void)state;
    open_small();
    model_put(&before, www, RRTYPE_A, 60, a2, 4);
    begin(5, 6);
    add_step(&before, 5, &after, 6);
    assert_doubt(5, "removes www.example.gov. A, which is not there");
    open_small();
    model_remove(&before, www, 0);
    model_put(&before, www, RRTYPE_A, 61, a1, 4);
    model_remove(&after, www, 0);
    begin(5, 6);
    add_step(&before, 5, &after, 6);
    assert_doubt(5, "which has another TTL");
}

static void
removal_twice_is_a_doubt(void **state)
{
    (void)state;
    open_small();
    model_remove(&after, www, 0);
    begin(5, 7);
    add_step(&before, 5, &after, 6);
    model_set_serial(&before, 6);
    model_set_serial(&after, 7);
    add_part(&before, &after, RR_STREAM_REMOVED, 6);
    add_part(&after, &before, RR_STREAM_ADDED, 7);
    assert_doubt(5, "which is not there");
}

static void
addition_of_what_is_there_is_a_doubt(void **state)
{
    (void)state;
    open_small();
    model_remove(&before, www, 0);
    begin(5, 6);
    add_step(&before, 5, &after, 6);
    assert_doubt(5, "adds www.example.gov. A, which is there");
}

static void
another_serial_than_the_confirmed_one_is_a_doubt(void **state)
{
    (void)state;
    open_small();
    model_remove(&after, www, 0);
    begin(5, 6);
    add_step(&before, 5, &after, 6);
    assert_doubt(4, "begins at serial 5, what is served stands for 4");
}

static void
another_soa_than_the_served_one_is_a_doubt(void **state)
{
    (void)state;
    open_small();
    for (size_t i = 0; i < before.rrs.count; i++) {
        struct model_rr *rr = vector_at(&before.rrs, i);
        if (rr->type == RRTYPE_SOA)
            rr->rdata[rr->rdlength - 1] ^= 1;
    }
    begin(5, 6);
    add_step(&before, 5, &after, 6);
    assert_doubt(5, "which is not the SOA there");
}

static void
different_ttls_in_one_rrset_are_a_doubt(void **state)
{
    (void)state;
    open_small();
    const struct model_rr odd = {.type = RRTYPE_A, .ttl = 61, .rdlength = 4, .rdata = {9, 9, 9, 9}};
    struct model_rr *put = vector_add(&after.rrs, &odd);
    name_copy(put->owner, www);
    begin(5, 6);
    add_step(&before, 5, &after, 6);
    assert_doubt(5, "different TTLs in an RRset of www.example.gov.");
}

static void
records_of_a_signer_are_a_doubt(void **state)
{
    (void)state;
    open_small();
    model_set_serial(&before, 5);
    model_set_serial(&after, 6);
    begin(5, 6);
    add_part(&before, &after, RR_STREAM_REMOVED, 5);
    add_part(&after, &before, RR_STREAM_ADDED, 6);
    rr_stream_add(&writer, www, RRTYPE_NSEC, 60, (const uint8_t *)"\0\0\1\100", 4);
    assert_doubt(5, "takes out of an unsigned zone");
}

static void
a_whole_zone_is_not_a_delta(void **state)
{
    (void)state;
    open_small();
    rr_stream_writer_init(&writer, bed.model.apex, -1);
    for (size_t i = 0; i < after.rrs.count; i++)
        add(rr_at(&after, i));
    assert_doubt(5, "not a delta of this zone");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_deltas_give_what_the_whole_content_gives),
        cmocka_unit_test(a_serial_alone_is_no_change),
        cmocka_unit_test(an_owner_that_loses_its_data_above_others_stays_as_an_empty_one),
        cmocka_unit_test(what_goes_and_comes_back_is_no_change),
        cmocka_unit_test(removal_of_what_is_not_there_is_a_doubt),
        cmocka_unit_test(removal_twice_is_a_doubt),
        cmocka_unit_test(addition_of_what_is_there_is_a_doubt),
        cmocka_unit_test(another_serial_than_the_confirmed_one_is_a_doubt),
        cmocka_unit_test(another_soa_than_the_served_one_is_a_doubt),
        cmocka_unit_test(different_ttls_in_one_rrset_are_a_doubt),
        cmocka_unit_test(records_of_a_signer_are_a_doubt),
        cmocka_unit_test(a_whole_zone_is_not_a_delta),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
