// What a reader of master files found wrong, with the place of each: errors spoil the zone,
// warnings do not. One list for all the files of a zone. One thread.
#ifndef TANDEM_ZONE_ZONEFILE_ERRORS_H
#define TANDEM_ZONE_ZONEFILE_ERRORS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/vector.h"

struct zonefile_place {
    unsigned line, column; // both from 1; a column is an octet of its line
};

struct zonefile_error {
    char *file; // as named in the $INCLUDE or by the caller
    unsigned line, column;
    char *text;      // "MX: missing exchange", with a cure where there is one
    bool is_warning; // the record was read all the same
};

struct zonefile_errors {
    struct vector list; // of struct zonefile_error
    const char *file;   // the one that is being read; borrowed
    unsigned error_count, warning_count, errors_max, warnings_max;
};

void zonefile_errors_init(struct zonefile_errors *errors, unsigned errors_max,
                          unsigned warnings_max);
// Gives false, so that `return zonefile_error_add(...)` reads well. Past errors_max nothing more is
// kept.
bool zonefile_error_add(struct zonefile_errors *errors, struct zonefile_place place,
                        const char *format, ...) __attribute__((format(printf, 3, 4)));
// The same for a warning; those past warnings_max are only counted.
void zonefile_warning_add(struct zonefile_errors *errors, struct zonefile_place place,
                          const char *format, ...) __attribute__((format(printf, 3, 4)));
// What was added since a mark is taken back.
struct zonefile_errors_mark {
    size_t count;
    unsigned error_count, warning_count;
};
struct zonefile_errors_mark zonefile_errors_mark(const struct zonefile_errors *errors);
void zonefile_errors_forget(struct zonefile_errors *errors, struct zonefile_errors_mark mark);
// True when errors_max was reached: reading must stop.
bool zonefile_errors_full(const struct zonefile_errors *errors);
// Frees what the entries hold and the vector.
void zonefile_errors_close(struct vector *errors);
// "file:line:column: text", with "warning: " before the text of a warning. Cut to fit.
void zonefile_error_text(const struct zonefile_error *error, char *text, size_t size);

#endif
