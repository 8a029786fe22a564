// Opens the sockets that answer: UDP and TCP on one address, with every option that an
// authoritative server needs. Done once by the process that still has its privileges; the
// descriptors may then travel to others. The caller owns (closes) what it is given. All are
// non-blocking and close-on-exec.
#ifndef TANDEM_NET_LISTEN_H
#define TANDEM_NET_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/fault.h"
#include "common/net/address.h"

// Holds about 50 ms of small queries at 1,000,000 a second (a queued packet counts with about 768
// octets); the kernel cuts it to net.core.rmem_max when we lack CAP_NET_ADMIN.
#define LISTEN_UDP_RECEIVE_BUFFER (32 * 1024 * 1024)
// A batch of 64 answers of 4 KiB and as much again in flight.
#define LISTEN_UDP_SEND_BUFFER (1024 * 1024)
#define LISTEN_TCP_BACKLOG     1024 // the kernel cuts it to net.core.somaxconn
#define LISTEN_TCP_FASTOPEN    256  // pending fast-open requests (RFC 7413)

// Zeroed is right for one socket of its own.
struct listen_options {
    bool share_port;  // SO_REUSEPORT: one socket for each worker on the same address
    bool any_address; // IP_FREEBIND: the address need not exist yet
};

// SO_REUSEPORT (if asked), on a wildcard address IP_PKTINFO or IPV6_RECVPKTINFO, IPV6_V6ONLY,
// IP_PMTUDISC_OMIT (never fragment because of a forged ICMP, RFC 9715), large buffers. Faults name
// the address and the cure.
bool listen_udp(const struct address *address, const struct listen_options *options, int *ret_fd,
                struct fault *fault);
// SO_REUSEADDR, SO_REUSEPORT (if asked), IPV6_V6ONLY, TCP_NODELAY for its connections, TCP_FASTOPEN
// where the kernel allows it.
bool listen_tcp(const struct address *address, const struct listen_options *options, int *ret_fd,
                struct fault *fault);
// False when somebody holds UDP or TCP of address already, our own user's processes included:
// SO_REUSEPORT alone would share the queries with a second instance without a word.
bool listen_check_free(const struct address *address, struct fault *fault);

enum listen_accepted {
    LISTEN_ACCEPTED,
    LISTEN_NOTHING,   // nobody waits (or the peer went away): wait for the next event
    LISTEN_EXHAUSTED, // out of descriptors or memory: pause for a moment, or the loop spins
};
// The next connection: non-blocking, close-on-exec.
enum listen_accepted listen_accept(int fd, int *ret_fd, struct address *ret_peer);

// Where the socket is bound (a port 0 has become a real one).
bool listen_local_address(int fd, struct address *ret_address, struct fault *fault);

#endif
