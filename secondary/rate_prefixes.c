// How is a record of eight words written by several processes without a lock, and read whole? By
// its first word. A writer takes a record over by one compare-and-swap of the hash, sets the counts
// to zero and writes the prefix last; a reader takes the prefix first and then the counts, so that
// it sees a new prefix with no older counts, and checks that prefix and hash belong together. Who
// finds its own hash with another prefix (the writer before it died half-way, or has not come to
// it yet) writes the prefix again.
//
// What may be lost are single counts: of an answer that is counted in the very moment in which
// another server gives its record away. The metric tandem_answers_limited_total has them all.
//
// Which record gives way? The one that was limited longest ago; a prefix that floods all the time
// is never it. A time far in the future is nobody's but a liar's or that of a clock that was set
// back: such a record goes first. (A little in the future it is of a server whose batch began
// later.)
#include "secondary/rate_prefixes.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/hash.h"

#define BITS_MASK   0xffU
#define LENGTH_AT   8
#define KINDS_AT    16
#define KINDS_MASK  ((1U << RATE_KINDS) - 1)
#define SHAPE_MASK  0xffffU
#define LENGTH_V4   4
#define LENGTH_V6   16
#define BITS_V4_MAX 32
#define BITS_V6_MAX 128

#define FUTURE_SECONDS 60

_Static_assert(sizeof(struct rate_prefix_record) == 64, "a record is one cache line");

const char *
rate_kind_word(enum rate_kind kind)
{
    static const char *const words[RATE_KINDS] = {"positive", "nodata",   "wildcard",
                                                  "nxdomain", "referral", "error"};
    return (unsigned)kind < RATE_KINDS ? words[kind] : "unknown";
}

