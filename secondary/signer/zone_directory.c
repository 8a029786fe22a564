#include "secondary/signer/zone_directory.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/descriptor.h"

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
    bool good = descriptor_write(fd, data, length) && fsync(fd) == 0;
    int error = errno;
    close(fd);
    if (!good || rename(temporary, path) != 0) {
        error = good ? errno : error;
        unlink(temporary);
        return fault_set_errno(fault, error, "cannot write %s", path);
    }
    if (!descriptor_sync_folder(directory)) {
        return fault_set_errno(fault, errno, "cannot sync %s", directory);
    }
    return true;
}
