// Who may use the network now: at most a fixed number of transfers and look-ups at once, the others
// wait in order. So ten thousand zones whose primary went away are not ten thousand sockets. One
// thread.
#ifndef TANDEM_FETCHER_TURNS_H
#define TANDEM_FETCHER_TURNS_H

#include <stdbool.h>
#include <stddef.h>

struct loop;
struct turns;

// A place in the queue; part of the struct of who waits. Zeroed at first.
struct turn {
    void (*granted)(void *context); // from the loop, never from inside turn_ask
    void *context;
    struct turn *next;
    bool waits, holds;
};
struct turns *turns_new(struct loop *loop, unsigned maximum);
void turns_free(struct turns **turns);
// Asks once; a turn that waits or is held already stays as it is.
void turn_ask(struct turns *turns, struct turn *turn);
// Gives back a turn, or leaves the queue.
void turn_end(struct turns *turns, struct turn *turn);
unsigned turns_held(const struct turns *turns);
size_t turns_waiting(const struct turns *turns);

#endif
