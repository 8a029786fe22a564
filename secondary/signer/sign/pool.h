// The pool of threads that sign and verify in batches, at nice 10. One pool for each signer
// process. A batch is a number of items and a function; the caller waits, items are shared out in
// blocks, results land where the item says, so the outcome does not depend on the number of
// threads. Batches of several callers queue up.
#ifndef TANDEM_SIGN_POOL_H
#define TANDEM_SIGN_POOL_H

#include <stdbool.h>
#include <stddef.h>

#define POOL_THREADS_MAX 64
#define POOL_NICE        10

struct pool;

// threads 0: as many as there are cores. 1: no thread is made, batches run in the caller.
struct pool *pool_new(unsigned threads);
void pool_free(struct pool **pool); // waits for the batch under way
unsigned pool_threads(const struct pool *pool);

// Does items first <= i < end; thread is 0 ... pool_threads - 1, one at a time for each number
// within a batch.
typedef void pool_work(void *context, unsigned thread, size_t first, size_t end);
// Runs count items in blocks of at most block (0: 64) and returns when all are done. Small batches
// (one block) run in the caller as thread 0.
void pool_run(struct pool *pool, size_t count, size_t block, pool_work *work, void *context);

#endif
