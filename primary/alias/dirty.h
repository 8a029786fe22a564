// Links that must be looked at again, and zones that have something to tell. Inner to the room.
#ifndef TANDEM_ALIAS_DIRTY_H
#define TANDEM_ALIAS_DIRTY_H

#include "primary/alias/book_inside.h"

// walk: its way may be another one, not only what stands at its end.
void dirty_link(struct book *book, struct link *link, bool walk);
void dirty_forget(struct book *book, struct link *link);
void dirty_watchers(struct book *book, const struct interest *watched, bool walk);
void dirty_all(struct book *book); // every link of every zone, with its way
// The owner's addresses, or what the zone waits for or refuses, may be others.
void dirty_news(struct book *book, struct owner *owner);
void dirty_zone_news(struct book *book, struct book_zone *zone, bool all);

#endif
