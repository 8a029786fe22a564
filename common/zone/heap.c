// One map for the life of a file: it is made longer than the file, because on Linux octets that are
// appended later appear in a shared map made before (a page past the end faults, and no version
// looks there). So a publish costs a reader no map call at all until the reserve is used up; then a
// new map twice as large is made, and older versions keep the old one.
#include "common/zone/heap.h"

#include "common/base/arena.h"
#include "common/zone/store_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

// Address space is free, the tables of its pages are not: each 2 MiB in which a page was touched cost one
// of 4 KiB, so ten thousand small zones stand close together.
#define RESERVE_MIN ((uint64_t)64 << 10)
#define BUFFER_SIZE ((size_t)1 << 20) // octets of one write: large enough that calls do not show
_Static_assert(HEAP_MEMORY_MAX <= BUFFER_SIZE, "a heap in memory is one buffer");
#define AHEAD_MIN ((uint64_t)16 << 10)
#define AHEAD_MAX ((uint64_t)16 << 20)

static const uint8_t heap_magic[8] = {'T', 'D', 'M', 'H', 'E', 'A', 'P', '\n'};

struct heap_header {
    uint8_t magic[8];
    uint32_t format;
    uint32_t generation;
    uint8_t spare[HEAP_FIRST - 16]; // 0
};
_Static_assert(sizeof(struct heap_header) == HEAP_FIRST, "the header is 64 octets on disk");

// ---- reading ----

static bool
map_fits(const struct heap_map *map, const struct stat *status, uint64_t length)
{
    return map && map->device == status->st_dev && map->inode == status->st_ino &&
           map->reserve >= length;
}

static bool
map_make(int file, const struct stat *status, uint64_t reserve, struct heap_map **ret_map,
         struct fault *fault)
{
    void *octets = mmap(NULL, reserve, PROT_READ, MAP_SHARED, file, 0);
    if (octets == MAP_FAILED)
        return fault_set_errno(fault, errno, "heap: cannot be mapped");
    struct heap_map *map = memory_alloc(sizeof *map);
    *map = (struct heap_map){.holds = 1,
                             .device = status->st_dev,
                             .inode = status->st_ino,
                             .octets = octets,
                             .reserve = reserve,
                             .length = (uint64_t)status->st_size};
    *ret_map = map;
    return true;
}

bool
heap_map_open(int file, uint64_t length, struct heap_map *former, struct heap_map *other,
              struct heap_map **ret_map, struct fault *fault)
{
    struct stat status;
    if (fstat(file, &status) != 0)
        return fault_set_errno(fault, errno, "heap: cannot be looked at");
    if (length < HEAP_FIRST || (uint64_t)status.st_size < length)
        return fault_set(fault, FAULT_CORRUPT, "heap: %lld octets where %llu are needed",
                         (long long)status.st_size, (unsigned long long)length);
    struct heap_map *fit = map_fits(former, &status, length)  ? former
                           : map_fits(other, &status, length) ? other
                                                              : NULL;
    if (fit) {
        fit->holds++;
        *ret_map = fit;
        return true;
    }
    uint64_t reserve = 2 * (uint64_t)status.st_size;
    struct heap_map *map;
    if (!map_make(file, &status, reserve < RESERVE_MIN ? RESERVE_MIN : reserve, &map, fault))
        return false;
    const struct heap_header *header = (const void *)map->octets;
    if (memcmp(header->magic, heap_magic, sizeof heap_magic) != 0 ||
        header->format != HEAP_FORMAT) {
        heap_map_drop(&map);
        return fault_set(fault, FAULT_CORRUPT, "heap: not a heap of this version");
    }
    *ret_map = map;
    return true;
}

bool
heap_map_segment(int file, uint64_t reserve, struct heap_map **ret_map, struct fault *fault)
{
    struct stat status;
    if (fstat(file, &status) != 0)
        return fault_set_errno(fault, errno, "heap: cannot be looked at");
    return map_make(file, &status, reserve, ret_map, fault);
}

bool
heap_map_reaches(struct heap_map *map, int file, uint64_t end)
{
    struct stat status;
    if (end <= map->length)
        return true;
    if (end > map->reserve || fstat(file, &status) != 0 || status.st_dev != map->device ||
        status.st_ino != map->inode)
        return false;
    map->length = (uint64_t)status.st_size;
    return end <= map->length;
}

struct heap_map *
heap_map_hold(struct heap_map *map)
{
    map->holds++;
    return map;
}

void
heap_map_drop(struct heap_map **map)
{
    struct heap_map *dropped = *map;
    *map = NULL;
    if (!dropped || --dropped->holds > 0)
        return;
    void *octets;
    memcpy(&octets, &dropped->octets, sizeof octets);
    munmap(octets, dropped->reserve);
    free(dropped);
}

void
heap_map_rest(struct heap_map *map)
{
    void *octets;
    memcpy(&octets, &map->octets, sizeof octets);
    madvise(octets, map->reserve, MADV_DONTNEED);
}

bool
heap_may_hold(const struct heap_view *view, uint64_t reference)
{
    uint64_t offset = reference & HEAP_OFFSET, length = view->length[reference >> 63];
    return offset % 8 == 0 && offset >= HEAP_FIRST && offset < length && length - offset >= 16;
}

// ---- writing ----

void
heap_writer_init(struct heap_writer *writer)
{
    *writer = (struct heap_writer){.file = -1};
}

void
heap_writer_close(struct heap_writer *writer)
{
    if (writer->file >= 0)
        store_io()->close(writer->file);
    free(writer->buffer);
    heap_writer_init(writer);
}

