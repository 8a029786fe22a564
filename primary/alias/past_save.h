// What is good to have after a restart though nothing hangs on it: the history of owners, and how
// targets rotate (without it a target with changing answers would be served with whatever its first
// answer brings, and settle anew). It changes more often than the last good sets and is larger, so
// it stands in a file of its own that is written less often. Inner to the room; called through
// book.h and, as owners and targets appear, by book.c and target.c.
#ifndef TANDEM_ALIAS_PAST_SAVE_H
#define TANDEM_ALIAS_PAST_SAVE_H

#include "primary/alias/book_inside.h"

#define PAST_SAVE_OWNER_MAX                                                                        \
    4096U // octets of one owner's history in the file: PAST_MAX events of the usual length
#define PAST_SAVE_MAX                                                                              \
    (64U << 20) // octets of all histories; with more owners than 16,384 each keeps fewer events

void past_claim(struct book *book, struct owner *owner);
// As save_keep: for a zone that goes.
void past_keep(struct book *book, const struct book_zone *zone, int64_t now);
void rotation_claim(struct book *book, struct target *target);

#endif
