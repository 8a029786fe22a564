// The one place that asks the system for the time. Lower floors get `now` as an argument.
#ifndef TANDEM_DAEMON_CLOCK_H
#define TANDEM_DAEMON_CLOCK_H

#include <stdint.h>

int64_t clock_unix_seconds(void);  // wall clock, may jump
int64_t clock_unix_ms(void);       // wall clock, may jump
uint64_t clock_monotonic_ms(void); // never goes back; counts from an unknown moment

#endif
