#include "primary/alias/server_check.h"

#include <sys/socket.h>
#include <unistd.h>

// An address belongs to this host when a socket can be bound to it.
static bool
is_of_this_host(const struct address *server)
{
    struct address probe = *server;
    address_set_port(&probe, 0);
    int fd = socket(probe.family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool bound = bind(fd, &probe.any, address_sockaddr_length(&probe)) == 0;
    close(fd);
    return bound;
}

bool
server_is_ourselves(const struct address *server, const struct address *listen, size_t listen_count)
{
    for (size_t i = 0; i < listen_count; i++) {
        if (address_port(&listen[i]) != address_port(server))
            continue;
        if (address_equal_host(&listen[i], server))
            return true;
        // A socket on :: takes what comes to an IPv4 address, too, unless it is told otherwise.
        bool takes_all = address_is_wildcard(&listen[i]) &&
                         (listen[i].family == server->family || listen[i].family == AF_INET6);
        if (takes_all && is_of_this_host(server))
            return true;
        if (address_is_wildcard(server) && is_of_this_host(&listen[i]))
            return true;
    }
    return false;
}

bool
server_is_far(const struct address *server)
{
    static const char *const near[] = {"127.0.0.0/8",    "10.0.0.0/8",    "172.16.0.0/12",
                                       "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16",
                                       "::1/128",        "fc00::/7",      "fe80::/10"};
    for (size_t i = 0; i < sizeof near / sizeof near[0]; i++) {
        struct address_prefix prefix;
        if (address_prefix_from_text(near[i], &prefix, NULL) &&
            address_prefix_match(&prefix, server))
            return false;
    }
    return true;
}
