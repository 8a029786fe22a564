// The last process may have ended between rename and sync: what is served from now on must not be
// gone after the next crash (README.md, decision 11). A disk that refuses will refuse the next
// publish too, and say so then.
#include "common/zone/store_inside.h"
#include "common/zone/store_io.h"

#include <sys/stat.h>

static size_t
unsynced_count(struct store *const *stores, size_t count)
{
    size_t unsynced = 0;
    for (size_t i = 0; i < count; i++)
        unsynced += stores[i]->unsynced;
    return unsynced;
}

void
store_sync_all(struct store *const *stores, size_t count)
{
    bool alone = unsynced_count(stores, count) == 1, any = false;
    dev_t synced = 0; // the file system of the last one, where any was
    for (size_t i = 0; i < count; i++) {
        struct store *store = stores[i];
        struct stat status = {0};
        if (!store->unsynced)
            continue;
        store->unsynced = false;
        if (alone)
            store_io()->fsync(store->directory);
        else if (fstat(store->directory, &status) != 0 || !any || status.st_dev != synced)
            any = store_io()->syncfs(store->directory) == 0;
        synced = status.st_dev;
    }
}
