#include "common/net/tcp_end.h"

#include <errno.h>

enum tcp_stream_end
tcp_end_by_error(const struct address *peer, int error, struct fault *fault)
{
    char text[ADDRESS_TEXT_MAX];
    address_to_text(peer, text);
    if (error == ECONNREFUSED) {
        fault_set(fault, FAULT_REFUSED,
                  "TCP to %s: refused; nothing listens there, or a firewall rejects us", text);
        return TCP_STREAM_END_REFUSED;
    }
    if (error == ECONNRESET || error == EPIPE) {
        fault_set(fault, FAULT_IO, "TCP with %s: the other side broke the connection", text);
        return TCP_STREAM_END_RESET;
    }
    fault_set_errno(fault, error, "TCP with %s", text);
    return TCP_STREAM_END_FAILED;
}

enum tcp_stream_end
tcp_end_by_time(const struct address *peer, bool connecting, struct fault *fault)
{
    char text[ADDRESS_TEXT_MAX];
    fault_set(fault, FAULT_TIMEOUT, "TCP with %s: %s", address_to_text(peer, text),
              connecting ? "no connection in time; is there a route, does a firewall drop us?"
                         : "time-out, the connection stood still or took too long");
    return TCP_STREAM_END_TIMEOUT;
}

enum tcp_stream_end
tcp_end_by_cut(const struct address *peer, struct fault *fault)
{
    char text[ADDRESS_TEXT_MAX];
    fault_set(fault, FAULT_IO, "TCP with %s: closed by the other side in the middle of a message",
              address_to_text(peer, text));
    return TCP_STREAM_END_CUT;
}
