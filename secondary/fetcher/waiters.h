// Operators who wait for the end of a poll (`-b`): a short list of requests, each answered once.
#ifndef TANDEM_FETCHER_WAITERS_H
#define TANDEM_FETCHER_WAITERS_H

#include <stdbool.h>

#include "common/base/fault.h"
#include "secondary/fetcher/report.h"

#define WAITERS_MAX 16 // for one zone; one more is told that it is busy

struct waiter {
    struct report_request request;
    unsigned polls; // that must end before this one is answered
};
struct waiters {
    struct waiter *items; // WAITERS_MAX of them; NULL: nobody waits, as for nearly every zone
    unsigned count;
};
// polls: 1, or 2 when one runs already that began before the request. False: full.
bool waiters_add(struct waiters *waiters, const struct report_request *request, unsigned polls);

// How a poll ended.
struct waiters_answer {
    const char *domain;
    bool changed;
    const char *text;
    const struct fault *fault; // NULL: well
    int exit_code;             // where there is a fault
};
void waiters_poll_ended(struct waiters *waiters, struct message_link *link,
                        const struct waiters_answer *answer);
void waiters_close(struct waiters *waiters); // answers nobody

#endif
