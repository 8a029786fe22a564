// Verbs that need no daemon: config check, config schema, tsig generate. Each adds its text and
// gives the exit code; with a fault when it is not 0.
#ifndef TANDEM_TANDEMCTL_LOCAL_H
#define TANDEM_TANDEMCTL_LOCAL_H

#include "common/base/fault.h"
#include "common/base/octets.h"
#include "common/tandemctl/command_line.h"

// *ret_result: what --json shows.
int local_run(const struct command *command, struct octets_buffer *ret_text,
              struct json_value **ret_result, struct fault *fault);

#endif