void
heap_writer_rest(struct heap_writer *writer)
{
    uint32_t generation = writer->generation;
    uint64_t allocated = writer->allocated;
    heap_writer_close(writer);
    writer->generation = generation;
    writer->allocated = allocated;
}

static bool
write_all(int file, const uint8_t *octets, size_t length, uint64_t offset, struct fault *fault)
{
    while (length) {
        ssize_t written = store_io()->pwrite(file, octets, length, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return fault_set_errno(fault, written ? errno : ENOSPC, "heap: cannot be written");
        octets += written;
        offset += (uint64_t)written;
        length -= (size_t)written;
    }
    return true;
}

static bool
writer_start(struct heap_writer *writer, int file, uint32_t generation, struct fault *fault)
{
    *writer = (struct heap_writer){.file = file, .generation = generation};
    if (heap_writer_rewind(writer, fault))
        return true;
    heap_writer_close(writer);
    return false;
}

bool
heap_writer_create(struct heap_writer *writer, int directory, const char *name, uint32_t generation,
                   struct fault *fault)
{
    int file = store_io()->open(directory, name, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (file < 0)
        return fault_set_errno(fault, errno, "%s: cannot be made", name);
    struct heap_header header = {.format = HEAP_FORMAT, .generation = generation};
    memcpy(header.magic, heap_magic, sizeof heap_magic);
    if (write_all(file, (const uint8_t *)&header, sizeof header, 0, fault))
        return writer_start(writer, file, generation, fault);
    store_io()->close(file);
    return false;
}

bool
heap_writer_open(struct heap_writer *writer, int directory, const char *name, uint32_t generation,
                 struct fault *fault)
{
    int file = store_io()->open(directory, name, O_RDWR, 0);
    if (file < 0)
        return fault_set_errno(fault, errno, "%s: cannot be opened", name);
    uint64_t allocated = writer->generation == generation ? writer->allocated : 0;
    if (!writer_start(writer, file, generation, fault))
        return false;
    writer->allocated = allocated;
    return true;
}

// One buffer holds it all, so nothing is ever flushed.
void
heap_writer_memory(struct heap_writer *writer)
{
    *writer = (struct heap_writer){.file = -1,
                                   .end = HEAP_FIRST,
                                   .allocated = UINT64_MAX,
                                   .buffer = memory_alloc(BUFFER_SIZE)};
    memset(writer->buffer, 0, HEAP_FIRST);
}

bool
heap_writer_rewind(struct heap_writer *writer, struct fault *fault)
{
    struct stat status;
    if (fstat(writer->file, &status) != 0)
        return fault_set_errno(fault, errno, "heap: cannot be looked at");
    uint64_t end = ((uint64_t)status.st_size + 7) & ~(uint64_t)7;
    writer->end = writer->flushed = end > HEAP_FIRST ? end : HEAP_FIRST;
    return true;
}

// KEEP_SIZE, so that the end of the file stays the end of what was written.
static int
allocate(const struct heap_writer *writer, uint64_t end)
{
    int mode = FALLOC_FL_KEEP_SIZE;
    off_t from = (off_t)writer->end;
    while (store_io()->fallocate(writer->file, mode, from, (off_t)end - from) != 0) {
        if (errno == EOPNOTSUPP || errno == ENOSYS)
            return 0; // this file system cannot; the writes will tell
        if (errno != EINTR)
            return errno;
    }
    return 0;
}

bool
heap_writer_reserve(struct heap_writer *writer, uint64_t length, struct fault *fault)
{
    uint64_t needed = writer->end + length;
    if (length == 0 || needed <= writer->allocated)
        return true;
    uint64_t ahead = needed / 8;
    ahead = ahead < AHEAD_MIN ? AHEAD_MIN : ahead > AHEAD_MAX ? AHEAD_MAX : ahead;
    uint64_t end = needed + ahead;
    int error = allocate(writer, end);
    if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
        end = needed; // without the octets ahead it may fit
        error = allocate(writer, end);
    }
    if (error != 0)
        return fault_set_errno(fault, error, "heap: no room for %llu octets more",
                               (unsigned long long)length);
    writer->allocated = end;
    return true;
}

static bool
writer_flush(struct heap_writer *writer, struct fault *fault)
{
    size_t length = (size_t)(writer->end - writer->flushed);
    if (!write_all(writer->file, writer->buffer, length, writer->flushed, fault))
        return false;
    writer->flushed = writer->end;
    return true;
}

bool
heap_writer_append(struct heap_writer *writer, const void *octets, size_t length,
                   uint64_t *ret_offset, struct fault *fault)
{
    if (writer->end - writer->flushed + length > BUFFER_SIZE && !writer_flush(writer, fault))
        return false;
    *ret_offset = writer->end;
    if (!writer->buffer)
        writer->buffer = memory_alloc(BUFFER_SIZE);
    if (length > BUFFER_SIZE) {
        if (!write_all(writer->file, octets, length, writer->end, fault))
            return false;
        writer->end += length;
        writer->flushed = writer->end;
        return true;
    }
    if (length)
        memcpy(writer->buffer + (writer->end - writer->flushed), octets, length);
    writer->end += length;
    return true;
}

bool
heap_writer_add(struct heap_writer *writer, const struct node *node, uint64_t *ret_reference,
                struct fault *fault)
{
    return heap_writer_append(writer, node, node_size(node), ret_reference, fault);
}

bool
heap_writer_sync(struct heap_writer *writer, struct fault *fault)
{
    if (!writer_flush(writer, fault))
        return false;
    if (store_io()->fdatasync(writer->file) != 0)
        return fault_set_errno(fault, errno, "heap: cannot be synced");
    return true;
}
