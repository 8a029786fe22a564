#include "common/daemon/http_page.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/quantity.h"

#define ZONES_SHOWN 1000 // on the page; all are in /status.json
#define AGE_MAX     (QUANTITY_TEXT_MAX + 8)

static void
escape_add(struct octets_buffer *html, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '<':
            octets_buffer_printf(html, "&lt;");
            break;
        case '>':
            octets_buffer_printf(html, "&gt;");
            break;
        case '&':
            octets_buffer_printf(html, "&amp;");
            break;
        case '"':
            octets_buffer_printf(html, "&quot;");
            break;
        case '\'':
            octets_buffer_printf(html, "&#39;");
            break;
        default:
            octets_buffer_add_u8(html, (uint8_t)*text);
        }
    }
}

static void
cell_add(struct octets_buffer *html, const char *text)
{
    octets_buffer_printf(html, "<td>");
    escape_add(html, text);
    octets_buffer_printf(html, "</td>");
}

// "42s ago", "in 13d", "-".
static const char *
moment_text(int64_t at, int64_t now, char text[static AGE_MAX])
{
    char about[QUANTITY_TEXT_MAX];
    if (at <= 0)
        return strcpy(text, "-");
    quantity_about_text(at > now ? at - now : now - at, about);
    strcpy(text, at > now ? "in " : "");
    strcat(text, about);
    return at > now ? text : strcat(text, " ago");
}

static void
serial_add(struct octets_buffer *html, const struct json_value *zone)
{
    int64_t before = json_value_get_integer(zone, "serial/unsigned", -1);
    int64_t after = json_value_get_integer(zone, "serial/signed", -1);
    octets_buffer_printf(html, "<td>");
    if (before >= 0)
        octets_buffer_printf(html, "%" PRId64, before);
    if (after >= 0)
        octets_buffer_printf(html, " &rarr; %" PRId64, after);
    octets_buffer_printf(html, "</td>");
}

static void
zone_add(struct octets_buffer *html, const struct json_value *zone, int64_t now)
{
    char text[AGE_MAX];
    const char *state = json_value_get_text(zone, "state", "unknown");
    octets_buffer_printf(html, "<tr class=\"%s\">", strcmp(state, "ok") == 0 ? "ok" : "bad");
    cell_add(html, json_value_get_text(zone, "zone", "?"));
    cell_add(html, state);
    serial_add(html, zone);
    cell_add(html, moment_text(json_value_get_time(zone, "last_change/at", 0), now, text));
    cell_add(html,
             moment_text(json_value_get_time(zone, "signatures/first_expiry_at", 0), now, text));
    cell_add(html, moment_text(json_value_get_time(zone, "refresh/next_at", 0), now, text));
    cell_add(html, json_value_get_text(zone, "reason", ""));
    octets_buffer_printf(html, "</tr>\n");
}

static void
hints_add(struct octets_buffer *html, const struct json_value *hints)
{
    for (size_t i = 0; i < json_value_count(hints); i++) {
        const struct json_value *commands = json_value_get(json_value_at(hints, i), "commands");
        for (size_t j = 0; j < json_value_count(commands); j++) {
            octets_buffer_printf(html, "<p><code>");
            escape_add(html, json_value_as_text(json_value_at(commands, j), ""));
            octets_buffer_printf(html, "</code></p>\n");
        }
    }
}

static const char style[] =
    "body{font:15px/1.4 system-ui,sans-serif;margin:2em auto;max-width:75em;padding:0 1em;"
    "color:#222;background:#fff}table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;padding:.3em .8em .3em 0;border-bottom:1px solid #ddd}"
    ".bad td{background:#fff0e8}code{background:#f3f3f3;padding:.1em .3em}"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}"
    "th,td{border-color:#444}.bad td{background:#402018}code{background:#2a2a2a}}";

void
http_page_render(const struct json_value *status, int64_t now, struct octets_buffer *ret_html)
{
    char text[AGE_MAX];
    const char *program = json_value_get_text(status, "program", "tandem");
    const struct json_value *zones = json_value_get(status, "zones");
    size_t count = json_value_count(zones);
    octets_buffer_printf(ret_html,
                         "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                         "<meta name=\"viewport\" content=\"width=device-width\"><title>");
    escape_add(ret_html, program);
    octets_buffer_printf(ret_html, "</title><style>%s</style></head><body>\n<h1>", style);
    escape_add(ret_html, program);
    octets_buffer_printf(ret_html, " on ");
    escape_add(ret_html, json_value_get_text(status, "host", "this host"));
    octets_buffer_printf(ret_html, "</h1>\n<p>State: <b>");
    escape_add(ret_html, json_value_get_text(status, "state", "unknown"));
    octets_buffer_printf(ret_html, "</b>, %zu zones, started ", count);
    escape_add(ret_html, moment_text(json_value_get_time(status, "started_at", 0), now, text));
    octets_buffer_printf(ret_html, ", version ");
    escape_add(ret_html, json_value_get_text(status, "version", "?"));
    octets_buffer_printf(ret_html, "</p>\n");
    hints_add(ret_html, json_value_get(status, "hints"));
    octets_buffer_printf(ret_html,
                         "<table><tr><th>Zone</th><th>State</th><th>Serial unsigned &rarr; signed"
                         "</th><th>Last change</th><th>First signature ends</th><th>Next poll</th>"
                         "<th>Reason</th></tr>\n");
    for (size_t i = 0; i < count && i < ZONES_SHOWN; i++)
        zone_add(ret_html, json_value_at(zones, i), now);
    octets_buffer_printf(ret_html, "</table>\n");
    if (count > ZONES_SHOWN)
        octets_buffer_printf(ret_html, "<p>and %zu more</p>\n", count - ZONES_SHOWN);
    octets_buffer_printf(ret_html, "<p><a href=\"/status.json\">status.json</a> "
                                   "<a href=\"/metrics\">metrics</a> "
                                   "<a href=\"/healthz\">healthz</a></p>\n</body></html>\n");
}
