// The source of a zone: its zone file, read, sealed and checked. Made in a worker thread, then
// frozen and shared by counting (the count belongs to the loop's thread; a worker borrows).
#ifndef TANDEM_PRIMARY_SOURCE_H
#define TANDEM_PRIMARY_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/vector.h"
#include "common/zone/draft.h"

#define SOURCE_TEXTS_MAX 200 // errors and warnings kept of one zone file: nobody reads more at once
#define SOURCE_LINES_MAX 4   // lines named for one finding of the check

struct source {
    unsigned references;
    struct draft *draft; // sealed; with ALIAS records
    uint32_t serial;
    size_t alias_owners;
    int64_t loaded_at;
};

// What came of reading: a source, or errors. Each text is a sentence with file:line:column, or with
// the zone's name and the lines of the records concerned.
struct source_loading {
    struct source *source; // NULL: not without errors
    struct vector errors;  // of char *
    struct vector warnings;
};
// Any thread. path is what errors call the file. now: unix seconds.
void source_load(const char *path, const uint8_t *apex, int64_t now,
                 struct source_loading *ret_loading);
// Frees the texts and drops the source.
void source_loading_close(struct source_loading *loading);
void source_texts_clear(struct vector *texts);

struct source *source_hold(struct source *source);
void source_drop(struct source **source); // *source may be NULL

#endif
