// Some zones with their stores in one pool, beside the models of what they must hold. Pool and stores share one
// directory, so that the disk recorder, which knows one, sees all that matters.
#ifndef TANDEM_TESTS_POOL_BED_H
#define TANDEM_TESTS_POOL_BED_H

#include "common/zone/zone_pool.h"
#include "common/zone/store.h"
#include "tests/support/store_directory.h"
#include "tests/support/zone_model.h"

#define POOL_BED_ZONES_MAX 64

struct pool_bed_zone {
    struct model model;
    struct store *store;
    uint32_t serial; // of the last publish that was tried
};
struct pool_bed {
    char path[STORE_DIRECTORY_MAX];
    struct zone_pool_options options;
    bool flat; // the one zone's directory is the pool's: the recorder sees both
    struct zone_pool *pool;
    struct zone_pool_opening opening; // what the last zone_pool_open said
    size_t count;
    struct pool_bed_zone zones[POOL_BED_ZONES_MAX];
    struct random random;
};

// Zones z0.example, z1.example ... without a version. All of these abort where what must work does not.
void pool_bed_open(struct pool_bed *bed, size_t count, const struct zone_pool_options *options);
void pool_bed_open_flat(struct pool_bed *bed, const struct zone_pool_options *options); // one zone
void pool_bed_close(struct pool_bed *bed);
void pool_bed_shut(struct pool_bed *bed); // stores and pool, the directory stays
void pool_bed_reopen(struct pool_bed *bed);
// Opens pool and stores in the directory path, of the bed's zones, into other, which has no models; the caller shuts it.
bool pool_bed_open_copy(const struct pool_bed *bed, const char *path, struct pool_bed *other);
void pool_bed_edit(struct pool_bed *bed, size_t zone, unsigned edits);
// Adds so many names, of some 50 octets of records each.
void pool_bed_grow(struct pool_bed *bed, size_t zone, size_t names);
// The model under the next serial, as a diff where there is a version, else as a whole.
bool pool_bed_try(struct pool_bed *bed, size_t zone, struct fault *fault);
void pool_bed_publish(struct pool_bed *bed, size_t zone);
// Every store serves what its model says.
void pool_bed_check(const struct pool_bed *bed);

#endif
