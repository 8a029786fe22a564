// The desk's state. Inner to the room: desk (its life and its messages), verbs and pages (what
// operators ask it) share it. One thread, that of the loop.
#ifndef TANDEM_DESK_DESK_INSIDE_H
#define TANDEM_DESK_DESK_INSIDE_H

#include <stdint.h>

#include "common/daemon/json_value.h"
#include "common/daemon/spare_memory.h"
#include "secondary/desk/errands.h"
#include "secondary/desk/held_events.h"
#include "secondary/desk/known.h"

// `alert test -b`: who waits for the end of the test mail, and the mail's counts when it went out.
struct mail_test {
    struct control_request *request; // NULL: nobody waits
    uint64_t sent, failed;
    int64_t since;
};

struct desk {
    struct loop *loop;
    struct message_link *link;
    struct known known;
    struct control *control;
    struct http *http;
    struct mail *mail;
    struct metrics *metrics;
    struct alerts *alerts;
    struct held_events held;
    struct errands errands;
    struct mail_test mail_test;
    int64_t last_heartbeat_seconds;
    struct loop_timer *tick;
    struct spare_memory spare;
    int exit_code;
};

// desk_state.c, for verbs and pages: results are the caller's.
// The Nagios check of now; gives its exit code 0 to 3.
int desk_state_check(const struct desk *desk, struct json_value **ret_result);
// All of `status`.
struct json_value *desk_state_status(const struct desk *desk, int64_t now);

#endif
