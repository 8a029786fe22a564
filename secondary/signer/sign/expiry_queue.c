// Why hints in buckets, and not a heap of signatures?
//
// A zone of a million names has two million signatures; each publish replaces some of them, and a
// record moves to another version. What is kept for each record is therefore its name only, in the
// bucket of its first expiration, a quarter of an hour wide: about 25 octets a name, added at the
// end of a run. Nothing is ever taken out of the middle. When a bucket comes up, the served record
// says whether the hint still holds: if its first expiration lies in another bucket, it was signed
// again and has a hint there. Refreshes are batched by quarters of an hour anyway.
#include "secondary/signer/sign/expiry_queue.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/fault.h"
#include "common/base/octets.h"
#include "common/dns/name.h"
#include "common/dns/rdata.h"
#include "common/zone/find.h"

#define TIDY_FROM 1024 // hints below which repetitions are no waste worth looking for

struct bucket {
    uint32_t number;            // expiration / EXPIRY_BUCKET_SECONDS
    struct octets_buffer names; // wire names, one behind the other
    bool repeats;               // names were added since repetitions were taken out
};

struct expiry_queue {
    struct vector buckets; // ascending by number
    size_t hints;
    size_t hints_clean; // after repetitions were last taken out of all buckets
};

struct expiry_queue *
expiry_queue_new(void)
{
    struct expiry_queue *queue = memory_zalloc(sizeof *queue);
    vector_init(&queue->buckets, sizeof(struct bucket));
    return queue;
}

static struct bucket *
bucket_at(const struct expiry_queue *queue, size_t index)
{
    return vector_at(&queue->buckets, index);
}

void
expiry_queue_free(struct expiry_queue **queue)
{
    if (!*queue)
        return;
    for (size_t i = 0; i < (*queue)->buckets.count; i++)
        octets_buffer_close(&bucket_at(*queue, i)->names);
    vector_close(&(*queue)->buckets);
    free(*queue);
    *queue = NULL;
}

size_t
expiry_queue_size(const struct expiry_queue *queue)
{
    return queue->hints;
}

uint32_t
node_first_expiration(const struct node *node)
{
    uint32_t first = 0;
    for (unsigned i = 0; i < node_rrset_count(node); i++) {
        struct rrset rrset;
        struct rr rr;
        struct rdata_rrsig rrsig;
        uint32_t position = 0;
        node_rrset_at(node, i, &rrset);
        while (rrset.signature_count &&
               rrset_next(rrset.signatures, rrset.signatures_length, &position, &rr))
            if (rdata_rrsig_read(rr.rdata, rr.rdlength, &rrsig) &&
                (first == 0 || (int32_t)(rrsig.expiration - first) < 0))
                first = rrsig.expiration;
    }
    return first;
}

// The place of the bucket, made where it is missing.
static struct bucket *
bucket_for(struct expiry_queue *queue, uint32_t number)
{
    size_t low = 0, high = queue->buckets.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (bucket_at(queue, middle)->number < number)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < queue->buckets.count && bucket_at(queue, low)->number == number)
        return bucket_at(queue, low);
    vector_add(&queue->buckets, NULL);
    struct bucket *at = bucket_at(queue, low);
    memmove(at + 1, at, (queue->buckets.count - 1 - low) * sizeof *at);
    *at = (struct bucket){.number = number};
    octets_buffer_init(&at->names);
    return at;
}

static void
bucket_remove(struct expiry_queue *queue, size_t index)
{
    struct bucket *at = bucket_at(queue, index);
    octets_buffer_close(&at->names);
    queue->buckets.count--;
    memmove(at, at + 1, (queue->buckets.count - index) * sizeof *at);
}

static int
name_order(const void *a, const void *b)
{
    return name_compare(*(const uint8_t *const *)a, *(const uint8_t *const *)b);
}

// Puts the names of a bucket in order, each once.
static void
bucket_tidy(struct expiry_queue *queue, struct bucket *bucket)
{
    struct vector names;
    struct octets_buffer tidy;
    if (!bucket->repeats)
        return;
    vector_init(&names, sizeof(const uint8_t *));
    octets_buffer_init(&tidy);
    for (size_t at = 0; at < bucket->names.length; at += name_length(bucket->names.data + at)) {
        const uint8_t *name = bucket->names.data + at;
        vector_add(&names, &name);
    }
    const uint8_t **all = names.items;
    if (names.count)
        qsort(all, names.count, sizeof *all, name_order);
    for (size_t i = 0; i < names.count; i++) {
        if (i > 0 && name_equal(all[i - 1], all[i]))
            queue->hints--;
        else
            octets_buffer_add(&tidy, all[i], name_length(all[i]));
    }
    vector_close(&names);
    octets_buffer_close(&bucket->names);
    bucket->names = tidy;
    bucket->repeats = false;
}

