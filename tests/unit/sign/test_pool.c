#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>
#include <stdatomic.h>

#include <cmocka.h>

#include "secondary/signer/sign/pool.h"

#define ITEMS 10007

struct batch {
    unsigned done[ITEMS];
    unsigned thread_of[ITEMS];
    atomic_int inside[POOL_THREADS_MAX]; // how many calls a thread number is in at once
    atomic_bool overlapped;
};

static void
mark(void *context, unsigned thread, size_t first, size_t end)
{
    struct batch *batch = context;
    if (atomic_fetch_add(&batch->inside[thread], 1) != 0)
        atomic_store(&batch->overlapped, true);
    for (size_t i = first; i < end; i++) {
        batch->done[i]++;
        batch->thread_of[i] = thread;
    }
    atomic_fetch_sub(&batch->inside[thread], 1);
}

static void
batch_run(struct pool *pool, size_t count, size_t block)
{
    struct batch *batch = calloc(1, sizeof *batch);
    pool_run(pool, count, block, mark, batch);
    for (size_t i = 0; i < ITEMS; i++) {
        assert_int_equal(batch->done[i], i < count ? 1 : 0);
        assert_true(batch->thread_of[i] < pool_threads(pool));
    }
    assert_false(atomic_load(&batch->overlapped));
    free(batch);
}

static void
every_item_is_done_once_whatever_the_threads_and_blocks(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= 5; threads++) {
        struct pool *pool = pool_new(threads);
        assert_int_equal(pool_threads(pool), threads);
        static const size_t counts[] = {0, 1, 63, 64, 65, 1000, ITEMS};
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
            batch_run(pool, counts[i], 0);
            batch_run(pool, counts[i], 7);
        }
        pool_free(&pool);
        assert_null(pool);
    }
}

static struct pool *shared;

static void *
caller(void *argument)
{
    (void)argument;
    for (int i = 0; i < 20; i++)
        batch_run(shared, 2000, 16);
    return NULL;
}

static void
several_callers_at_once_each_get_their_batch_done(void **state)
{
    (void)state;
    pthread_t callers[4];
    shared = pool_new(3);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&callers[i], NULL, caller, NULL), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(callers[i], NULL), 0);
    pool_free(&shared);
}

static void
no_number_means_as_many_as_cores(void **state)
{
    (void)state;
    struct pool *pool = pool_new(0);
    assert_in_range(pool_threads(pool), 1, POOL_THREADS_MAX);
    pool_free(&pool);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_is_done_once_whatever_the_threads_and_blocks),
        cmocka_unit_test(several_callers_at_once_each_get_their_batch_done),
        cmocka_unit_test(no_number_means_as_many_as_cores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
