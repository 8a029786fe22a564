// The last good sets on their way to disk and back. Inner to the room; called through book.h and,
// as owners appear, by book.c.
#ifndef TANDEM_ALIAS_SAVE_H
#define TANDEM_ALIAS_SAVE_H

#include "primary/alias/book_inside.h"

// Gives the owner what was saved of it: contributions of the targets that it still has, the rest as
// inherited. What was saved is used once.
void save_claim(struct book *book, struct owner *owner);
// Forgets what was saved for a zone that is gone.
void save_forget_zone(struct book *book, const uint8_t *apex);
void save_close(struct book *book);

#endif
