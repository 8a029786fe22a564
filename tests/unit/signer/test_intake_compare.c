// Random zones, served with what a signer adds, and streams of edited ones in all the shapes that
// primaries send: what the comparison lets pass must be what a whole judgement gives.
#include "secondary/signer/intake.h"

#include "common/dns/nsec3_hash.h"
#include "common/dns/rrtype.h"
#include "common/transfer/rr_stream.h"
#include "common/zone/find.h"
#include "tests/support/store_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static struct store_bed bed; // its model is the served content without what a signer adds
static struct fault fault;

// --- What is served

static const struct nsec3_parameters parameters = {.algorithm = NSEC3_SHA1};
static bool with_nsec3;

// The owner of a name's NSEC3.
static void
hashed(const uint8_t *name, uint8_t ret_owner[static NAME_SIZE_MAX])
{
    uint8_t hash[NSEC3_HASH_SIZE];
    nsec3_hash(&parameters, name, hash);
    assert_true(nsec3_owner(hash, bed.model.apex, ret_owner));
}

static void
add_denial(struct draft *draft, const uint8_t *name)
{
    static const uint8_t nsec[] = {1, 'z', 0, 0, 1, 0x40};
    static const uint8_t nsec3[5 + 1 + NSEC3_HASH_SIZE] = {NSEC3_SHA1, 0, 0, 0, 0, NSEC3_HASH_SIZE};
    uint8_t owner[NAME_SIZE_MAX];
    if (!with_nsec3) {
        assert_true(draft_add(draft, name, RRTYPE_NSEC, 60, nsec, sizeof nsec, &fault));
        return;
    }
    hashed(name, owner);
    assert_true(draft_add(draft, owner, RRTYPE_NSEC3, 60, nsec3, sizeof nsec3, &fault));
}

static void
add_signers(struct draft *draft, const struct model *model)
{
    static const uint8_t key[] = {1, 1, 3, 13, 1, 2, 3, 4}, param[] = {NSEC3_SHA1, 0, 0, 0, 0};
    uint8_t signature[24] = {0, RRTYPE_A, 13, 2};
    for (size_t i = 0; i < model->rrs.count; i++) {
        const struct model_rr *rr = vector_at(&model->rrs, i);
        octets_put_u16(signature, rr->type);
        add_denial(draft, rr->owner);
        assert_true(draft_add(draft, rr->owner, RRTYPE_RRSIG, rr->ttl, signature, sizeof signature,
                              &fault));
    }
    assert_true(draft_add(draft, model->apex, RRTYPE_DNSKEY, 60, key, sizeof key, &fault));
    if (with_nsec3)
        assert_true(
            draft_add(draft, model->apex, RRTYPE_NSEC3PARAM, 0, param, sizeof param, &fault));
}

static struct draft *
draft_of(const struct model *model, bool is_signed, struct draft_findings *findings)
{
    struct draft *draft = draft_new(model->apex);
    for (size_t i = 0; i < model->rrs.count; i++) {
        const struct model_rr *rr = vector_at(&model->rrs, i);
        assert_true(
            draft_add(draft, rr->owner, rr->type, rr->ttl, rr->rdata, rr->rdlength, &fault));
    }
    if (is_signed)
        add_signers(draft, model);
    assert_true(draft_seal(draft, findings, &fault));
    return draft;
}

// As a change where that is possible: then an overlay lies over the index.
static void
serve(bool as_diff)
{
    struct draft_findings findings;
    struct version_facts facts = {.unsigned_serial = 1, .signed_serial = 1, .is_signed = true};
    struct draft *draft = draft_of(&bed.model, true, &findings);
    if (as_diff && store_current(bed.store)) {
        struct diff diff;
        diff_version_draft(store_current(bed.store), draft, DIFF_WHOLE, &diff);
        assert_true(store_publish_diff(bed.store, &diff, &facts, &fault));
        diff_close(&diff);
    } else {
        assert_true(store_publish_draft(bed.store, draft, &facts, &fault));
    }
    draft_free(&draft);
}

// --- What comes

