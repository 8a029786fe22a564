// The names that the resolver is asked for, and when. Inner to the room.
#ifndef TANDEM_ALIAS_TARGET_H
#define TANDEM_ALIAS_TARGET_H

#include "primary/alias/book_inside.h"

// The target, made and due at once where it is new.
struct target *target_get(struct book *book, const uint8_t *name, uint64_t now_ms);
struct target *target_find(const struct book *book, const uint8_t *name); // NULL: none
void target_free(struct book *book, struct target **target);
// Frees those that nobody watches and no question is under way for.
void target_sweep(struct book *book);
// Due at that time, whatever it was before.
void target_due(struct book *book, struct target *target, uint64_t ms);
// Not later than one interval of this refresh (a zone's, which may be shorter than it was) from
// now.
void target_hasten(struct book *book, struct target *target, int64_t refresh_seconds,
                   uint64_t now_ms);
// Into the lane, at the same time. The target must be quiet.
void target_lane(struct book *book, struct target *target, enum target_lane lane);
// Is there a target in the lane, and may one of its questions go out?
bool target_lane_is_open(const struct book *book, unsigned lane);
// Begins the next round of the earliest target that is due and hands it out; NULL: none.
struct target *target_round(struct book *book, uint64_t now_ms);
// All answers of the round are there.
bool target_is_quiet(const struct target *target);

#endif
