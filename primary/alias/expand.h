// From the book to records: the A and AAAA RRsets that stand in for ALIAS owners, as a draft that
// the zone's expansion merges with the source (primary/expanded.h). Their TTL is constant: the
// smaller of the ALIAS record's own and the zone's cap, never what is left in some cache. Inner to
// the room; called through book.h.
#ifndef TANDEM_ALIAS_EXPAND_H
#define TANDEM_ALIAS_EXPAND_H

#include "primary/alias/book_inside.h"

void expand_owner(const struct owner *owner, struct draft *addresses);
void expand_zone(const struct book_zone *zone, struct draft *addresses);

#endif