struct shape {
    bool shuffled;     // all RRs in any order
    bool in_sets;      // in order but for the RRs of an owner
    bool repeats;      // some RRs twice
    bool any_case;     // owners
    unsigned portions; // owners that come in portions
};

static int
rr_order(const void *a, const void *b)
{
    const struct model_rr *left = a, *right = b;
    int order = name_compare(left->owner, right->owner);
    if (order == 0)
        order = (int)left->type - (int)right->type;
    return order ? order : memcmp(left->rdata, right->rdata, sizeof left->rdata);
}

static void
swap(struct model_rr *rrs, size_t a, size_t b)
{
    struct model_rr other = rrs[a];
    rrs[a] = rrs[b];
    rrs[b] = other;
}

static void
arrange(struct vector *rrs, const struct shape *shape)
{
    struct model_rr *all = rrs->items;
    qsort(all, rrs->count, sizeof *all, rr_order);
    for (size_t i = rrs->count; shape->shuffled && i > 1; i--)
        swap(all, i - 1, random_below(&bed.random, (uint32_t)i));
    for (size_t i = 1; shape->in_sets && i < rrs->count; i++)
        if (name_equal(all[i - 1].owner, all[i].owner) && random_below(&bed.random, 2))
            swap(all, i - 1, i);
    for (unsigned i = 0; i < shape->portions && rrs->count > 0; i++) {
        size_t from = random_below(&bed.random, (uint32_t)rrs->count);
        struct model_rr copy = all[from];
        memmove(all + from, all + from + 1, (rrs->count - from - 1) * sizeof copy);
        all[rrs->count - 1] = copy;
    }
}

static void
write_rr(struct rr_stream_writer *writer, const struct model_rr *rr, const struct shape *shape)
{
    uint8_t owner[NAME_SIZE_MAX];
    name_copy(owner, rr->owner);
    if (shape->any_case && owner[0] > 0 && owner[1] >= 'a' && owner[1] <= 'z')
        owner[1] = (uint8_t)(owner[1] - 'a' + 'A');
    rr_stream_add(writer, owner, rr->type, rr->ttl, rr->rdata, rr->rdlength);
}

static int
stream_of(const struct model *model, const struct shape *shape)
{
    struct rr_stream_writer writer;
    struct model copy;
    int fd = rr_stream_memfd("test", &fault);
    assert_true(fd >= 0);
    model_copy(&copy, model);
    arrange(&copy.rrs, shape);
    rr_stream_writer_init(&writer, model->apex, fd);
    for (size_t i = 0; i < copy.rrs.count; i++) {
        write_rr(&writer, vector_at(&copy.rrs, i), shape);
        if (shape->repeats && random_below(&bed.random, 5) == 0)
            write_rr(&writer, vector_at(&copy.rrs, random_below(&bed.random, (uint32_t)i + 1)),
                     shape);
    }
    assert_true(rr_stream_end(&writer, &fault));
    assert_true(rr_stream_seal(fd, &fault));
    rr_stream_writer_close(&writer);
    model_close(&copy);
    return fd;
}

static void
intake_start(struct intake *intake, int stream)
{
    intake_init(intake);
    intake->apex = bed.model.apex;
    intake->stream = stream;
    intake->served = store_current(bed.store);
    gate_limits_default(&intake->limits);
    intake->limits.max_removed_percent = 60;
}

// --- The law

static void
same_node(const struct node *a, const struct node *b, bool apex)
{
    assert_int_equal(a == NULL, b == NULL);
    if (a) {
        assert_true(name_equal(node_owner(a), node_owner(b)));
        assert_true(node_equal_unsigned(a, b, apex));
    }
}

static void
same_diff(const struct diff *a, const struct diff *b)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->old_pairs, b->old_pairs);
    assert_false(a->damaged);
    for (size_t i = 0; i < a->count; i++) {
        const struct node *any =
            a->entries[i].new_node ? a->entries[i].new_node : a->entries[i].old_node;
        assert_ptr_equal(a->entries[i].old_node, b->entries[i].old_node);
        same_node(a->entries[i].new_node, b->entries[i].new_node,
                  name_equal(node_owner(any), bed.model.apex));
    }
}

