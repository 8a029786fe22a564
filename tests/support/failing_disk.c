#include "tests/support/failing_disk.h"

#include <errno.h>
#include <fcntl.h>

#include "common/zone/store_io.h"
#include "tests/support/store_bed.h"

static struct {
    struct failing_disk how;
    struct store_io system, io;
    unsigned left; // calls until the failure; 0: none comes any more
    bool failed;
} disk;

// Sets errno when it does.
static bool
fails_now(void)
{
    bool now = disk.failed && disk.how.persists;
    if (!now && disk.left > 0 && --disk.left == 0)
        now = disk.failed = true;
    if (now)
        errno = disk.how.error;
    return now;
}

static int
failing_open(int directory, const char *name, int flags, mode_t mode)
{
    bool counts = disk.how.any_open || (flags & O_CREAT);
    return counts && fails_now() ? -1 : disk.system.open(directory, name, flags, mode);
}

static ssize_t
failing_pwrite(int file, const void *octets, size_t length, off_t offset)
{
    bool before = disk.failed;
    if (!fails_now())
        return disk.system.pwrite(file, octets, length, offset);
    if (!disk.how.half || before || length < 2)
        return -1;
    disk.left = 1; // the rest of the octets fails
    disk.failed = false;
    return disk.system.pwrite(file, octets, length / 2, offset);
}

static int
failing_fallocate(int file, int mode, off_t offset, off_t length)
{
    return fails_now() ? -1 : disk.system.fallocate(file, mode, offset, length);
}

static int
failing_sync(int file)
{
    (void)file;
    if (!fails_now())
        return 0;
    if (errno == ENOSPC)
        errno = EIO;
    return -1;
}

static int
failing_rename(int directory, const char *from, const char *to)
{
    return fails_now() ? -1 : disk.system.rename(directory, from, to);
}

void
failing_disk_start(const struct failing_disk *how)
{
    store_io_set(NULL);
    disk.system = disk.io = *store_io();
    disk.io.open = failing_open;
    disk.io.pwrite = failing_pwrite;
    disk.io.fallocate = failing_fallocate;
    disk.io.fsync = disk.io.fdatasync = disk.io.syncfs = failing_sync;
    disk.io.rename = failing_rename;
    disk.how = *how;
    disk.left = how->call;
    disk.failed = false;
    store_io_set(&disk.io);
}

bool
failing_disk_stop(void)
{
    store_io_without_sync();
    return disk.failed;
}
