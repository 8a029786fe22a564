#include "secondary/desk/pages.h"

#include <stdlib.h>

#include "common/daemon/clock.h"
#include "common/daemon/control.h"
#include "common/daemon/http_page.h"
#include "common/daemon/json_value.h"
#include "common/daemon/mail.h"
#include "common/daemon/metrics.h"
#include "secondary/desk/desk_inside.h"
#include "secondary/desk/status_metrics.h"

static unsigned
render_metrics(void *context, struct octets_buffer *ret_body)
{
    struct desk *desk = context;
    struct mail_status mail;
    mail_status(desk->mail, &mail);
    status_metrics(&desk->known, &mail, desk->metrics);
    metrics_write(desk->metrics, ret_body);
    return 200;
}

static unsigned
render_health(void *context, struct octets_buffer *ret_body)
{
    struct json_value *result;
    int code = desk_state_check(context, &result);
    octets_buffer_printf(ret_body, "%s - %s\n", json_value_get_text(result, "nagios", ""),
                         json_value_get_text(result, "text", ""));
    json_value_free(&result);
    return code < CONTROL_USAGE ? 200 : 503;
}

static unsigned
render_status(void *context, struct octets_buffer *ret_body)
{
    size_t length;
    struct json_value *status = desk_state_status(context, clock_unix_seconds());
    char *text = json_value_write(status, 2, &length);
    octets_buffer_add(ret_body, text, length);
    octets_buffer_add_u8(ret_body, '\n');
    free(text);
    json_value_free(&status);
    return 200;
}

static unsigned
render_page(void *context, struct octets_buffer *ret_body)
{
    int64_t now = clock_unix_seconds();
    struct json_value *status = desk_state_status(context, now);
    http_page_render(status, now, ret_body);
    json_value_free(&status);
    return 200;
}

static const struct http_route ROUTES[] = {
    {"/", HTTP_TYPE_HTML, render_page},
    {"/metrics", HTTP_TYPE_METRICS, render_metrics},
    {"/healthz", HTTP_TYPE_TEXT, render_health},
    {"/status.json", HTTP_TYPE_JSON, render_status},
};

const struct http_route *
pages_table(size_t *ret_count)
{
    *ret_count = sizeof ROUTES / sizeof ROUTES[0];
    return ROUTES;
}