static void
check_law(const struct intake *intake, const struct model *model)
{
    struct draft_findings findings;
    struct draft *draft = draft_of(model, false, &findings);
    struct diff diff;
    struct gate_verdict verdict;
    struct gate_candidate candidate = {
        .served = intake->served, .draft = &draft, .findings = &findings};
    diff_init(&diff);
    gate_verdict_init(&verdict);
    gate_judge(&candidate, &intake->limits, &diff, &verdict);
    assert_true(intake->readable);
    assert_int_equal(intake->verdict.outcome, verdict.outcome);
    if (verdict.outcome != GATE_REJECTED) {
        uint64_t octets = 0;
        size_t rrs = 0;
        for (size_t i = 0; i < draft_node_count(draft); i++) {
            octets += node_size(draft_node_at(draft, i));
            for (unsigned k = 0; k < node_rrset_count(draft_node_at(draft, i)); k++) {
                struct rrset set;
                node_rrset_at(draft_node_at(draft, i), k, &set);
                rrs += set.rr_count;
            }
        }
        same_diff(&intake->diff, &diff);
        assert_memory_equal(&intake->verdict.counts, &verdict.counts, sizeof verdict.counts);
        assert_int_equal(intake->verdict.removed_percent, verdict.removed_percent);
        assert_int_equal(intake->rr_count, rrs);
        assert_true(intake->octets >= octets);
        assert_true(intake->octets <= octets + 2000); // empty non-terminals that may be none
    }
    if (intake->compared) {
        assert_int_equal(verdict.outcome, GATE_ACCEPTED);
        assert_int_equal(verdict.stripped_rrs + verdict.lowered_ttls + findings.ttl_differs, 0);
    }
    diff_close(&diff);
    gate_verdict_close(&verdict);
    draft_free(&draft);
}

// --- Random contents without DNSSEC records

static void
put_random(struct model *model, bool plain)
{
    uint8_t owner[NAME_SIZE_MAX], rdata[2 + NAME_SIZE_MAX] = {192, 0, 2};
    uint32_t kind = random_below(&bed.random, 40);
    uint32_t ttl = plain || random_below(&bed.random, 50) ? 300
                   : random_below(&bed.random, 2)         ? 60
                                                          : 9999999;
    model_random_name(model, &bed.random, 3, owner);
    if (random_below(&bed.random, 15) == 0)
        hashed(owner, owner); // where an NSEC3 may stand, too
    rdata[3] = (uint8_t)random_below(&bed.random, 4);
    if (kind < 30 || name_length(owner) > 60) {
        model_put(model, owner, RRTYPE_A, ttl, rdata, 4);
    } else if (kind < 36) {
        rdata[0] = 3;
        model_put(model, owner, RRTYPE_TXT, ttl, rdata, 4);
    } else if (kind < 39) {
        rdata[0] = 0;
        rdata[1] = 5;
        size_t length = name_copy(rdata + 2, owner);
        model_random_name(model, &bed.random, 3, owner);
        model_put(model, owner, RRTYPE_MX, ttl, rdata, (uint16_t)(length + 2));
    } else {
        size_t length = name_copy(rdata, owner);
        model_random_name(model, &bed.random, 2, owner);
        if (!name_equal(owner, model->apex))
            model_put(model, owner, RRTYPE_NS, ttl, rdata, (uint16_t)length);
    }
}

static void
edit(struct model *model)
{
    uint32_t kind = random_below(&bed.random, 10);
    if (kind < 5 || model->rrs.count == 0) {
        put_random(model, false);
        return;
    }
    const struct model_rr rr = *(struct model_rr *)vector_at(
        &model->rrs, random_below(&bed.random, (uint32_t)model->rrs.count));
    bool apex = name_equal(rr.owner, model->apex);
    if (kind < 8 && (!apex || random_below(&bed.random, 20) == 0)) {
        model_remove(model, rr.owner, kind == 5 && !apex ? 0 : rr.type);
    } else if (kind == 8) { // a TTL
        model_remove(model, rr.owner, rr.type);
        model_put(model, rr.owner, rr.type, rr.ttl + 1, rr.rdata, rr.rdlength);
    } else {
        model_set_serial(model, random_below(&bed.random, 1000));
    }
}

