// needs: daemon control_tool
// Any octets as a request line of the control socket, and as a reply that is shown.
#include <stdint.h>
#include <stdlib.h>

#include "common/daemon/control_call.h"
#include "common/tandemctl/render.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
handle(void *context, struct control_request *request)
{
    (void)context, (void)request;
}

static const struct control_verb verbs[] = {
    {"", "status", 0, 0, 0, NULL, handle, NULL},
    {"zone", "status", 1, 1, 0, NULL, handle, NULL},
    {"zone", "sign", 1, 3, CONTROL_CHANGES, "serial role", handle, NULL},
    {"key", "roll", 0, 9, 0, NULL, NULL, NULL},
};

static render_result *const renders[] = {
    render_status,     render_reload,       render_done,       render_check,      render_zone_list,
    render_zone_show,  render_zone_diff,    render_key_list,   render_alias_list, render_alias_show,
    render_alert_list, render_zone_history, render_key_export,
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct control_call call;
    struct fault fault;
    struct json_value *value = NULL;
    int exit_code;
    if (control_call_read((const char *)data, size, verbs, sizeof verbs / sizeof verbs[0], &call,
                          &exit_code, &fault))
        control_call_close(&call);
    if (!json_value_read((const char *)data, size, &value, &fault))
        return 0;
    for (size_t i = 0; i < sizeof renders / sizeof renders[0]; i++) {
        struct octets_buffer text;
        octets_buffer_init(&text);
        renders[i](&(struct render){&text, 1795286527, true, "s"}, value);
        octets_buffer_close(&text);
    }
    json_value_free(&value);
    return 0;
}
