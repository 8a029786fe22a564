// Why a log of whole versions, and not pages or an index on disk? A small zone is a few KB: writing
// all of it costs one write and one sync, less than the three syncs of a directory of its own, and
// what stands in the files needs no second file that says so. A start reads all of it once, which
// it must for the checksums anyway.
#include "common/zone/zone_pool.h"

#include "common/base/arena.h"
#include "common/base/hash.h"
#include "common/base/vector.h"
#include "common/dns/name.h"
#include "common/zone/zone_pool_inside.h"
#include "common/zone/store_io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_NAME   "lock"
#define SLOTS_FIRST 64

struct zone_pool_segment *
zone_pool_segment_find(const struct zone_pool *pool, uint32_t number)
{
    for (size_t i = 0; i < pool->segments.count; i++)
        if (zone_pool_segment_of(pool, i)->number == number)
            return zone_pool_segment_of(pool, i);
    return NULL;
}

struct zone_pool_segment *
zone_pool_segment_last(const struct zone_pool *pool)
{
    return pool->segments.count ? zone_pool_segment_of(pool, pool->segments.count - 1) : NULL;
}

// ---- which entry is a zone's newest ----

static const struct zone_pool_entry *
entry_at(const struct zone_pool *pool, const struct zone_pool_place *place)
{
    const struct zone_pool_segment *segment = zone_pool_segment_find(pool, place->segment);
    return (const void *)(segment->map->octets + place->heap_offset);
}

static size_t
slot_find(const struct zone_pool *pool, const uint8_t *apex)
{
    size_t slot = hash_octets(pool->key, apex, name_length(apex)) & (pool->slot_count - 1);
    for (; pool->slots[slot]; slot = (slot + 1) & (pool->slot_count - 1)) {
        const struct zone_pool_known *known = vector_at(&pool->known, pool->slots[slot] - 1);
        if (name_equal(zone_pool_entry_apex(entry_at(pool, &known->place)), apex))
            break;
    }
    return slot;
}

struct zone_pool_known *
zone_pool_known_find(const struct zone_pool *pool, const uint8_t *apex)
{
    size_t slot = slot_find(pool, apex);
    return pool->slots[slot] ? vector_at(&pool->known, pool->slots[slot] - 1) : NULL;
}

static void
slots_grow(struct zone_pool *pool)
{
    free(pool->slots);
    pool->slot_count *= 2;
    pool->slots = memory_zalloc(pool->slot_count * sizeof *pool->slots);
    for (size_t i = 0; i < pool->known.count; i++) {
        const struct zone_pool_known *known = vector_at(&pool->known, i);
        size_t slot = slot_find(pool, zone_pool_entry_apex(entry_at(pool, &known->place)));
        pool->slots[slot] = (uint32_t)i + 1;
    }
}

static struct zone_pool_known *
known_add(struct zone_pool *pool, const uint8_t *apex)
{
    if (2 * (pool->known.count + 1) > pool->slot_count)
        slots_grow(pool);
    pool->slots[slot_find(pool, apex)] = (uint32_t)pool->known.count + 1;
    return vector_add(&pool->known, NULL);
}

static struct zone_pool_place
entry_place(const struct zone_pool_segment *segment, uint64_t offset,
            const struct zone_pool_entry *entry)
{
    return (struct zone_pool_place){
        .segment = segment->number,
        .heap_offset = (uint32_t)offset,
        .heap_length = entry->heap_length,
        .index_offset = (uint32_t)offset + entry->index_offset,
        .index_length = entry->kind == ZONE_POOL_CONTENT ? entry->index_length : 0,
    };
}

void
zone_pool_entry_note(struct zone_pool *pool, struct zone_pool_segment *segment, uint64_t offset,
                     bool whole)
{
    const struct zone_pool_entry *entry = (const void *)(segment->map->octets + offset);
    const uint8_t *apex = zone_pool_entry_apex(entry);
    struct zone_pool_known *known = zone_pool_known_find(pool, apex);
    if (known && (known->number > entry->number || (known->number == entry->number && !whole)))
        return;
    if (known)
        zone_pool_segment_find(pool, known->place.segment)->living -= known->length;
    else
        known = known_add(pool, apex);
    *known = (struct zone_pool_known){.number = entry->number,
                                      .place = entry_place(segment, offset, entry),
                                      .length = entry->length};
    segment->living += entry->length;
}

// ---- opening ----

