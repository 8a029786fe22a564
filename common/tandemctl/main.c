// tandemctl: asks a daemon over its control socket and shows the answer.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/daemon/clock.h"
#include "common/tandemctl/tool.h"

int
main(int argc, char **argv)
{
    const char *no_colour = getenv("NO_COLOR"); // https://no-color.org: set and not empty
    bool coloured = isatty(STDOUT_FILENO) && !(no_colour && *no_colour);
    int exit_code = tool_run(argc, argv, stdout, stderr, coloured, clock_unix_seconds());
    if (fflush(stdout) != 0 && exit_code == 0) {
        perror("tandemctl: standard output");
        exit_code = 1;
    }
    return exit_code;
}
