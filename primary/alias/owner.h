// One ALIAS owner: its links, what is served at it, what happened to it. Inner to the room.
#ifndef TANDEM_ALIAS_OWNER_H
#define TANDEM_ALIAS_OWNER_H

#include "primary/alias/book_inside.h"

struct owner *owner_new(struct book_zone *zone, const uint8_t *name);
void owner_free(struct book *book, struct owner **owner);
// The links become those of these targets (records of this owner, count of them); what targets that
// are gone gave stands in until the others are known.
void owner_retarget(struct book *book, struct owner *owner, const struct alias_record *records,
                    size_t count, struct book_now now);
// Tells what the steps of a link's contribution mean, and what follows for the owner.
void owner_steps(struct book *book, struct link *link, unsigned type, unsigned steps,
                 struct book_now now);
// Serves what was restored, as before the restart: nothing is told.
void owner_resume(struct book *book, struct owner *owner);
// Makes the served sets anew from the links. True: one has changed (told and noted).
bool owner_update(struct book *book, struct owner *owner, struct book_now now);
// May the zone go out, as far as this owner is concerned? confirmed: what was saved is not enough.
bool owner_is_ready(const struct owner *owner, bool given_out, bool confirmed);
// The owner with this name in the zone held here that is nearest above it; NULL: none.
struct owner *owner_find(const struct book *book, const uint8_t *name);

#endif
