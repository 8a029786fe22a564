#include "primary/established.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "primary/alias/state_file.h"

#define FILE_NAME "/established"

static const char text[] =
    "The serials of all zones that were given out are saved in this directory.\n"
    "Without this file zones that have no saved version begin at max(serial of the file + 1, "
    "time).\n";

bool
established_read(const char *state_directory)
{
    char *path = memory_text_join(state_directory, FILE_NAME);
    bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

bool
established_write(const char *state_directory, struct fault *fault)
{
    char *path = memory_text_join(state_directory, FILE_NAME);
    bool written = state_file_write(path, text, sizeof text - 1, fault);
    free(path);
    return written;
}
