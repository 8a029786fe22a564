// The words of a master file (RFC 1035 section 5.1): splits a text into entries (a record or a
// directive, with its parentheses) and these into tokens, and knows line and column of each. Knows
// nothing of types and names. The text is borrowed; an entry owns its memory and is used again for
// the next one.
#ifndef TANDEM_ZONE_ZONEFILE_SCAN_H
#define TANDEM_ZONE_ZONEFILE_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/octets.h"
#include "common/base/vector.h"
#include "common/zone/zonefile_errors.h"

struct zonefile_token {
    const char *text; // NUL-terminated, without the quotes of a quoted string, escapes as written
    size_t length;
    struct zonefile_place place;
    bool quoted;
};

struct zonefile_entry {
    struct vector tokens; // of struct zonefile_token
    char *memory;         // where their texts stand
    size_t used;
    bool blank_owner;          // the line begins with white space
    bool overflow;             // a token did not fit any more
    struct zonefile_place cut; // the first ; right behind an unquoted token; line 0: there is none
    struct zonefile_place end; // behind the last token: where a missing one would stand
};
void zonefile_entry_init(struct zonefile_entry *entry);
void zonefile_entry_close(struct zonefile_entry *entry);
void zonefile_entry_clear(struct zonefile_entry *entry);
// Adds a token with a copy of its text; false when the entry would be over
// ZONEFILE_RECORD_TEXT_MAX.
bool zonefile_entry_add(struct zonefile_entry *entry, const char *text, size_t length,
                        struct zonefile_place place, bool quoted);
// NULL past the last.
const struct zonefile_token *zonefile_entry_token(const struct zonefile_entry *entry, size_t index);
// The place of a token, or the entry's end past the last.
struct zonefile_place zonefile_entry_place(const struct zonefile_entry *entry, size_t index);
// Appends the tokens from first on as a text again, one space between them, NUL-terminated.
void zonefile_entry_join(const struct zonefile_entry *entry, size_t first,
                         struct octets_buffer *text);

struct zonefile_scan {
    const char *at, *end;
    const char *line_start;
    unsigned line;
    bool more; // the file goes on behind end
    // Where the entry begins that is being read: what stands before is done with.
    const char *keep;
    unsigned keep_line;
};
// more: text is a window, and not the last one.
void zonefile_scan_init(struct zonefile_scan *scan, const char *text, size_t length, bool more);
// The window has moved: text begins with what stood at scan->keep.
void zonefile_scan_move(struct zonefile_scan *scan, const char *text, size_t length, bool more);
enum zonefile_scanned { ZONEFILE_ENTRY, ZONEFILE_BROKEN, ZONEFILE_STARVED, ZONEFILE_END };
// The next entry. BROKEN: its error was added, and the scan stands where the next entry probably
// begins. STARVED: it does not end in the window; nothing has happened, scan->keep says from where
// on the text is needed again.
enum zonefile_scanned zonefile_scan_next(struct zonefile_scan *scan, struct zonefile_entry *entry,
                                         struct zonefile_errors *errors);

// One octet of a token's text: *at moves behind it; \DDD and \X become the octet that they stand
// for, *ret_escaped says so. False: an escape that is none (RFC 1035 section 5.1).
bool zonefile_octet_next(const char **at, const char *end, unsigned char *ret_octet,
                         bool *ret_escaped);

#endif
