#include "common/zone/serial.h"

#include <time.h>

#define DATE_VERSIONS_MAX 100 // of one day: two digits behind YYYYMMDD

bool
serial_is_after(uint32_t a, uint32_t b)
{
    return a != b && a - b <= UINT32_C(1) << 31;
}

uint32_t
serial_max(uint32_t a, uint32_t b)
{
    return serial_is_after(a, b) ? a : b;
}

// The number of the day's first version.
static uint32_t
serial_of_date(int64_t now)
{
    time_t seconds = (time_t)now;
    struct tm parts;
    if (!gmtime_r(&seconds, &parts))
        return (uint32_t)now;
    return (uint32_t)((parts.tm_year + 1900) * 10000 + (parts.tm_mon + 1) * 100 + parts.tm_mday) *
           DATE_VERSIONS_MAX;
}

static uint32_t
serial_wanted(enum serial_policy policy, uint32_t source, int64_t now)
{
    switch (policy) {
    case SERIAL_UNIXTIME:
        return (uint32_t)now;
    case SERIAL_DATESERIAL:
        return serial_of_date(now);
    case SERIAL_INCREMENT:
    case SERIAL_KEEP:
        break;
    }
    return source;
}

// Where a secondary is certain to see it: at a distance of 2^31 RFC 1982 says nothing, and some
// secondaries stay where they are.
static bool
certainly_after(uint32_t a, uint32_t b)
{
    return serial_is_after(a, b) && a - b != UINT32_C(1) << 31;
}

// Nobody knows what was given out. The time is after all that follows the clock, the file's serial
// plus one after all that the file was given out with; of today's versions there were fewer than a
// hundred.
static uint32_t
serial_after_loss(enum serial_policy policy, uint32_t source, int64_t now)
{
    uint32_t serial = serial_max(source + 1, (uint32_t)now);
    if (policy == SERIAL_DATESERIAL)
        serial = serial_max(serial, serial_of_date(now) + DATE_VERSIONS_MAX - 1);
    return serial;
}

uint32_t
serial_next(enum serial_policy policy, uint32_t source, bool has_last, uint32_t last,
            bool state_lost, int64_t now)
{
    if (policy == SERIAL_KEEP)
        return source;
    if (!has_last && state_lost)
        return serial_after_loss(policy, source, now);
    uint32_t wanted = serial_wanted(policy, source, now);
    if (!has_last || certainly_after(wanted, last))
        return wanted;
    return last + 1;
}
