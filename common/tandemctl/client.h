// The other end of the control socket: finds it, sends one request, takes the reply. Waits, with a
// limit.
#ifndef TANDEM_TANDEMCTL_CLIENT_H
#define TANDEM_TANDEMCTL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/fault.h"
#include "common/daemon/json_value.h"

#define CLIENT_FOLDER      "/run/tandem"          // where the daemons put their sockets
#define CLIENT_FOLDER_NAME "TANDEM_RUN_DIRECTORY" // environment: another folder
#define CLIENT_REPLY_MAX                                                                           \
    (256 * 1024 * 1024) // of one reply line, and of all chunks when they are gathered

// The only socket in the folder (malloc). FAULT_NOT_FOUND: none; FAULT_CONFIG: several, their names
// in the text.
bool client_find_socket(char **ret_path, struct fault *fault);

struct client_request {
    const char *socket;
    const struct json_value *request;
    const int *descriptors;
    size_t descriptor_count;
    int64_t timeout_seconds; // 0: none
    // Each piece of a long text; false ends with FAULT_IO.
    bool (*chunk)(void *context, const char *text, size_t length);
    void *context;
};
// FAULT_NOT_FOUND: no daemon; FAULT_TIMEOUT; FAULT_IO: the connection broke, or may not be made.
bool client_ask(const struct client_request *request, struct json_value **ret_reply,
                struct fault *fault);

// Waits until the process has ended, whoever's child it is. timeout_seconds as above.
// FAULT_TIMEOUT.
bool client_await_end(pid_t pid, int64_t timeout_seconds, struct fault *fault);

#endif
