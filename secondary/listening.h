// The listening sockets of the servers: one for each worker, address and transport, opened once and
// kept over the servers' deaths. Belongs to the supervisor.
#ifndef TANDEM_SECONDARY_LISTENING_H
#define TANDEM_SECONDARY_LISTENING_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/vector.h"
#include "common/daemon/settings.h"

struct child;

struct listening {
    struct vector sockets; // private
    uint32_t workers;
};

void listening_init(struct listening *listening);
void listening_close(struct listening *listening);
// Fault: an address is in use or not ours, or descriptors are out.
bool listening_open(struct listening *listening, const struct settings_addresses *addresses,
                    uint32_t workers, struct fault *fault);
// LISTEN messages with the sockets of this worker, as many as are needed.
void listening_send(const struct listening *listening, uint32_t worker, struct child *child);

#endif
