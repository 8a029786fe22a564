// What is a bucket? The moment at which its allowance is whole again (the "theoretical arrival
// time" of the generic cell rate algorithm, ITU-T I.371): an answer moves it on by one interval,
// and goes out if it then lies not more than a second's worth ahead. So:
//
//  - the allowance is a second's worth and fills evenly, not in jumps at full seconds; in t seconds
//    at most per-second * (1 + t) answers of one class go out, over all servers together;
//  - what is held back costs nothing. BIND's account goes on falling while a flood lasts, down to
//    `window` seconds of debt, and NSD's average stays up: the class is then silent but for slips.
//    Here, as with Knot's tokens, a class that is asked for too often gets its per-second and no
//    more. A client a little over the limit loses a little, nobody has to wait after a flood, and
//    what a victim gets is the figure that the operator wrote down;
//  - an unused bucket need not be cleared: a moment in the past is the same as no bucket. Any such
//    may be taken for another class and nothing is lost.
//
// One word holds all: 40 bits of time, 4 bits that count what was held back (for slip), 20 bits of
// the hash as tag (14 more choose the set). Two classes of one set with one tag share a bucket:
// that happens to one class in 2^17, and harms it only while the other is limited.
//
// 40 bits of 1/16 us go round in 19 hours. A bucket that was left that long ago may look as if it
// were a second ahead: its class is then limited for that second. Everything that is further ahead
// is no time at all (old, or garbage), and counts as past.
//
// All ways of a set in use: the one least ahead gives way. A flood from many prefixes makes buckets
// that are one interval ahead, and they put out each other, not those that are limited; a new class
// always gets a bucket, so nobody is locked out.
#include "secondary/rate_table.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

#define UNITS_PER_SECOND UINT64_C(16000000) // at RATE_TABLE_PER_SECOND an interval is 16 of them
#define UNITS_PER_MS     (UNITS_PER_SECOND / 1000)
#define TIME_MASK        ((UINT64_C(1) << 40) - 1)
#define HELD_AT          40
#define HELD_MASK        UINT64_C(15)
#define TAG_AT           44

_Static_assert(RATE_TABLE_WAYS * sizeof(uint64_t) == 64, "a set is one cache line");
_Static_assert(RATE_TABLE_SLIP_MAX <= HELD_MASK, "slips are counted in four bits");
_Static_assert(UNITS_PER_SECOND >= RATE_TABLE_PER_SECOND, "an interval is at least one unit");

// The header is written by the one who makes the memory, so that a reader never sees it without.
static bool
header_write(int fd)
{
    const uint32_t header[] = {RATE_TABLE_MAGIC, (uint32_t)sizeof(struct rate_table)};
    return pwrite(fd, header, sizeof header, 0) == (ssize_t)sizeof header;
}

