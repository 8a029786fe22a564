// A zone file as content that may be served: read, sealed, checked; or everything that is wrong with it at once, as
// sentences for whoever mends it. What the primary does with each file, and what checks without a daemon do. Any thread.
#ifndef TANDEM_ZONE_ZONEFILE_LOAD_H
#define TANDEM_ZONE_ZONEFILE_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/vector.h"
#include "common/zone/draft.h"
#include "common/zone/zonefile_read.h"

#define ZONEFILE_TEXTS_MAX 200 // errors, and warnings, kept of one file: nobody reads more at once. A last one counts the rest
#define ZONEFILE_LINES_MAX 4   // lines named for one finding of the check

struct zonefile_loading {
    struct draft *draft;   // sealed and checked; NULL: not without errors
    struct vector errors;  // of char *, "FILE:LINE:COLUMN: ..." or "FILE:LINE,LINE: OWNER TYPE: ..."
    struct vector warnings; // the same with "warning: " behind the place
};
struct zonefile_load_options {
    bool lines_of_warnings; // a file whose content has warnings only is read a second time, too, to name their lines
                            // (of errors they always are)
    zonefile_file_read *file_read; // zonefile_read.h; NULL: not wanted
    void *context;
};
// path is what errors call the file.
void zonefile_load(const char *path, const uint8_t *apex, const struct zonefile_load_options *options,
                   struct zonefile_loading *ret_loading);
// Frees the texts and the draft. The caller may take any of them and leave zeros.
void zonefile_loading_close(struct zonefile_loading *loading);
void zonefile_texts_clear(struct vector *texts);

#endif
