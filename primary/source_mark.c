// magic (8), the digest of what follows, the number of files; for each: path, device, inode, size,
// times, whether they may be trusted, the content's digest. Numbers in the order of the network.
#include "primary/source_mark.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/base/octets.h"
#include "primary/alias/state_file.h"

#define MARK_MAGIC "TDMSRC1\n"
#define MAGIC_SIZE 8
#define FILE_NAME  "/source"
#define HEAD_SIZE  (MAGIC_SIZE + HASH_DIGEST_SIZE)

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

static bool
octets_save(const char *path, const struct octets_buffer *buffer)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool good = write(fd, buffer->data, buffer->length) == (ssize_t)buffer->length;
    return close(fd) == 0 && good;
}

void
source_mark_write(const char *directory, const struct source_files *files)
{
    struct octets_buffer buffer;
    struct hash_digest digest;
    if (files->too_many || files->items.count == 0)
        return;
    octets_buffer_init(&buffer);
    octets_buffer_add(&buffer, MARK_MAGIC, MAGIC_SIZE);
    memset(octets_buffer_reserve(&buffer, HASH_DIGEST_SIZE), 0, HASH_DIGEST_SIZE);
    buffer.length += HASH_DIGEST_SIZE; // filled in at the end
    octets_buffer_add_u16(&buffer, (uint16_t)files->items.count);
    for (size_t i = 0; i < files->items.count; i++)
        file_write(vector_at(&files->items, i), &buffer);
    hash_digest_octets(buffer.data + HEAD_SIZE, buffer.length - HEAD_SIZE, &digest);
    memcpy(buffer.data + MAGIC_SIZE, digest.octets, HASH_DIGEST_SIZE);
    char *beside = memory_text_join(directory, "/source.new");
    char *path = memory_text_join(directory, FILE_NAME);
    if (!octets_save(beside, &buffer) || rename(beside, path) != 0)
        unlink(beside);
    free(beside);
    free(path);
    octets_buffer_close(&buffer);
}

void
source_mark_remove(const char *directory)
{
    char *path = memory_text_join(directory, FILE_NAME);
    unlink(path);
    free(path);
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
body_read(const uint8_t *body, size_t length, struct source_files *files)
{
    struct octets_reader reader;
    octets_reader_init(&reader, body, length);
    unsigned count = octets_read_u16(&reader);
    bool good = count > 0 && count <= SOURCE_FILES_MAX;
    for (unsigned i = 0; good && i < count; i++)
        good = file_read(&reader, files);
    return good && octets_left(&reader) == 0;
}

bool
source_mark_read(const char *directory, struct source_files *ret_files)
{
    struct octets_buffer buffer;
    struct hash_digest digest;
    struct fault fault;
    char *path = memory_text_join(directory, FILE_NAME);
    source_files_init(ret_files);
    bool good = state_file_read(path, &buffer, &fault);
    free(path);
    if (!good)
        return false;
    good = buffer.length > HEAD_SIZE && memcmp(buffer.data, MARK_MAGIC, MAGIC_SIZE) == 0;
    if (good) {
        hash_digest_octets(buffer.data + HEAD_SIZE, buffer.length - HEAD_SIZE, &digest);
        good = memcmp(digest.octets, buffer.data + MAGIC_SIZE, HASH_DIGEST_SIZE) == 0 &&
               body_read(buffer.data + HEAD_SIZE, buffer.length - HEAD_SIZE, ret_files);
    }
    if (!good)
        source_files_close(ret_files);
    octets_buffer_close(&buffer);
    return good;
}
