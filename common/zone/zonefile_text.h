// The text of one master file in memory, with what tells it from other files (for $INCLUDE loops, and
// for who wants to know later whether it is still the same).
#ifndef TANDEM_ZONE_ZONEFILE_TEXT_H
#define TANDEM_ZONE_ZONEFILE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "common/base/fault.h"

struct zonefile_text {
    char *text; // free()
    size_t length;
    struct stat status; // from before the first octet was read
};
// Reads a regular file of at most ZONEFILE_SIZE_MAX octets; a FIFO or a device cannot hold it up.
// On a fault ret_text->text is NULL or to be freed all the same.
bool zonefile_text_load(const char *path, struct zonefile_text *ret_text, struct fault *fault);

#endif
