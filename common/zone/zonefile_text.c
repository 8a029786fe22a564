#include "common/zone/zonefile_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/zone/zonefile_read.h"

static bool
text_read_all(int descriptor, size_t size, char *text)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = read(descriptor, text + done, size - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (got == 0) {
            errno = ESTALE; // shorter than a moment ago: it is being written
            return false;
        }
        done += (size_t)got;
    }
    return true;
}

// Opens and reads a regular file. O_NONBLOCK: a FIFO must not hold up the worker for ever.
bool
zonefile_text_load(const char *path, struct zonefile_text *ret_text, struct fault *fault)
{
    struct stat stat;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return fault_set_errno(fault, errno, "cannot open '%s'", path);
    bool good = fstat(descriptor, &stat) == 0;
    if (!good)
        fault_set_errno(fault, errno, "cannot stat '%s'", path);
    else if (!S_ISREG(stat.st_mode))
        good = fault_set(fault, FAULT_IO, "'%s' is not a regular file", path);
    else if ((uint64_t)stat.st_size > ZONEFILE_SIZE_MAX)
        good = fault_set(fault, FAULT_LIMIT, "'%s' is over %llu octets", path, ZONEFILE_SIZE_MAX);
    if (good) {
        ret_text->length = (size_t)stat.st_size;
        ret_text->status = stat;
        ret_text->text = memory_alloc(ret_text->length + 1);
        good = text_read_all(descriptor, ret_text->length, ret_text->text);
        if (!good)
            fault_set_errno(fault, errno, "cannot read '%s'", path);
    }
    close(descriptor);
    return good;
}
