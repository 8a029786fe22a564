#include "secondary/fetcher/turns.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/net/loop.h"

struct turns {
    struct loop *loop;
    unsigned maximum, held;
    size_t waiting;
    struct turn *first, **last;
    bool deferred;
};

struct turns *
turns_new(struct loop *loop, unsigned maximum)
{
    struct turns *turns = memory_zalloc(sizeof(*turns));
    turns->loop = loop;
    turns->maximum = maximum;
    turns->last = &turns->first;
    return turns;
}

void
turns_free(struct turns **turns)
{
    if (!*turns)
        return;
    loop_defer_cancel((*turns)->loop, *turns);
    free(*turns);
    *turns = NULL;
}

static void
grant(void *context)
{
    struct turns *turns = context;
    turns->deferred = false;
    while (turns->first && turns->held < turns->maximum) {
        struct turn *turn = turns->first;
        turns->first = turn->next;
        if (!turns->first)
            turns->last = &turns->first;
        turns->waiting--;
        turns->held++;
        turn->waits = false;
        turn->holds = true;
        turn->granted(turn->context);
    }
}

static void
grant_soon(struct turns *turns)
{
    if (turns->deferred || !turns->first || turns->held >= turns->maximum)
        return;
    turns->deferred = true;
    loop_defer(turns->loop, grant, turns);
}

void
turn_ask(struct turns *turns, struct turn *turn)
{
    if (turn->waits || turn->holds)
        return;
    turn->waits = true;
    turn->next = NULL;
    *turns->last = turn;
    turns->last = &turn->next;
    turns->waiting++;
    grant_soon(turns);
}

static void
leave_queue(struct turns *turns, struct turn *turn)
{
    struct turn **at = &turns->first;
    while (*at != turn)
        at = &(*at)->next;
    *at = turn->next;
    if (turns->last == &turn->next)
        turns->last = at;
    turn->waits = false;
    turns->waiting--;
}

void
turn_end(struct turns *turns, struct turn *turn)
{
    if (turn->waits)
        leave_queue(turns, turn);
    if (turn->holds) {
        turn->holds = false;
        turns->held--;
    }
    grant_soon(turns);
}

unsigned
turns_held(const struct turns *turns)
{
    return turns->held;
}

size_t
turns_waiting(const struct turns *turns)
{
    return turns->waiting;
}
