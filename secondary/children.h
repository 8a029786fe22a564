// All children of the supervisor, in the order in which they start: desk, signer, fetcher, then the
// servers by number.
#ifndef TANDEM_SECONDARY_CHILDREN_H
#define TANDEM_SECONDARY_CHILDREN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/fault.h"
#include "common/base/vector.h"
#include "secondary/child.h"

struct children {
    struct vector all; // of struct child *
};

void children_init(struct children *children);
void children_close(struct children *children);
// One of each role, and so many servers; none runs yet. directory: of the executables, borrowed.
void children_add_all(struct children *children, struct loop *loop, uint32_t servers,
                      const char *directory, const struct child_calls *calls, void *context);
bool children_start(struct children *children, struct fault *fault);
size_t children_count(const struct children *children);
struct child *children_at(const struct children *children, size_t index);
struct child *children_of_role(const struct children *children,
                               enum message_role role); // the first
size_t children_server_count(const struct children *children);
struct child *children_server(const struct children *children, size_t index);

bool children_any_running(const struct children *children);
bool children_all_ready(const struct children *children);
void children_watch(struct children *children, uint64_t now_ms);
bool children_reap(struct children *children, pid_t pid, int status, int64_t now);
void children_stop(struct children *children);
void children_kill(struct children *children);

#endif
