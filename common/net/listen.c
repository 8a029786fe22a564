// Why these options. IP_PKTINFO: on 0.0.0.0 the answer must leave from the address that was asked,
// or the resolver drops it; a socket bound to one address knows it, and the control messages of
// each packet would cost for nothing. IPV6_V6ONLY: "::" and "0.0.0.0" are two lines of the settings
// and two sockets; nothing arrives in mapped form. IP_PMTUDISC_OMIT: the path MTU that an off-path
// attacker may have forged is not believed, so answers are not fragmented at his will (RFC 9715
// section 3.1). TCP_DEFER_ACCEPT stays off: it hides connections from our own idle time-out.
#include "common/net/listen.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#define EPHEMERAL_FIRST_FREE 1024 // ports below it need a capability

static bool
set_int(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

// A sentence for what bind said.
static bool
bind_fault(const struct address *address, const char *transport, int error, struct fault *fault)
{
    char text[ADDRESS_TEXT_MAX];
    address_to_text(address, text);
    switch (error) {
    case EADDRINUSE:
        return fault_set(fault, FAULT_EXISTS,
                         "%s %s: taken by another process; stop it (see: ss -lnp) or listen on "
                         "another address or port",
                         transport, text);
    case EACCES:
        if (address_port(address) < EPHEMERAL_FIRST_FREE)
            return fault_set(fault, FAULT_REFUSED,
                             "%s %s: a port below 1024 needs root or CAP_NET_BIND_SERVICE; start "
                             "as root, grant the capability or use a higher port",
                             transport, text);
        break;
    case EADDRNOTAVAIL:
        return fault_set(fault, FAULT_NOT_FOUND,
                         "%s %s: this machine has no such address; add it to an interface or "
                         "correct the setting",
                         transport, text);
    default:
        break;
    }
    return fault_set_errno(fault, error, "%s %s: bind", transport, text);
}

static int
open_socket(const struct address *address, int type, const char *transport, struct fault *fault)
{
    int fd = socket(address->family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        return fd;
    char text[ADDRESS_TEXT_MAX];
    address_to_text(address, text);
    if (errno == EAFNOSUPPORT)
        fault_set(fault, FAULT_UNSUPPORTED,
                  "%s %s: this machine's kernel has no %s; take the address out of the settings",
                  transport, text, address->family == AF_INET6 ? "IPv6" : "IPv4");
    else
        fault_set_errno(fault, errno, "%s %s: socket", transport, text);
    return -1;
}

static bool
bind_socket(int fd, const struct address *address, const char *transport, struct fault *fault)
{
    if (bind(fd, &address->any, address_sockaddr_length(address)) == 0)
        return true;
    return bind_fault(address, transport, errno, fault);
}

static bool
set_common(int fd, const struct address *address, const struct listen_options *options)
{
    bool good = true;
    if (address->family == AF_INET6)
        good = set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (options->share_port)
        good = set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1) && good;
    if (options->any_address && address->family == AF_INET6)
        good = set_int(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1) && good;
    else if (options->any_address)
        good = set_int(fd, IPPROTO_IP, IP_FREEBIND, 1) && good;
    return good;
}

// The large size where we may, else as large as the kernel lets us have it.
static void
set_buffers(int fd)
{
    if (!set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, LISTEN_UDP_RECEIVE_BUFFER))
        set_int(fd, SOL_SOCKET, SO_RCVBUF, LISTEN_UDP_RECEIVE_BUFFER);
    if (!set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, LISTEN_UDP_SEND_BUFFER))
        set_int(fd, SOL_SOCKET, SO_SNDBUF, LISTEN_UDP_SEND_BUFFER);
}

static bool
set_udp(int fd, const struct address *address)
{
    const int told = address_is_wildcard(address);
    set_buffers(fd);
    if (address->family == AF_INET)
        return set_int(fd, IPPROTO_IP, IP_PKTINFO, told) &&
               set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
    return set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, told) &&
           set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
}

static bool
set_tcp(int fd)
{
    set_int(fd, IPPROTO_TCP, TCP_FASTOPEN, LISTEN_TCP_FASTOPEN); // the kernel may have it off
    // Every connection inherits it: no system call for each.
    return set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1) && set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
}

static bool
option_fault(const struct address *address, const char *transport, struct fault *fault)
{
    int error = errno;
    char text[ADDRESS_TEXT_MAX];
    return fault_set_errno(fault, error, "%s %s: setsockopt", transport,
                           address_to_text(address, text));
}

bool
listen_udp(const struct address *address, const struct listen_options *options, int *ret_fd,
           struct fault *fault)
{
    int fd = open_socket(address, SOCK_DGRAM, "UDP", fault);
    if (fd < 0)
        return false;
    bool good = (set_common(fd, address, options) && set_udp(fd, address)) ||
                option_fault(address, "UDP", fault);
    if (!good || !bind_socket(fd, address, "UDP", fault)) {
        close(fd);
        return false;
    }
    *ret_fd = fd;
    return true;
}

bool
listen_tcp(const struct address *address, const struct listen_options *options, int *ret_fd,
           struct fault *fault)
{
    int fd = open_socket(address, SOCK_STREAM, "TCP", fault);
    if (fd < 0)
        return false;
    bool good =
        (set_common(fd, address, options) && set_tcp(fd)) || option_fault(address, "TCP", fault);
    good = good && bind_socket(fd, address, "TCP", fault);
    // Without SO_REUSEPORT a second listener on the address is found out here, not by bind.
    if (good && listen(fd, LISTEN_TCP_BACKLOG) != 0)
        good = bind_fault(address, "TCP", errno, fault);
    if (!good) {
        close(fd);
        return false;
    }
    *ret_fd = fd;
    return true;
}

bool
listen_check_free(const struct address *address, struct fault *fault)
{
    const struct listen_options alone = {.any_address = true};
    int fd;
    if (!listen_udp(address, &alone, &fd, fault))
        return false;
    close(fd);
    if (!listen_tcp(address, &alone, &fd, fault))
        return false;
    close(fd);
    return true;
}

// Errors that belong to one connection, not to the listening socket (accept(2)).
static enum listen_accepted
accept_failed(int error)
{
    switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return LISTEN_EXHAUSTED;
    default:
        return LISTEN_NOTHING;
    }
}

enum listen_accepted
listen_accept(int fd, int *ret_fd, struct address *ret_peer)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof(peer);
    int accepted = accept4(fd, (struct sockaddr *)&peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted < 0)
        return accept_failed(errno);
    if (!address_from_sockaddr((const struct sockaddr *)&peer, length, ret_peer)) {
        close(accepted);
        return LISTEN_NOTHING;
    }
    *ret_fd = accepted;
    return LISTEN_ACCEPTED;
}

bool
listen_local_address(int fd, struct address *ret_address, struct fault *fault)
{
    struct sockaddr_storage local;
    socklen_t length = sizeof(local);
    if (getsockname(fd, (struct sockaddr *)&local, &length) != 0)
        return fault_set_errno(fault, errno, "getsockname");
    if (!address_from_sockaddr((const struct sockaddr *)&local, length, ret_address))
        return fault_set(fault, FAULT_IO, "a listening socket is neither IPv4 nor IPv6");
    return true;
}
