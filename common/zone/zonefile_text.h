// The text of one master file as a window that moves over it: a file of gigabytes takes as much memory as its longest
// record, and a file that shrinks while it is read is an error instead of a crash (a map would be one). Knows also what
// tells the file from others (for $INCLUDE loops, and for who wants to know later whether it is still the same).
#ifndef TANDEM_ZONE_ZONEFILE_TEXT_H
#define TANDEM_ZONE_ZONEFILE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "common/base/fault.h"
#include "common/base/hash.h"

#define ZONEFILE_WINDOW_SIZE (256U << 10) // at first: larger ones win nothing, this one stays in a core's own cache

struct zonefile_text {
    int descriptor;
    char *text; // the window
    size_t length, capacity;
    uint64_t left; // octets of the file behind the window
    struct stat status; // from before the first octet was read
    struct hash_digest_state *digest; // of what was read so far; NULL: not wanted
};
// Opens a regular file of at most ZONEFILE_SIZE_MAX octets and reads its beginning; a FIFO or a device cannot hold it
// up. On a fault there is nothing to close.
bool zonefile_text_open(const char *path, bool digest_wanted, struct zonefile_text *ret_text, struct fault *fault);
// Moves the window: what stands in it before `from` goes, more of the file comes behind the rest, and it grows where
// nothing goes. left must not be 0. A fault: the file cannot be read on; path is what it calls it.
bool zonefile_text_more(struct zonefile_text *text, size_t from, const char *path, struct fault *fault);
// The digest of the whole file, once. False: not wanted, or not all of it was read.
bool zonefile_text_digest(struct zonefile_text *text, struct hash_digest *ret_digest);
// Status and digest of a file that is read for nothing else.
bool zonefile_text_look(const char *path, struct stat *ret_status, struct hash_digest *ret_digest, struct fault *fault);
void zonefile_text_close(struct zonefile_text *text); // also of zeros

#endif
