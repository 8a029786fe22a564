#include "primary/verbs.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/dns/rrtype.h"
#include "primary/alias_verbs.h"
#include "primary/export.h"
#include "primary/request.h"
#include "primary/status.h"

// Who waits for a reload or a zone.
struct pending {
    struct control_request *request;
    struct program *program;
    uint8_t apex[NAME_SIZE_MAX];
    uint32_t serial_before;
};

static struct pending *
pending_new(struct program *program, struct control_request *request, const struct keeper *keeper)
{
    struct pending *pending = memory_zalloc(sizeof *pending);
    pending->program = program;
    pending->request = request;
    if (keeper) {
        struct keeper_status status;
        keeper_status(keeper, &status);
        name_copy(pending->apex, keeper_zone(keeper)->name);
        pending->serial_before = status.serial;
    }
    return pending;
}

// Daemon.

static void
status_handle(void *context, struct control_request *request)
{
    struct json_value *result = status_daemon(context);
    control_reply(&request, &result);
}

static void
version_handle(void *context, struct control_request *request)
{
    struct json_value *result = json_value_object();
    (void)context;
    json_value_put_text(result, "program", "tandem-primary");
    json_value_put_text(result, "version", TANDEM_VERSION);
    json_value_put_text(result, "build", __VERSION__);
    control_reply(&request, &result);
}

static void
texts_put(struct json_value *object, const char *key, const struct vector *texts)
{
    struct json_value *array = json_value_put_array(object, key);
    for (size_t i = 0; i < texts->count; i++)
        json_value_add_text(array, *(const char *const *)vector_at(texts, i));
}

static struct json_value *
reloaded_value(const struct control_request *request, const struct program_reloaded *reloaded)
{
    bool good = reloaded->settings_taken && reloaded->zones_good;
    struct json_value *result = request_done(
        request, reloaded->settings_taken,
        good                       ? "reloaded"
        : reloaded->settings_taken ? "reloaded; zones whose file is broken stay as they were"
                                   : "refused: the old settings stay");
    texts_put(result, "errors", reloaded->errors);
    texts_put(result, "warnings", reloaded->warnings);
    texts_put(result, "restart_keys", reloaded->restart_keys);
    texts_put(result, "zones_added", &reloaded->changes->added);
    texts_put(result, "zones_removed", &reloaded->changes->removed);
    texts_put(result, "zones_changed", &reloaded->changes->changed);
    return result;
}

static void
on_reloaded(void *context, const struct program_reloaded *reloaded)
{
    struct pending *pending = context;
    struct json_value *result = reloaded_value(pending->request, reloaded);
    struct fault fault;
    if (reloaded->errors->count == 0) {
        control_reply(&pending->request, &result);
    } else {
        fault_set(&fault, FAULT_CONFIG, "%s%s",
                  *(const char *const *)vector_at(reloaded->errors, 0),
                  reloaded->errors->count > 1 ? " (and more)" : "");
        control_reply_failed(&pending->request, CONTROL_INVALID, &fault, &result);
    }
    free(pending);
}

// What a reload would say, without doing it: settings and zone files are read and forgotten.
struct rehearsal {
    struct control_request *request;
    char *file;
    struct vector errors, warnings; // of char *
};

static void
rehearsal_zones(struct rehearsal *rehearsal, const struct primary_settings *settings)
{
    for (size_t i = 0; i < settings->zone_count; i++) {
        struct source_loading loading;
        source_load(settings->zones[i].file, settings->zones[i].name, 0, &loading);
        for (size_t k = 0; k < loading.errors.count; k++) {
            char *text = memory_text(*(char **)vector_at(&loading.errors, k));
            vector_add(&rehearsal->errors, &text);
        }
        source_loading_close(&loading);
    }
}

