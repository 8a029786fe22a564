// All of tandemctl but its main: one command, from its words to its exit code.
#ifndef TANDEM_TANDEMCTL_TOOL_H
#define TANDEM_TANDEMCTL_TOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define TOOL_TIMEOUT_SECONDS 30
#define TOOL_WAIT_SECONDS    3600 // with -b

// Results to out, errors to err. coloured: out is a terminal that wants it. now: Unix seconds, for
// ages.
int tool_run(int count, char *const *words, FILE *out, FILE *err, bool coloured, int64_t now);

#endif