// Numbers, also those of what does not count: none is used twice.
static void
numbers_read(struct zone_pool *pool, uint64_t *ret_synced)
{
    *ret_synced = 0;
    for (size_t i = 0; i < pool->segments.count; i++) {
        const struct zone_pool_entry *entry;
        uint64_t offset = ZONE_POOL_FIRST;
        while ((entry = zone_pool_segment_next(zone_pool_segment_of(pool, i), &offset))) {
            if (entry->number > pool->last_number)
                pool->last_number = entry->number;
            if (entry->kind == ZONE_POOL_SYNCED && entry->number > *ret_synced)
                *ret_synced = entry->number;
        }
    }
}

static void
segment_walk(struct zone_pool *pool, struct zone_pool_segment *segment, uint64_t synced,
             struct zone_pool_opening *opening)
{
    const struct zone_pool_entry *entry;
    uint64_t offset = ZONE_POOL_FIRST;
    while ((entry = zone_pool_segment_next(segment, &offset))) {
        bool whole = zone_pool_entry_is_whole(entry), rotten = !whole && entry->number <= synced;
        opening->torn_entries += !whole && !rotten;
        opening->damaged_entries += rotten;
        if (entry->kind != ZONE_POOL_SYNCED &&
            (whole || (rotten && zone_pool_entry_is_usable(entry))))
            zone_pool_entry_note(pool, segment, offset - entry->length, whole);
    }
}

static void
segment_set_aside(const struct zone_pool *pool, uint32_t number)
{
    char name[ZONE_POOL_NAME_MAX], torn[ZONE_POOL_NAME_MAX + 8];
    zone_pool_segment_name(number, name);
    snprintf(torn, sizeof torn, "torn.%s", name);
    store_io()->rename(pool->directory, name, torn);
}

static bool
segment_take(struct zone_pool *pool, uint32_t number, struct zone_pool_opening *opening,
             struct fault *fault)
{
    struct zone_pool_segment segment;
    struct fault why = {.kind = FAULT_NONE};
    if (number > pool->last_segment)
        pool->last_segment = number;
    if (zone_pool_segment_open(pool->directory, number, pool->segment_octets, &segment, &why)) {
        vector_add(&pool->segments, &segment);
        return true;
    }
    if (why.kind != FAULT_CORRUPT) { // it may be whole: out of descriptors, for one
        *fault = why;
        return false;
    }
    opening->damaged_segments++;
    segment_set_aside(pool, number);
    return true;
}

