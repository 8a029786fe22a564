#include "secondary/signer/zone_directory.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// A file name holds 255 octets at most on the file systems in view; a longer one ends in a '~' and
// is refused by the system with a clear error, which names the zone.
void
zone_directory_name(const uint8_t *apex, char ret_name[static ZONE_DIRECTORY_NAME_MAX])
{
    char text[NAME_TEXT_MAX];
    name_to_text_short(apex, text);
    char *at = ret_name;
    for (const char *from = text; *from != '\0'; from++) {
        bool plain = isalnum((unsigned char)*from) || *from == '-' || *from == '_' ||
                     (*from == '.' && from != text);
        at += plain ? sprintf(at, "%c", *from) : sprintf(at, "%%%02X", (unsigned char)*from);
    }
    *at = '\0';
}

bool
zone_directory_make(const char *path, struct fault *fault)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return fault_set_errno(fault, errno, "cannot make the directory %s", path);
    }
    return true;
}

static bool
write_and_sync(int fd, const uint8_t *data, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, data, length);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return false;
        }
        data += written;
        length -= (size_t)written;
    }
    return fsync(fd) == 0;
}

static bool
sync_directory(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool good = fsync(fd) == 0;
    close(fd);
    return good;
}

bool
zone_directory_write(const char *directory, const char *name, const void *data, size_t length,
                     struct fault *fault)
{
    char path[PATH_MAX];
    char temporary[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int needed = snprintf(temporary, sizeof temporary, "%s/.%s.new", directory, name);
    if (needed >= (int)sizeof temporary) {
        return fault_set_errno(fault, ENAMETOOLONG, "cannot write %.1000s/...", directory);
    }
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fault_set_errno(fault, errno, "cannot write %s", path);
    }
    bool good = write_and_sync(fd, data, length);
    int error = errno;
    close(fd);
    if (!good || rename(temporary, path) != 0) {
        error = good ? errno : error;
        unlink(temporary);
        return fault_set_errno(fault, error, "cannot write %s", path);
    }
    if (!sync_directory(directory)) {
        return fault_set_errno(fault, errno, "cannot sync %s", directory);
    }
    return true;
}
