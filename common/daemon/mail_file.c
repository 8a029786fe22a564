#include "common/daemon/mail_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/base/descriptor.h"

#define PATH_ROOM     4096
#define FILE_SIZE_MAX (16 * 1024 * 1024) // a digest of 10,000 events with their subjects, escaped

static bool
path_make(const char *folder, uint64_t number, const char *ending, char path[static PATH_ROOM],
          struct fault *fault)
{
    int length = snprintf(path, PATH_ROOM, "%s/%020" PRIu64 "%s", folder, number, ending);
    return (length > 0 && length < PATH_ROOM) ||
           fault_set(fault, FAULT_CONFIG, "mail queue %s: a path that is too long", folder);
}

bool
mail_files_prepare(const char *folder, struct fault *fault)
{
    char path[PATH_ROOM];
    if (snprintf(path, sizeof path, "%s", folder) >= PATH_ROOM)
        return fault_set(fault, FAULT_CONFIG, "mail queue %s: a path that is too long", folder);
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0750); // a failure shows at the last one
        *slash = '/';
    }
    struct stat status;
    if (mkdir(path, 0700) == 0 || (stat(path, &status) == 0 && S_ISDIR(status.st_mode)))
        return true;
    return fault_set_errno(fault, errno, "mail queue %s", folder);
}

static int
compare_numbers(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

bool
mail_files_list(const char *folder, struct vector *ret_numbers, struct fault *fault)
{
    DIR *directory = opendir(folder);
    if (!directory)
        return fault_set_errno(fault, errno, "mail queue %s", folder);
    for (struct dirent *entry; (entry = readdir(directory));) {
        char *end;
        uint64_t number = strtoull(entry->d_name, &end, 10);
        if (end - entry->d_name == 20 && strcmp(end, ".json") == 0)
            vector_add(ret_numbers, &number);
        else if (end - entry->d_name == 20 && strcmp(end, ".new") == 0)
            unlinkat(dirfd(directory), entry->d_name, 0);
    }
    closedir(directory);
    if (ret_numbers->count)
        qsort(ret_numbers->items, ret_numbers->count, sizeof(uint64_t), compare_numbers);
    return true;
}

static bool
octets_put(const char *path, const char *text, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool whole = descriptor_write(fd, text, length);
    int error = errno;
    bool closed = close(fd) == 0;
    if (!whole)
        errno = error;
    return whole && closed;
}

bool
mail_file_write(const char *folder, uint64_t number, const struct json_value *content,
                struct fault *fault)
{
    char aside[PATH_ROOM], path[PATH_ROOM];
    if (!path_make(folder, number, ".new", aside, fault) ||
        !path_make(folder, number, ".json", path, fault))
        return false;
    size_t length;
    char *text = json_value_write(content, 0, &length);
    bool fine = octets_put(aside, text, length) && rename(aside, path) == 0;
    int error = errno;
    free(text);
    if (!fine) {
        unlink(aside);
        return fault_set_errno(fault, error, "mail queue %s", path);
    }
    return true;
}

bool
mail_file_read(const char *folder, uint64_t number, struct json_value **ret_content,
               struct fault *fault)
{
    char path[PATH_ROOM];
    struct stat status;
    if (!path_make(folder, number, ".json", path, fault))
        return false;
    FILE *file = fopen(path, "re");
    if (!file || fstat(fileno(file), &status) != 0 || status.st_size > FILE_SIZE_MAX) {
        fault_set_errno(fault, file ? EFBIG : errno, "mail queue %s", path);
        if (file)
            fclose(file);
        return false;
    }
    char *text = memory_alloc((size_t)status.st_size + 1);
    size_t length = fread(text, 1, (size_t)status.st_size, file);
    fclose(file);
    bool fine = json_value_read(text, length, ret_content, fault);
    free(text);
    return fine || fault_wrap(fault, "mail queue %s", path);
}

void
mail_file_remove(const char *folder, uint64_t number)
{
    char path[PATH_ROOM];
    if (path_make(folder, number, ".json", path, NULL))
        unlink(path);
}

void
mail_file_set_aside(const char *folder, uint64_t number)
{
    char path[PATH_ROOM], bad[PATH_ROOM];
    if (path_make(folder, number, ".json", path, NULL) &&
        path_make(folder, number, ".bad", bad, NULL) && rename(path, bad) != 0)
        unlink(path);
}

void
mail_files_sync(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    syncfs(fd);
    close(fd);
}
