#include "tests/support/store_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
store_directory_make(char path[static STORE_DIRECTORY_MAX])
{
    snprintf(path, STORE_DIRECTORY_MAX, "/tmp/tandem-store-XXXXXX");
    if (!mkdtemp(path))
        abort();
}

void
store_directory_remove(const char *path)
{
    DIR *walk = opendir(path);
    if (!walk)
        return;
    const struct dirent *entry;
    while ((entry = readdir(walk)))
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(walk), entry->d_name, 0);
    closedir(walk);
    rmdir(path);
}

static void
file_copy(int from_directory, int to_directory, const char *name)
{
    int from = openat(from_directory, name, O_RDONLY | O_CLOEXEC);
    int to = openat(to_directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    char octets[65536];
    ssize_t length;
    if (from < 0 || to < 0)
        abort();
    while ((length = read(from, octets, sizeof octets)) > 0)
        if (write(to, octets, (size_t)length) != length)
            abort();
    close(from);
    close(to);
}

void
store_directory_copy(const char *from, const char *to)
{
    DIR *walk = opendir(from);
    int directory = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!walk || directory < 0)
        abort();
    const struct dirent *entry;
    while ((entry = readdir(walk)))
        if (entry->d_name[0] != '.')
            file_copy(dirfd(walk), directory, entry->d_name);
    closedir(walk);
    close(directory);
}
