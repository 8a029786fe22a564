// After the death of a server: the packets that it had in hand, or its message over TCP, go into
// the log, in hexadecimal, so
// that the one that killed it can be sent again to a copy. Read out of the memory of its counters,
// of which nothing is trusted: a server that was taken over writes there what it likes.
#ifndef TANDEM_SECONDARY_LAST_BATCH_H
#define TANDEM_SECONDARY_LAST_BATCH_H

#include <stddef.h>

// Octets of a packet that are logged; the rest is cut, and said to be. Queries have some fifty;
// with every option and a TSIG they stay below this.
#define LAST_BATCH_OCTETS_MAX 1024

// One line for each packet of the last batch; what was being answered comes first, as an error.
// counters: the server's memfd, stays open. Gives how many packets were told.
size_t last_batch_log(int counters, unsigned server);

#endif
