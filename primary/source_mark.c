// In the frame of state_file.h: the number of files (16 bits); for each: path, device, inode, size,
// times, whether they may be trusted, the content's digest.
#include "primary/source_mark.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/base/octets.h"
#include "primary/alias/state_file.h"

#define FILE_NAME   "/source"
#define MARK_MAGIC  "TANDEM-FILES"
#define MARK_FORMAT 1

static void
file_write(const struct source_file *file, struct octets_buffer *buffer)
{
    octets_buffer_add_text(buffer, file->path);
    octets_buffer_add_u64(buffer, file->device);
    octets_buffer_add_u64(buffer, file->inode);
    octets_buffer_add_u64(buffer, file->size);
    octets_buffer_add_u64(buffer, (uint64_t)file->modified_ns);
    octets_buffer_add_u64(buffer, (uint64_t)file->changed_ns);
    octets_buffer_add_u8(buffer, file->racy);
    octets_buffer_add(buffer, file->digest.octets, sizeof file->digest.octets);
}

void
source_mark_write(const char *directory, const struct source_files *files)
{
    struct octets_buffer buffer;
    struct fault fault; // no mark is no loss but of time
    if (files->too_many || files->items.count == 0)
        return;
    octets_buffer_init(&buffer);
    state_file_begin(&buffer, MARK_MAGIC, MARK_FORMAT);
    octets_buffer_add_u16(&buffer, (uint16_t)files->items.count);
    for (size_t i = 0; i < files->items.count; i++)
        file_write(vector_at(&files->items, i), &buffer);
    state_file_end(&buffer);
    char *path = memory_text_join(directory, FILE_NAME);
    state_file_write_unsynced(path, buffer.data, buffer.length, &fault);
    free(path);
    octets_buffer_close(&buffer);
}

bool
source_mark_remove(const char *directory, struct fault *fault)
{
    char *path = memory_text_join(directory, FILE_NAME);
    bool gone = unlink(path) == 0 || errno == ENOENT ||
                fault_set_errno(fault, errno, "cannot remove %s", path);
    free(path);
    return gone;
}

static bool
file_read(struct octets_reader *reader, struct source_files *files)
{
    struct source_file file = {.path = octets_read_text(reader, PATH_MAX)};
    file.device = octets_read_u64(reader);
    file.inode = octets_read_u64(reader);
    file.size = octets_read_u64(reader);
    file.modified_ns = (int64_t)octets_read_u64(reader);
    file.changed_ns = (int64_t)octets_read_u64(reader);
    file.racy = octets_read_u8(reader) != 0;
    if (!octets_read_copy(reader, file.digest.octets, sizeof file.digest.octets) || !file.path) {
        free(file.path);
        return false;
    }
    vector_add(&files->items, &file);
    return true;
}

static bool
content_read(struct octets_reader *reader, struct source_files *files)
{
    unsigned count = octets_read_u16(reader);
    bool good = count > 0 && count <= SOURCE_FILES_MAX;
    for (unsigned i = 0; good && i < count; i++)
        good = file_read(reader, files);
    return good && octets_left(reader) == 0;
}

bool
source_mark_read(const char *directory, struct source_files *ret_files)
{
    struct octets_buffer buffer;
    struct octets_reader reader;
    struct fault fault;
    char *path = memory_text_join(directory, FILE_NAME);
    source_files_init(ret_files);
    bool there = state_file_read(path, &buffer, &fault);
    free(path);
    if (!there)
        return false;
    bool good = state_file_open(buffer.data, buffer.length, MARK_MAGIC, MARK_FORMAT, &reader) &&
                content_read(&reader, ret_files);
    if (!good)
        source_files_close(ret_files);
    octets_buffer_close(&buffer);
    return good;
}
