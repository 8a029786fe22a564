// Records verified side by side: a portion of records of one zone, shared out to the pool, findings
// gathered. stop set: the rest is left (NULL: never).
#ifndef TANDEM_SIGN_VERIFY_BATCH_H
#define TANDEM_SIGN_VERIFY_BATCH_H

#include "secondary/signer/sign/pool.h"
#include "secondary/signer/sign/verify_record.h"

void verify_batch(const struct verify_zone *zone, struct pool *pool,
                  const struct verify_record *records, size_t count, const atomic_bool *stop,
                  struct verify_report *report);

#endif