static bool
is_zone(const struct model *model)
{
    struct draft_findings findings;
    struct draft *draft = draft_of(model, false, &findings);
    struct gate_limits limits;
    struct gate_verdict verdict;
    struct gate_candidate candidate = {.draft = &draft, .findings = &findings};
    struct diff diff;
    gate_limits_default(&limits);
    diff_init(&diff);
    gate_verdict_init(&verdict);
    gate_judge(&candidate, &limits, &diff, &verdict);
    bool good = verdict.outcome == GATE_ACCEPTED && verdict.lowered_ttls == 0;
    gate_verdict_close(&verdict);
    diff_close(&diff);
    draft_free(&draft);
    return good;
}

// Edits what will be served next, which passed the gate.
static void
edit_served(void)
{
    struct model model;
    model_copy(&model, &bed.model);
    for (unsigned k = 0; k < 3; k++)
        edit(&model);
    if (is_zone(&model)) {
        struct model old = bed.model;
        bed.model = model;
        model = old;
    }
    model_close(&model);
}

static struct shape
random_shape(void)
{
    return (struct shape){.shuffled = random_below(&bed.random, 4) == 0,
                          .in_sets = random_below(&bed.random, 2),
                          .repeats = random_below(&bed.random, 4) == 0,
                          .any_case = random_below(&bed.random, 4) == 0,
                          .portions = random_below(&bed.random, 3) ? 0 : 3};
}

static void
bed_open(uint64_t seed)
{
    struct store_options options = {0};
    store_bed_open(&bed, seed, &options);
    store_io_without_sync();
    for (unsigned i = random_below(&bed.random, 60); i > 0; i--)
        put_random(&bed.model, true);
}

static void
the_comparison_gives_what_the_whole_judgement_gives(void **state)
{
    (void)state;
    enum { ZONES = 60, VERSIONS = 4, STREAMS = 10 };
    unsigned compared = 0, unchanged = 0, split = 0, gone = 0;
    for (unsigned zone = 0; zone < ZONES; zone++) {
        bed_open(zone + 1);
        with_nsec3 = zone % 2;
        for (unsigned version = 0; version < VERSIONS; version++) {
            serve(version > 0);
            for (unsigned i = 0; i < STREAMS; i++) {
                struct intake intake;
                struct model model;
                model_copy(&model, &bed.model);
                for (unsigned k = random_below(&bed.random, 4); k > 0; k--)
                    edit(&model);
                struct shape shape = random_shape();
                intake_start(&intake, stream_of(&model, &shape));
                intake_run(&intake);
                check_law(&intake, &model);
                compared += intake.compared;
                unchanged += intake.compared && intake.diff.count == 0;
                split += intake.compared && intake.compare.split > 0;
                gone += intake.compared && intake.verdict.counts.removed_owners > 0;
                intake_close(&intake);
                model_close(&model);
            }
            edit_served();
        }
        store_bed_close(&bed);
    }
    with_nsec3 = false;
    print_message("%u of %u compared: %u unchanged, %u read twice, %u with owners gone\n", compared,
                  ZONES * VERSIONS * STREAMS, unchanged, split, gone);
    assert_true(compared > ZONES * VERSIONS * STREAMS / 3);
    assert_true(unchanged > 200 && split > 50 && gone > 50);
}

// --- What it costs

static void
put_hosts(struct model *model, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char text[32];
        uint8_t owner[NAME_SIZE_MAX], rdata[4] = {192, 0, (uint8_t)(i >> 8), (uint8_t)i};
        snprintf(text, sizeof text, "h%u", i);
        assert_true(name_from_text(text, model->apex, owner, &fault));
        model_put(model, owner, RRTYPE_A, 300, rdata, 4);
        rdata[0] = 10;
        model_put(model, owner, RRTYPE_A, 300, rdata, 4);
    }
}

static void
run(struct intake *intake, const struct model *model, const struct shape *shape)
{
    intake_start(intake, stream_of(model, shape));
    intake_run(intake);
    check_law(intake, model);
    assert_true(intake->compared);
    assert_null(intake->draft);
}

