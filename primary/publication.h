// One step of a zone's expanded version: from a source and the present addresses of its ALIAS
// owners to the next version in the store, if and only if the content differs. Runs in a worker
// thread, on what it was lent; one at a time for a zone, since the store has one writer.
#ifndef TANDEM_PRIMARY_PUBLICATION_H
#define TANDEM_PRIMARY_PUBLICATION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/vector.h"
#include "common/zone/diff.h"
#include "common/zone/serial.h"
#include "common/zone/store.h"
#include "primary/source.h"

struct publication {
    // Lent by the keeper until the job has ended.
    struct store **store; // opened at the first job
    const char *directory;
    const uint8_t *apex;
    const struct source *source;
    const struct draft *addresses; // sealed; NULL: no ALIAS owner has any
    const struct vector *owners; // of uint8_t[NAME_SIZE_MAX]: only these may differ; NULL: all may
    enum serial_policy policy;
    uint64_t journal_octets_max; // of the settings in force
    int64_t now;                 // unix seconds
    bool synced;                 // what earlier runs have left is on the disk
    bool state_lost;             // the last serial is not known, but there may have been one
    uint64_t mapped;             // sequence of the version that the keeper has mapped; 0: none
    bool marked;                 // the mark beside the versions speaks of the source's files

    // What came of it.
    bool good; // false: fault; the version before stays
    struct fault fault;
    bool changed; // a new version was published
    // The descriptors of the newest version, for the keeper to map and close: where it is another
    // one than mapped.
    bool has_place;
    struct version_place place;
    bool upkeep_wanted; // publication_keep_up has something to do
    struct diff_counts counts;
    char first_change[640]; // "example.gov. A", for people; "" without one
    uint32_t old_serial;
    bool had_version;
    struct store_opening opening; // when the store was opened here
    struct store_sizes sizes;
};
// Opens the store where it is not open yet, and says in had_version whether it holds one. A failure
// shows at publication_run.
void publication_prepare(struct publication *publication);
// The same; and where the files below path (NULL: not to be served yet) are those that the newest
// version was made from, gives its place, and in ret_source the digest of the files.
void publication_open(struct publication *publication, const char *path,
                      struct hash_digest *ret_source);
void publication_run(struct publication *publication);
// One step of upkeep, which changes nothing of what the zone says: merging the overlay, compacting.
// Takes as long as the zone is large. needs: store, mapped.
void publication_keep_up(struct publication *publication);

#endif
