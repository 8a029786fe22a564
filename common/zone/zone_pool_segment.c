// What if a crash tears an entry, or the disk rots? An entry counts when its header and its content
// have their checksums right. Behind a torn one the search goes on for the next header, octets that
// a zone's owner may have chosen included: hence the mark, which nobody outside can compute.
#include "common/zone/zone_pool_segment.h"

#include "common/base/hash.h"
#include "common/zone/index.h"
#include "common/zone/store_io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const uint8_t header_magic[8] = {'T', 'D', 'M', 'P', 'O', 'O', 'L', '\n'};
static const uint8_t entry_magic[8] = {'T', 'D', 'M', 'E', 'N', 'T', 'R', '\n'};

_Static_assert(sizeof(struct zone_pool_header) == 64, "the header is 64 octets on disk");
_Static_assert(sizeof(struct zone_pool_entry) == HEAP_FIRST, "an entry's header is a heap's");
_Static_assert(sizeof(struct zone_pool_entry) == ZONE_POOL_ALIGN,
               "headers stand where one is looked for");
_Static_assert(ZONE_POOL_FIRST % ZONE_POOL_ALIGN == 0, "the first entry is aligned");

const char *
zone_pool_segment_name(uint32_t number, char name[static ZONE_POOL_NAME_MAX])
{
    snprintf(name, ZONE_POOL_NAME_MAX, "pool.%" PRIu32, number);
    return name;
}

bool
zone_pool_segment_number(const char *name, uint32_t *ret_number)
{
    char again[ZONE_POOL_NAME_MAX];
    if (strncmp(name, "pool.", 5) != 0)
        return false;
    uint32_t number = (uint32_t)strtoul(name + 5, NULL, 10);
    *ret_number = number;
    return number != 0 && strcmp(zone_pool_segment_name(number, again), name) == 0;
}

// ---- the file ----

static uint32_t
header_crc(const struct zone_pool_header *header)
{
    return hash_crc32c(0, header, offsetof(struct zone_pool_header, crc));
}

static bool
header_is_whole(const struct zone_pool_header *header, uint32_t number)
{
    return memcmp(header->magic, header_magic, sizeof header_magic) == 0 &&
           header->crc == header_crc(header) && header->format == ZONE_POOL_FORMAT &&
           header->number == number;
}

static void
secret_draw(uint8_t secret[static 16])
{
    for (unsigned i = 0; i < 16; i += 8) {
        uint64_t drawn = hash_key_draw();
        memcpy(secret + i, &drawn, sizeof drawn);
    }
}

