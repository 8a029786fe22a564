#include "primary/alias_verbs.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/daemon/clock.h"
#include "primary/alias_status.h"
#include "primary/request.h"

// Who waits for the targets of an owner.
struct waiting {
    struct program *program;
    struct control_request *request;
    uint8_t owner[NAME_SIZE_MAX];
};

static struct alias_status
status_of(const struct program *program)
{
    return (struct alias_status){.aliases = program->aliases,
                                 .now_ms = loop_now_ms(program->loop),
                                 .now = clock_unix_seconds()};
}

// The owner that argument 0 says; false: it is no name, and the request was answered so.
static bool
owner_argument(struct control_request **request, uint8_t ret_owner[static NAME_SIZE_MAX])
{
    struct fault fault;
    if (request_name(control_argument(*request, 0), ret_owner, &fault))
        return true;
    control_reply_failed(request, CONTROL_USAGE, &fault, NULL);
    return false;
}

static void
unknown_reply(struct control_request **request)
{
    struct fault fault;
    fault_set(&fault, FAULT_NOT_FOUND,
              "%s: no ALIAS record at this name; see \"tandemctl alias list\"",
              control_argument(*request, 0));
    control_reply_fault(request, &fault);
}

void
alias_list_handle(void *context, struct control_request *request)
{
    const struct program *program = context;
    struct alias_status status = status_of(program);
    const uint8_t *apex = NULL;
    if (control_argument_count(request) > 0) {
        struct keeper *keeper = request_zone(program, &request);
        if (!keeper)
            return;
        apex = keeper_zone(keeper)->name;
    }
    struct json_value *result = json_value_object();
    struct json_value *array = json_value_put_array(result, "aliases");
    size_t left_out = alias_status_list(&status, apex, ALIAS_STATUS_LIST_MAX, array);
    json_value_put_integer(result, "left_out", (int64_t)left_out);
    control_reply(&request, &result);
}

void
alias_show_handle(void *context, struct control_request *request)
{
    struct alias_status status = status_of(context);
    uint8_t owner[NAME_SIZE_MAX];
    if (!owner_argument(&request, owner))
        return;
    struct json_value *result = json_value_object();
    struct json_value *array = json_value_put_array(result, "aliases");
    size_t count = alias_status_owner(&status, owner, array);
    if (count == 0) {
        json_value_free(&result);
        unknown_reply(&request);
        return;
    }
    if (count == 1) {
        struct json_value *one = json_value_copy(json_value_at(array, 0));
        json_value_put(result, "alias", &one);
    }
    alias_status_same_target(&status, owner, json_value_put_array(result, "owners"));
    control_reply(&request, &result);
}

void
alias_history_handle(void *context, struct control_request *request)
{
    struct alias_status status = status_of(context);
    uint8_t owner[NAME_SIZE_MAX];
    if (!owner_argument(&request, owner))
        return;
    struct json_value *result = json_value_object();
    json_value_put_owner(result, "owner", owner);
    if (alias_status_history(&status, owner, json_value_put_array(result, "events"))) {
        control_reply(&request, &result);
        return;
    }
    json_value_free(&result);
    unknown_reply(&request);
}

static void
refresh_reply(const struct program *program, struct control_request *request, const uint8_t *owner,
              bool done, const char *text)
{
    struct alias_status status = status_of(program);
    struct json_value *result = request_done(request, done, text);
    json_value_put_owner(result, "owner", owner);
    alias_status_owner(&status, owner, json_value_put_array(result, "aliases"));
    control_reply(&request, &result);
}

static void
on_refreshed(void *context)
{
    struct waiting *waiting = context;
    refresh_reply(waiting->program, waiting->request, waiting->owner, true,
                  "its targets have answered or failed");
    free(waiting);
}

void
alias_refresh_handle(void *context, struct control_request *request)
{
    struct program *program = context;
    struct engine *engine = aliases_engine(program->aliases);
    uint8_t owner[NAME_SIZE_MAX];
    if (!owner_argument(&request, owner))
        return;
    if (control_dry_run(request)) {
        refresh_reply(program, request, owner, false, "its targets would be asked");
        return;
    }
    if (!control_wait(request)) {
        if (engine_refresh(engine, owner, NULL, NULL))
            refresh_reply(program, request, owner, true, "its targets are being asked");
        else
            unknown_reply(&request);
        return;
    }
    struct waiting *waiting = memory_zalloc(sizeof *waiting);
    waiting->program = program;
    waiting->request = request;
    name_copy(waiting->owner, owner);
    if (engine_refresh(engine, owner, on_refreshed, waiting))
        return;
    unknown_reply(&waiting->request);
    free(waiting);
}
