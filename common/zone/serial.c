#include "common/zone/serial.h"

#include <time.h>

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

static uint32_t
serial_of_date(int64_t now)
{
    time_t seconds = (time_t)now;
    struct tm parts;
    if (!gmtime_r(&seconds, &parts))
        return (uint32_t)now;
    return (uint32_t)((parts.tm_year + 1900) * 10000 + (parts.tm_mon + 1) * 100 + parts.tm_mday) *
           100;
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

uint32_t
serial_next(enum serial_policy policy, uint32_t source, bool has_last, uint32_t last,
            bool state_lost, int64_t now)
{
    if (policy == SERIAL_KEEP)
        return source;
    if (!has_last && state_lost)
        return serial_max(source + 1, (uint32_t)now);
    uint32_t wanted = serial_wanted(policy, source, now);
    if (!has_last || serial_is_after(wanted, last))
        return wanted;
    return last + 1;
}
