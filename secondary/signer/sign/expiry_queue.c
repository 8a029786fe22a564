// Why hints in buckets, and not a heap of signatures?
//
// A zone of a million names has two million signatures; each publish replaces some of them, and a
// record moves to another version. What is kept for each record is therefore its name only, in the
// bucket of its first expiration, a quarter of an hour wide: without the zone's own name, about a
// dozen octets, added at the end of a run. Nothing is ever taken out of the middle. When a bucket comes up, the served record
// says whether the hint still holds: if its first expiration lies in another bucket, it was signed
// again and has a hint there. Refreshes are batched by quarters of an hour anyway.
//
// The number of hints in each bucket is what refresh_load.c makes an even load of; stale ones make
// it a little too high, never too low.
#include "secondary/signer/sign/expiry_queue.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/fault.h"
#include "common/base/octets.h"
#include "common/dns/name.h"
#include "common/dns/rdata.h"
#include "common/zone/find.h"

#define NAMES_FIRST 32 // octets of a bucket at first: a small zone has one name in each
// A bucket that is full becomes larger by this part of itself: of a large zone's hundred buckets half
// would be empty if they doubled, and they are filled once.
#define NAMES_GROWTH 8
#define TIDY_FROM 1024 // hints below which repetitions are no waste worth looking for

struct bucket {
    uint32_t number;            // expiration / EXPIRY_BUCKET_SECONDS
    struct octets_buffer names; // wire names, one behind the other, as if the apex were the root
    size_t hints;               // names
    bool repeats;               // names were added since repetitions were taken out
};

struct expiry_queue {
    const uint8_t *apex;
    size_t apex_length;
    struct vector buckets; // ascending by number
    size_t hints;
    size_t hints_clean; // after repetitions were last taken out of all buckets
    uint32_t first;     // what expiry_queue_first found, while nothing has changed since
    bool first_known;
};

