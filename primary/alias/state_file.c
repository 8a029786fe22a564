#include "primary/alias/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/base/descriptor.h"
#include "common/base/hash.h"

static bool
folder_sync(const char *path)
{
    char *folder = memory_text(path), *slash = strrchr(folder, '/');
    if (slash)
        *(slash == folder ? slash + 1 : slash) = '\0';
    bool good = descriptor_sync_folder(slash ? folder : ".");
    free(folder);
    return good;
}

static bool
file_replace(const char *path, const void *octets, size_t length, bool synced, struct fault *fault)
{
    char *beside = memory_text_join(path, ".new");
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = fd >= 0 && descriptor_write(fd, octets, length) && (!synced || fsync(fd) == 0);
    int error = errno;
    if (fd >= 0 && close(fd) != 0 && good) {
        good = false;
        error = errno;
    }
    if (good && (rename(beside, path) != 0 || (synced && !folder_sync(path)))) {
        good = false;
        error = errno;
    }
    if (!good && fd >= 0)
        unlink(beside);
    free(beside);
    return good || fault_set_errno(fault, error, "cannot write %s", path);
}

bool
state_file_write(const char *path, const void *octets, size_t length, struct fault *fault)
{
    return file_replace(path, octets, length, true, fault);
}

bool
state_file_write_unsynced(const char *path, const void *octets, size_t length, struct fault *fault)
{
    return file_replace(path, octets, length, false, fault);
}

static bool
read_all(int fd, size_t size, struct octets_buffer *buffer)
{
    ssize_t got = descriptor_read(fd, octets_buffer_reserve(buffer, size), size);
    buffer->length = got > 0 ? (size_t)got : 0;
    return got == (ssize_t)size;
}

bool
state_file_read(const char *path, struct octets_buffer *ret_buffer, struct fault *fault)
{
    struct stat about;
    octets_buffer_init(ret_buffer);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return fault_set(fault, FAULT_NOT_FOUND, "%s: there is none", path);
    if (fd < 0 || fstat(fd, &about) != 0) {
        fault_set_errno(fault, errno, "cannot read %s", path);
        if (fd >= 0)
            close(fd);
        return false;
    }
    bool small = about.st_size <= (off_t)STATE_FILE_MAX;
    bool good = small && read_all(fd, (size_t)about.st_size, ret_buffer);
    close(fd);
    if (!good)
        octets_buffer_close(ret_buffer);
    return good || fault_set(fault, small ? FAULT_IO : FAULT_LIMIT, "cannot read %s whole", path);
}

void
state_file_set_aside(const char *path)
{
    char *aside = memory_text_join(path, ".damaged");
    rename(path, aside);
    free(aside);
}

void
state_file_begin(struct octets_buffer *buffer, const char *magic, uint16_t format)
{
    octets_buffer_add(buffer, magic, STATE_FILE_MAGIC_SIZE);
    octets_buffer_add_u16(buffer, format);
}

void
state_file_end(struct octets_buffer *buffer)
{
    struct hash_digest digest;
    hash_digest_octets(buffer->data, buffer->length, &digest);
    octets_buffer_add(buffer, digest.octets, sizeof digest.octets);
}

bool
state_file_open(const void *octets, size_t length, const char *magic, uint16_t format,
                struct octets_reader *ret_reader)
{
    struct hash_digest digest;
    if (length < STATE_FILE_MAGIC_SIZE + 2 + HASH_DIGEST_SIZE)
        return false;
    size_t rest = length - HASH_DIGEST_SIZE;
    hash_digest_octets(octets, rest, &digest);
    if (memcmp(digest.octets, (const uint8_t *)octets + rest, sizeof digest.octets) != 0)
        return false;
    octets_reader_init(ret_reader, octets, rest);
    const uint8_t *found = octets_read_view(ret_reader, STATE_FILE_MAGIC_SIZE);
    return memcmp(found, magic, STATE_FILE_MAGIC_SIZE) == 0 &&
           octets_read_u16(ret_reader) == format;
}