static void
an_unchanged_zone_in_order_costs_no_lookup_and_no_record(void **state)
{
    (void)state;
    static const struct shape straight = {0}, in_sets = {.in_sets = true},
                              shuffled = {.shuffled = true};
    struct intake intake;
    store_bed_open(&bed, 7, &(struct store_options){0});
    store_io_without_sync();
    put_hosts(&bed.model, 300);
    serve(false);
    run(&intake, &bed.model, &straight);
    assert_int_equal(intake.compare.in_order, 301);
    assert_int_equal(intake.compare.found, 0);
    assert_int_equal(intake.compare.split, 0);
    assert_int_equal(draft_rr_count(intake.compare.changed), 0);
    assert_int_equal(intake.diff.count, 0);
    intake_close(&intake);
    // The order within an RRset is nobody's business.
    run(&intake, &bed.model, &in_sets);
    assert_int_equal(intake.compare.found, 0);
    assert_int_equal(draft_rr_count(intake.compare.changed), 0);
    intake_close(&intake);
    run(&intake, &bed.model, &shuffled);
    assert_true(intake.compare.split > 100);
    assert_int_equal(intake.diff.count, 0);
    intake_close(&intake);
    store_bed_close(&bed);
}

static void
one_change_costs_one_owner(void **state)
{
    (void)state;
    static const struct shape straight = {0};
    struct intake intake;
    store_bed_open(&bed, 7, &(struct store_options){0});
    store_io_without_sync();
    put_hosts(&bed.model, 300);
    serve(false);
    struct model model;
    uint8_t owner[NAME_SIZE_MAX];
    model_copy(&model, &bed.model);
    assert_true(name_from_text("h77", model.apex, owner, &fault));
    model_put(&model, owner, RRTYPE_A, 300, (const uint8_t *)"\1\2\3\4", 4);
    run(&intake, &model, &straight);
    assert_int_equal(intake.compare.in_order, 301);
    assert_int_equal(draft_rr_count(intake.compare.changed), 3);
    assert_int_equal(intake.diff.count, 1);
    intake_close(&intake);
    model_remove(&model, owner, 0);
    run(&intake, &model, &straight);
    assert_int_equal(intake.compare.found, 1); // the one behind it
    assert_int_equal(draft_rr_count(intake.compare.changed), 0);
    assert_int_equal(intake.diff.count, 1);
    intake_close(&intake);
    model_close(&model);
    store_bed_close(&bed);
}

// --- What it leaves to the whole judgement

static void
left_to_the_whole(struct intake *intake, const struct model *model)
{
    static const struct shape straight = {0};
    intake_start(intake, stream_of(model, &straight));
    intake_run(intake);
    assert_false(intake->compared);
    assert_true(intake->readable);
    assert_non_null(intake->draft);
}

static void
what_the_gate_would_mend_is_read_whole(void **state)
{
    (void)state;
    struct intake intake;
    struct model model;
    bed_open(3);
    serve(false);
    uint8_t owner[NAME_SIZE_MAX];
    assert_true(name_from_text("x", bed.model.apex, owner, &fault));
    model_copy(&model, &bed.model);
    model_put(&model, owner, RRTYPE_A, 10000000, (const uint8_t *)"\1\2\3\4", 4);
    left_to_the_whole(&intake, &model);
    assert_int_equal(intake.verdict.lowered_ttls, 1);
    assert_false(intake.exact);
    intake_close(&intake);
    model_close(&model);
    model_copy(&model, &bed.model);
    model_put(&model, owner, RRTYPE_NSEC, 60, (const uint8_t *)"\0\0\1\100", 4);
    left_to_the_whole(&intake, &model);
    assert_int_equal(intake.verdict.stripped_rrs, 1);
    intake_close(&intake);
    model_close(&model);
    model_copy(&model, &bed.model);
    model_put(&model, owner, RRTYPE_A, 60, (const uint8_t *)"\1\2\3\4", 4);
    struct model_rr other = *(struct model_rr *)vector_at(&model.rrs, model.rrs.count - 1);
    other.ttl++;
    other.rdata[0]++;
    vector_add(&model.rrs, &other);
    left_to_the_whole(&intake, &model);
    assert_false(intake.exact);
    intake_close(&intake);
    model_close(&model);
    store_bed_close(&bed);
}

