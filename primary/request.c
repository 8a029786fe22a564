#include "primary/request.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/quantity.h"

#define NEAREST_MAX 10000 // zones among which a near name is looked for

static const char *
domain_nearest(const struct program *program, const char *text)
{
    size_t count = zones_count(program->zones);
    if (count > NEAREST_MAX)
        return NULL;
    const char **known = memory_alloc((count + 1) * sizeof *known);
    for (size_t i = 0; i < count; i++)
        known[i] = keeper_zone(zones_at(program->zones, i))->domain;
    const char *nearest = quantity_nearest_word(text, known, count);
    free(known);
    return nearest;
}

bool
request_name(const char *text, uint8_t ret_name[static NAME_SIZE_MAX], struct fault *fault)
{
    static const uint8_t root[] = {0};
    return name_from_text(text, root, ret_name, fault);
}

// The zone that argument 0 names; NULL when it answered itself.
struct keeper *
request_zone(const struct program *program, struct control_request **request)
{
    uint8_t apex[NAME_SIZE_MAX];
    struct fault fault;
    const char *text = control_argument(*request, 0);
    if (!request_name(text, apex, &fault)) {
        fault_wrap(&fault, "zone %s", text);
        control_reply_failed(request, CONTROL_USAGE, &fault, NULL);
        return NULL;
    }
    struct keeper *keeper = zones_find(program->zones, apex);
    if (keeper)
        return keeper;
    const char *nearest = domain_nearest(program, text);
    if (nearest)
        fault_set(&fault, FAULT_NOT_FOUND, "zone %s: not configured here; nearest is %s", text,
                  nearest);
    else
        fault_set(&fault, FAULT_NOT_FOUND,
                  "zone %s: not configured here; see \"tandemctl zone list\"", text);
    control_reply_fault(request, &fault);
    return NULL;
}

struct json_value *
request_done(const struct control_request *request, bool done, const char *text)
{
    struct json_value *result = json_value_object();
    json_value_put_boolean(result, "done", done);
    json_value_put_boolean(result, "dry_run", control_dry_run(request));
    json_value_put_text(result, "text", text);
    return result;
}

void
request_busy(struct control_request **request)
{
    struct fault fault;
    fault_set(&fault, FAULT_BUSY, "too many wait for this already: try again later");
    control_reply_fault(request, &fault);
}

void
request_zone_put(const struct keeper *keeper, struct json_value *result)
{
    struct keeper_status status;
    keeper_status(keeper, &status);
    json_value_put_text(result, "zone", keeper_zone(keeper)->domain);
    struct json_value *serial = json_value_put_object(result, "serial");
    json_value_put_integer(serial, "source", status.source_serial);
    json_value_put_integer(serial, "unsigned", status.serial);
    json_value_put_null(serial, "signed");
}
