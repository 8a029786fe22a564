// A socket to ask with: UDP or TCP, of the peer's family, leaving from a chosen address.
#ifndef TANDEM_NET_CLIENT_SOCKET_H
#define TANDEM_NET_CLIENT_SOCKET_H

#include "common/base/fault.h"
#include "common/net/address.h"

// type: SOCK_STREAM or SOCK_DGRAM. Not connected, non-blocking, close-on-exec; the caller closes
// it. source: AF_UNSPEC leaves the choice to the kernel. -1 and a fault that names the address.
int client_socket_open(int type, const struct address *peer, const struct address *source,
                       struct fault *fault);

#endif
