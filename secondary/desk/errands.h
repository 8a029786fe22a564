// Orders for other roles. One goes out as a CONTROL_REQUEST with a number of ours and stays pending
// until its reply comes, the role dies, or it takes too long; a client that waits always gets an
// answer. Numbers begin anew with each desk: a reply for nobody is dropped.
#ifndef TANDEM_DESK_ERRANDS_H
#define TANDEM_DESK_ERRANDS_H

#include <stdint.h>

#include "common/base/vector.h"
#include "secondary/messages.h"

#define ERRANDS_MAX     1024 // that are pending; a further one is refused
#define ERRANDS_SECONDS 900  // a signing of millions of names with -b

struct control_request;

struct errands {
    struct message_link *link; // borrowed
    struct vector pending;     // of struct errand
    uint64_t last_number;
};
void errands_init(struct errands *errands, struct message_link *link);
// All must have been failed before.
void errands_close(struct errands *errands);
// Sends the request, with its files, to the role, or refuses it. request is taken over. now: unix
// seconds.
void errands_pass(struct errands *errands, struct control_request *request, enum message_role role,
                  uint32_t zone, int64_t now);
// Answers the client that waits for this CONTROL_REPLY: {json} alone, or {json}, newline, text.
void errands_take_reply(struct errands *errands, const struct message *message);
// Refuses what is pending at the role (ROLE_COUNT: at any, for want of time) since `before` or
// earlier.
void errands_fail(struct errands *errands, enum message_role role, int64_t before,
                  const char *text);

#endif
