// The server's life: what the supervisor sends, in any order, until all is there; then it gives up
// the rest of its rights and answers until the supervisor closes the connection. Holds no private
// key, opens no file.
#ifndef TANDEM_SERVER_ROLE_H
#define TANDEM_SERVER_ROLE_H

#include <stdint.h>

#include "common/net/loop.h"

#define ROLE_HEARTBEAT_MS 1000 // messages.h
// Sockets are opened for answers when the supervisor has been silent for so long behind the last
// LISTEN: its versions come after it, and an answer before them would be a SERVFAIL. Never later
// than the maximum.
#define ROLE_QUIET_MS     20
#define ROLE_QUIET_MAX_MS 10000
// Only root can write it; made at start. "/" for a server that was started as root.
#define ROLE_ROOT "/run/tandem-empty"

struct role;
// Takes the connection to the supervisor over. The loop ends when that closes or says stop.
struct role *role_new(struct loop *loop, int *connection, uint32_t index);
void role_free(struct role **role);
// 0, or 1 when something could not be had (it was logged).
int role_exit_code(const struct role *role);

#endif
