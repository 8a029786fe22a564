// The steps of the journal lead from each earlier content to the current one, RR by RR: contents of
// the naive model, kept to start from, and the steps applied to them.
#ifndef TANDEM_TESTS_JOURNAL_BED_H
#define TANDEM_TESTS_JOURNAL_BED_H

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

#include <stdio.h>
#include <string.h>

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

static inline void
bed_open(struct journal_bed *bed, uint64_t seed, const struct store_options *options)
{
    memset(bed, 0, sizeof *bed);
    store_bed_open(&bed->store, seed, options);
}

static inline void
bed_forget(struct journal_bed *bed)
{
    while (bed->count)
        model_close(&bed->older[--bed->count]);
}

static inline void
bed_close(struct journal_bed *bed)
{
    bed_forget(bed);
    store_bed_close(&bed->store);
}

static inline const struct version *
bed_version(const struct journal_bed *bed)
{
    return store_current(bed->store.store);
}

static inline struct journal_extent
bed_extent(const struct journal_bed *bed)
{
    struct journal_extent extent;
    journal_extent(bed_version(bed), &extent);
    return extent;
}

// The content of the last publish becomes one to start from.
static inline void
bed_remember(struct journal_bed *bed)
{
    assert_true(bed->count < OLDER_MAX);
    bed->serials[bed->count] = bed->store.serial;
    model_copy(&bed->older[bed->count++], &bed->store.model);
}

static inline void
bed_publish(struct journal_bed *bed, bool whole)
{
    if (whole)
        store_bed_publish_draft(&bed->store);
    else
        store_bed_publish_diff(&bed->store);
    bed_remember(bed);
}

// ---- applying ----

static inline bool
rr_is(const struct model_rr *rr, const struct diff_rr *told)
{
    return name_equal(rr->owner, told->owner) && rr->type == told->type && rr->ttl == told->ttl &&
           rr->rdlength == told->rdlength && memcmp(rr->rdata, told->rdata, told->rdlength) == 0;
}

static inline struct model_rr *
model_rr_find(const struct model *model, const struct diff_rr *told)
{
    for (size_t i = 0; i < model->rrs.count; i++)
        if (rr_is(vector_at(&model->rrs, i), told))
            return vector_at(&model->rrs, i);
    return NULL;
}

static inline void
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
static inline unsigned
place_of_type(const struct diff_rr *rr)
{
    bool signature = rr->type == RRTYPE_RRSIG;
    return 2U * (signature ? octets_get_u16(rr->rdata) : rr->type) + signature;
}

static inline void
order_check(const struct diff_rr *last, const struct diff_rr *rr)
{
    int order = name_compare(last->owner, rr->owner);
    bool last_soa = last->type == RRTYPE_SOA;
    assert_true(last_soa || order < 0 || (order == 0 && place_of_type(last) <= place_of_type(rr)));
}

static inline uint32_t
soa_serial(const struct diff_rr *rr)
{
    struct rdata_soa soa;
    assert_int_equal(rr->type, RRTYPE_SOA);
    assert_true(rdata_soa_read(rr->rdata, rr->rdlength, &soa));
    return soa.serial;
}

static inline void
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
static inline bool
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
static inline void
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

#endif