static void
a_limit_that_is_lower_now_is_seen_on_what_did_not_change(void **state)
{
    (void)state;
    static const struct shape straight = {0};
    struct intake intake;
    bed_open(3);
    serve(false);
    intake_start(&intake, stream_of(&bed.model, &straight));
    intake.limits.max_ttl_seconds = 10;
    intake_run(&intake);
    assert_false(intake.compared);
    assert_true(intake.verdict.lowered_ttls > 0);
    intake_close(&intake);
    intake_start(&intake, stream_of(&bed.model, &straight));
    intake.limits.max_records = 1;
    intake_run(&intake);
    assert_false(intake.compared);
    assert_int_equal(intake.verdict.outcome, GATE_HELD);
    intake_close(&intake);
    store_bed_close(&bed);
}

static void
a_change_whose_digest_is_wanted_is_read_whole_and_no_change_is_not(void **state)
{
    (void)state;
    static const struct shape straight = {0};
    struct intake intake;
    struct model model;
    bed_open(3);
    serve(false);
    model_copy(&model, &bed.model);
    uint8_t owner[NAME_SIZE_MAX];
    assert_true(name_from_text("new", model.apex, owner, &fault));
    for (unsigned changed = 0; changed < 2; changed++) {
        intake_start(&intake, stream_of(&model, &straight));
        intake.wants_digest = true;
        intake_run(&intake);
        assert_int_equal(intake.compared, !changed);
        assert_int_equal(intake.diff.count, changed);
        intake_close(&intake);
        model_put(&model, owner, RRTYPE_A, 300, (const uint8_t *)"\1\2\3\4", 4);
    }
    model_close(&model);
    store_bed_close(&bed);
}

static void
a_stream_that_lies_is_no_change(void **state)
{
    (void)state;
    static const uint8_t outside[] = "\3www\7example\3com";
    static const struct {
        const uint8_t *owner;
        uint16_t type, rdlength;
    } cases[] = {{outside, RRTYPE_A, 4}, {NULL, RRTYPE_A, 3}, {NULL, RRTYPE_AXFR, 0}};
    bed_open(3);
    serve(false);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rr_stream_writer writer;
        struct intake intake;
        int fd = rr_stream_memfd("test", &fault);
        rr_stream_writer_init(&writer, bed.model.apex, fd);
        for (size_t k = 0; k < bed.model.rrs.count; k++)
            write_rr(&writer, vector_at(&bed.model.rrs, k), &(struct shape){0});
        rr_stream_add(&writer, cases[i].owner ? cases[i].owner : bed.model.apex, cases[i].type, 60,
                      (const uint8_t *)"\1\2\3\4", cases[i].rdlength);
        assert_true(rr_stream_end(&writer, &fault));
        assert_true(rr_stream_seal(fd, &fault));
        intake_start(&intake, fd);
        intake_run(&intake);
        assert_false(intake.compared);
        assert_false(intake.readable);
        assert_int_not_equal(intake.fault.kind, FAULT_NONE);
        intake_close(&intake);
        rr_stream_writer_close(&writer);
    }
    store_bed_close(&bed);
}

// --- A fetcher that was taken over

static int
sealed(const uint8_t *octets, size_t length)
{
    int fd = rr_stream_memfd("test", &fault);
    assert_int_equal(write(fd, octets, length), length);
    assert_true(rr_stream_seal(fd, &fault));
    return fd;
}

