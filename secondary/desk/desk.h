// The desk: control socket, HTTP, mail. It knows what it was told, answers operators from that,
// passes their orders on to the role that can carry them out, and turns events into mail. No
// private key, no packet of a stranger.
#ifndef TANDEM_DESK_DESK_H
#define TANDEM_DESK_DESK_H

struct loop;
struct desk;

struct desk *desk_new(struct loop *loop, int link_fd); // link_fd is taken over
void desk_free(struct desk **desk);
int desk_exit_code(const struct desk *desk);

#endif
