// When signatures of a zone expire: owners in buckets of 15 minutes by the first expiration among
// their signatures. An entry is a hint; the served record is the truth (an owner that was signed
// again has a later entry, the former is dropped when it comes up). Rebuilt at start by one walk,
// in portions. One thread.
#ifndef TANDEM_SIGN_EXPIRY_QUEUE_H
#define TANDEM_SIGN_EXPIRY_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/vector.h"
#include "common/zone/diff.h"
#include "common/zone/version.h"
#include "secondary/signer/sign/sign_policy.h"

#define EXPIRY_BUCKET_SECONDS 900
#define EXPIRY_DUE_MAX                                                                             \
    100000 // owners of one refresh: bounds its memory; the rest comes at once after it

struct expiry_queue;

// apex: borrowed, lower case; every owner is at or below it.
struct expiry_queue *expiry_queue_new(const uint8_t *apex);
void expiry_queue_free(struct expiry_queue **queue);
// Adds up to count records from the cursor on; false when the walk has ended. The caller looks at
// cursor->damaged: what a damaged record's signatures say is not known.
bool expiry_queue_fill(struct expiry_queue *queue, struct version_cursor *cursor, size_t count);
// After a publish: the new records of its diff.
void expiry_queue_note(struct expiry_queue *queue, const struct diff *diff);
// The least expiration over the zone (the metric), 0 when nothing is signed; drops stale hints on
// the way.
uint32_t expiry_queue_first(struct expiry_queue *queue, const struct version *version);
// The buckets in order, for measuring: where each begins, and how many hints it has.
struct expiry_bucket {
    uint32_t from; // of expirations, EXPIRY_BUCKET_SECONDS long
    size_t hints;
};
size_t expiry_queue_buckets(const struct expiry_queue *queue);
struct expiry_bucket expiry_queue_bucket(const struct expiry_queue *queue, size_t index);
// Where the truth about an owner is read: a version, or what a simulation keeps. 0: not signed.
struct expiry_source {
    uint32_t (*first_expiration)(const void *context, const uint8_t *owner);
    const void *context;
};
struct expiry_source expiry_source_of(const struct version *version);
uint32_t expiry_queue_least(struct expiry_queue *queue, const struct expiry_source *source);
void expiry_queue_add(struct expiry_queue *queue, const uint8_t *owner, uint32_t expiration);
// Takes out the owners whose first signature expires soonest, up to until and until ret_owners has
// maximum of them, copied into the arena (vector of const uint8_t *). Gives the latest of those
// expirations, 0: none was taken. When the refresh fails, give them back by expiry_queue_return.
uint32_t expiry_queue_take(struct expiry_queue *queue, const struct expiry_source *source,
                           uint32_t until, size_t maximum, struct arena *arena,
                           struct vector *ret_owners);
// The same from the other end: those that expire later than after.
void expiry_queue_take_after(struct expiry_queue *queue, const struct expiry_source *source,
                             uint32_t after, size_t maximum, struct arena *arena,
                             struct vector *ret_owners);
void expiry_queue_return(struct expiry_queue *queue, const struct version *version,
                         const struct vector *owners);
size_t expiry_queue_size(const struct expiry_queue *queue); // hints held
// The first expiration among a record's signatures; 0: none.
uint32_t node_first_expiration(const struct node *node);
// The same of all new records of a diff.
uint32_t diff_first_expiration(const struct diff *diff);

#endif
