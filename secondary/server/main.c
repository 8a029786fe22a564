// tandem-server: answers the Internet from the versions that it was given. Started by
// tandem-secondary only, with its connection as descriptor 3 and its number as the one argument.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "common/daemon/signals.h"
#include "common/net/loop.h"
#include "secondary/messages.h"
#include "secondary/server/role.h"

int
main(int count, char **values)
{
    if (count != 2 || fcntl(MESSAGES_LINK_FD, F_GETFD) < 0) {
        fprintf(stderr, "tandem-server is started by tandem-secondary, not by hand\n");
        return 2;
    }
    if (sodium_init() < 0) {
        fprintf(stderr,
                "tandem-server: libsodium cannot be started: no source of random numbers\n");
        return 1;
    }
    signals_ignore_terminal();
    struct loop *loop = loop_new();
    int connection = MESSAGES_LINK_FD;
    struct role *role = role_new(loop, &connection, (uint32_t)strtoul(values[1], NULL, 10));
    loop_run(loop);
    int code = role_exit_code(role);
    role_free(&role);
    loop_free(&loop);
    return code;
}
