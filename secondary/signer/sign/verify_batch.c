#include "secondary/signer/sign/verify_batch.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "secondary/signer/sign/verify_report.h"

#define BLOCK 32

struct thread_part {
    struct verify_hand *hand;
    struct verify_report report;
};

struct verify_work {
    const struct verify_zone *zone;
    const struct verify_record *records;
    const atomic_bool *stop;
    struct thread_part *parts;
};

static bool
is_stopped(const struct verify_work *work)
{
    return work->stop && atomic_load_explicit(work->stop, memory_order_relaxed);
}

static void
block_verify(void *context, unsigned thread, size_t first, size_t end)
{
    struct verify_work *work = context;
    struct thread_part *part = &work->parts[thread];
    if (!part->hand)
        part->hand = verify_hand_new(work->zone->keys);
    for (size_t i = first; i < end && !is_stopped(work); i++)
        verify_record(work->zone, part->hand, &work->records[i], &part->report);
}

void
verify_batch(const struct verify_zone *zone, struct pool *pool, const struct verify_record *records,
             size_t count, const atomic_bool *stop, struct verify_report *report)
{
    unsigned threads = pool ? pool_threads(pool) : 1;
    struct verify_work work = {zone, records, stop, memory_zalloc(threads * sizeof *work.parts)};
    for (unsigned i = 0; i < threads; i++)
        verify_report_init(&work.parts[i].report);
    if (pool)
        pool_run(pool, count, BLOCK, block_verify, &work);
    else
        block_verify(&work, 0, 0, count);
    for (unsigned i = 0; i < threads; i++) {
        verify_report_merge(report, &work.parts[i].report);
        verify_report_close(&work.parts[i].report);
        verify_hand_free(&work.parts[i].hand);
    }
    report->stopped = report->stopped || is_stopped(&work);
    free(work.parts);
}
