#include "secondary/signer/keys/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/descriptor.h"
#include "secondary/signer/keys/key_memory.h"

#define FILE_NAME_MAX 1024

static bool
write_beside(int directory, const char *name, struct octets content)
{
    int descriptor =
        openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0)
        return false;
    bool good =
        descriptor_write(descriptor, content.data, content.length) && fsync(descriptor) == 0;
    int error = errno;
    if (close(descriptor) != 0 && good) {
        good = false;
        error = errno;
    }
    errno = error;
    return good;
}

bool
key_file_sync(int directory, const char *path, struct fault *fault)
{
    if (fsync(directory) != 0)
        return fault_set_errno(fault, errno, "%s: syncing the directory", path);
    return true;
}

bool
key_file_replace(int directory, const char *path, const char *name, struct octets content,
                 struct fault *fault)
{
    char beside[FILE_NAME_MAX];
    snprintf(beside, sizeof beside, "%s.new", name);
    if (!write_beside(directory, beside, content) ||
        renameat(directory, beside, directory, name) != 0) {
        int error = errno;
        unlinkat(directory, beside, 0);
        return fault_set_errno(fault, error, "%s/%s: writing", path, name);
    }
    return key_file_sync(directory, path, fault);
}

static bool
open_fault(const char *path, const char *name, int error, struct fault *fault)
{
    const char *cure = "";
    if (error == EACCES || error == EPERM)
        cure = " (chown it to the daemon's user and chmod 600 it)";
    else if (error == ENOENT)
        cure = " (a key needs all of its files: take it from a backup)";
    return fault_set_errno(fault, error, "%s/%s: cannot be opened%s", path, name, cure);
}

bool
key_file_read(int directory, const char *path, const char *name, size_t maximum,
              struct octets *ret_content, struct fault *fault)
{
    int descriptor = openat(directory, name, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return open_fault(path, name, errno, fault);
    uint8_t *text = key_scratch_new(maximum + 1);
    ssize_t length = descriptor_read(descriptor, text, maximum + 1);
    int error = errno;
    close(descriptor);
    if (length >= 0 && (size_t)length <= maximum) {
        *ret_content = (struct octets){text, (size_t)length};
        return true;
    }
    key_scratch_free(text);
    if (length < 0)
        return fault_set_errno(fault, error, "%s/%s: reading", path, name);
    return fault_set(fault, FAULT_CORRUPT,
                     "%s/%s: longer than %zu octets: no key file; take it from a backup", path,
                     name, maximum);
}

bool
key_file_unlink(int directory, const char *path, const char *name, bool *ret_gone,
                struct fault *fault)
{
    bool gone = unlinkat(directory, name, 0) == 0;
    if (!gone && errno != ENOENT)
        return fault_set_errno(fault, errno, "%s/%s: removing", path, name);
    if (ret_gone)
        *ret_gone = gone;
    return true;
}
