// The expanded zone: the source with every ALIAS replaced by the addresses of its targets, and a
// serial of its own (alias.md). Everything else goes through untouched. Pure.
#ifndef TANDEM_PRIMARY_EXPANDED_H
#define TANDEM_PRIMARY_EXPANDED_H

#include <stdint.h>

#include "common/base/arena.h"
#include "common/zone/draft.h"

// A record of the expanded zone: that of the source without ALIAS, with the A and AAAA RRsets of
// addresses. Either may be NULL. NULL when nothing is left. Stands in the arena.
const struct node *expanded_node(struct arena *arena, const struct node *source,
                                 const struct node *addresses);
// The same record with another serial in its SOA.
const struct node *expanded_with_serial(struct arena *arena, const struct node *apex_node,
                                        uint32_t serial);
// The whole zone: sealed source and addresses (a sealed draft with the A and AAAA records of the
// ALIAS owners; NULL: none) in, sealed draft out. It borrows the source's records where nothing was
// replaced: a second million of them would be the largest thing in memory. NULL and a fault: an
// owner has more addresses than a message can hold.
struct draft *expanded_draft(const struct draft *source, const struct draft *addresses,
                             uint32_t serial, struct fault *fault);
// Of the SOA at a zone's apex; the record must have one.
uint32_t expanded_serial(const struct node *apex_node);

#endif
