// The order of chain owners, searched by name: first the sampled keys, which stand together and are
// compared as words, then the few owners between two samples in their records.
#include "common/zone/index_chain.h"

#include <endian.h>
#include <string.h>

#define SAMPLE_WORDS (INDEX_SAMPLE_SIZE / 8)

// A sampled key as numbers in the order of the octets.
struct sample_key {
    uint64_t words[SAMPLE_WORDS];
};

static void
sample_key_make(const struct index *index, const uint8_t *name, struct sample_key *ret_key)
{
    uint8_t key[INDEX_SAMPLE_SIZE];
    index_sample_key(name, index->apex_labels, key);
    for (unsigned i = 0; i < SAMPLE_WORDS; i++) {
        memcpy(&ret_key->words[i], key + 8 * (size_t)i, 8);
        ret_key->words[i] = be64toh(ret_key->words[i]);
    }
}

// Whether the sample is before the key, or (with_equal) not after it.
static inline bool
sample_before(const uint8_t *sample, const struct sample_key *key, bool with_equal)
{
    for (unsigned i = 0; i < SAMPLE_WORDS; i++) {
        uint64_t word;
        memcpy(&word, sample + 8 * (size_t)i, 8);
        word = be64toh(word);
        if (word != key->words[i])
            return word < key->words[i];
    }
    return with_equal;
}

// Samples whose key is before the given one, or (with_equal) not after it. Which half comes next is
// not foreseeable, so it is computed, not branched to, and both its middles are fetched ahead.
static size_t
sample_bound(const struct index *index, const struct sample_key *key, bool with_equal)
{
    const uint8_t *first = index->samples, *at = first;
    size_t left = (size_t)index->header->samples.count;
    while (left > 1) {
        size_t half = left / 2;
        left -= half;
        __builtin_prefetch(at + (left / 2) * INDEX_SAMPLE_SIZE);
        __builtin_prefetch(at + (half + left / 2) * INDEX_SAMPLE_SIZE);
        at += sample_before(at + (half - 1) * INDEX_SAMPLE_SIZE, key, with_equal)
                  ? half * INDEX_SAMPLE_SIZE
                  : 0;
    }
    size_t before = (size_t)(at - first) / INDEX_SAMPLE_SIZE;
    return before + (left == 1 && sample_before(at, key, with_equal));
}

// Samples before each key: all keys take a step before the first one takes the next, so what a step
// looks at has come meanwhile.
static void
samples_bound(const struct index *index, const struct sample_key *keys, size_t count,
              size_t *ret_before)
{
    const uint8_t *samples = index->samples;
    size_t left = (size_t)index->header->samples.count;
    memset(ret_before, 0, count * sizeof *ret_before);
    while (left > 1) {
        size_t half = left / 2;
        left -= half;
        for (size_t i = 0; i < count; i++) {
            const uint8_t *at = samples + ret_before[i] * INDEX_SAMPLE_SIZE;
            ret_before[i] +=
                sample_before(at + (half - 1) * INDEX_SAMPLE_SIZE, keys + i, false) ? half : 0;
            at = samples + (ret_before[i] + left / 2) * INDEX_SAMPLE_SIZE;
            __builtin_prefetch(at - (left > 1 ? INDEX_SAMPLE_SIZE : 0));
        }
    }
    for (size_t i = 0; left == 1 && i < count; i++)
        ret_before[i] +=
            sample_before(samples + ret_before[i] * INDEX_SAMPLE_SIZE, keys + i, false);
}

// All owners up to the last sample before the key are before the name; all from the first sample
// after the key on are after it.
static void
group_fill(const struct index *index, const struct sample_key *key, size_t before,
           struct chain_group *ret_group)
{
    size_t not_after = before;
    if (before < index->header->samples.count &&
        sample_before(index->samples + before * INDEX_SAMPLE_SIZE, key, true))
        not_after = sample_bound(index, key, true); // long names that differ late
    size_t end = not_after * INDEX_SAMPLE_EVERY, count = index_chain_count(index);
    ret_group->first = before ? (uint32_t)(before - 1) * INDEX_SAMPLE_EVERY + 1 : 0;
    ret_group->end = (uint32_t)(end < count ? end : count);
}

