#include "primary/alias/interest.h"

#include <stdlib.h>

#include "common/base/arena.h"

void
interest_add(struct interest *watched, struct link *link, struct interest_edge **edges)
{
    for (const struct interest_edge *edge = *edges; edge; edge = edge->next_of_link)
        if (edge->watched == watched)
            return;
    struct interest_edge *edge = memory_alloc(sizeof *edge);
    *edge = (struct interest_edge){
        .link = link, .watched = watched, .next_of_link = *edges, .next = watched->first};
    if (edge->next)
        edge->next->previous = edge;
    watched->first = edge;
    *edges = edge;
}

void
interest_clear(struct interest_edge **edges)
{
    struct interest_edge *edge = *edges;
    *edges = NULL;
    while (edge) {
        struct interest_edge *next = edge->next_of_link;
        if (edge->previous)
            edge->previous->next = edge->next;
        else
            edge->watched->first = edge->next;
        if (edge->next)
            edge->next->previous = edge->previous;
        free(edge);
        edge = next;
    }
}

bool
interest_is_watched(const struct interest *watched)
{
    return watched->first != NULL;
}
