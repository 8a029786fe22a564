// The command line of tandemctl against its verb table. Pure.
#ifndef TANDEM_TANDEMCTL_COMMAND_LINE_H
#define TANDEM_TANDEMCTL_COMMAND_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/daemon/json_value.h"
#include "common/tandemctl/verb_table.h"

#define COMMAND_ARGUMENTS_MAX 32
#define COMMAND_OPTIONS_MAX   8

struct command {
    const struct verb_row *row; // NULL with help or version
    const char *arguments[COMMAND_ARGUMENTS_MAX];
    size_t argument_count;
    const char *socket; // NULL: look for it
    bool json, no_colour, dry_run, wait, help, version;
    int64_t timeout_seconds; // -1: not given
    struct {
        const char *name, *value; // value NULL: a flag
    } options[COMMAND_OPTIONS_MAX];
    size_t option_count;
};

// Texts are borrowed from the command line. FAULT_SYNTAX is a usage error; FAULT_UNSUPPORTED: not
// in this version. *ret_command is written as far as it was read (json is known for the error
// message).
bool command_line_read(int count, char *const *words, struct command *ret_command,
                       struct fault *fault);
// NULL: not given; "" for a flag that is.
const char *command_option(const struct command *command, const char *name);
// The request for the daemon.
struct json_value *command_request(const struct command *command);

#endif
