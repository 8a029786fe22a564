#include "common/zone/store_files.h"

#include "common/zone/index.h"
#include "common/zone/store_io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum file_kind { FILE_OTHER, FILE_HEAP, FILE_INDEX, FILE_TEMPORARY, FILE_TORN };

const char *
store_heap_name(uint32_t generation, char name[static STORE_FILE_NAME_MAX])
{
    snprintf(name, STORE_FILE_NAME_MAX, "heap.%" PRIu32, generation);
    return name;
}

static const char *
index_name(uint64_t sequence, char name[static STORE_FILE_NAME_MAX])
{
    snprintf(name, STORE_FILE_NAME_MAX, "index.%" PRIu64, sequence);
    return name;
}

static const char *
temporary_name(uint64_t sequence, char name[static STORE_FILE_NAME_MAX])
{
    snprintf(name, STORE_FILE_NAME_MAX, "index.%" PRIu64 ".tmp", sequence);
    return name;
}

static const char *
torn_name(uint64_t sequence, char name[static STORE_FILE_NAME_MAX])
{
    snprintf(name, STORE_FILE_NAME_MAX, "torn.%" PRIu64, sequence);
    return name;
}

// A number without sign, blanks or leading zeros: one number, one name. Gives what follows it, or
// NULL.
static const char *
number_read(const char *text, uint64_t *ret_number)
{
    uint64_t number = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (number > (UINT64_MAX - 9) / 10)
            return NULL;
        number = number * 10 + (uint64_t)(*at - '0');
    }
    *ret_number = number;
    return at == text || *text == '0' ? NULL : at;
}

static enum file_kind
file_kind(const char *name, uint64_t *ret_number)
{
    static const struct {
        const char *prefix;
        enum file_kind kind;
    } kinds[] = {{"heap.", FILE_HEAP}, {"index.", FILE_INDEX}, {"torn.", FILE_TORN}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t length = strlen(kinds[i].prefix);
        if (strncmp(name, kinds[i].prefix, length) != 0)
            continue;
        const char *rest = number_read(name + length, ret_number);
        if (rest && *rest == '\0')
            return kinds[i].kind;
        if (rest && kinds[i].kind == FILE_INDEX && strcmp(rest, ".tmp") == 0)
            return FILE_TEMPORARY;
    }
    return FILE_OTHER;
}

static DIR *
directory_walk(int directory, struct fault *fault)
{
    int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *walk = copy >= 0 ? fdopendir(copy) : NULL;
    if (!walk) {
        fault_set_errno(fault, errno, "the store's directory cannot be read");
        if (copy >= 0)
            close(copy);
    }
    return walk;
}

static int
sequence_compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? 1 : a > b ? -1 : 0;
}

static void
listing_add(struct store_listing *listing, enum file_kind kind, uint64_t number)
{
    uint32_t generation = (uint32_t)number;
    if (kind == FILE_HEAP && number <= UINT32_MAX) {
        vector_add(&listing->generations, &generation);
        if (generation > listing->greatest_generation)
            listing->greatest_generation = generation;
    }
    if (kind == FILE_INDEX)
        vector_add(&listing->sequences, &number);
    if ((kind == FILE_INDEX || kind == FILE_TORN) && number > listing->greatest_sequence)
        listing->greatest_sequence = number;
    listing->has_torn = listing->has_torn || kind == FILE_TORN;
}

bool
store_listing_read(int directory, struct store_listing *ret_listing, struct fault *fault)
{
    DIR *walk = directory_walk(directory, fault);
    if (!walk)
        return false;
    *ret_listing = (struct store_listing){0};
    vector_init(&ret_listing->sequences, sizeof(uint64_t));
    vector_init(&ret_listing->generations, sizeof(uint32_t));
    const struct dirent *entry;
    while ((entry = readdir(walk))) {
        uint64_t number;
        enum file_kind kind = file_kind(entry->d_name, &number);
        if (kind != FILE_OTHER)
            listing_add(ret_listing, kind, number);
    }
    closedir(walk);
    if (ret_listing->sequences.count)
        qsort(ret_listing->sequences.items, ret_listing->sequences.count, sizeof(uint64_t),
              sequence_compare);
    return true;
}

void
store_listing_close(struct store_listing *listing)
{
    vector_close(&listing->sequences);
    vector_close(&listing->generations);
}