static void
rehearsal_work(void *context)
{
    struct rehearsal *rehearsal = context;
    struct primary_settings *settings = NULL;
    struct config_errors errors;
    config_errors_init(&errors);
    primary_settings_load(rehearsal->file, &settings, &errors);
    for (size_t i = 0; i < errors.entries.count; i++) {
        const struct config_error *error = vector_at(&errors.entries, i);
        char *text = memory_text(error->text);
        vector_add(error->warning ? &rehearsal->warnings : &rehearsal->errors, &text);
    }
    if (settings)
        rehearsal_zones(rehearsal, settings);
    primary_settings_free(&settings);
    config_errors_close(&errors);
}

static void
rehearsal_done(void *context, bool cancelled)
{
    struct rehearsal *rehearsal = context;
    struct json_value *result =
        request_done(rehearsal->request, false,
                     rehearsal->errors.count ? "a reload would be refused or incomplete"
                                             : "a reload would succeed");
    struct fault fault;
    texts_put(result, "errors", &rehearsal->errors);
    texts_put(result, "warnings", &rehearsal->warnings);
    if (rehearsal->errors.count == 0 || cancelled) {
        control_reply(&rehearsal->request, &result);
    } else {
        fault_set(&fault, FAULT_CONFIG, "%s", *(char **)vector_at(&rehearsal->errors, 0));
        control_reply_failed(&rehearsal->request, CONTROL_INVALID, &fault, &result);
    }
    source_texts_clear(&rehearsal->errors);
    source_texts_clear(&rehearsal->warnings);
    vector_close(&rehearsal->errors);
    vector_close(&rehearsal->warnings);
    free(rehearsal->file);
    free(rehearsal);
}

static void
reload_rehearse(struct program *program, struct control_request *request)
{
    struct rehearsal *rehearsal = memory_zalloc(sizeof *rehearsal);
    rehearsal->request = request;
    rehearsal->file = memory_text(program->file);
    vector_init(&rehearsal->errors, sizeof(char *));
    vector_init(&rehearsal->warnings, sizeof(char *));
    loop_work(program->loop, rehearsal_work, rehearsal_done, rehearsal);
}

static void
reload_handle(void *context, struct control_request *request)
{
    if (control_dry_run(request)) {
        reload_rehearse(context, request);
        return;
    }
    struct pending *pending = pending_new(context, request, NULL);
    if (program_reload(context, on_reloaded, pending))
        return;
    request_busy(&pending->request);
    free(pending);
}

static void
stop_handle(void *context, struct control_request *request)
{
    bool rehearse = control_dry_run(request);
    struct json_value *result =
        request_done(request, !rehearse, rehearse ? "the daemon would stop" : "stopping");
    json_value_put_integer(result, "pid", getpid());
    control_reply(&request, &result);
    if (!rehearse)
        program_stop_soon(context);
}

static void
check_handle(void *context, struct control_request *request)
{
    struct json_value *result;
    int code = status_check(context, &result);
    control_reply_code(&request, code, &result);
}

// Zones.

static void
zone_list_handle(void *context, struct control_request *request)
{
    struct json_value *result = status_zone_list(context);
    control_reply(&request, &result);
}

static void
zone_status_handle(void *context, struct control_request *request)
{
    struct keeper *keeper = request_zone(context, &request);
    if (!keeper)
        return;
    struct json_value *result = json_value_object(), *zone = status_zone(context, keeper);
    json_value_put(result, "zone", &zone);
    status_zone_aliases(context, keeper, result);
    control_reply(&request, &result);
}

static void
zone_history_handle(void *context, struct control_request *request)
{
    struct keeper *keeper = request_zone(context, &request);
    if (!keeper)
        return;
    struct json_value *result = status_zone_history(keeper);
    control_reply(&request, &result);
}