static bool
headers_write(int file, uint32_t number, struct fault *fault)
{
    uint8_t octets[ZONE_POOL_FIRST] = {0};
    struct zone_pool_header header = {.format = ZONE_POOL_FORMAT, .number = number};
    memcpy(header.magic, header_magic, sizeof header_magic);
    secret_draw(header.secret);
    header.crc = header_crc(&header);
    memcpy(octets, &header, sizeof header);
    memcpy(octets + ZONE_POOL_HEADER_COPY, &header, sizeof header);
    for (size_t done = 0; done < sizeof octets;) {
        ssize_t written =
            store_io()->pwrite(file, octets + done, sizeof octets - done, (off_t)done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return fault_set_errno(fault, written ? errno : ENOSPC, "pool: cannot be written");
        done += (size_t)written;
    }
    return store_io()->fsync(file) == 0 || fault_set_errno(fault, errno, "pool: cannot be synced");
}

static bool
file_create(int directory, const char *name, uint32_t number, struct fault *fault)
{
    int file = store_io()->open(directory, name, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (file < 0)
        return fault_set_errno(fault, errno, "%s: cannot be made", name);
    bool good = headers_write(file, number, fault);
    store_io()->close(file);
    if (good && store_io()->fsync(directory) != 0)
        good = fault_set_errno(fault, errno, "the pool's directory cannot be synced");
    if (!good)
        store_io()->unlink(directory, name);
    return good;
}

bool
zone_pool_segment_create(int directory, uint32_t number, uint64_t reserve,
                         struct zone_pool_segment *ret_segment, struct fault *fault)
{
    char name[ZONE_POOL_NAME_MAX];
    return file_create(directory, zone_pool_segment_name(number, name), number, fault) &&
           zone_pool_segment_open(directory, number, reserve, ret_segment, fault);
}

static bool
headers_read(struct zone_pool_segment *segment)
{
    for (uint64_t at = 0; at < ZONE_POOL_FIRST; at += ZONE_POOL_HEADER_COPY) {
        const struct zone_pool_header *header = (const void *)(segment->map->octets + at);
        if (segment->map->length < at + sizeof *header || !header_is_whole(header, segment->number))
            continue;
        memcpy(segment->secret, header->secret, sizeof segment->secret);
        return true;
    }
    return false;
}

bool
zone_pool_segment_open(int directory, uint32_t number, uint64_t reserve,
                       struct zone_pool_segment *ret_segment, struct fault *fault)
{
    char name[ZONE_POOL_NAME_MAX];
    struct zone_pool_segment segment = {.number = number};
    segment.file = store_io()->open(directory, zone_pool_segment_name(number, name), O_RDONLY, 0);
    if (segment.file < 0)
        return fault_set_errno(fault, errno, "%s: cannot be opened", name);
    bool good = heap_map_segment(segment.file, reserve, &segment.map, fault);
    if (good && segment.map->length > reserve)
        good = fault_set(fault, FAULT_CORRUPT, "%s: larger than a pool's file may be", name);
    if (good && !headers_read(&segment))
        good = fault_set(fault, FAULT_CORRUPT, "%s: not a file of a pool", name);
    if (!good) {
        zone_pool_segment_close(&segment);
        return false;
    }
    uint64_t length = segment.map->length > ZONE_POOL_FIRST ? segment.map->length : ZONE_POOL_FIRST;
    segment.end = (length + ZONE_POOL_ALIGN - 1) / ZONE_POOL_ALIGN * ZONE_POOL_ALIGN;
    *ret_segment = segment;
    return true;
}

void
zone_pool_segment_close(struct zone_pool_segment *segment)
{
    heap_map_drop(&segment->map);
    if (segment->file >= 0)
        store_io()->close(segment->file);
    segment->file = -1;
}

// ---- entries ----

static uint64_t
entry_mark(const struct zone_pool_segment *segment, uint64_t offset)
{
    return hash_siphash24(segment->secret, &offset, sizeof offset);
}

static uint32_t
entry_crc(const struct zone_pool_entry *entry)
{
    size_t from = offsetof(struct zone_pool_entry, content_crc);
    return hash_crc32c(0, (const uint8_t *)entry + from, sizeof *entry - from);
}

static uint32_t
content_crc(const struct zone_pool_entry *entry)
{
    return hash_crc32c(0, entry + 1, entry->length - sizeof *entry);
}

// Parts inside the entry, the entry inside the file.
static bool
entry_fits(const struct zone_pool_entry *entry, uint64_t left)
{
    bool parts = entry->length <= left && entry->length % ZONE_POOL_ALIGN == 0 &&
                 entry->heap_length >= sizeof *entry && entry->heap_length <= entry->length &&
                 entry->index_offset >= entry->heap_length && entry->index_offset % 8 == 0 &&
                 entry->index_offset <= entry->length &&
                 entry->index_length <= entry->length - entry->index_offset;
    size_t least = entry->kind == ZONE_POOL_CONTENT ? sizeof(struct index_header)
                   : entry->kind == ZONE_POOL_GONE  ? 1
                                                    : 0;
    return parts && entry->kind >= ZONE_POOL_CONTENT && entry->kind <= ZONE_POOL_SYNCED &&
           entry->index_length >= least;
}

static bool
header_is_right(const struct zone_pool_segment *segment, const struct zone_pool_entry *entry,
                uint64_t offset)
{
    return memcmp(entry->magic, entry_magic, sizeof entry_magic) == 0 &&
           entry->crc == entry_crc(entry) && entry->mark == entry_mark(segment, offset) &&
           entry_fits(entry, segment->map->length - offset);
}

static bool
apex_is_name(const struct zone_pool_entry *entry)
{
    uint8_t name[NAME_SIZE_MAX];
    struct octets_reader reader;
    size_t room = entry->kind == ZONE_POOL_GONE ? entry->index_length : NAME_SIZE_MAX;
    octets_reader_init(&reader, zone_pool_entry_apex(entry), room);
    return name_read_plain(&reader, name);
}

const struct zone_pool_entry *
zone_pool_segment_next(const struct zone_pool_segment *segment, uint64_t *offset)
{
    uint64_t length = segment->map->length;
    for (; *offset + sizeof(struct zone_pool_entry) <= length; *offset += ZONE_POOL_ALIGN) {
        const struct zone_pool_entry *entry = (const void *)(segment->map->octets + *offset);
        if (!header_is_right(segment, entry, *offset))
            continue;
        *offset += entry->length;
        return entry;
    }
    return NULL;
}

bool
zone_pool_entry_is_whole(const struct zone_pool_entry *entry)
{
    return entry->content_crc == content_crc(entry) &&
           (entry->kind == ZONE_POOL_SYNCED || apex_is_name(entry));
}

bool
zone_pool_entry_is_usable(const struct zone_pool_entry *entry)
{
    const uint8_t *octets = (const uint8_t *)entry + entry->index_offset;
    const struct index_header *header = (const void *)octets;
    size_t covered = offsetof(struct index_header, crc) + sizeof header->crc;
    return entry->kind == ZONE_POOL_CONTENT && apex_is_name(entry) && index_header_known(header) &&
           header->crc == hash_crc32c(0, octets + covered, entry->index_length - covered);
}

void
zone_pool_segment_seal(const struct zone_pool_segment *segment, uint64_t offset,
                       struct zone_pool_entry *entry)
{
    memcpy(entry->magic, entry_magic, sizeof entry_magic);
    entry->content_crc = content_crc(entry);
    entry->mark = entry_mark(segment, offset);
    entry->crc = entry_crc(entry);
}

const uint8_t *
zone_pool_entry_apex(const struct zone_pool_entry *entry)
{
    const uint8_t *at = (const uint8_t *)entry + entry->index_offset;
    return entry->kind == ZONE_POOL_GONE ? at : at + offsetof(struct index_header, apex);
}
