// The content under examination, as it is or as it is about to be: a version, a draft, or a version
// with a signed diff laid over it. Empty non-terminals are not told: who needs them takes them from
// the names below (verify_names_between), and not from what the store says.
#ifndef TANDEM_SIGN_VERIFY_SOURCE_H
#define TANDEM_SIGN_VERIFY_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/zone/diff.h"
#include "common/zone/draft.h"
#include "common/zone/version.h"

struct verify_source {
    const struct version *version; // NULL: nothing, or draft
    const struct draft *draft;
    const struct diff *diff; // over version, in canonical order; NULL: none
};
#define VERIFY_NO_ENTRY SIZE_MAX

struct verify_cursor {
    const struct verify_source *source;
    struct version_cursor walk;
    const struct node *ahead; // of the version, not given yet
    size_t index;             // of the draft's or the diff's next
    size_t entry;             // of the record just given: its place in the diff, or VERIFY_NO_ENTRY
};
// Records in canonical order, those without RRsets left out.
void verify_cursor_first(struct verify_cursor *cursor, const struct verify_source *source);
// At the first record whose owner is not before name.
void verify_cursor_seek(struct verify_cursor *cursor, const struct verify_source *source,
                        const uint8_t *name);
const struct node *verify_cursor_next(struct verify_cursor *cursor); // NULL at the end
// Records of the version failed their checksum and were left out.
bool verify_cursor_damaged(const struct verify_cursor *cursor);

// Index of the diff's entry at owner, or of the first behind it.
size_t verify_entry_of(const struct diff *diff, const uint8_t *owner, bool *ret_exact);
const uint8_t *verify_entry_owner(const struct diff_entry *entry);
// The record at this name, or NULL. *ret_damaged: it is there and cannot be read; NULL: not asked.
const struct node *verify_source_at(const struct verify_source *source, const uint8_t *name,
                                    bool *ret_damaged);

// Holds nothing but NSEC3: no name of the zone (RFC 5155 section 7.2.8), or an empty non-terminal.
bool verify_is_hash_only(const struct node *node);
// True where there is a record strictly below top.
bool verify_source_has_below(const struct verify_source *source, const uint8_t *top);

#endif