static void
zone_show_handle(void *context, struct control_request *request)
{
    uint8_t owner[NAME_SIZE_MAX];
    uint16_t type = 0;
    struct fault fault;
    const char *name = control_argument(request, 1), *type_text = control_argument(request, 2);
    struct keeper *keeper = request_zone(context, &request);
    if (!keeper)
        return;
    if (name && !name_from_text_of_zone(name, keeper_zone(keeper)->name, owner, &fault)) {
        control_reply_failed(&request,
                             fault.kind == FAULT_NOT_FOUND ? CONTROL_NOT_FOUND : CONTROL_USAGE,
                             &fault, NULL);
        return;
    }
    if (type_text && !rrtype_from_text(type_text, &type)) {
        fault_set(&fault, FAULT_SYNTAX, "%s is not a type of records", type_text);
        control_reply_failed(&request, CONTROL_USAGE, &fault, NULL);
        return;
    }
    if (!keeper_version(keeper)) {
        export_nothing(&request, keeper);
        return;
    }
    struct json_value *result = status_zone_records(keeper, name ? owner : NULL, type);
    control_reply(&request, &result);
}

static void
zone_diff_handle(void *context, struct control_request *request)
{
    struct keeper *keeper = request_zone(context, &request);
    if (!keeper)
        return;
    struct json_value *result = status_zone_diff(keeper);
    control_reply(&request, &result);
}

static void
zone_export_handle(void *context, struct control_request *request)
{
    struct keeper *keeper = request_zone(context, &request);
    if (!keeper)
        return;
    if (control_option(request, "source"))
        export_source(&request, keeper);
    else
        export_version(&request, keeper);
}

static struct json_value *
zone_done(const struct control_request *request, const struct keeper *keeper, bool done,
          bool changed, const char *text)
{
    struct json_value *result = request_done(request, done, text);
    request_zone_put(keeper, result);
    json_value_put_boolean(result, "changed", changed);
    return result;
}

static void
zone_notify_handle(void *context, struct control_request *request)
{
    struct program *program = context;
    struct keeper *keeper = request_zone(context, &request);
    struct fault fault;
    if (!keeper)
        return;
    if (!keeper_version(keeper)) {
        fault_set(&fault, FAULT_NOT_FOUND, "zone %s: not loaded, there is nothing to tell about",
                  keeper_zone(keeper)->domain);
        control_reply_fault(&request, &fault);
        return;
    }
    bool rehearse = control_dry_run(request);
    if (!rehearse)
        notifier_tell(program->notifier, program->settings, keeper_zone(keeper),
                      keeper_version(keeper));
    struct json_value *result = zone_done(
        request, keeper, !rehearse, false,
        keeper_zone(keeper)->notify.count ? "NOTIFY is on its way" : "the zone has no notify");
    control_reply(&request, &result);
}

static void
on_zone_read(void *context)
{
    struct pending *pending = context;
    struct keeper *keeper =
        pending->program->stopping ? NULL : zones_find(pending->program->zones, pending->apex);
    struct keeper_status status;
    struct fault fault;
    if (!keeper) {
        fault_set(&fault, FAULT_NOT_FOUND, "the zone was removed meanwhile");
        control_reply_fault(&pending->request, &fault);
        free(pending);
        return;
    }
    keeper_status(keeper, &status);
    bool changed = status.serial != pending->serial_before;
    struct json_value *result =
        zone_done(pending->request, keeper, true, changed,
                  changed ? "read, a new version is out" : "read, unchanged");
    if (status.errors->count == 0) {
        control_reply(&pending->request, &result);
    } else {
        fault_set(&fault, FAULT_CONFIG, "%s", *(char **)vector_at(status.errors, 0));
        texts_put(result, "errors", status.errors);
        control_reply_failed(&pending->request, CONTROL_INVALID, &fault, &result);
    }
    free(pending);
}

static void
zone_refresh_handle(void *context, struct control_request *request)
{
    struct keeper *keeper = request_zone(context, &request);
    if (!keeper)
        return;
    if (control_dry_run(request)) {
        struct json_value *result =
            zone_done(request, keeper, false, false, "the zone file would be read again");
        control_reply(&request, &result);
        return;
    }
    keeper_read(keeper, "command");
    struct pending *pending = pending_new(context, request, keeper);
    if (keeper_when_idle(keeper, on_zone_read, pending))
        return;
    request_busy(&pending->request);
    free(pending);
}

