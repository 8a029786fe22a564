// One ALIAS record: the way from its target's name to addresses, and what they mean for it. Inner
// to the room.
#ifndef TANDEM_ALIAS_LINK_H
#define TANDEM_ALIAS_LINK_H

#include "primary/alias/book_inside.h"

struct link *link_new(struct book *book, struct owner *owner, const uint8_t *target, uint32_t ttl,
                      struct book_now now);
void link_free(struct book *book, struct link **link);
// Walks again for both types. True: an end is another one.
bool link_walk(struct book *book, struct link *link, struct book_now now);
// Feeds the contributions from what stands at the ends now; ret_steps of each type as of
// contribution_apply. True: how long the way is, all in all, has changed.
bool link_judge(struct link *link, struct book_now now, unsigned ret_steps[static TYPE_COUNT]);
// The worse of both types, and its contribution.
enum target_state link_state(const struct link *link, const struct contribution **ret_worse);
// As contribution_until; 0 also where nothing good was ever known, and so nothing stands in.
int64_t link_until(const struct link *link, const struct contribution *contribution);

#endif
