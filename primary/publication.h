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
    bool state_lost; // the store held versions, but none whole: the last serial is not known
    bool map_wanted; // the keeper has no version mapped yet

    // What came of it.
    bool good; // false: fault; the version before stays
    struct fault fault;
    bool changed;                  // a new version was published
    const struct version *version; // mapped for the keeper when changed or wanted; else NULL
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
void publication_run(struct publication *publication);

#endif
