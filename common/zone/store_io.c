#include "common/zone/store_io.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int
system_open(int directory, const char *name, int flags, mode_t mode)
{
    return openat(directory, name, flags | O_CLOEXEC, mode);
}

static int
system_rename(int directory, const char *from, const char *to)
{
    return renameat(directory, from, directory, to);
}

static int
system_unlink(int directory, const char *name)
{
    return unlinkat(directory, name, 0);
}

static const struct store_io system_io = {
    .open = system_open,
    .pwrite = pwrite,
    .fallocate = fallocate,
    .fsync = fsync,
    .fdatasync = fdatasync,
    .syncfs = syncfs,
    .rename = system_rename,
    .unlink = system_unlink,
    .mkdir = mkdir,
    .close = close,
};

static const struct store_io *io_in_use = &system_io;

const struct store_io *
store_io(void)
{
    return io_in_use;
}

void
store_io_set(const struct store_io *io)
{
    io_in_use = io ? io : &system_io;
}