static uint64_t
load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static void
store(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static void
mask_fill(uint64_t words[static 2], unsigned bits)
{
    uint8_t octets[LENGTH_V6] = {0};
    for (unsigned i = 0; i < bits && i < BITS_V6_MAX; i++)
        octets[i / 8] |= (uint8_t)(0x80U >> (i % 8));
    memcpy(words, octets, sizeof octets);
}

void
rate_masks_init(struct rate_masks *masks, unsigned bits_v4, unsigned bits_v6)
{
    uint64_t v4[2];
    masks->bits_v4 = (uint8_t)(bits_v4 < BITS_V4_MAX ? bits_v4 : BITS_V4_MAX);
    masks->bits_v6 = (uint8_t)(bits_v6 < BITS_V6_MAX ? bits_v6 : BITS_V6_MAX);
    mask_fill(v4, masks->bits_v4);
    masks->v4 = v4[0];
    mask_fill(masks->v6, masks->bits_v6);
}

static uint64_t
prefix_hash(uint64_t key, const uint64_t octets[static 2], uint64_t shape)
{
    return hash_finish(hash_mix(hash_mix(key + shape, octets[0]), octets[1]));
}

void
rate_client_init(struct rate_client *client, const struct rate_masks *masks, uint64_t key,
                 const struct address *address)
{
    size_t length;
    const uint8_t *octets = address_octets(address, &length);
    client->octets[0] = client->octets[1] = 0;
    if (length == LENGTH_V6) {
        memcpy(client->octets, octets, LENGTH_V6);
        client->octets[0] &= masks->v6[0];
        client->octets[1] &= masks->v6[1];
        client->shape = (uint16_t)(LENGTH_V6 << LENGTH_AT | masks->bits_v6);
    } else {
        if (length == LENGTH_V4)
            memcpy(client->octets, octets, LENGTH_V4);
        client->octets[0] &= masks->v4;
        client->shape = (uint16_t)(LENGTH_V4 << LENGTH_AT | masks->bits_v4);
    }
    client->hash = prefix_hash(key, client->octets, client->shape);
}

static void
identity_write(struct rate_prefix_record *record, const struct rate_client *client, uint64_t kinds)
{
    store(&record->octets[1], client->octets[1]);
    store(&record->about, kinds << KINDS_AT | client->shape);
    __atomic_store_n(&record->octets[0], client->octets[0], __ATOMIC_RELEASE);
}

static bool
identity_stands(const struct rate_prefix_record *record, const struct rate_client *client)
{
    return load(&record->octets[0]) == client->octets[0] &&
           load(&record->octets[1]) == client->octets[1] &&
           (load(&record->about) & SHAPE_MASK) == client->shape;
}

static void
record_begin(struct rate_prefix_record *record, const struct rate_client *client, uint64_t now)
{
    store(&record->dropped, 0);
    store(&record->truncated, 0);
    store(&record->since, now);
    store(&record->last, now);
    identity_write(record, client, 0);
}

// When it was limited last, for the choice of the one that gives way.
static uint64_t
age_key(const struct rate_prefix_record *record, uint64_t now)
{
    uint64_t last = load(&record->last);
    return load(&record->hash) == 0 || last > now + FUTURE_SECONDS ? 0 : last;
}

// The client's record; NULL: another server took the one that was free in this moment.
static struct rate_prefix_record *
record_of(struct rate_prefixes *prefixes, const struct rate_client *client, uint64_t now)
{
    struct rate_prefix_record *set = prefixes->records[client->hash % RATE_PREFIXES_SETS];
    struct rate_prefix_record *oldest = set;
    for (unsigned i = 0; i < RATE_PREFIXES_WAYS; i++) {
        if (load(&set[i].hash) == client->hash)
            return &set[i];
        if (age_key(&set[i], now) < age_key(oldest, now))
            oldest = &set[i];
    }
    uint64_t was = load(&oldest->hash);
    if (!__atomic_compare_exchange_n(&oldest->hash, &was, client->hash, false, __ATOMIC_RELAXED,
                                     __ATOMIC_RELAXED))
        return NULL;
    record_begin(oldest, client, now);
    return oldest;
}

static void
kind_note(struct rate_prefix_record *record, enum rate_kind kind)
{
    uint64_t bit = UINT64_C(1) << (KINDS_AT + (unsigned)kind);
    if ((load(&record->about) & bit) == 0)
        __atomic_fetch_or(&record->about, bit, __ATOMIC_RELAXED);
}

void
rate_prefixes_note(struct rate_prefixes *prefixes, const struct rate_client *client,
                   enum rate_kind kind, bool truncated, int64_t now)
{
    uint64_t seconds = now > 0 ? (uint64_t)now : 0;
    struct rate_prefix_record *record = record_of(prefixes, client, seconds);
    if (!record)
        return;
    uint64_t last = load(&record->last);
    if (last > seconds + FUTURE_SECONDS || last + RATE_PREFIXES_MEMORY_SECONDS < seconds)
        record_begin(record, client, seconds);
    else if (!identity_stands(record, client))
        identity_write(record, client, 0);
    kind_note(record, kind);
    __atomic_fetch_add(truncated ? &record->truncated : &record->dropped, 1, __ATOMIC_RELAXED);
    if (last != seconds)
        store(&record->last, seconds);
}

static int64_t
bounded(uint64_t value, int64_t most)
{
    return value < (uint64_t)most ? (int64_t)value : most;
}

static bool
prefix_read(const struct rate_prefix_record *record, uint64_t key, struct rate_prefix *prefix)
{
    uint64_t hash = load(&record->hash), octets[2];
    octets[0] = __atomic_load_n(&record->octets[0], __ATOMIC_ACQUIRE);
    octets[1] = load(&record->octets[1]);
    uint64_t about = load(&record->about), shape = about & SHAPE_MASK;
    unsigned bits = (unsigned)(shape & BITS_MASK), length = (unsigned)(shape >> LENGTH_AT);
    if (hash == 0 || hash != prefix_hash(key, octets, shape))
        return false;
    prefix->prefix = (struct address_prefix){.bits = (uint8_t)bits};
    struct address *address = &prefix->prefix.address;
    if (length == LENGTH_V4 && bits <= BITS_V4_MAX) {
        address->v4 = (struct sockaddr_in){.sin_family = AF_INET};
        memcpy(&address->v4.sin_addr, octets, LENGTH_V4);
    } else if (length == LENGTH_V6 && bits <= BITS_V6_MAX) {
        address->v6 = (struct sockaddr_in6){.sin6_family = AF_INET6};
        memcpy(&address->v6.sin6_addr, octets, LENGTH_V6);
    } else
        return false;
    prefix->kinds = (unsigned)(about >> KINDS_AT) & KINDS_MASK;
    return true;
}

static bool
record_read(const struct rate_prefix_record *record, uint64_t key, int64_t now,
            struct rate_prefix *prefix)
{
    if (!prefix_read(record, key, prefix))
        return false;
    prefix->dropped = bounded(load(&record->dropped), INT64_MAX / 2);
    prefix->truncated = bounded(load(&record->truncated), INT64_MAX / 2);
    prefix->last = bounded(load(&record->last), now);
    prefix->since = bounded(load(&record->since), prefix->last);
    prefix->active = now - prefix->last <= RATE_PREFIXES_ACTIVE_SECONDS;
    return now - prefix->last <= RATE_PREFIXES_MEMORY_SECONDS;
}

// For qsort.
static int
order(const void *left, const void *right)
{
    const struct rate_prefix *a = left, *b = right;
    int64_t held_a = a->dropped + a->truncated, held_b = b->dropped + b->truncated;
    if (a->active != b->active)
        return a->active ? -1 : 1;
    if (held_a != held_b)
        return held_a > held_b ? -1 : 1;
    return a->last != b->last ? (a->last > b->last ? -1 : 1) : 0;
}

void
rate_prefixes_read(const struct rate_prefixes *prefixes, uint64_t key, int64_t now,
                   struct vector *list)
{
    int64_t moment = now > 0 ? now : 0;
    for (size_t i = 0; i < RATE_PREFIXES_SETS; i++)
        for (size_t k = 0; k < RATE_PREFIXES_WAYS; k++) {
            struct rate_prefix prefix;
            if (record_read(&prefixes->records[i][k], key, moment, &prefix))
                vector_add(list, &prefix);
        }
    if (list->count > 1)
        qsort(vector_at(list, 0), list->count, sizeof(struct rate_prefix), order);
}
