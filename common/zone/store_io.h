// Every call by which the store changes a disk, in one table, so that a test can record them, lose them, reorder
// them or make them fail. Reading needs no entry: what is read was checked.
#ifndef TANDEM_ZONE_STORE_IO_H
#define TANDEM_ZONE_STORE_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// The system calls of the same names; -1 and errno. close is there so that a recorder can follow descriptors.
struct store_io {
    int (*open)(int directory, const char *name, int flags, mode_t mode);
    ssize_t (*pwrite)(int file, const void *octets, size_t length, off_t offset);
    int (*fallocate)(int file, int mode, off_t offset, off_t length);
    int (*fsync)(int file);
    int (*fdatasync)(int file);
    int (*syncfs)(int file);
    int (*rename)(int directory, const char *from, const char *to);
    int (*unlink)(int directory, const char *name);
    int (*mkdir)(const char *path, mode_t mode);
    int (*close)(int file);
};

// The table in use: the system's own calls unless store_io_set put another (NULL: the system's again). For the
// whole process; borrowed.
const struct store_io *store_io(void);
void store_io_set(const struct store_io *io);

#endif
