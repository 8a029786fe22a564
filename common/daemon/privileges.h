// Giving up what a process does not need: user, capabilities, file system, system calls. At start,
// in this order: open what needs privileges, privileges_drop, use every library once,
// privileges_seccomp. The only door to libseccomp.
#ifndef TANDEM_DAEMON_PRIVILEGES_H
#define TANDEM_DAEMON_PRIVILEGES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/fault.h"

// The user's ids from the system's tables (before a chroot). FAULT_NOT_FOUND says how to make the
// user.
bool privileges_find_user(const char *user, uid_t *ret_uid, gid_t *ret_gid, struct fault *fault);
// True when this process runs as root: then privileges_drop really changes the user.
bool privileges_is_root(void);

struct privileges_options {
    const char *user;  // NULL or "": stay who we are, and only give up capabilities
    const char *group; // NULL or "": the user's own
    const char *root;  // an empty directory that only root can write, becomes "/"; NULL or "": none
    // Capabilities that stay, as (1 << CAP_SETUID) | ... of <linux/capability.h>; also the bounding
    // set, so that a child has no more. 0 is right for every process but the supervisor.
    uint64_t keep_capabilities;
};
// User, group and supplementary groups, root directory, capabilities (bounding set included),
// no_new_privs, not dumpable, no core files. Checks that there is no way back. Started as anyone
// but root: user and root directory stay as they are (a debug line says so), the rest is done.
bool privileges_drop(const struct privileges_options *options, struct fault *fault);

// Which system calls a role needs once it has started. A build with sanitizers allows what these
// need.
enum privileges_profile {
    PRIVILEGES_SERVER,  // sockets that it was given, maps of descriptors it is sent; no files
    PRIVILEGES_FETCHER, // server, and new sockets to primaries and downstream
    PRIVILEGES_SIGNER,  // files below its directories, threads; no network socket
    PRIVILEGES_DESK,    // files, new sockets, threads (HTTP, mail, name look-up)
    PRIVILEGES_PRIMARY, // files, new sockets, threads
};
// From here on any other system call ends the process with SIGSYS. All threads. Needs no root, sets
// no_new_privs. execve is in no profile.
bool privileges_seccomp(enum privileges_profile profile, struct fault *fault);

#endif
