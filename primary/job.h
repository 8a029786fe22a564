// One piece of a keeper's slow work, for a worker thread: opening the store, reading the zone file,
// publishing an expanded version, upkeep of the store. A job owns or borrows for its time all that
// it touches; the keeper (which it only names) makes it, starts it, and takes what came of it, in
// the loop's thread.
#ifndef TANDEM_PRIMARY_JOB_H
#define TANDEM_PRIMARY_JOB_H

#include <stdint.h>

#include "primary/publication.h"
#include "primary/source.h"

enum job_kind {
    JOB_OPEN, // the store; and is its version what the files say?
    JOB_LOAD,
    JOB_PUBLISH,
    JOB_UPKEEP,
};

struct job {
    enum job_kind kind;
    void *keeper;      // whose it is; not for the worker
    const char *cause; // static: "file" "alias" "command"
    uint64_t started_ms;
    uint8_t apex[NAME_SIZE_MAX];
    int64_t now; // unix seconds
    char *path;  // owned; JOB_LOAD, JOB_OPEN (NULL: the version is not to be served yet)
    // JOB_OPEN
    struct hash_digest marked; // of the files that the version at hand was made from
    // JOB_LOAD
    struct source *known; // held; NULL: reads the files whether they changed or not
    struct source_loading loading;
    // All
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
