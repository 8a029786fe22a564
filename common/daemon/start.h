// How both daemons begin, and what their mains have in common: the command line, what must be made
// while we may, the beat for systemd. One thread, before and around the loop.
#ifndef TANDEM_DAEMON_START_H
#define TANDEM_DAEMON_START_H

#include <stdbool.h>

#include "common/base/fault.h"

#define START_EXIT_RUNTIME 1
#define START_EXIT_USAGE   2
#define START_EXIT_CONFIG  78 // EX_CONFIG of sysexits.h

struct config;
struct loop;
struct loop_timer;

struct start_program {
    const char *name;       // "tandem-primary"
    const char *file;       // of the configuration, unless the command line names one
    const char *check_help; // what --check reads
};
struct start_arguments {
    const char *file;
    bool check, print_config;
    unsigned verbose;
};
// Gives -1 to go on, else the exit code: help and version were asked for, or the line is wrong. All
// texts are borrowed.
int start_arguments_read(const struct start_program *program, int count, char **values,
                         struct start_arguments *ret_arguments);
// --print-config, to standard output.
void start_config_print(const struct config *config);

// Makes the state directory where it is missing and gives it to the user ("": stays ours), who
// often may not make it. Call it while we may.
bool start_state_directory(const char *path, const char *user, struct fault *fault);
// As many descriptors as the system lets us have.
void start_descriptor_limit_raise(void);
// A timer that tells systemd that the loop turns (service_watchdog); one that never fires where
// nobody asks. After service_open.
struct loop_timer *start_watchdog(struct loop *loop);

#endif
