// What an operator orders, by signal or by tandemctl: take the file again, or stop.
#include "secondary/supervisor_inside.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "common/base/octets.h"
#include "common/base/vector.h"
#include "common/daemon/clock.h"
#include "common/daemon/log.h"
#include "common/daemon/service.h"
#include "common/net/loop.h"
#include "secondary/orders.h"
#include "secondary/reload.h"
#include "secondary/settings_keep.h"

// --- Settings ---

static void
take_settings(struct supervisor *supervisor, struct secondary_settings **settings)
{
    struct vector gone;
    settings_keep_free(&supervisor->kept);
    supervisor->kept = settings_keep(settings);
    supervisor->settings = &supervisor->kept->settings;
    if (supervisor->options.verbose) {
        supervisor->settings->log.level = LOG_LEVEL_DEBUG;
    }
    vector_init(&gone, sizeof(uint32_t));
    places_take_settings(&supervisor->places, supervisor->settings, &gone);
    for (size_t i = 0; i < gone.count; i++) {
        for (size_t k = 0; k < children_server_count(&supervisor->children); k++) {
            order_zone_gone(children_server(&supervisor->children, k),
                            *(uint32_t *)vector_at(&gone, i));
        }
    }
    vector_close(&gone);
    supervisor_drop_files(supervisor);
    log_open("supervisor", supervisor->settings->log.level, supervisor->settings->log.format);
    for (size_t i = 0; i < children_count(&supervisor->children); i++) {
        supervisor_send_settings(supervisor, children_at(&supervisor->children, i));
    }
}

static void
reload(struct supervisor *supervisor, bool dry_run, struct reload *ret_reload)
{
    struct secondary_settings *fresh = NULL;
    struct cookie_secrets cookies = supervisor->extras.cookie_secrets;
    reload_read(supervisor->options.file, supervisor->settings, &cookies, &fresh, ret_reload);
    if (!dry_run) {
        reload_log(ret_reload);
    }
    if (ret_reload->valid && !dry_run) {
        supervisor->extras.cookie_secrets = cookies;
        take_settings(supervisor, &fresh);
    }
    explicit_bzero(&cookies, sizeof cookies);
    secondary_settings_free(&fresh);
}

void
supervisor_reload(struct supervisor *supervisor)
{
    struct reload outcome;
    service_reloading(clock_monotonic_ms() * 1000);
    reload(supervisor, false, &outcome);
    service_ready(outcome.valid ? "reloaded" : "reload refused, old settings stay");
    reload_close(&outcome);
}

// --- Verbs of tandemctl ---

static void
control_reload(struct supervisor *supervisor, uint64_t request, bool dry_run)
{
    struct reload outcome;
    struct octets_buffer json;
    octets_buffer_init(&json);
    reload(supervisor, dry_run, &outcome);
    reload_json(&outcome, dry_run, &json);
    order_reply(supervisor_desk(supervisor), request, &json);
    octets_buffer_close(&json);
    reload_close(&outcome);
}

static void
stop_soon(void *context)
{
    supervisor_stop(context);
}

static void
control_stop(struct supervisor *supervisor, uint64_t request, bool dry_run)
{
    struct octets_buffer json;
    octets_buffer_init(&json);
    octets_buffer_printf(
        &json,
        "{\"ok\": true, \"exit_code\": 0, \"result\": {\"done\": %s, \"dry_run\": %s, "
        "\"text\": \"%s\", \"pid\": %jd}}",
        dry_run ? "false" : "true", dry_run ? "true" : "false", dry_run ? "would stop" : "stopping",
        (intmax_t)getpid());
    order_reply(supervisor_desk(supervisor), request, &json);
    octets_buffer_close(&json);
    if (!dry_run) {
        loop_defer(supervisor->loop, stop_soon, supervisor);
    }
}

void
supervisor_take_control(struct supervisor *supervisor, const struct message *message)
{
    struct message_control control;
    if (!message_control_read(message->body, &control)) {
        return;
    }
    const char *option = message_control_option(&control, "dry_run");
    bool dry_run = option != NULL && strcmp(option, "false") != 0;
    if (strcmp(control.verb, "reload") == 0) {
        control_reload(supervisor, message->request, dry_run);
    } else if (strcmp(control.verb, "stop") == 0) {
        control_stop(supervisor, message->request, dry_run);
    }
    message_control_close(&control);
}