bool
rate_table_create(int *ret_fd, struct fault *fault)
{
    int fd = memfd_create("tandem-rate-table", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return fault_set_errno(fault, errno, "cannot make the memory of the rate limit");
    if (ftruncate(fd, (off_t)sizeof(struct rate_table)) != 0 || !header_write(fd) ||
        fcntl(fd, F_ADD_SEALS, SEALS) != 0) {
        fault_set_errno(fault, errno, "cannot prepare the memory of the rate limit");
        close(fd);
        return false;
    }
    *ret_fd = fd;
    return true;
}

bool
rate_table_map(int fd, bool writable, struct rate_table **ret_table, struct fault *fault)
{
    struct stat facts;
    if (fstat(fd, &facts) != 0)
        return fault_set_errno(fault, errno, "rate limit: cannot look at its memory");
    if (facts.st_size != (off_t)sizeof(struct rate_table))
        return fault_set(fault, FAULT_CORRUPT,
                         "rate limit: its memory has %lld octets, not %zu: the roles are of "
                         "different versions, restart tandem-secondary",
                         (long long)facts.st_size, sizeof(struct rate_table));
    struct rate_table *table =
        mmap(NULL, sizeof *table, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
    if (table == MAP_FAILED)
        return fault_set_errno(fault, errno, "rate limit: cannot map its memory");
    if (table->magic != RATE_TABLE_MAGIC || table->size != sizeof *table) {
        munmap(table, sizeof *table);
        return fault_set(fault, FAULT_CORRUPT,
                         "rate limit: its memory is of another layout: the roles are of "
                         "different versions, restart tandem-secondary");
    }
    *ret_table = table;
    return true;
}

void
rate_table_unmap(struct rate_table **table)
{
    if (*table)
        munmap(*table, sizeof **table);
    *table = NULL;
}

// The interval is rounded up: never more answers than were allowed.
struct rate_terms
rate_terms_of(uint32_t per_second, uint32_t slip)
{
    ENSURE(per_second > 0 && per_second <= RATE_TABLE_PER_SECOND && slip <= RATE_TABLE_SLIP_MAX);
    uint64_t interval = (UNITS_PER_SECOND + per_second - 1) / per_second;
    return (struct rate_terms){interval, interval * per_second, slip};
}

static uint64_t
word_make(uint64_t tag, uint64_t held, uint64_t time)
{
    return tag << TAG_AT | held << HELD_AT | (time & TIME_MASK);
}

// How far the word's time lies ahead of now; 0: its allowance is whole.
static uint64_t
ahead_of(uint64_t word, uint64_t now)
{
    uint64_t ahead = (word - now) & TIME_MASK;
    return ahead <= RATE_TABLE_AHEAD_SECONDS * UNITS_PER_SECOND ? ahead : 0;
}

// The bucket of this tag, or the one that it may have; *ret_word is what stands there.
static uint64_t *
bucket_find(uint64_t set[static RATE_TABLE_WAYS], uint64_t tag, uint64_t now, uint64_t *ret_word)
{
    uint64_t words[RATE_TABLE_WAYS];
    unsigned least = 0;
    for (unsigned i = 0; i < RATE_TABLE_WAYS; i++) {
        words[i] = __atomic_load_n(&set[i], __ATOMIC_RELAXED);
        if (words[i] >> TAG_AT == tag) {
            *ret_word = words[i];
            return &set[i];
        }
    }
    for (unsigned i = 1; i < RATE_TABLE_WAYS; i++)
        if (ahead_of(words[i], now) < ahead_of(words[least], now))
            least = i;
    *ret_word = words[least];
    return &set[least];
}

// One answer more for the bucket word, which is of this tag: the verdict, and what it becomes.
static enum rate_verdict
bucket_judge(const struct rate_terms *terms, uint64_t word, uint64_t now, uint64_t *ret_word)
{
    uint64_t ahead = ahead_of(word, now), tag = word >> TAG_AT;
    uint64_t held = word >> HELD_AT & HELD_MASK;
    if (ahead + terms->interval <= terms->allowance) {
        *ret_word = word_make(tag, held, now + ahead + terms->interval);
        return RATE_SEND;
    }
    *ret_word = word;
    if (terms->slip < 2)
        return terms->slip == 0 ? RATE_DROP : RATE_TRUNCATE;
    held = (held + 1) % terms->slip;
    *ret_word = word_make(tag, held, word);
    return held == 0 ? RATE_TRUNCATE : RATE_DROP;
}

enum rate_verdict
rate_table_take(struct rate_table *table, const struct rate_terms *terms, uint64_t hash,
                uint64_t now_ms)
{
    uint64_t *set = table->buckets[hash % RATE_TABLE_SETS];
    uint64_t tag = hash >> TAG_AT, now = now_ms * UNITS_PER_MS & TIME_MASK;
    enum rate_verdict verdict = RATE_SEND;
    // Who loses each try loses against others that got an answer counted: the last verdict stands,
    // uncounted, rather than that a server waits for others.
    for (unsigned i = 0; i < RATE_TABLE_TRIES; i++) {
        uint64_t word, becomes;
        uint64_t *bucket = bucket_find(set, tag, now, &word);
        uint64_t ours = word >> TAG_AT == tag ? word : word_make(tag, 0, now);
        verdict = bucket_judge(terms, ours, now, &becomes);
        if (becomes == word || __atomic_compare_exchange_n(bucket, &word, becomes, false,
                                                           __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            break;
    }
    return verdict;
}
