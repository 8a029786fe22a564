// Requests that were refused, in the log: who asked for what, why it was refused, and the cure. A
// stranger has as many requests refused as he likes, by UDP in anybody's name, so lines are limited
// twice: each peer has one for each reason in REFUSALS_PEER_SECONDS, and all peers of a transport
// together have REFUSALS_LINES_MAX in REFUSALS_WINDOW_SECONDS; what is left out is counted, and the
// next line says how many. One thread; fixed memory, and no system call but the line itself.
#ifndef TANDEM_DAEMON_REFUSALS_H
#define TANDEM_DAEMON_REFUSALS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/net/address.h"

// A secondary that keeps trying says the same thing again and again; whoever mends it looks again
// after a minute.
#define REFUSALS_PEER_SECONDS 60
// A fleet of that many servers whose keys were all changed wrongly is told at once; at 250 octets
// a line an attacker has 10 MB a day of the log, by each transport of each process.
#define REFUSALS_WINDOW_SECONDS 60
#define REFUSALS_LINES_MAX      30
// (Peer, reason) pairs that are remembered: some times the lines of both windows, so that who had
// his line is known as long as it counts.
#define REFUSALS_REMEMBERED 256
// An IPv6 peer is its /64: whoever has one has all of it.
#define REFUSALS_IPV6_OCTETS 8

// Why, where both daemons say it.
#define REFUSALS_NO_ZONE "no such zone here; compare the zone's name on both sides"

struct refusals;
struct refusals *refusals_new(void);
void refusals_free(struct refusals **refusals);

struct refused_request {
    const char *reason; // a sentence with the cure; one of a fixed set
    const struct address *peer;
    bool tcp;
    const uint8_t *name; // that was asked for, a wire name; NULL: none was read
    bool name_is_zone;   // it is a zone that is here
    uint16_t type;
    const uint8_t *key_name; // of its TSIG, believed or not; NULL or the root: none
    unsigned rcode;          // of the answer
};
// now: unix seconds. True when there was a line.
bool refusals_tell(struct refusals *refusals, const struct refused_request *request, int64_t now);

#endif
