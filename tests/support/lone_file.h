// One file in a folder of its own, for a test program that writes and reads it. Header only.
#ifndef TANDEM_TESTS_LONE_FILE_H
#define TANDEM_TESTS_LONE_FILE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char directory[64], path[96];

// What a test's setup returns: the folder is there, the file is not.
static inline int
lone_file_make(const char *name)
{
    snprintf(directory, sizeof directory, "/tmp/tandem-file-XXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return 0;
}

// A test's teardown. It fails where anything else is left in the folder.
static inline int
lone_file_unmake(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

#endif
