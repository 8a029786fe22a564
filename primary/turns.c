#include "primary/turns.h"

bool
turns_take(struct turns *turns, struct turn *turn, loop_call *call, void *context)
{
    if (turn->waits)
        return false;
    if (turns->taken < TURNS_AT_ONCE && !turns->first) {
        turns->taken++;
        return true;
    }
    *turn = (struct turn){.previous = turns->last, .waits = true, .call = call, .context = context};
    *(turns->last ? &turns->last->next : &turns->first) = turn;
    turns->last = turn;
    return false;
}

void
turns_leave(struct turns *turns, struct turn *turn)
{
    if (!turn->waits)
        return;
    *(turn->previous ? &turn->previous->next : &turns->first) = turn->next;
    *(turn->next ? &turn->next->previous : &turns->last) = turn->previous;
    turn->waits = false;
}

// Who is called and needs no turn any more gives it back at once: the loop goes on, not the call.
void
turns_give(struct turns *turns)
{
    turns->taken--;
    if (turns->calling || turns->closed)
        return;
    turns->calling = true;
    while (turns->taken < TURNS_AT_ONCE && turns->first) {
        struct turn *turn = turns->first;
        turns_leave(turns, turn);
        turns->taken++;
        turn->call(turn->context);
    }
    turns->calling = false;
}

void
turns_close(struct turns *turns)
{
    turns->closed = true;
}