// Alerts.

static void
alert_list_handle(void *context, struct control_request *request)
{
    struct json_value *result = status_alerts(context);
    control_reply(&request, &result);
}

static void
alert_test_handle(void *context, struct control_request *request)
{
    struct program *program = context;
    struct fault fault;
    bool rehearse = control_dry_run(request);
    if (!rehearse && !alerts_test(program->alerts, program->host, &fault)) {
        control_reply_fault(&request, &fault);
        return;
    }
    struct json_value *result = request_done(
        request, !rehearse, rehearse ? "a test mail would be queued" : "a test mail is queued");
    struct json_value *mail = status_mail(program);
    json_value_put(result, "mail", &mail);
    control_reply(&request, &result);
}

#define SECONDARY_ONLY "only a secondary does this: the primary neither signs nor takes transfers"

static const struct control_verb verbs[] = {
    {"", "status", 0, 0, 0, NULL, status_handle, NULL},
    {"", "version", 0, 0, 0, NULL, version_handle, NULL},
    {"", "reload", 0, 0, CONTROL_CHANGES | CONTROL_MAY_WAIT, NULL, reload_handle, NULL},
    {"", "stop", 0, 0, CONTROL_CHANGES | CONTROL_MAY_WAIT, NULL, stop_handle, NULL},
    {"", "check", 0, 0, 0, NULL, check_handle, NULL},
    {"zone", "list", 0, 0, 0, NULL, zone_list_handle, NULL},
    {"zone", "status", 1, 1, 0, NULL, zone_status_handle, NULL},
    {"zone", "history", 1, 1, 0, NULL, zone_history_handle, NULL},
    {"zone", "show", 1, 3, 0, NULL, zone_show_handle, NULL},
    {"zone", "diff", 1, 1, 0, NULL, zone_diff_handle, NULL},
    {"zone", "export", 1, 1, 0, "source signed", zone_export_handle, NULL},
    {"zone", "refresh", 1, 1, CONTROL_CHANGES | CONTROL_MAY_WAIT, NULL, zone_refresh_handle, NULL},
    {"zone", "notify", 1, 1, CONTROL_CHANGES, NULL, zone_notify_handle, NULL},
    {"zone", "retransfer", 1, 1, CONTROL_CHANGES, NULL, NULL, SECONDARY_ONLY},
    {"zone", "accept", 2, 2, CONTROL_CHANGES, NULL, NULL, SECONDARY_ONLY},
    {"zone", "sign", 1, 1, CONTROL_CHANGES, "serial", NULL, SECONDARY_ONLY},
    {"zone", "verify", 1, 1, 0, NULL, NULL, SECONDARY_ONLY},
    {"alias", "list", 0, 1, 0, NULL, alias_list_handle, NULL},
    {"alias", "show", 1, 1, 0, NULL, alias_show_handle, NULL},
    {"alias", "history", 1, 1, 0, NULL, alias_history_handle, NULL},
    {"alias", "refresh", 1, 1, CONTROL_CHANGES | CONTROL_MAY_WAIT, NULL, alias_refresh_handle,
     NULL},
    {"alert", "list", 0, 0, 0, NULL, alert_list_handle, NULL},
    {"rate-limit", "list", 0, 0, 0, "all", NULL,
     "the rate limit is the secondary's: ask tandem-secondary"},
    {"alert", "test", 0, 0, CONTROL_CHANGES | CONTROL_MAY_WAIT, NULL, alert_test_handle, NULL},
};

const struct control_verb *
verbs_table(size_t *ret_count)
{
    *ret_count = sizeof verbs / sizeof verbs[0];
    return verbs;
}
