// A role's program without a supervisor, for test programs that play it. Header only.
#ifndef TANDEM_TESTS_ROLE_CHILD_H
#define TANDEM_TESTS_ROLE_CHILD_H

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/daemon/signals.h"
#include "secondary/messages.h"

// Starts the program that lies beside this one, argument NULL or its only one. Gives our end of its
// link, or -1 with a fault.
static inline int
role_child_start(const char *program, const char *argument, pid_t *ret_pid, struct fault *fault)
{
    char path[4096], *slash;
    int ends[2];
    if (!message_link_pair(ends, fault))
        return -1;
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 32);
    path[length > 0 ? length : 0] = '\0';
    slash = strrchr(path, '/');
    strcpy(slash ? slash + 1 : path, program);
    *ret_pid = fork();
    if (*ret_pid == 0) {
        signals_reset();
        if (ends[1] == MESSAGES_LINK_FD)
            fcntl(ends[1], F_SETFD, 0);
        else
            dup2(ends[1], MESSAGES_LINK_FD);
        execl(path, program, argument, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    return ends[0];
}

#endif
