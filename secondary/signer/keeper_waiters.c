// The operators who wait for the end of a change (-b), and what they are told then.
#include "secondary/signer/keeper_inside.h"

#include <stdlib.h>

#include "common/daemon/control.h"
#include "common/daemon/json_value.h"
#include "secondary/signer/verbs.h"

bool
keeper_can_wait(const struct keeper *keeper, struct fault *fault)
{
    if (keeper->waiter_count < KEEPER_WAITERS_MAX) {
        return true;
    }
    return fault_set(fault, FAULT_BUSY,
                     "zone %s: %d requests wait for it already; try again in a moment, or without "
                     "-b",
                     keeper->domain, KEEPER_WAITERS_MAX);
}

void
keeper_add_waiter(struct keeper *keeper, uint64_t request, struct json_value **result)
{
    if (keeper->waiters == NULL) {
        keeper->waiters = memory_alloc(KEEPER_WAITERS_MAX * sizeof *keeper->waiters);
    }
    ENSURE(keeper->waiter_count < KEEPER_WAITERS_MAX);
    struct keeper_waiter *waiter = &keeper->waiters[keeper->waiter_count++];
    *waiter = (struct keeper_waiter){.request = request, .of_next = keeper->phase != KEEPER_IDLE};
    if (result != NULL) {
        waiter->result = *result;
        *result = NULL;
    }
}

static struct json_value *
plain_result(const struct keeper *keeper)
{
    struct json_value *result = json_value_object();
    json_value_put_boolean(result, "done", true);
    json_value_put_boolean(result, "dry_run", false);
    json_value_put_text(result, "text", "done");
    json_value_put_text(result, "zone", keeper->domain);
    return result;
}

static void
waiter_answer(struct keeper *keeper, struct keeper_waiter *waiter, bool good,
              const struct fault *fault)
{
    if (good) {
        if (waiter->result == NULL) {
            waiter->result = plain_result(keeper);
        }
        verb_put_serial(keeper, waiter->result, "serial");
        json_value_put_boolean(waiter->result, "changed", true);
        verb_reply(keeper, waiter->request, &waiter->result);
    } else {
        verb_fail(keeper, waiter->request, CONTROL_FAILED, fault);
        json_value_free(&waiter->result);
    }
}

void
keeper_answer_waiters(struct keeper *keeper, bool good, const struct fault *fault)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < keeper->waiter_count; i++) {
        if (keeper->waiters[i].of_next) {
            keeper->waiters[kept] = keeper->waiters[i];
            keeper->waiters[kept++].of_next = false;
        } else {
            waiter_answer(keeper, &keeper->waiters[i], good, fault);
        }
    }
    keeper->waiter_count = kept;
    if (kept == 0) {
        free(keeper->waiters);
        keeper->waiters = NULL;
    }
}

void
keeper_free_waiters(struct keeper *keeper)
{
    for (unsigned i = 0; i < keeper->waiter_count; i++) {
        json_value_free(&keeper->waiters[i].result);
    }
    keeper->waiter_count = 0;
    free(keeper->waiters);
    keeper->waiters = NULL;
}
