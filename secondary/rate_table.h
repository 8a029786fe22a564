// The memory in which all servers count together for the response rate limit: one sealed memfd of
// fixed layout, made by the supervisor at its start and kept over restarts of servers, so that a
// crash gives nobody a new allowance. Every server maps it writable, the desk read-only. No lock,
// no allocation, no clock: a bucket is one word, changed by compare-and-swap. The memory is sparse:
// without a limit no page of it is touched but the first.
//
// A server that was taken over may write anything here. What others take from it is bounded: a
// bucket holds nobody back for longer than RATE_TABLE_AHEAD_SECONDS after it was written, and the
// key of the hashes is not in it (it comes with the message).
#ifndef TANDEM_SECONDARY_RATE_TABLE_H
#define TANDEM_SECONDARY_RATE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "secondary/rate_prefixes.h"

#define RATE_TABLE_MAGIC 0x544e5231U // layout 1; another layout gets another number
// 131,072 buckets, 1 MiB. One is in use for as long as its allowance is not whole again: after a
// single answer the per-second-th part of a second. So it is room for a million different answers
// each second with a limit of ten.
#define RATE_TABLE_SETS          16384
#define RATE_TABLE_WAYS          8       // a set is one cache line
#define RATE_TABLE_PER_SECOND    1000000 // the largest limit: config_table_secondary.c
#define RATE_TABLE_SLIP_MAX      10      // so, too
#define RATE_TABLE_AHEAD_SECONDS 2       // more than a second's worth: clocks of batches differ
#define RATE_TABLE_TRIES         4       // at a bucket that others change in the same moment

struct rate_table {
    uint32_t magic;
    uint32_t size; // of this struct
    _Alignas(4096) uint64_t buckets[RATE_TABLE_SETS][RATE_TABLE_WAYS];
    struct rate_prefixes prefixes;
};

// The supervisor: a memfd of the right size, zeroed, sealed against shrinking and growing.
bool rate_table_create(int *ret_fd, struct fault *fault);
// Maps it; the descriptor may be closed afterwards. writable: a server. FAULT_CORRUPT: it is of
// another layout.
bool rate_table_map(int fd, bool writable, struct rate_table **ret_table, struct fault *fault);
void rate_table_unmap(struct rate_table **table); // *table may be NULL

// A limit, made ready. per_second: 1 to RATE_TABLE_PER_SECOND; slip: 0 to RATE_TABLE_SLIP_MAX.
struct rate_terms {
    uint64_t interval, allowance; // in the table's unit of time
    uint32_t slip;
};
struct rate_terms rate_terms_of(uint32_t per_second, uint32_t slip);

enum rate_verdict { RATE_SEND, RATE_DROP, RATE_TRUNCATE };
// May one more answer of this class go out? hash: of class and client, keyed, all its bits good.
// now_ms: a monotonic clock that all servers share.
enum rate_verdict rate_table_take(struct rate_table *table, const struct rate_terms *terms,
                                  uint64_t hash, uint64_t now_ms);

#endif
