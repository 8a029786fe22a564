#include "common/net/client_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

static const char *
transport(int type)
{
    return type == SOCK_STREAM ? "TCP" : "UDP";
}

static bool
bind_source(int fd, int type, const struct address *source, struct fault *fault)
{
    const int one = 1;
    char text[ADDRESS_TEXT_MAX];
    // TCP: the kernel picks the port when it knows the peer, so that ports are not used up by
    // source.
    if (type == SOCK_STREAM)
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
    if (bind(fd, &source->any, address_sockaddr_length(source)) == 0)
        return true;
    int error = errno;
    address_to_text(source, text);
    if (error == EADDRNOTAVAIL)
        return fault_set(fault, FAULT_NOT_FOUND,
                         "%s from %s: this machine has no such address; correct the source address",
                         transport(type), text);
    return fault_set_errno(fault, error, "%s from %s: bind", transport(type), text);
}

int
client_socket_open(int type, const struct address *peer, const struct address *source,
                   struct fault *fault)
{
    const int one = 1;
    char text[ADDRESS_TEXT_MAX];
    address_to_text(peer, text);
    if (address_is_set(source) && source->family != peer->family) {
        fault_set(fault, FAULT_CONFIG,
                  "%s to %s: the source address is of the other family (IPv4 and IPv6)",
                  transport(type), text);
        return -1;
    }
    int fd = socket(peer->family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        fault_set_errno(fault, errno, "%s to %s: socket", transport(type), text);
        return -1;
    }
    if (type == SOCK_STREAM)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (address_is_set(source) && !bind_source(fd, type, source, fault)) {
        close(fd);
        return -1;
    }
    return fd;
}