struct expiry_queue *
expiry_queue_new(const uint8_t *apex)
{
    struct expiry_queue *queue = memory_zalloc(sizeof *queue);
    queue->apex = apex;
    queue->apex_length = name_length(apex);
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

uint32_t
diff_first_expiration(const struct diff *diff)
{
    uint32_t first = 0;
    for (size_t i = 0; i < diff->count; i++) {
        const struct node *node = diff->entries[i].new_node;
        uint32_t expiration = node ? node_first_expiration(node) : 0;
        if (expiration && (first == 0 || (int32_t)(expiration - first) < 0))
            first = expiration;
    }
    return first;
}

static uint32_t
version_first_expiration(const void *context, const uint8_t *owner)
{
    bool damaged;
    const struct node *node = zone_find_record(context, owner, &damaged);
    return node ? node_first_expiration(node) : 0;
}

struct expiry_source
expiry_source_of(const struct version *version)
{
    return (struct expiry_source){version_first_expiration, version};
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
    at->names.data = memory_alloc(NAMES_FIRST);
    at->names.capacity = NAMES_FIRST;
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

// Adds a name that is at or below the apex, without the apex.
static void
names_add(struct octets_buffer *names, const uint8_t *owner, size_t above)
{
    if (names->length + above + 1 > names->capacity) {
        names->capacity += names->capacity / NAMES_GROWTH + above + 1;
        names->data = memory_realloc(names->data, names->capacity);
    }
    memcpy(names->data + names->length, owner, above);
    names->data[names->length + above] = 0;
    names->length += above + 1;
}

// The whole name of one at the place; gives the octets that it has there.
static size_t
names_at(const struct expiry_queue *queue, const struct octets_buffer *names, size_t at,
         uint8_t ret_owner[static NAME_SIZE_MAX])
{
    size_t length = name_length(names->data + at);
    memcpy(ret_owner, names->data + at, length - 1);
    memcpy(ret_owner + length - 1, queue->apex, queue->apex_length);
    return length;
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
    tidy.data = memory_alloc(bucket->names.length); // as much as it needs at most, no more
    tidy.capacity = bucket->names.length;
    for (size_t at = 0; at < bucket->names.length; at += name_length(bucket->names.data + at)) {
        const uint8_t *name = bucket->names.data + at;
        vector_add(&names, &name);
    }
    const uint8_t **all = names.items;
    if (names.count)
        qsort(all, names.count, sizeof *all, name_order);
    for (size_t i = 0; i < names.count; i++) {
        if (i > 0 && name_equal(all[i - 1], all[i]))
            queue->hints--, bucket->hints--;
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

void
expiry_queue_add(struct expiry_queue *queue, const uint8_t *owner, uint32_t expiration)
{
    struct bucket *bucket = bucket_for(queue, expiration / EXPIRY_BUCKET_SECONDS);
    size_t length = name_length(owner);
    ENSURE(length >= queue->apex_length);
    names_add(&bucket->names, owner, length - queue->apex_length);
    bucket->repeats = true;
    bucket->hints++;
    queue->hints++;
    queue->first_known = false;
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
            expiry_queue_add(queue, node_owner(node), expiration);
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
            expiry_queue_add(queue, node_owner(node), expiration);
    }
    queue->first_known = false; // a record that went had perhaps the least
    queue_tidy(queue);
}

// The first expiration of an owner, where its hint in this bucket holds; 0: it does not.
static uint32_t
hint_holds(const struct expiry_source *source, const uint8_t *owner, uint32_t number)
{
    uint32_t expiration = source->first_expiration(source->context, owner);
    return expiration / EXPIRY_BUCKET_SECONDS == number ? expiration : 0;
}

// What becomes of a hint that holds.
enum hint_fate { HINT_STAYS, HINT_GOES, HINT_ENDS }; // the last: it stays, and all behind it
typedef enum hint_fate hint_judge(void *context, const uint8_t *owner, uint32_t expiration);

// Goes over the hints of one bucket, drops the stale ones and those that the judge takes out.
static void
bucket_sift(struct expiry_queue *queue, size_t index, const struct expiry_source *source,
            hint_judge *judge, void *context)
{
    struct bucket *bucket = bucket_at(queue, index);
    size_t kept = 0, at = 0;
    bool ends = false;
    bucket_tidy(queue, bucket);
    while (at < bucket->names.length && !ends) {
        uint8_t owner[NAME_SIZE_MAX];
        size_t length = names_at(queue, &bucket->names, at, owner);
        uint32_t expiration = hint_holds(source, owner, bucket->number);
        enum hint_fate fate = expiration ? judge(context, owner, expiration) : HINT_GOES;
        ends = fate == HINT_ENDS;
        if (ends)
            break;
        at += length;
        if (fate == HINT_GOES) {
            queue->hints--, bucket->hints--;
            continue;
        }
        memmove(bucket->names.data + kept, bucket->names.data + at - length, length);
        kept += length;
    }
    memmove(bucket->names.data + kept, bucket->names.data + at, bucket->names.length - at);
    bucket->names.length = kept + bucket->names.length - at;
}

static enum hint_fate
keep_least(void *context, const uint8_t *owner, uint32_t expiration)
{
    uint32_t *least = context;
    (void)owner;
    if (*least == 0 || (int32_t)(expiration - *least) < 0)
        *least = expiration;
    return HINT_STAYS;
}

uint32_t
expiry_queue_first(struct expiry_queue *queue, const struct version *version)
{
    struct expiry_source source = expiry_source_of(version);
    return expiry_queue_least(queue, &source);
}

uint32_t
expiry_queue_least(struct expiry_queue *queue, const struct expiry_source *source)
{
    uint32_t least = 0;
    if (queue->first_known)
        return queue->first;
    while (queue->buckets.count > 0) {
        bucket_sift(queue, 0, source, keep_least, &least);
        if (least)
            break;
        bucket_remove(queue, 0);
    }
    queue->first_known = true;
    queue->first = least;
    return least;
}

size_t
expiry_queue_buckets(const struct expiry_queue *queue)
{
    return queue->buckets.count;
}

struct expiry_bucket
expiry_queue_bucket(const struct expiry_queue *queue, size_t index)
{
    const struct bucket *bucket = bucket_at(queue, index);
    return (struct expiry_bucket){bucket->number * EXPIRY_BUCKET_SECONDS, bucket->hints};
}

struct search {
    uint32_t limit;
    bool after; // those that expire after the limit, else those up to it
    size_t maximum;
    struct arena *arena;
    struct vector *owners;
    uint32_t last; // the latest expiration of what was taken
};

static enum hint_fate
take_found(void *context, const uint8_t *owner, uint32_t expiration)
{
    struct search *search = context;
    int32_t beyond = (int32_t)(expiration - search->limit);
    if (search->owners->count >= search->maximum)
        return HINT_ENDS;
    if (search->after ? beyond <= 0 : beyond > 0)
        return HINT_STAYS;
    const uint8_t *copy = arena_copy(search->arena, owner, name_length(owner));
    vector_add(search->owners, &copy);
    if (search->last == 0 || (int32_t)(expiration - search->last) > 0)
        search->last = expiration;
    return HINT_GOES;
}

// Whether the bucket is left over by the search.
static bool
bucket_search(struct expiry_queue *queue, size_t index, const struct expiry_source *source,
              struct search *search)
{
    bucket_sift(queue, index, source, take_found, search);
    queue->first_known = false;
    if (bucket_at(queue, index)->names.length > 0)
        return true;
    bucket_remove(queue, index);
    return false;
}

uint32_t
expiry_queue_take(struct expiry_queue *queue, const struct expiry_source *source, uint32_t until,
                  size_t maximum, struct arena *arena, struct vector *ret_owners)
{
    struct search search = {
        .limit = until, .maximum = maximum, .arena = arena, .owners = ret_owners};
    for (size_t i = 0; i < queue->buckets.count && ret_owners->count < maximum;) {
        uint32_t start = bucket_at(queue, i)->number * EXPIRY_BUCKET_SECONDS;
        if ((int32_t)(start - until) > 0)
            break;
        i += bucket_search(queue, i, source, &search);
    }
    return search.last;
}

void
expiry_queue_take_after(struct expiry_queue *queue, const struct expiry_source *source,
                        uint32_t after, size_t maximum, struct arena *arena,
                        struct vector *ret_owners)
{
    struct search search = {
        .limit = after, .after = true, .maximum = maximum, .arena = arena, .owners = ret_owners};
    for (size_t i = queue->buckets.count; i-- > 0 && ret_owners->count < maximum;) {
        uint32_t end = (bucket_at(queue, i)->number + 1) * EXPIRY_BUCKET_SECONDS;
        if ((int32_t)(end - after) <= 0)
            break;
        bucket_search(queue, i, source, &search);
    }
}

void
expiry_queue_return(struct expiry_queue *queue, const struct version *version,
                    const struct vector *owners)
{
    for (size_t i = 0; i < owners->count; i++) {
        const uint8_t *owner = *(const uint8_t **)vector_at(owners, i);
        uint32_t expiration = version_first_expiration(version, owner);
        if (expiration)
            expiry_queue_add(queue, owner, expiration);
    }
}
