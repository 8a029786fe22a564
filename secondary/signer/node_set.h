// A set of records, by where they stand: which owners of a version were met, without looking at
// their names again. One thread.
#ifndef TANDEM_SIGNER_NODE_SET_H
#define TANDEM_SIGNER_NODE_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "common/zone/node.h"

struct node_set {
    const struct node **slots; // a power of two of them
    size_t slot_count, used;   // used: taken ones included
    size_t count;
};
void node_set_init(struct node_set *set);
void node_set_close(struct node_set *set);
void node_set_add(struct node_set *set, const struct node *node); // not in it
bool node_set_has(const struct node_set *set, const struct node *node);
bool node_set_take(struct node_set *set, const struct node *node); // false: was not in it
// The members, from *place 0 on, in no order; NULL at the end.
const struct node *node_set_next(const struct node_set *set, size_t *place);

#endif
