// Who depends on what: a link (an ALIAS record) watches the zones, targets and owners that its way
// passed. When one of them changes, its watchers look again, and only they. Edges are made anew at
// each walk; adding and taking away cost nothing but themselves. Inner to the room.
#ifndef TANDEM_ALIAS_INTEREST_H
#define TANDEM_ALIAS_INTEREST_H

#include <stdbool.h>
#include <stddef.h>

struct link;
struct interest_edge {
    struct link *link;
    struct interest *watched;
    struct interest_edge *next_of_link;
    struct interest_edge *next, *previous; // of watched
};
struct interest {
    struct interest_edge *first; // NULL: nobody watches
};

// Adds an edge to the link's list unless it has one.
void interest_add(struct interest *watched, struct link *link, struct interest_edge **edges);
void interest_clear(struct interest_edge **edges);
// When what is watched goes: nobody watches it any more, the links keep no edge to it.
bool interest_is_watched(const struct interest *watched);

#endif