// Both ways of the same octets: what is compared is what the whole way finds.
static bool
both_ways_agree(const uint8_t *octets, size_t length)
{
    static const struct hash_digest nobodys = {{0}};
    struct intake quick, whole;
    intake_start(&quick, sealed(octets, length));
    intake_start(&whole, sealed(octets, length));
    whole.has_accepted = true; // so it is read whole
    whole.accepted = nobodys;
    intake_run(&quick);
    intake_run(&whole);
    assert_false(whole.compared);
    assert_int_equal(quick.readable, whole.readable);
    assert_int_equal(quick.verdict.outcome, whole.verdict.outcome);
    bool compared = quick.compared;
    if (compared) {
        same_diff(&quick.diff, &whole.diff);
        assert_int_equal(quick.rr_count, whole.rr_count);
        assert_int_equal(quick.serial, whole.serial);
        assert_int_equal(quick.soa_expire_seconds, whole.soa_expire_seconds);
        assert_true(whole.exact);
    }
    intake_close(&quick);
    intake_close(&whole);
    return compared;
}

static void
whatever_a_stream_says_both_ways_say_the_same(void **state)
{
    (void)state;
    struct rr_stream_writer writer;
    struct store_options options = {0};
    store_bed_open(&bed, 5, &options);
    store_io_without_sync();
    put_hosts(&bed.model, 4);
    serve(false);
    rr_stream_writer_init(&writer, bed.model.apex, -1);
    for (size_t i = 0; i < bed.model.rrs.count; i++)
        write_rr(&writer, vector_at(&bed.model.rrs, i), &(struct shape){0});
    assert_true(rr_stream_end(&writer, &fault));
    uint8_t *octets = writer.buffer.data;
    size_t length = writer.buffer.length, compared = 0;
    assert_true(both_ways_agree(octets, length));
    for (size_t bit = 0; bit < (length - 4) * 8; bit++) {
        octets[bit / 8] ^= (uint8_t)(1U << bit % 8);
        octets_put_u32(octets + length - 4, hash_crc32c(0, octets, length - 4));
        compared += both_ways_agree(octets, length);
        octets[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_true(compared > length); // addresses, letters of names, the digest
    rr_stream_writer_close(&writer);
    store_bed_close(&bed);
}

// --- A disk that forgets

static void
damage_on_disk(const uint8_t *owner)
{
    static uint8_t heap[1 << 16];
    char path[STORE_DIRECTORY_MAX + 16];
    const struct node *node = zone_find_exact(store_current(bed.store), owner);
    snprintf(path, sizeof path, "%s/heap.1", bed.path);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    size_t length = fread(heap, 1, sizeof heap, file);
    const uint8_t *at = memmem(heap, length, node, node_size(node));
    assert_non_null(at);
    long place = at - heap + (long)node_size(node) - 20;
    assert_int_equal(fseek(file, place, SEEK_SET), 0);
    assert_int_equal(fputc(heap[place] ^ 1, file), heap[place] ^ 1);
    fclose(file);
    store_bed_reopen(&bed);
}

static void
over_damaged_records_the_content_is_taken_whole(void **state)
{
    (void)state;
    static const struct shape straight = {0};
    uint8_t owner[NAME_SIZE_MAX];
    struct store_options options = {0};
    store_bed_open(&bed, 5, &options);
    store_io_without_sync();
    put_hosts(&bed.model, 20);
    assert_true(name_from_text("h7", bed.model.apex, owner, &fault));
    serve(false);
    damage_on_disk(owner);
    struct intake intake;
    intake_start(&intake, stream_of(&bed.model, &straight));
    intake_run(&intake);
    assert_false(intake.compared);
    assert_true(intake.anew);
    assert_int_equal(intake.whole.count, 21);
    intake_close(&intake);
    store_bed_close(&bed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_comparison_gives_what_the_whole_judgement_gives),
        cmocka_unit_test(an_unchanged_zone_in_order_costs_no_lookup_and_no_record),
        cmocka_unit_test(one_change_costs_one_owner),
        cmocka_unit_test(what_the_gate_would_mend_is_read_whole),
        cmocka_unit_test(a_limit_that_is_lower_now_is_seen_on_what_did_not_change),
        cmocka_unit_test(a_change_whose_digest_is_wanted_is_read_whole_and_no_change_is_not),
        cmocka_unit_test(a_stream_that_lies_is_no_change),
        cmocka_unit_test(whatever_a_stream_says_both_ways_say_the_same),
        cmocka_unit_test(over_damaged_records_the_content_is_taken_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
