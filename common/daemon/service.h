// Tells systemd how we are (sd_notify(3) without its library): datagrams to $NOTIFY_SOCKET, a path
// or an abstract name ("@..."). Without that variable every call does nothing. One thread.
#ifndef TANDEM_DAEMON_SERVICE_H
#define TANDEM_DAEMON_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"

#define SERVICE_STATUS_MAX 512 // octets of a status line; longer ones are cut

// Connects to $NOTIFY_SOCKET and removes the variables from the environment (children must not
// speak for us). False when the variable is set and of no use. Call it before privileges are
// dropped.
bool service_open(struct fault *fault);
void service_close(void);
bool service_is_on(void);

void service_ready(const char *status);  // READY=1, also at the end of a reload
void service_status(const char *status); // STATUS=: one line, control characters become blanks
void service_reloading(uint64_t monotonic_us); // RELOADING=1 with MONOTONIC_USEC (CLOCK_MONOTONIC)
void service_stopping(const char *status);     // STOPPING=1
void service_watchdog(void);                   // WATCHDOG=1: still alive

// How often service_watchdog should be called: half of $WATCHDOG_USEC when $WATCHDOG_PID is us (or
// not set); 0 = no watchdog. Known after service_open.
uint64_t service_watchdog_ms(void);

#endif
