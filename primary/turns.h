// Jobs take turns: so many keepers have one under way at once, the others wait in line. A reload
// asks ten thousand keepers for a job in one turn of the loop; all at once they would be some 30
// MiB that nobody works on, for four threads. Loop's thread.
#ifndef TANDEM_PRIMARY_TURNS_H
#define TANDEM_PRIMARY_TURNS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/net/loop.h"

#define TURNS_AT_ONCE 16 // four for each thread of the pool, so that none waits for the loop

// In whoever wants turns; zeroed at first.
struct turn {
    struct turn *next, *previous;
    bool waits;
    loop_call *call;
    void *context;
};
struct turns {
    struct turn *first, *last;
    size_t taken;
    bool calling, closed;
};
// True: it is taken now. False: it waits in line, and call comes when it has been taken; asked for
// again meanwhile it keeps its place.
bool turns_take(struct turns *turns, struct turn *turn, loop_call *call, void *context);
// One that was taken ends: who waits is called, not from inside such a call.
void turns_give(struct turns *turns);
// Leaves the line.
void turns_leave(struct turns *turns, struct turn *turn);
// The end of all: nobody is called any more.
void turns_close(struct turns *turns);

#endif