void
index_chain_group(const struct index *index, const uint8_t *name, struct chain_group *ret_group)
{
    struct sample_key key;
    sample_key_make(index, name, &key);
    group_fill(index, &key, sample_bound(index, &key, false), ret_group);
}

void
index_chain_groups(const struct index *index, const uint8_t *const *names, size_t count,
                   struct chain_group *ret_groups)
{
    struct sample_key keys[INDEX_CHAIN_NAMES_MAX];
    size_t before[INDEX_CHAIN_NAMES_MAX];
    ENSURE(count <= INDEX_CHAIN_NAMES_MAX);
    for (size_t i = 0; i < count; i++)
        sample_key_make(index, names[i], keys + i);
    samples_bound(index, keys, count, before);
    for (size_t i = 0; i < count; i++)
        group_fill(index, keys + i, before[i], ret_groups + i);
}

// What of the group comes ahead: with many long names that differ late not all.
static struct chain_group
group_ahead(const struct chain_group *group)
{
    struct chain_group ahead = {group->first ? group->first - 1 : 0, group->end};
    if (ahead.end - ahead.first > INDEX_SAMPLE_EVERY)
        ahead.end = ahead.first + INDEX_SAMPLE_EVERY;
    return ahead;
}

void
index_group_fetch_places(const struct index *index, const struct chain_group *group)
{
    __builtin_prefetch(index->chain + group_ahead(group).first);
}

void
index_group_fetch_slots(const struct index *index, const struct chain_group *group)
{
    struct chain_group ahead = group_ahead(group);
    for (uint32_t i = ahead.first; i < ahead.end; i++)
        __builtin_prefetch(index->slots + (index->chain[i] & index->slot_mask));
}

void
index_group_fetch_records(const struct index *index, const struct heap_view *heaps,
                          const struct chain_group *group)
{
    struct chain_group ahead = group_ahead(group);
    for (uint32_t i = ahead.first; i < ahead.end; i++) {
        uint64_t slot = index->chain[i] & index->slot_mask;
        uint64_t reference = index->slots[slot].reference;
        __builtin_prefetch(index->checked + slot / 64);
        if (heap_may_hold(heaps, reference))
            __builtin_prefetch(heap_at(heaps, reference));
    }
}

bool
index_group_bound(const struct index *index, const struct heap_view *heaps, const uint8_t *name,
                  bool inclusive, const struct chain_group *group, size_t *ret_count)
{
    size_t low = group->first;
    if (!index_list_bound(index, heaps, index->chain, name, inclusive, &low, group->end))
        return false;
    *ret_count = low;
    return true;
}

// Of the few owners between two samples each may be looked at: all their slots and then all their
// records come at once, instead of one after the other as the halving asks for them.
bool
index_chain_bound(const struct index *index, const struct heap_view *heaps, const uint8_t *name,
                  bool inclusive, size_t *ret_count)
{
    struct chain_group group;
    index_chain_group(index, name, &group);
    index_group_fetch_slots(index, &group);
    index_group_fetch_records(index, heaps, &group);
    return index_group_bound(index, heaps, name, inclusive, &group, ret_count);
}

size_t
index_chain_living(const struct index *overlay, size_t count)
{
    if (count == 0)
        return 0;
    size_t low = 0, high = (size_t)overlay->header->dead.count;
    while (low < high) { // the first run that does not end before count - 1
        size_t middle = low + (high - low) / 2;
        if (overlay->dead[middle].last < count - 1)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < overlay->header->dead.count && overlay->dead[low].first <= count - 1)
        return overlay->dead[low].first;
    return count;
}
