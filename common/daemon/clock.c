#include "common/daemon/clock.h"

#include <time.h>

#include "common/base/fault.h"

static struct timespec
read_clock(clockid_t clock)
{
    struct timespec now;
    ENSURE(clock_gettime(clock, &now) == 0);
    return now;
}

int64_t
clock_unix_seconds(void)
{
    return read_clock(CLOCK_REALTIME).tv_sec;
}

int64_t
clock_unix_ms(void)
{
    struct timespec now = read_clock(CLOCK_REALTIME);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint64_t
clock_monotonic_ms(void)
{
    struct timespec now = read_clock(CLOCK_MONOTONIC);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
