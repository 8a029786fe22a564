// The words of tandemctl: one row for each verb, with what it takes and how its result is shown.
// The help text comes from it.
#ifndef TANDEM_TANDEMCTL_VERB_TABLE_H
#define TANDEM_TANDEMCTL_VERB_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/octets.h"
#include "common/tandemctl/render.h"

enum verb_flag {
    VERB_CHANGES = 1 << 0,   // takes --dry-run
    VERB_LOCAL = 1 << 1,     // done here, without a daemon
    VERB_LATER = 1 << 2,     // not in this version
    VERB_KEY_FILES = 1 << 3, // arguments behind the first are files whose descriptors go along
    VERB_WRITES = 1 << 4,    // the result's files are written here, unless --stdout
    VERB_WAITS = 1 << 5,     // takes -b
};

struct verb_row {
    const char *object; // "" for verbs that stand alone
    const char *verb;
    const char *arguments; // for people: "Z [NAME [TYPE]]"
    unsigned arguments_min, arguments_max;
    unsigned flags;
    const char *options; // long names apart by blanks; "name=" takes a value. NULL: none
    render_result *render;
    const char *help;
};
extern const struct verb_row verb_table[];
extern const size_t verb_table_count;

// object "" for verbs that stand alone; NULL: there is no such verb.
const struct verb_row *verb_find(const char *object, const char *verb);
bool verb_is_object(const char *word);
// The word that may have been meant, or NULL. object NULL: among objects and verbs that stand
// alone.
const char *verb_nearest(const char *object, const char *word);
void verb_help(struct octets_buffer *ret_text);

#endif
