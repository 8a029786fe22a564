#include "common/tandemctl/key_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool
key_files_open(const char *const *paths, size_t count, int *ret_descriptors, struct fault *fault)
{
    for (size_t i = 0; i < count; i++) {
        ret_descriptors[i] = open(paths[i], O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (ret_descriptors[i] < 0) {
            fault_set_errno(fault, errno, "%s", paths[i]);
            key_files_close(ret_descriptors, i);
            return false;
        }
    }
    return true;
}

void
key_files_close(const int *descriptors, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(descriptors[i]);
}

// The daemon names the files; a name that leaves the folder is not a name.
static bool
is_plain_name(const char *name)
{
    return *name && *name != '.' && !strchr(name, '/') && strlen(name) < 255;
}

static bool
file_write(const char *name, const char *text, struct fault *fault)
{
    size_t length = strlen(text);
    if (!is_plain_name(name))
        return fault_set(fault, FAULT_CORRUPT, "key file \"%s\": not the name of a file", name);
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return fault_set_errno(fault, errno, "key file %s", name);
    bool fine = write(fd, text, length) == (ssize_t)length && fsync(fd) == 0;
    int error = errno;
    close(fd);
    if (!fine)
        unlink(name);
    return fine || fault_set_errno(fault, error, "key file %s", name);
}

bool
key_files_write(const struct json_value *result, struct octets_buffer *ret_text,
                struct fault *fault)
{
    const struct json_value *files = json_value_get(result, "files");
    for (size_t i = 0; i < json_value_count(files); i++) {
        const char *name = json_value_get_text(json_value_at(files, i), "name", "");
        const char *text = json_value_get_text(json_value_at(files, i), "text", "");
        if (!file_write(name, text, fault))
            return false;
        octets_buffer_printf(ret_text, "%s\n", name);
    }
    return true;
}