static int
number_compare(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

static bool
numbers_list(struct zone_pool *pool, struct vector *numbers, struct fault *fault)
{
    int copy = openat(pool->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *walk = copy >= 0 ? fdopendir(copy) : NULL;
    if (!walk) {
        fault_set_errno(fault, errno, "the directory cannot be read");
        if (copy >= 0)
            close(copy);
        return false;
    }
    const struct dirent *file;
    while ((file = readdir(walk))) {
        uint32_t number;
        const char *name = file->d_name;
        if (zone_pool_segment_number(name, &number))
            vector_add(numbers, &number);
        else if (strncmp(name, "torn.", 5) == 0 && zone_pool_segment_number(name + 5, &number) &&
                 number > pool->last_segment)
            pool->last_segment = number;
    }
    closedir(walk);
    if (numbers->count)
        qsort(numbers->items, numbers->count, sizeof(uint32_t), number_compare);
    return true;
}

static bool
segments_open(struct zone_pool *pool, struct zone_pool_opening *opening, struct fault *fault)
{
    struct vector numbers;
    vector_init(&numbers, sizeof(uint32_t));
    bool good = numbers_list(pool, &numbers, fault);
    for (size_t i = 0; i < numbers.count && good; i++)
        good = segment_take(pool, *(uint32_t *)vector_at(&numbers, i), opening, fault);
    vector_close(&numbers);
    return good;
}

static void
entries_read(struct zone_pool *pool, struct zone_pool_opening *opening)
{
    uint64_t synced;
    numbers_read(pool, &synced);
    for (size_t i = 0; i < pool->segments.count; i++)
        segment_walk(pool, zone_pool_segment_of(pool, i), synced, opening);
}

// The last process may have ended between write and sync (README.md, decision 11).
static bool
segments_sync(const struct zone_pool *pool, struct fault *fault)
{
    for (size_t i = 0; i < pool->segments.count; i++)
        if (store_io()->fdatasync(zone_pool_segment_of(pool, i)->file) != 0)
            return fault_set_errno(fault, errno, "it cannot be synced");
    return store_io()->fsync(pool->directory) == 0 ||
           fault_set_errno(fault, errno, "the directory cannot be synced");
}

static bool
directory_open(struct zone_pool *pool, const char *path, struct fault *fault)
{
    bool made = store_io()->mkdir(path, 0700) == 0;
    if (!made && errno != EEXIST)
        return fault_set_errno(fault, errno, "the directory cannot be made");
    pool->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (pool->directory < 0)
        return fault_set_errno(fault, errno, "the directory cannot be opened");
    pool->lock = openat(pool->directory, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (pool->lock < 0)
        return fault_set_errno(fault, errno, "the lock cannot be opened");
    if (flock(pool->lock, LOCK_EX | LOCK_NB) != 0)
        return fault_set(fault, FAULT_BUSY, "another process has it open; stop that one");
    int parent = made ? openat(pool->directory, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (parent >= 0) {
        store_io()->fsync(parent);
        close(parent);
    }
    return true;
}

bool
zone_pool_open(const char *path, const struct zone_pool_options *options,
               struct zone_pool **ret_pool, struct zone_pool_opening *ret_opening,
               struct fault *fault)
{
    struct zone_pool_opening opening = {0};
    struct fault why = {.kind = FAULT_NONE};
    struct zone_pool *pool = memory_zalloc(sizeof *pool);
    pool->directory = pool->lock = -1;
    pool->segment_octets =
        options && options->segment_octets ? options->segment_octets : ZONE_POOL_SEGMENT_OCTETS;
    vector_init(&pool->segments, sizeof(struct zone_pool_segment));
    vector_init(&pool->known, sizeof(struct zone_pool_known));
    pool->key = hash_key_draw();
    pool->slot_count = SLOTS_FIRST;
    pool->slots = memory_zalloc(SLOTS_FIRST * sizeof *pool->slots);
    heap_writer_init(&pool->writer);
    if (!directory_open(pool, path, &why) || !segments_open(pool, &opening, &why) ||
        !segments_sync(pool, &why)) {
        if (fault)
            *fault = why;
        fault_wrap(fault, "pool %s", path);
        zone_pool_close(&pool);
        return false;
    }
    entries_read(pool, &opening);
    opening.zones = (unsigned)pool->known.count;
    *ret_pool = pool;
    if (ret_opening)
        *ret_opening = opening;
    return true;
}

void
zone_pool_close(struct zone_pool **pool)
{
    struct zone_pool *closed = *pool;
    *pool = NULL;
    if (!closed)
        return;
    for (size_t i = 0; i < closed->segments.count; i++)
        zone_pool_segment_close(zone_pool_segment_of(closed, i));
    heap_writer_close(&closed->writer);
    vector_close(&closed->segments);
    vector_close(&closed->known);
    free(closed->slots);
    if (closed->lock >= 0)
        close(closed->lock);
    if (closed->directory >= 0)
        close(closed->directory);
    free(closed);
}

// ---- looking ----

enum zone_pool_answer
zone_pool_find(const struct zone_pool *pool, const uint8_t *apex, struct zone_pool_place *ret_place)
{
    const struct zone_pool_known *known = zone_pool_known_find(pool, apex);
    if (!known)
        return ZONE_POOL_ABSENT;
    if (known->place.index_length == 0)
        return ZONE_POOL_LEFT;
    *ret_place = known->place;
    return ZONE_POOL_FOUND;
}

struct heap_map *
zone_pool_map(const struct zone_pool *pool, uint32_t segment)
{
    const struct zone_pool_segment *found = zone_pool_segment_find(pool, segment);
    return found ? found->map : NULL;
}

int
zone_pool_descriptor(const struct zone_pool *pool, uint32_t segment)
{
    const struct zone_pool_segment *found = zone_pool_segment_find(pool, segment);
    return found ? found->file : -1;
}

size_t
zone_pool_segments(const struct zone_pool *pool)
{
    return pool->segments.count;
}

uint32_t
zone_pool_segment_at(const struct zone_pool *pool, size_t index)
{
    return zone_pool_segment_of(pool, index)->number;
}

void
zone_pool_rest(const struct zone_pool *pool)
{
    for (size_t i = 0; i < pool->segments.count; i++)
        heap_map_rest(zone_pool_segment_of(pool, i)->map);
}
