// Why not the times alone? A file may be written twice between two ticks of the clock that stamps
// it, once before it was read here and once after: size and times are the same, the content is not.
// So the times of a file count only where they were old enough when it was read. And a file whose
// times moved is not read as a zone before its digest was compared: generators of zone files write
// the same octets again every few minutes. Digesting costs a tenth of reading.
#include "primary/source_files.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/zone/zonefile_text.h"

#define NANOSECONDS INT64_C(1000000000)

void
source_files_init(struct source_files *files)
{
    *files = (struct source_files){.too_many = false};
    vector_init(&files->items, sizeof(struct source_file));
}

void
source_files_close(struct source_files *files)
{
    for (size_t i = 0; i < files->items.count; i++)
        free(((struct source_file *)vector_at(&files->items, i))->path);
    vector_close(&files->items);
    source_files_init(files);
}

// Ten thousand zones have one file each: no room for the eight that a vector begins with.
void
source_files_take(struct source_files *files, struct source_files *from)
{
    struct vector *items = &from->items;
    if (items->count > 0 && items->count < items->capacity) {
        items->items = memory_realloc(items->items, items->count * items->item_size);
        items->capacity = items->count;
    }
    source_files_close(files);
    *files = *from;
    source_files_init(from);
}

static int64_t
nanoseconds(const struct timespec *time)
{
    return (int64_t)time->tv_sec * NANOSECONDS + time->tv_nsec;
}

// A time in the future is racy, too: the clock that stamps (a file server's) is not ours.
static bool
is_racy(const struct stat *status, int64_t now)
{
    int64_t youngest = (now - SOURCE_FILES_RACY_SECONDS) * NANOSECONDS;
    return nanoseconds(&status->st_mtim) >= youngest || nanoseconds(&status->st_ctim) >= youngest;
}

static void
status_note(struct source_file *file, const struct stat *status, int64_t now)
{
    file->device = status->st_dev;
    file->inode = status->st_ino;
    file->size = (uint64_t)status->st_size;
    file->modified_ns = nanoseconds(&status->st_mtim);
    file->changed_ns = nanoseconds(&status->st_ctim);
    file->racy = is_racy(status, now);
}

void
source_files_add(struct source_files *files, const char *path, const struct stat *status,
                 const struct hash_digest *digest, int64_t now)
{
    if (files->items.count >= SOURCE_FILES_MAX) {
        files->too_many = true;
        return;
    }
    struct source_file *file = vector_add(&files->items, NULL);
    *file = (struct source_file){.path = memory_text(path)};
    status_note(file, status, now);
    file->digest = *digest;
}

// The digest of what stands there now; false: not of the size that it was, or not to be read.
static bool
content_look(const struct source_file *file, struct stat *ret_status,
             struct hash_digest *ret_digest)
{
    struct stat status;
    struct fault fault;
    if (!zonefile_text_look(file->path, &status, ret_digest, &fault) ||
        (uint64_t)status.st_size != file->size)
        return false;
    *ret_status = status;
    return true;
}

static bool
status_same(const struct source_file *file, const struct stat *status)
{
    return file->device == status->st_dev && file->inode == status->st_ino &&
           file->size == (uint64_t)status->st_size &&
           file->modified_ns == nanoseconds(&status->st_mtim) &&
           file->changed_ns == nanoseconds(&status->st_ctim);
}

static bool
file_same(const struct source_file *file, int64_t now, struct source_files *fresh,
          size_t *looked_into)
{
    struct stat status;
    struct hash_digest digest;
    if (stat(file->path, &status) != 0 || !S_ISREG(status.st_mode) ||
        (uint64_t)status.st_size != file->size)
        return false;
    if (file->racy || !status_same(file, &status)) {
        ++*looked_into;
        if (!content_look(file, &status, &digest) ||
            memcmp(digest.octets, file->digest.octets, sizeof digest.octets) != 0)
            return false;
    }
    struct source_file *copy = vector_add(&fresh->items, file);
    copy->path = memory_text(file->path);
    status_note(copy, &status, now);
    return true;
}

enum source_files_answer
source_files_compare(const struct source_files *files, const char *path, int64_t now,
                     struct source_files *ret_files, size_t *ret_looked_into)
{
    const struct source_file *items = files->items.items;
    bool same = files->items.count > 0 && !files->too_many && strcmp(items[0].path, path) == 0;
    source_files_init(ret_files);
    *ret_looked_into = 0;
    for (size_t i = 0; same && i < files->items.count; i++)
        same = file_same(&items[i], now, ret_files, ret_looked_into);
    if (!same)
        source_files_close(ret_files);
    return same ? SOURCE_FILES_SAME : SOURCE_FILES_CHANGED;
}

bool
source_files_digest(const struct source_files *files, struct hash_digest *ret_digest)
{
    struct hash_digest_state state;
    if (files->items.count == 0 || files->too_many)
        return false;
    hash_digest_init(&state);
    for (size_t i = 0; i < files->items.count; i++) {
        const struct source_file *file = vector_at(&files->items, i);
        hash_digest_add(&state, file->path, strlen(file->path) + 1);
        hash_digest_add(&state, file->digest.octets, sizeof file->digest.octets);
    }
    hash_digest_end(&state, ret_digest);
    return true;
}
