// tandem-fetcher: started by tandem-secondary with its connection on descriptor 3; nothing for
// people to run.
#include <fcntl.h>
#include <stdio.h>

#include <sodium.h>

#include "common/daemon/log.h"
#include "common/daemon/signals.h"
#include "common/net/loop.h"
#include "secondary/fetcher/fetcher.h"
#include "secondary/messages.h"

int
main(void)
{
    if (fcntl(MESSAGES_LINK_FD, F_GETFD) < 0) {
        fputs("tandem-fetcher is a part of tandem-secondary, which starts it\n", stderr);
        return 2;
    }
    fcntl(MESSAGES_LINK_FD, F_SETFD, FD_CLOEXEC);
    log_open("fetcher", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    signals_ignore_terminal();
    if (sodium_init() < 0) {
        log_error("the cryptographic library cannot start: no source of randomness");
        return 1;
    }
    int connection = MESSAGES_LINK_FD;
    struct loop *loop = loop_new();
    struct fetcher *fetcher = fetcher_new(loop, &connection);
    loop_run(loop);
    int code = fetcher_exit_code(fetcher);
    fetcher_free(&fetcher);
    loop_free(&loop);
    return code;
}
