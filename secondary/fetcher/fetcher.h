// The fetcher process: speaks to primaries, downstream servers and the parent; holds the TSIG
// secrets of these, and no private key and no listening socket. Settings and orders come by its one
// connection with the supervisor; it ends when that closes.
#ifndef TANDEM_FETCHER_FETCHER_H
#define TANDEM_FETCHER_FETCHER_H

#define FETCHER_HEARTBEAT_MS 1000 // messages.h
// Transfers and look-ups at once. Each holds a socket, a memfd and 350 KiB; at 4 ms of round trip
// 64 of them are some thousand polls a second, and with a dead primary (5 s each) still 12.
#define FETCHER_TURNS_MAX 64

struct loop;
struct fetcher;

// *connection is taken over and -1 afterwards.
struct fetcher *fetcher_new(struct loop *loop, int *connection);
void fetcher_free(struct fetcher **fetcher);
// 0, or 1 when something could not be had (it was logged).
int fetcher_exit_code(const struct fetcher *fetcher);

#endif
