// A disk that forgets. While it records, every call by which the store changes one directory is passed on to the
// system and written down. Afterwards the directory can be made again as a crash may have left it: a chosen
// number of calls were issued; what a sync covered is there; of all the rest any part may be there, in any
// order, sectors of 512 octets apart from each other, directory entries apart from each other and from
// the octets of their files.
#ifndef TANDEM_TESTS_DISK_RECORDER_H
#define TANDEM_TESTS_DISK_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/zone_model.h"

// Puts itself into store_io_set. The directory holds nothing yet.
void disk_record_start(void);
void disk_record_stop(void); // back to the system's calls
void disk_record_forget(void);
size_t disk_record_calls(void);

// A disk state: calls [0, issued) were made.
struct disk_state {
    size_t issued;
    size_t pending; // how many of them no sync covers
};
struct disk_state disk_state_at(size_t issued);
// Fills the empty directory. Bit i of kept (i < 64) says whether the pending call i reached the disk.
void disk_state_make(const struct disk_state *state, uint64_t kept, const char *directory);
// The first prefix pending calls reached the disk, the others not at all.
void disk_state_make_prefix(const struct disk_state *state, size_t prefix, const char *directory);
// Each pending call at random; of a write each sector at random: there, zero, or rubbish.
void disk_state_make_torn(const struct disk_state *state, struct random *random,
                          const char *directory);

#endif
