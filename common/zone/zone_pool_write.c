// How do files go? Each put copies as much again and more out of one file that is half dead, in the
// same write and under the same sync; when nothing living is left in it, it is removed. So the
// files together are about twice what lives, and there is no moment when ten thousand zones move.
//
// What if a put fails? Its octets may have reached the disk all the same, and a later start must
// not take them for published: their headers are overwritten. That can fail, too; then a restart
// before the next put may serve the version whose publish failed, which is whole, signed and
// verified.
#include "common/zone/zone_pool_inside.h"

#include "common/base/arena.h"
#include "common/dns/name.h"
#include "common/zone/store_io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COPY_FACTOR 2 // octets that a put copies out of a file that is to go, for each of its own

static void
segments_drop_dead(struct zone_pool *pool)
{
    struct zone_pool_segment *segments = pool->segments.items;
    char name[ZONE_POOL_NAME_MAX];
    size_t kept = 0;
    for (size_t i = 0; i < pool->segments.count; i++) {
        if (segments[i].living > 0 || i + 1 == pool->segments.count) {
            segments[kept++] = segments[i];
            continue;
        }
        if (segments[i].number == pool->emptied)
            pool->emptied = 0;
        store_io()->unlink(pool->directory, zone_pool_segment_name(segments[i].number, name));
        zone_pool_segment_close(&segments[i]);
    }
    pool->segments.count = kept;
}

// The last segment, with room for length octets and its writer open.
static bool
segment_ready(struct zone_pool *pool, uint64_t length, struct fault *fault)
{
    struct zone_pool_segment *last = zone_pool_segment_last(pool);
    if (!last || pool->fresh_segment || last->end + length > pool->segment_octets) {
        struct zone_pool_segment segment;
        if (!zone_pool_segment_create(pool->directory, ++pool->last_segment, pool->segment_octets,
                                      &segment, fault))
            return false;
        vector_add(&pool->segments, &segment);
        pool->fresh_segment = false;
        segments_drop_dead(pool); // one that begins with what failed, for one
        last = zone_pool_segment_last(pool);
    }
    char name[ZONE_POOL_NAME_MAX];
    if (!heap_writer_open(&pool->writer, pool->directory,
                          zone_pool_segment_name(last->number, name), last->number, fault))
        return false;
    if (pool->writer.end > last->end) // a part of what failed
        last->end = (pool->writer.end + ZONE_POOL_ALIGN - 1) / ZONE_POOL_ALIGN * ZONE_POOL_ALIGN;
    pool->writer.end = pool->writer.flushed = last->end;
    return heap_writer_reserve(&pool->writer, length, fault);
}

// Completes and writes one entry at the writer's end.
static bool
entry_write(struct zone_pool *pool, struct zone_pool_entry *entry, struct vector *offsets,
            struct fault *fault)
{
    uint64_t offset = pool->writer.end;
    zone_pool_segment_seal(zone_pool_segment_last(pool), offset, entry);
    vector_add(offsets, &offset);
    return heap_writer_append(&pool->writer, entry, entry->length, &offset, fault);
}

static bool
entry_is_newest(const struct zone_pool *pool, const struct zone_pool_segment *segment,
                uint64_t offset, const struct zone_pool_entry *entry)
{
    const struct zone_pool_known *known = zone_pool_known_find(pool, zone_pool_entry_apex(entry));
    return known && known->place.segment == segment->number && known->place.heap_offset == offset;
}

// The emptiest full file of those that are at least half dead.
static void
emptied_choose(struct zone_pool *pool)
{
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i + 1 < pool->segments.count; i++) {
        const struct zone_pool_segment *segment = zone_pool_segment_of(pool, i);
        if (!segment->stuck && segment->living <= segment->end / 2 && segment->living < least) {
            least = segment->living;
            pool->emptied = segment->number;
            pool->emptied_offset = ZONE_POOL_FIRST;
        }
    }
}

// Living entries of the file that is to go, copied behind what a put writes; octets: at most about
// so many. What is damaged stays, and with it the file, until its zone is published again.
static bool
entries_move(struct zone_pool *pool, uint64_t octets, struct vector *offsets, struct fault *fault)
{
    struct zone_pool_segment *from =
        pool->emptied ? zone_pool_segment_find(pool, pool->emptied) : NULL;
    bool good = true;
    uint64_t copied = 0;
    while (from && good && copied < octets) {
        const struct zone_pool_entry *entry = zone_pool_segment_next(from, &pool->emptied_offset);
        if (!entry) {
            from->stuck = true; // unless this put was the last thing that it waited for
            pool->emptied = 0;
            break;
        }
        if (entry->kind == ZONE_POOL_SYNCED || !zone_pool_entry_is_whole(entry) ||
            !entry_is_newest(pool, from, pool->emptied_offset - entry->length, entry))
            continue;
        if (pool->writer.end + entry->length > pool->segment_octets) { // the next file takes it
            pool->emptied_offset -= entry->length;
            break;
        }
        struct zone_pool_entry *copy = memory_alloc(entry->length);
        memcpy(copy, entry, entry->length);
        good = entry_write(pool, copy, offsets, fault);
        copied += entry->length;
        free(copy);
    }
    return good;
}

