// The source of a zone: its zone file, read, sealed and checked. Made in a worker thread, then
// frozen and shared by counting (the count belongs to the loop's thread; a worker borrows).
#ifndef TANDEM_PRIMARY_SOURCE_H
#define TANDEM_PRIMARY_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/vector.h"
#include "common/zone/draft.h"
#include "primary/source_files.h"

struct source {
    unsigned references;
    struct draft *draft; // sealed; with ALIAS records
    uint32_t serial;
    size_t alias_owners;
    int64_t loaded_at;
    struct source_files files; // what it was read from
};

// What came of reading: a source, or errors; the texts of zonefile_load.h.
struct source_loading {
    struct source *source;     // NULL: not without errors, or unchanged
    bool unchanged;            // the files of the known source are the same: nothing was read
    struct source_files files; // unchanged: as they are now
    size_t looked_into;        // unchanged: of how many of them the content was looked at
    struct vector errors;      // of char *
    struct vector warnings;
};
// Any thread. path is what errors call the file. now: unix seconds.
void source_load(const char *path, const uint8_t *apex, int64_t now,
                 struct source_loading *ret_loading);
// The same, if the files are not those that the known source (NULL: none) was read from.
void source_load_changed(const struct source *known, const char *path, const uint8_t *apex,
                         int64_t now, struct source_loading *ret_loading);
// Frees the texts and drops the source.
void source_loading_close(struct source_loading *loading);
void source_texts_clear(struct vector *texts);

struct source *source_hold(struct source *source);
void source_drop(struct source **source); // *source may be NULL

#endif
