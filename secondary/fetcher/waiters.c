#include "secondary/fetcher/waiters.h"

#include <stdlib.h>

#include "common/base/arena.h"

bool
waiters_add(struct waiters *waiters, const struct report_request *request, unsigned polls)
{
    if (waiters->count == WAITERS_MAX)
        return false;
    if (!waiters->items)
        waiters->items = memory_alloc(WAITERS_MAX * sizeof(*waiters->items));
    waiters->items[waiters->count++] = (struct waiter){.request = *request, .polls = polls};
    return true;
}

static void
answer_one(struct message_link *link, const struct waiter *waiter,
           const struct waiters_answer *answer)
{
    if (answer->fault)
        report_failed(link, &waiter->request, answer->exit_code, answer->fault);
    else
        report_done(link, &waiter->request, answer->domain, true, false, answer->changed,
                    answer->text);
}

void
waiters_poll_ended(struct waiters *waiters, struct message_link *link,
                   const struct waiters_answer *answer)
{
    unsigned left = 0;
    for (unsigned i = 0; i < waiters->count; i++) {
        struct waiter *waiter = &waiters->items[i];
        if (--waiter->polls == 0)
            answer_one(link, waiter, answer);
        else
            waiters->items[left++] = *waiter;
    }
    waiters->count = left;
    if (!left)
        waiters_close(waiters);
}

void
waiters_close(struct waiters *waiters)
{
    free(waiters->items);
    *waiters = (struct waiters){0};
}
