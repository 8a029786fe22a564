// The listeners of the primary: UDP and TCP on every address of server.listen. Answers peers,
// streams transfers piece by piece so that nothing else waits, and keeps the version of each
// transfer while newer ones are published. Loop's thread.
#ifndef TANDEM_PRIMARY_SERVE_H
#define TANDEM_PRIMARY_SERVE_H

#include <stdbool.h>

#include "common/base/fault.h"
#include "common/daemon/metrics.h"
#include "common/net/loop.h"
#include "common/zone/zone_set.h"
#include "primary/settings.h"

#define SERVE_CLIENTS_MAX                                                                          \
    256 // TCP connections: a fleet, each with a poll and a transfer; then idle ones are closed
#define SERVE_CLIENT_IDLE_MS    30000 // a connection without a question
#define SERVE_TRANSFER_IDLE_MS  60000 // a transfer of which nothing was taken
#define SERVE_TRANSFER_TOTAL_MS 3600000
#define SERVE_ACCEPT_PAUSE_MS   100 // when descriptors are used up
#define SERVE_BATCHES_PER_TURN  8   // of UDP, then the loop's other work has its turn

struct serve;

struct serve_options {
    struct loop *loop;
    struct settings_hold *settings; // held
    const struct zone_set *zones;   // of struct served_zone *; borrowed
    struct metrics *metrics;        // borrowed
};
// Opens the sockets; nothing is answered before serve_start. FAULT_IO names the address and the
// cure.
bool serve_new(const struct serve_options *options, struct serve **ret_serve, struct fault *fault);
void serve_start(struct serve *serve);
// Keys and access rules of a reload; transfers under way keep theirs.
void serve_change(struct serve *serve, struct settings_hold *settings);
unsigned serve_transfer_count(const struct serve *serve); // under way
void serve_free(struct serve **serve);

#endif
