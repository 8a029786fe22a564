// The supervisor: starts the roles, keeps the listening sockets and one descriptor set for each
// published version, passes messages on by a table of who may send what to whom, restarts what
// dies. It reads no packet, holds no key, parses nothing that comes from the network.
#ifndef TANDEM_SECONDARY_SUPERVISOR_H
#define TANDEM_SECONDARY_SUPERVISOR_H

#include <stdbool.h>

#include "common/base/fault.h"
#include "common/daemon/settings_secondary.h"

struct loop;
struct supervisor;

struct supervisor_options {
    const char *file;      // for reloads
    const char *directory; // of the roles' executables
    bool verbose;          // -v: debug, whatever the file says, also after a reload
};

// Takes the settings over. Opens the listening sockets.
bool supervisor_new(struct loop *loop, struct secondary_settings **settings,
                    const struct supervisor_options *options, struct supervisor **ret_supervisor,
                    struct fault *fault);
bool supervisor_start(struct supervisor *supervisor, struct fault *fault);
// Reads the file again; on any error the old settings stay and the log says why.
void supervisor_reload(struct supervisor *supervisor);
// Ends the roles, then the loop.
void supervisor_stop(struct supervisor *supervisor);
void supervisor_children_died(struct supervisor *supervisor); // SIGCHLD
int supervisor_exit_code(const struct supervisor *supervisor);
void supervisor_free(struct supervisor **supervisor);

#endif
