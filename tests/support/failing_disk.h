// A disk of which one call by which the store changes it fails, the nth from now: for want of room, for an I/O error,
// or after half of the octets. No sync takes any time.
#ifndef TANDEM_TESTS_FAILING_DISK_H
#define TANDEM_TESTS_FAILING_DISK_H

#include <stdbool.h>

struct failing_disk {
    unsigned call; // which call fails, from 1
    int error;     // errno of the failure; a sync has no ENOSPC, it says EIO then
    bool half;     // a failing write writes half of its octets first
    bool persists; // all later calls fail as well, as on a full disk
    bool any_open; // the opening of a file that is there is such a call, too
};
// Puts itself into store_io_set.
void failing_disk_start(const struct failing_disk *how);
// No call fails any more (store_io_without_sync). Gives whether one did.
bool failing_disk_stop(void);

#endif
