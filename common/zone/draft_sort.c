// A million names in canonical order. name_key gives octets whose memcmp order is that order; kept
// for all names they would be the largest thing in memory beside the records. So a key is made
// again when it is needed. Of a range of names, eight octets behind what all of them have in common
// are looked at as one number, and the range is sorted by these numbers octet by octet from the
// last (an octet that is the same in the whole range costs nothing). Names that are equal so far
// form ranges of their own. Names differ, so ranges come to an end, at the latest behind the
// longest key.
#include "common/zone/draft_inside.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK         8
#define INSERTION_MAX 12 // names of a range that is not worth counting octets
#define OCTET_VALUES  256

struct sort_item {
    uint64_t chunk;
    uint32_t place;
};
struct sort_range {
    size_t first, end;
    size_t depth; // octets of the key in which all names of the range are equal
};
struct sort {
    const struct draft *draft;
    size_t apex_octets; // of the key: all names have them
    struct sort_item *items, *other;
    struct vector ranges; // struct sort_range
};

static const uint8_t *
name_of(const struct sort *sort, const struct sort_item *item)
{
    return node_owner(draft_owner_at(sort->draft, item->place)->node);
}

static uint64_t
chunk_of(const struct sort *sort, const struct sort_item *item, size_t depth)
{
    uint8_t key[NAME_KEY_MAX];
    size_t length = name_key(name_of(sort, item), key);
    uint64_t chunk = 0;
    for (size_t i = 0, at = sort->apex_octets + depth; i < CHUNK; i++, at++)
        chunk = chunk << 8 | (at < length ? key[at] : 0);
    return chunk;
}

static void
insertion_sort(const struct sort *sort, const struct sort_range *range)
{
    struct sort_item *items = sort->items;
    for (size_t i = range->first + 1; i < range->end; i++) {
        struct sort_item moved = items[i];
        size_t at = i;
        for (; at > range->first &&
               name_compare(name_of(sort, &items[at - 1]), name_of(sort, &moved)) > 0;
             at--)
            items[at] = items[at - 1];
        items[at] = moved;
    }
}

static unsigned
octet_of(uint64_t chunk, unsigned octet)
{
    return (unsigned)(chunk >> 8 * octet) & 0xff;
}

// One pass: by one octet, stable.
static void
octet_sort(struct sort *sort, const struct sort_range *range, unsigned octet,
           uint32_t counts[static OCTET_VALUES])
{
    size_t at = range->first;
    for (unsigned value = 0; value < OCTET_VALUES; value++) {
        uint32_t count = counts[value];
        counts[value] = (uint32_t)at;
        at += count;
    }
    for (size_t i = range->first; i < range->end; i++)
        sort->other[counts[octet_of(sort->items[i].chunk, octet)]++] = sort->items[i];
    memcpy(sort->items + range->first, sort->other + range->first,
           (range->end - range->first) * sizeof *sort->items);
}

// How many octets of their keys all names of a range have in common; it stops where there are no
// more than are known. Names of a large zone mostly have a long beginning in common: "host-0".
static size_t
depth_find(const struct sort *sort, const struct sort_range *range)
{
    uint8_t first[NAME_KEY_MAX], key[NAME_KEY_MAX];
    size_t common = name_key(name_of(sort, &sort->items[range->first]), first);
    size_t known = sort->apex_octets + range->depth;
    for (size_t i = range->first + 1; i < range->end && common > known; i++) {
        size_t length = name_key(name_of(sort, &sort->items[i]), key), at = known;
        while (at < common && at < length && key[at] == first[at])
            at++;
        common = at;
    }
    return common - sort->apex_octets;
}

static void
chunks_sort(struct sort *sort, struct sort_range *range)
{
    uint32_t counts[CHUNK][OCTET_VALUES] = {0};
    range->depth = depth_find(sort, range);
    for (size_t i = range->first; i < range->end; i++) {
        uint64_t chunk = sort->items[i].chunk = chunk_of(sort, &sort->items[i], range->depth);
        for (unsigned octet = 0; octet < CHUNK; octet++)
            counts[octet][octet_of(chunk, octet)]++;
    }
    uint64_t any = sort->items[range->first].chunk;
    for (unsigned octet = 0; octet < CHUNK; octet++)
        if (counts[octet][octet_of(any, octet)] < range->end - range->first)
            octet_sort(sort, range, octet, counts[octet]);
}

// Names whose chunks are equal are ranges for the next one.
static void
ranges_add(struct sort *sort, const struct sort_range *range)
{
    for (size_t first = range->first, end; first < range->end; first = end) {
        for (end = first + 1;
             end < range->end && sort->items[end].chunk == sort->items[first].chunk;)
            end++;
        struct sort_range equal = {.first = first, .end = end, .depth = range->depth + CHUNK};
        ENSURE(end - first == 1 || equal.depth < NAME_KEY_MAX);
        if (end - first > 1)
            vector_add(&sort->ranges, &equal);
    }
}

static void
range_sort(struct sort *sort, struct sort_range *range)
{
    if (range->end - range->first <= INSERTION_MAX) {
        insertion_sort(sort, range);
        return;
    }
    chunks_sort(sort, range);
    ranges_add(sort, range);
}

// The apex comes first, and has in common with the others what all have; gives how many are in
// their place by it.
static size_t
apex_put_first(struct sort *sort, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct node *node = draft_owner_at(sort->draft, i)->node;
        if (node_owner_labels(node) > sort->draft->apex_labels)
            continue;
        sort->items[i].place = 0;
        sort->items[0].place = (uint32_t)i;
        return 1;
    }
    return 0;
}

uint32_t *
draft_sort(const struct draft *draft)
{
    uint8_t key[NAME_KEY_MAX];
    size_t count = draft->owners.count;
    struct sort sort = {.draft = draft, .apex_octets = name_key(draft->apex, key)};
    sort.items = memory_alloc(count * sizeof *sort.items);
    sort.other = memory_alloc(count * sizeof *sort.other);
    vector_init(&sort.ranges, sizeof(struct sort_range));
    for (size_t i = 0; i < count; i++)
        sort.items[i] = (struct sort_item){.place = (uint32_t)i};
    size_t first = apex_put_first(&sort, count);
    vector_add(&sort.ranges, &(struct sort_range){.first = first, .end = count});
    while (sort.ranges.count > 0) {
        struct sort_range range;
        memcpy(&range, vector_at(&sort.ranges, sort.ranges.count - 1), sizeof range);
        sort.ranges.count--;
        range_sort(&sort, &range);
    }
    vector_close(&sort.ranges);
    free(sort.other);
    uint32_t *places = memory_alloc(count * sizeof *places);
    for (size_t i = 0; i < count; i++)
        places[i] = sort.items[i].place;
    free(sort.items);
    return places;
}
