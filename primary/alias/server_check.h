// Two questions about a resolver's address before it is used.
#ifndef TANDEM_ALIAS_SERVER_CHECK_H
#define TANDEM_ALIAS_SERVER_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "common/net/address.h"

// Would a question to it come back to one of these listeners? A wildcard listener is every address
// of this host.
bool server_is_ourselves(const struct address *server, const struct address *listen,
                         size_t listen_count);
// Neither on loopback nor in a private network (RFC 1918, 4193, 3927, 6598, fe80::/10).
bool server_is_far(const struct address *server);

#endif