// What was written, or may have been, must not be taken for published at the next start. The next
// entry begins a file of its own: of this one the system may have forgotten what was not written.
static void
entries_cancel(struct zone_pool *pool, const struct vector *offsets)
{
    static const uint8_t nothing[8];
    for (size_t i = 0; i < offsets->count && pool->writer.file >= 0; i++) {
        off_t offset = (off_t) * (uint64_t *)vector_at(offsets, i);
        store_io()->pwrite(pool->writer.file, nothing, sizeof nothing, offset);
    }
    for (size_t i = 0; i < pool->segments.count; i++)
        zone_pool_segment_of(pool, i)->stuck = false;
    pool->emptied_offset = ZONE_POOL_FIRST;
    pool->fresh_segment = offsets->count > 0;
}

static bool
written_note(struct zone_pool *pool, const struct vector *offsets, struct fault *fault)
{
    struct zone_pool_segment *last = zone_pool_segment_last(pool);
    last->end = pool->writer.end;
    if (!heap_map_reaches(last->map, last->file, last->end))
        return fault_set(fault, FAULT_IO, "the file is shorter than what was written");
    for (size_t i = 0; i < offsets->count; i++)
        zone_pool_entry_note(pool, last, *(uint64_t *)vector_at(offsets, i), true);
    return true;
}

// Goes to the disk with the next put, or when the system likes.
static void
synced_mark(struct zone_pool *pool)
{
    struct zone_pool_segment *last = zone_pool_segment_last(pool);
    struct zone_pool_entry mark = {.number = pool->last_number,
                                   .length = sizeof mark,
                                   .kind = ZONE_POOL_SYNCED,
                                   .heap_length = sizeof mark,
                                   .index_offset = sizeof mark};
    if (last->end + sizeof mark > pool->segment_octets)
        return;
    zone_pool_segment_seal(last, last->end, &mark);
    store_io()->pwrite(pool->writer.file, &mark, sizeof mark, (off_t)last->end);
    last->end += sizeof mark;
}

static bool
entry_put(struct zone_pool *pool, struct zone_pool_entry *entry, struct fault *fault)
{
    struct vector offsets;
    vector_init(&offsets, sizeof(uint64_t));
    entry->number = ++pool->last_number;
    if (!pool->emptied)
        emptied_choose(pool);
    ENSURE(ZONE_POOL_FIRST + entry->length <= pool->segment_octets);
    uint64_t copy = pool->emptied ? COPY_FACTOR * (uint64_t)entry->length : 0;
    bool put = segment_ready(pool, entry->length, fault) &&
               entry_write(pool, entry, &offsets, fault) &&
               entries_move(pool, copy, &offsets, fault) &&
               heap_writer_sync(&pool->writer, fault) && written_note(pool, &offsets, fault);
    if (put) {
        synced_mark(pool);
        segments_drop_dead(pool);
    } else {
        entries_cancel(pool, &offsets);
    }
    heap_writer_rest(&pool->writer);
    vector_close(&offsets);
    return put;
}

// An entry with its content, zeros at the end; freed by the caller.
static struct zone_pool_entry *
entry_make(enum zone_pool_kind kind, const uint8_t *heap, size_t heap_length, const uint8_t *index,
           size_t index_length)
{
    size_t index_offset = (heap_length + ZONE_POOL_ALIGN - 1) / ZONE_POOL_ALIGN * ZONE_POOL_ALIGN;
    size_t length =
        (index_offset + index_length + ZONE_POOL_ALIGN - 1) / ZONE_POOL_ALIGN * ZONE_POOL_ALIGN;
    struct zone_pool_entry *entry = memory_zalloc(length);
    memcpy(entry, heap, heap_length);
    memcpy((uint8_t *)entry + index_offset, index, index_length);
    *entry = (struct zone_pool_entry){.length = (uint32_t)length,
                                      .kind = kind,
                                      .heap_length = (uint32_t)heap_length,
                                      .index_offset = (uint32_t)index_offset,
                                      .index_length = (uint32_t)index_length};
    return entry;
}

bool
zone_pool_put(struct zone_pool *pool, const uint8_t *apex, const struct heap_writer *heap,
              const struct octets_buffer *index, struct zone_pool_place *ret_place,
              struct fault *fault)
{
    ENSURE(heap->end + index->length < ZONE_POOL_ENTRY_MAX - 2 * ZONE_POOL_ALIGN);
    struct zone_pool_entry *entry =
        entry_make(ZONE_POOL_CONTENT, heap->buffer, heap->end, index->data, index->length);
    ENSURE(name_equal(zone_pool_entry_apex(entry), apex));
    bool put = entry_put(pool, entry, fault);
    free(entry);
    return put && zone_pool_find(pool, apex, ret_place) == ZONE_POOL_FOUND;
}

bool
zone_pool_leave(struct zone_pool *pool, const uint8_t *apex, struct fault *fault)
{
    static const uint8_t no_heap[HEAP_FIRST];
    struct zone_pool_entry *entry =
        entry_make(ZONE_POOL_GONE, no_heap, sizeof no_heap, apex, name_length(apex));
    bool left = entry_put(pool, entry, fault);
    free(entry);
    return left;
}
