// A request line against a verb table: what is called, with which arguments and options, or a fault
// that a person understands. Pure; the socket is in control.h.
#ifndef TANDEM_DAEMON_CONTROL_CALL_H
#define TANDEM_DAEMON_CONTROL_CALL_H

#include "common/daemon/control.h"

struct control_call {
    struct json_value *value; // the whole request; the texts below live in it
    const char *object, *verb;
    const char *arguments[CONTROL_ARGUMENTS_MAX];
    size_t argument_count;
    bool dry_run, wait;
    const struct control_verb *row;
};

// False: the fault says why, *ret_exit is the exit code for it, nothing is to be closed.
bool control_call_read(const char *line, size_t length, const struct control_verb *verbs,
                       size_t verb_count, struct control_call *ret_call, int *ret_exit,
                       struct fault *fault);
void control_call_close(struct control_call *call);

#endif
