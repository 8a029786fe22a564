// tandem-desk: started by tandem-secondary with its connection on descriptor 3; nothing for people
// to run.
#include <fcntl.h>
#include <stdio.h>

#include <sodium.h>

#include "common/daemon/log.h"
#include "common/daemon/signals.h"
#include "common/net/loop.h"
#include "secondary/desk/desk.h"
#include "secondary/messages.h"

int
main(void)
{
    if (fcntl(MESSAGES_LINK_FD, F_GETFD) < 0) {
        fputs("tandem-desk is a part of tandem-secondary, which starts it\n", stderr);
        return 2;
    }
    fcntl(MESSAGES_LINK_FD, F_SETFD, FD_CLOEXEC);
    log_open("desk", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    signals_ignore_terminal();
    if (sodium_init() < 0) {
        log_error("the cryptographic library cannot start: no source of randomness");
        return 1;
    }
    struct loop *loop = loop_new();
    struct desk *desk = desk_new(loop, MESSAGES_LINK_FD);
    loop_run(loop);
    int code = desk_exit_code(desk);
    desk_free(&desk);
    loop_free(&loop);
    return code;
}
