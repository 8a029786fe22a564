// Runs gate.review commands: a program of the operator's that reads a diff and says by its exit
// code whether the gate may let it pass. One at a time for each request; killed with its process
// group when its time is up. Belongs to the supervisor.
#ifndef TANDEM_SECONDARY_REVIEW_H
#define TANDEM_SECONDARY_REVIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "secondary/messages.h"

#define REVIEWS_MAX 64 // commands at once; more are answered "not accepted"

struct loop;
struct reviews;
typedef void review_done(void *context, uint32_t zone, uint64_t request,
                         const struct message_review_done *done);

// user: who the command runs as when we are root; "" stays. Borrowed.
struct reviews *reviews_new(struct loop *loop, review_done *done, void *context);
void reviews_free(struct reviews **reviews); // kills what runs
void reviews_start(struct reviews *reviews, const char *user, uint32_t zone, uint64_t request,
                   const struct message_review *review);
bool reviews_reap(struct reviews *reviews, pid_t pid,
                  int status); // SIGCHLD: true when it was one of ours

#endif
