// One piece of a keeper's slow work, for a worker thread: reading the zone file, or publishing an
// expanded version. A job owns or borrows for its time all that it touches; the keeper (which it
// only names) makes it, starts it, and takes what came of it, in the loop's thread.
#ifndef TANDEM_PRIMARY_JOB_H
#define TANDEM_PRIMARY_JOB_H

#include <stdint.h>

#include "primary/publication.h"
#include "primary/source.h"

enum job_kind { JOB_LOAD, JOB_PUBLISH };

struct job {
    enum job_kind kind;
    void *keeper;      // whose it is; not for the worker
    const char *cause; // static: "file" "alias" "command"
    uint64_t started_ms;
    uint8_t apex[NAME_SIZE_MAX];
    int64_t now; // unix seconds
    // JOB_LOAD
    char *path; // owned
    struct source_loading loading;
    // Both: a load only opens the store.
    struct publication publication;
    // JOB_PUBLISH
    struct source *source;   // held
    struct draft *addresses; // owned; NULL: none
    struct vector owners;    // of uint8_t[NAME_SIZE_MAX]
};

struct job *job_new(enum job_kind kind, const uint8_t *apex, const char *cause, uint64_t started_ms,
                    int64_t now);
void job_work(void *job); // in a worker
void job_free(struct job **job);

#endif
