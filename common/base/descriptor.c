#include "common/base/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

bool
descriptor_write(int fd, const void *octets, size_t length)
{
    const uint8_t *at = octets;
    while (length > 0) {
        ssize_t done = write(fd, at, length);
        if (done < 0 && errno == EINTR)
            continue;
        if (done == 0)
            errno = EIO; // no file does so; without this the loop might not end
        if (done <= 0)
            return false;
        at += done;
        length -= (size_t)done;
    }
    return true;
}

ssize_t
descriptor_read(int fd, void *ret_octets, size_t room)
{
    uint8_t *at = ret_octets;
    size_t length = 0;
    while (length < room) {
        ssize_t got = read(fd, at + length, room - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        length += (size_t)got;
    }
    return (ssize_t)length;
}

bool
descriptor_sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool good = fsync(fd) == 0;
    int error = errno;
    close(fd);
    errno = error;
    return good;
}
