// The last good sets on their way to disk and back. Inner to the room; called through book.h and,
// as owners appear, by book.c.
#ifndef TANDEM_ALIAS_SAVE_H
#define TANDEM_ALIAS_SAVE_H

#include "primary/alias/book_inside.h"

// Gives the owner what was saved of it: contributions of the targets that it still has, the rest as
// inherited. What was saved is used once. False: nothing was.
bool save_claim(struct book *book, struct owner *owner);
// Keeps what is known of the owners of a zone that goes: when a daemon ends, its zones go one by
// one, and that must not empty the file. Forgotten an hour later, or at the next start.
void save_keep(struct book *book, const struct book_zone *zone, int64_t now);
// Forgets what has waited in vain, here and in past_save.c: kept for an hour, or read from the file
// for a zone that is not held here.
void save_sweep(struct book *book, int64_t now);

#endif
