#include "primary/alias/dirty.h"

void
dirty_link(struct book *book, struct link *link, bool walk)
{
    link->walk_wanted = link->walk_wanted || walk;
    if (link->dirty_place)
        return;
    vector_add(&book->dirty, &link);
    link->dirty_place = book->dirty.count;
}

void
dirty_forget(struct book *book, struct link *link)
{
    if (link->dirty_place)
        *(struct link **)vector_at(&book->dirty, link->dirty_place - 1) = NULL;
    link->dirty_place = 0;
}

void
dirty_watchers(struct book *book, const struct interest *watched, bool walk)
{
    for (const struct interest_edge *edge = watched->first; edge; edge = edge->next)
        dirty_link(book, edge->link, walk);
}

void
dirty_all(struct book *book)
{
    for (size_t i = 0; i < zone_set_count(book->zones); i++) {
        const struct book_zone *zone = zone_set_at(book->zones, i);
        for (size_t k = 0; k < zone->order.count; k++) {
            const struct owner *owner = *(struct owner **)vector_at(&zone->order, k);
            for (size_t l = 0; l < owner->links.count; l++)
                dirty_link(book, *(struct link **)vector_at(&owner->links, l), true);
        }
    }
}

void
dirty_zone_news(struct book *book, struct book_zone *zone, bool all)
{
    zone->changed_all = zone->changed_all || all;
    if (!zone->in_news)
        vector_add(&book->news, &zone);
    zone->in_news = true;
}

void
dirty_news(struct book *book, struct owner *owner)
{
    struct book_zone *zone = owner->zone;
    bool all = zone->changed.count >= BOOK_CHANGED_MAX;
    if (!owner->noted && !all)
        name_copy(vector_add(&zone->changed, NULL), owner->name);
    owner->noted = true;
    dirty_zone_news(book, zone, all);
}
