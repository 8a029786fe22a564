// Why a TCP connection ended: a kind to branch on and a sentence that names the peer.
#ifndef TANDEM_NET_TCP_END_H
#define TANDEM_NET_TCP_END_H

#include <stdbool.h>

#include "common/base/fault.h"
#include "common/net/address.h"

enum tcp_stream_end {
    TCP_STREAM_END_FINISHED, // tcp_stream_finish is done, or the peer closed with nothing left to
                             // do
    TCP_STREAM_END_CUT,      // the peer closed in the middle of a message
    TCP_STREAM_END_RESET,    // the peer or the network broke the connection
    TCP_STREAM_END_REFUSED,  // connect: nothing listens there
    TCP_STREAM_END_TIMEOUT,  // connect, idle or total time is over
    TCP_STREAM_END_FAILED,   // any other error of the system
};

// error: the errno of connect, recv or send.
enum tcp_stream_end tcp_end_by_error(const struct address *peer, int error, struct fault *fault);
enum tcp_stream_end tcp_end_by_time(const struct address *peer, bool connecting,
                                    struct fault *fault);
enum tcp_stream_end tcp_end_by_cut(const struct address *peer, struct fault *fault);

#endif
