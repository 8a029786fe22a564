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

struct expiry_queue *expiry_queue_new(void);
void expiry_queue_free(struct expiry_queue **queue);
// Adds up to count records from the cursor on; false when the walk has ended. The caller looks at
// cursor->damaged: what a damaged record's signatures say is not known.
bool expiry_queue_fill(struct expiry_queue *queue, struct version_cursor *cursor, size_t count);
// After a publish: the new records of its diff.
void expiry_queue_note(struct expiry_queue *queue, const struct diff *diff);
// The least expiration over the zone (the metric), 0 when nothing is signed; drops stale hints on
// the way.
uint32_t expiry_queue_first(struct expiry_queue *queue, const struct version *version);
// Takes out the owners that are due at now (sign_is_due), at most maximum, copied into the arena;
// ret_owners: vector of const uint8_t *. When the refresh fails, give them back by
// expiry_queue_return.
size_t expiry_queue_due(struct expiry_queue *queue, const struct version *version,
                        const struct sign_policy *policy, int64_t now, size_t maximum,
                        struct arena *arena, struct vector *ret_owners);
void expiry_queue_return(struct expiry_queue *queue, const struct version *version,
                         const struct vector *owners);
size_t expiry_queue_size(const struct expiry_queue *queue); // hints held
// The first expiration among a record's signatures; 0: none.
uint32_t node_first_expiration(const struct node *node);

#endif
