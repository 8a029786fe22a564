#include "primary/pages.h"

#include <stdlib.h>

#include "common/daemon/clock.h"
#include "common/daemon/http_page.h"
#include "primary/status.h"

#define HTTP_OK          200
#define HTTP_UNAVAILABLE 503

static unsigned
metrics_render(void *context, struct octets_buffer *ret_body)
{
    const struct program *program = context;
    status_gauges(program);
    metrics_write(program->metrics, ret_body);
    return HTTP_OK;
}

static unsigned
health_render(void *context, struct octets_buffer *ret_body)
{
    if (!status_healthy(context, ret_body))
        return HTTP_UNAVAILABLE;
    octets_buffer_printf(ret_body, "ok\n");
    return HTTP_OK;
}

static unsigned
status_render(void *context, struct octets_buffer *ret_body)
{
    struct json_value *status = status_daemon(context);
    size_t length;
    char *text = json_value_write(status, 1, &length);
    octets_buffer_add(ret_body, text, length);
    octets_buffer_add_u8(ret_body, '\n');
    free(text);
    json_value_free(&status);
    return HTTP_OK;
}

static unsigned
page_render(void *context, struct octets_buffer *ret_body)
{
    struct json_value *status = status_daemon(context);
    http_page_render(status, clock_unix_seconds(), ret_body);
    json_value_free(&status);
    return HTTP_OK;
}

static const struct http_route routes[] = {
    {"/metrics", HTTP_TYPE_METRICS, metrics_render},
    {"/healthz", HTTP_TYPE_TEXT, health_render},
    {"/status.json", HTTP_TYPE_JSON, status_render},
    {"/", HTTP_TYPE_HTML, page_render},
};

const struct http_route *
pages_table(size_t *ret_count)
{
    *ret_count = sizeof routes / sizeof routes[0];
    return routes;
}