static bool
temporary_fill(int file, const struct octets_buffer *octets, struct fault *fault)
{
    size_t done = 0;
    while (done < octets->length) {
        ssize_t written =
            store_io()->pwrite(file, octets->data + done, octets->length - done, (off_t)done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return fault_set_errno(fault, written ? errno : ENOSPC, "index: cannot be written");
        done += (size_t)written;
    }
    if (store_io()->fsync(file) != 0)
        return fault_set_errno(fault, errno, "index: cannot be synced");
    return true;
}

static bool
temporary_write(int directory, const char *name, const struct octets_buffer *octets,
                struct fault *fault)
{
    int file = store_io()->open(directory, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0)
        return fault_set_errno(fault, errno, "%s: cannot be made", name);
    bool filled = temporary_fill(file, octets, fault);
    if (store_io()->close(file) != 0 && filled)
        filled = fault_set_errno(fault, errno, "%s: cannot be closed", name);
    return filled;
}

bool
store_index_write(int directory, uint64_t sequence, const struct octets_buffer *octets,
                  struct fault *fault)
{
    char temporary[STORE_FILE_NAME_MAX], name[STORE_FILE_NAME_MAX];
    temporary_name(sequence, temporary);
    index_name(sequence, name);
    if (!temporary_write(directory, temporary, octets, fault)) {
        store_io()->unlink(directory, temporary);
        return false;
    }
    if (store_io()->rename(directory, temporary, name) != 0) {
        fault_set_errno(fault, errno, "%s: cannot be renamed to %s", temporary, name);
        store_io()->unlink(directory, temporary);
        return false;
    }
    if (store_io()->fsync(directory) != 0) {
        fault_set_errno(fault, errno, "the store's directory cannot be synced");
        store_io()->unlink(directory, name);
        return false;
    }
    return true;
}

void
store_index_remove(int directory, uint64_t sequence)
{
    char name[STORE_FILE_NAME_MAX];
    store_io()->unlink(directory, index_name(sequence, name));
}

void
store_heap_remove(int directory, uint32_t generation)
{
    char name[STORE_FILE_NAME_MAX];
    store_io()->unlink(directory, store_heap_name(generation, name));
}

void
store_index_set_aside(int directory, uint64_t sequence)
{
    char name[STORE_FILE_NAME_MAX], torn[STORE_FILE_NAME_MAX];
    store_io()->rename(directory, index_name(sequence, name), torn_name(sequence, torn));
}

static bool
file_is_kept(enum file_kind kind, uint64_t number, const struct store_kept *kept, size_t count)
{
    if (kind == FILE_TEMPORARY)
        return false;
    if (kind != FILE_INDEX && kind != FILE_HEAP)
        return true;
    for (size_t i = 0; i < count; i++)
        if (kind == FILE_INDEX ? number == kept[i].sequence || number == kept[i].base_sequence
                               : number == kept[i].generation || number == kept[i].old_generation)
            return true;
    return false;
}

void
store_files_clean(int directory, const struct store_kept *kept, size_t count)
{
    DIR *walk = directory_walk(directory, NULL);
    if (!walk)
        return;
    const struct dirent *entry;
    while ((entry = readdir(walk))) {
        uint64_t number;
        enum file_kind kind = file_kind(entry->d_name, &number);
        if (!file_is_kept(kind, number, kept, count))
            store_io()->unlink(directory, entry->d_name);
    }
    closedir(walk);
}

void
store_torn_remove(int directory)
{
    DIR *walk = directory_walk(directory, NULL);
    if (!walk)
        return;
    const struct dirent *entry;
    while ((entry = readdir(walk))) {
        uint64_t number;
        if (file_kind(entry->d_name, &number) == FILE_TORN)
            store_io()->unlink(directory, entry->d_name);
    }
    closedir(walk);
}

static bool
part_open(int directory, const char *name, int *ret_file, uint64_t *ret_length, struct fault *fault)
{
    struct stat status;
    *ret_file = store_io()->open(directory, name, O_RDONLY, 0);
    if (*ret_file < 0 && errno == ENOENT)
        return fault_set(fault, FAULT_CORRUPT, "%s is missing", name);
    if (*ret_file < 0 || fstat(*ret_file, &status) != 0)
        return fault_set_errno(fault, errno, "%s: cannot be opened", name);
    *ret_length = (uint64_t)status.st_size;
    return true;
}

// The header is only believed as to which files to open: version_map checks everything.
static bool
header_read(int file, const char *name, struct index_header *ret_header, struct fault *fault)
{
    ssize_t length = pread(file, ret_header, sizeof *ret_header, 0);
    if (length < 0)
        return fault_set_errno(fault, errno, "%s: cannot be read", name);
    if ((size_t)length < sizeof *ret_header || !index_header_known(ret_header))
        return fault_set(fault, FAULT_CORRUPT, "%s is no index of this version", name);
    return true;
}

static bool
parts_open(int directory, const struct index_header *header, struct version_place *place,
           struct fault *fault)
{
    char name[STORE_FILE_NAME_MAX];
    if (!part_open(directory, store_heap_name(header->generation, name), &place->heap,
                   &place->heap_length, fault))
        return false;
    if (header->old_generation &&
        !part_open(directory, store_heap_name(header->old_generation, name), &place->old_heap,
                   &place->old_heap_length, fault))
        return false;
    return header->kind != INDEX_OVERLAY ||
           part_open(directory, index_name(header->base_sequence, name), &place->base,
                     &place->base_length, fault);
}

bool
store_place_open(int directory, uint64_t sequence, struct version_place *ret_place,
                 struct store_kept *ret_kept, struct fault *fault)
{
    char name[STORE_FILE_NAME_MAX];
    struct version_place place = {.heap = -1, .old_heap = -1, .base = -1, .index = -1};
    struct index_header header = {0};
    index_name(sequence, name);
    if (!part_open(directory, name, &place.index, &place.index_length, fault) ||
        !header_read(place.index, name, &header, fault) ||
        !parts_open(directory, &header, &place, fault)) {
        version_place_close(&place);
        return false;
    }
    *ret_place = place;
    *ret_kept = (struct store_kept){.sequence = sequence,
                                    .base_sequence =
                                        header.kind == INDEX_OVERLAY ? header.base_sequence : 0,
                                    .generation = header.generation,
                                    .old_generation = header.old_generation};
    return true;
}