// A name that changes every minute keeps its first expiration (that of its NSEC) and so adds the
// same hint each time.
static void
queue_tidy(struct expiry_queue *queue)
{
    if (queue->hints < 2 * queue->hints_clean + TIDY_FROM)
        return;
    for (size_t i = 0; i < queue->buckets.count; i++)
        bucket_tidy(queue, bucket_at(queue, i));
    queue->hints_clean = queue->hints;
}

static void
hint_add(struct expiry_queue *queue, const uint8_t *owner, uint32_t expiration)
{
    struct bucket *bucket = bucket_for(queue, expiration / EXPIRY_BUCKET_SECONDS);
    octets_buffer_add(&bucket->names, owner, name_length(owner));
    bucket->repeats = true;
    queue->hints++;
}

bool
expiry_queue_fill(struct expiry_queue *queue, struct version_cursor *cursor, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct node *node = version_cursor_next(cursor);
        if (!node)
            return false;
        uint32_t expiration = node_first_expiration(node);
        if (expiration)
            hint_add(queue, node_owner(node), expiration);
    }
    return true;
}

// The former records may be gone with their version: only the new ones are read.
void
expiry_queue_note(struct expiry_queue *queue, const struct diff *diff)
{
    for (size_t i = 0; i < diff->count; i++) {
        const struct node *node = diff->entries[i].new_node;
        uint32_t expiration = node ? node_first_expiration(node) : 0;
        if (expiration)
            hint_add(queue, node_owner(node), expiration);
    }
    queue_tidy(queue);
}

// The first expiration of an owner, where its hint in this bucket holds; 0: it does not.
static uint32_t
hint_holds(const struct version *version, const uint8_t *owner, uint32_t number)
{
    const struct node *node = zone_find_exact(version, owner);
    uint32_t expiration = node ? node_first_expiration(node) : 0;
    return expiration / EXPIRY_BUCKET_SECONDS == number ? expiration : 0;
}

typedef bool hint_keep(void *context, const uint8_t *owner, uint32_t expiration);

// Goes over the hints of one bucket, drops the stale ones and those that keep says no to.
static void
bucket_sift(struct expiry_queue *queue, size_t index, const struct version *version,
            hint_keep *keep, void *context)
{
    struct bucket *bucket = bucket_at(queue, index);
    size_t kept = 0;
    bucket_tidy(queue, bucket);
    for (size_t at = 0; at < bucket->names.length;) {
        const uint8_t *owner = bucket->names.data + at;
        size_t length = name_length(owner);
        uint32_t expiration = hint_holds(version, owner, bucket->number);
        at += length;
        if (expiration && keep(context, owner, expiration)) {
            memmove(bucket->names.data + kept, owner, length);
            kept += length;
        } else {
            queue->hints--;
        }
    }
    bucket->names.length = kept;
}

static bool
keep_least(void *context, const uint8_t *owner, uint32_t expiration)
{
    uint32_t *least = context;
    (void)owner;
    if (*least == 0 || (int32_t)(expiration - *least) < 0)
        *least = expiration;
    return true;
}

uint32_t
expiry_queue_first(struct expiry_queue *queue, const struct version *version)
{
    uint32_t least = 0;
    while (queue->buckets.count > 0) {
        bucket_sift(queue, 0, version, keep_least, &least);
        if (least)
            break;
        bucket_remove(queue, 0);
    }
    return least;
}

struct due_search {
    const struct sign_policy *policy;
    int64_t now;
    size_t maximum;
    struct arena *arena;
    struct vector *owners;
};

static bool
keep_unless_due(void *context, const uint8_t *owner, uint32_t expiration)
{
    struct due_search *search = context;
    if (search->owners->count >= search->maximum ||
        !sign_is_due(search->policy, expiration, search->now))
        return true;
    const uint8_t *copy = arena_copy(search->arena, owner, name_length(owner));
    vector_add(search->owners, &copy);
    return false;
}

size_t
expiry_queue_due(struct expiry_queue *queue, const struct version *version,
                 const struct sign_policy *policy, int64_t now, size_t maximum, struct arena *arena,
                 struct vector *ret_owners)
{
    struct due_search search = {policy, now, maximum, arena, ret_owners};
    for (size_t i = 0; i < queue->buckets.count && ret_owners->count < maximum;) {
        struct bucket *bucket = bucket_at(queue, i);
        if (!sign_is_due(policy, bucket->number * EXPIRY_BUCKET_SECONDS, now))
            break;
        bucket_sift(queue, i, version, keep_unless_due, &search);
        if (bucket->names.length == 0)
            bucket_remove(queue, i);
        else
            i++;
    }
    return ret_owners->count;
}

void
expiry_queue_return(struct expiry_queue *queue, const struct version *version,
                    const struct vector *owners)
{
    for (size_t i = 0; i < owners->count; i++) {
        const uint8_t *owner = *(const uint8_t **)vector_at(owners, i);
        const struct node *node = zone_find_exact(version, owner);
        uint32_t expiration = node ? node_first_expiration(node) : 0;
        if (expiration)
            hint_add(queue, owner, expiration);
    }
}
