// What malloc keeps of memory that nobody uses any more goes back to the system: after a start with
// thousands of zones, after a transfer of a million records. Freed pieces that lie between others
// stay resident otherwise, for good. One for each process, main thread.
#ifndef TANDEM_DAEMON_SPARE_MEMORY_H
#define TANDEM_DAEMON_SPARE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

// Less is not worth the walk over all free pieces (a millisecond for ten thousand zones).
#define SPARE_MEMORY_LEAST (1U << 20)
#define SPARE_MEMORY_BEATS 60 // of a heartbeat of one second, between two looks
#define SPARE_MEMORY_SOON  2

struct spare_memory {
    unsigned beats;
    // The least that was free since the last time something was given back: so much was not
    // resident then. What came on top of it is.
    size_t low;
};

// Now: something large has just ended.
void spare_memory_give_back(struct spare_memory *spare);
// Something large was made and goes in a moment (an answer that names every zone): looks two beats
// from now.
void spare_memory_soon(struct spare_memory *spare);
// From a role's heartbeat; looks once a minute and gives back where it is worth it.
void spare_memory_beat(struct spare_memory *spare);
// Whether so many free octets are worth it; notes them. Pure.
bool spare_memory_is_much(struct spare_memory *spare, size_t free_octets);

#endif
