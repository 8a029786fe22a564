// One child process of the supervisor: started by fork and exec, restarted with a growing pause
// when it dies, watched by its heartbeat. Belongs to the supervisor's loop.
#ifndef TANDEM_SECONDARY_CHILD_H
#define TANDEM_SECONDARY_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/fault.h"
#include "secondary/messages.h"

#define CHILD_RESTART_FIRST_MS 100   // a crash of a server is mended within a second
#define CHILD_RESTART_MAX_MS   30000 // a role that dies at once, again and again
#define CHILD_CALM_SECONDS     60    // alive for so long: the pause begins anew
#define CHILD_SILENT_SECONDS   120   // without a heartbeat: it hangs, and is killed
#define CHILD_STOP_SECONDS     10    // from STOP to SIGKILL

struct loop;
struct child;

struct child_calls {
    void (*started)(void *context, struct child *child); // the link is there: send settings
    void (*received)(void *context, struct child *child, struct message *message);
    void (*died)(void *context, struct child *child); // before the restart is planned
};

// directory: where the executables tandem-<role> are; borrowed.
struct child *child_new(struct loop *loop, enum message_role role, uint32_t index,
                        const char *directory, const struct child_calls *calls, void *context);
void child_free(struct child **child);
bool child_start(struct child *child, struct fault *fault);
// False: not running, or it does not read any more.
bool child_send(struct child *child, const struct message *message);
// A message of the supervisor's own; body may be NULL, descriptors are borrowed.
bool child_order(struct child *child, enum message_type type, uint32_t zone,
                 const struct octets_buffer *body, const int *descriptors,
                 unsigned descriptor_count);
// SIGCHLD: true when pid was this child; status from waitpid.
bool child_reap(struct child *child, pid_t pid, int status, int64_t now);
// Sends STOP and lets it end; it is not started again.
void child_stop(struct child *child);
void child_kill(struct child *child); // SIGKILL, by pid
// Kills a child that has been silent for too long. now_ms: of the loop.
void child_watch(struct child *child, uint64_t now_ms);
void child_heard(struct child *child);    // a heartbeat or any other message
void child_is_ready(struct child *child); // it took its settings

size_t child_waiting(const struct child *child); // messages that its link holds
bool child_is_running(const struct child *child);
bool child_was_ready(const struct child *child); // since its last start
enum message_role child_role(const struct child *child);
uint32_t child_index(const struct child *child);
uint64_t child_pause_ms(const struct child *child); // before its next restart
void child_facts(const struct child *child, struct message_role_facts *ret_facts);
// "signer was killed by signal 11 (Segmentation fault)", "ended with exit code 1".
void child_death_text(const struct child *child, char *text, size_t size);

#endif
