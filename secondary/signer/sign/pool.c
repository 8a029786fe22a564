// Batches stand on their callers' stacks in a queue; every thread takes the next block of the first
// batch that has one left. The caller works on its own batch too, so a pool of n threads makes n -
// 1 of them, and a small batch wakes nobody. The lock is taken once for a block (64 signatures are
// about 2 ms), so it is never fought over.
#include "secondary/signer/sign/pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/base/fault.h"

#define BLOCK_DEFAULT 64

struct batch {
    struct batch *next;
    size_t count, block;
    size_t taken;    // items handed out
    unsigned active; // threads at work in it
    pool_work *work;
    void *context;
};

struct pool {
    unsigned threads; // with the caller
    unsigned started;
    pthread_t *workers;
    pthread_mutex_t lock;
    pthread_cond_t work_there; // a batch came, or the end
    pthread_cond_t batch_done;
    struct batch *first;
    bool ending;
};

struct worker {
    struct pool *pool;
    unsigned number;
};

// Under the lock. Works on one block of the batch without it.
static void
block_do(struct pool *pool, struct batch *batch, unsigned thread)
{
    size_t first = batch->taken;
    size_t end = batch->count - first < batch->block ? batch->count : first + batch->block;
    batch->taken = end;
    batch->active++;
    pthread_mutex_unlock(&pool->lock);
    batch->work(batch->context, thread, first, end);
    pthread_mutex_lock(&pool->lock);
    batch->active--;
    if (batch->active == 0 && batch->taken == batch->count)
        pthread_cond_broadcast(&pool->batch_done);
}

static struct batch *
batch_with_work(const struct pool *pool)
{
    struct batch *batch = pool->first;
    while (batch && batch->taken == batch->count)
        batch = batch->next;
    return batch;
}

static void *
worker_run(void *argument)
{
    struct worker worker = *(struct worker *)argument;
    struct pool *pool = worker.pool;
    free(argument);
    (void)setpriority(PRIO_PROCESS, 0, POOL_NICE); // of this thread (Linux); signing gives way
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        struct batch *batch = batch_with_work(pool);
        if (batch)
            block_do(pool, batch, worker.number);
        else if (pool->ending)
            break;
        else
            pthread_cond_wait(&pool->work_there, &pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

// What the machine cannot start is not missed: the batches of the rest are the same.
static void
workers_start(struct pool *pool)
{
    for (unsigned i = 1; i < pool->threads; i++) {
        struct worker *worker = memory_alloc(sizeof *worker);
        *worker = (struct worker){pool, i};
        if (pthread_create(&pool->workers[pool->started], NULL, worker_run, worker) != 0) {
            free(worker);
            return;
        }
        pool->started++;
    }
}

struct pool *
pool_new(unsigned threads)
{
    if (threads == 0) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        threads = cores < 1 ? 1 : (unsigned)cores;
    }
    if (threads > POOL_THREADS_MAX)
        threads = POOL_THREADS_MAX;
    struct pool *pool = memory_zalloc(sizeof *pool);
    pool->threads = threads;
    pool->workers = memory_zalloc(threads * sizeof *pool->workers);
    ENSURE(pthread_mutex_init(&pool->lock, NULL) == 0);
    ENSURE(pthread_cond_init(&pool->work_there, NULL) == 0);
    ENSURE(pthread_cond_init(&pool->batch_done, NULL) == 0);
    workers_start(pool);
    return pool;
}

void
pool_free(struct pool **pool)
{
    if (!*pool)
        return;
    pthread_mutex_lock(&(*pool)->lock);
    (*pool)->ending = true;
    pthread_cond_broadcast(&(*pool)->work_there);
    pthread_mutex_unlock(&(*pool)->lock);
    for (unsigned i = 0; i < (*pool)->started; i++)
        pthread_join((*pool)->workers[i], NULL);
    pthread_cond_destroy(&(*pool)->batch_done);
    pthread_cond_destroy(&(*pool)->work_there);
    pthread_mutex_destroy(&(*pool)->lock);
    free((*pool)->workers);
    free(*pool);
    *pool = NULL;
}

unsigned
pool_threads(const struct pool *pool)
{
    return pool->threads;
}

static void
batch_add(struct pool *pool, struct batch *batch)
{
    struct batch **end = &pool->first;
    while (*end)
        end = &(*end)->next;
    *end = batch;
    pthread_cond_broadcast(&pool->work_there);
}

static void
batch_remove(struct pool *pool, const struct batch *batch)
{
    struct batch **at = &pool->first;
    while (*at != batch)
        at = &(*at)->next;
    *at = batch->next;
}

void
pool_run(struct pool *pool, size_t count, size_t block, pool_work *work, void *context)
{
    struct batch batch = {
        .count = count, .block = block ? block : BLOCK_DEFAULT, .work = work, .context = context};
    if (count <= batch.block) {
        if (count > 0)
            work(context, 0, 0, count);
        return;
    }
    pthread_mutex_lock(&pool->lock);
    batch_add(pool, &batch);
    while (batch.taken < batch.count)
        block_do(pool, &batch, 0);
    while (batch.active > 0)
        pthread_cond_wait(&pool->batch_done, &pool->lock);
    batch_remove(pool, &batch);
    pthread_mutex_unlock(&pool->lock);
}
