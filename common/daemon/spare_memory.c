#include "common/daemon/spare_memory.h"

#include <malloc.h>

static size_t
free_octets(void)
{
    return mallinfo2().fordblks;
}

void
spare_memory_give_back(struct spare_memory *spare)
{
    malloc_trim(0);
    spare->low = free_octets(); // still free, no longer resident
}

bool
spare_memory_is_much(struct spare_memory *spare, size_t free_now)
{
    if (free_now < spare->low) {
        spare->low = free_now;
    }
    return free_now - spare->low >= SPARE_MEMORY_LEAST;
}

void
spare_memory_soon(struct spare_memory *spare)
{
    if (spare->beats < SPARE_MEMORY_BEATS - SPARE_MEMORY_SOON) { // else soon it is
        spare->beats = SPARE_MEMORY_BEATS - SPARE_MEMORY_SOON;
    }
}

void
spare_memory_beat(struct spare_memory *spare)
{
    if (++spare->beats < SPARE_MEMORY_BEATS) {
        return;
    }
    spare->beats = 0;
    if (spare_memory_is_much(spare, free_octets())) {
        spare_memory_give_back(spare);
    }
}
