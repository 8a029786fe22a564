// A reload has three parts. The settings are read aside, in a worker; with any error in them
// nothing changes. Then they are swapped: zones come, go or get other settings, and all of them are
// told to read their files. When the last one has come to rest, who asked is told how it went,
// broken zone files included: those zones stay as they were. A reload that is asked for meanwhile
// is done after this one, once for all who asked.
#include "primary/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/daemon/clock.h"
#include "common/daemon/config_table.h"
#include "common/daemon/log.h"
#include "common/daemon/service.h"
#include "primary/established.h"

#define ALERT_LINES_MAX 100 // errors of a zone file in a mail

struct reload_waiter {
    program_reload_call *call;
    void *context;
};

struct reload {
    struct program *program; // NULL: it has ended while a worker was at work
    char *file;              // of the settings; at the first load the folder that is synced
    bool synced;             // by the worker
    struct primary_settings *settings; // made by the worker
    struct config_errors errors;
    size_t pending; // zones that are still busy
    struct zones_changes changes;
    struct vector restart_keys;               // of const char *
    struct vector errors_text, warnings_text; // of char *
};

// Zones.

// A zone that is broken, or waits for its targets, may have a version that is not known here.
static void
established_try(struct program *program)
{
    struct fault fault;
    if (program->established)
        return;
    for (size_t i = 0; i < zones_count(program->zones); i++)
        if (!keeper_version(zones_at(program->zones, i)))
            return;
    program->established = established_write(program->state_directory, &fault);
    if (program->established)
        zones_establish(program->zones);
    else
        log_error("the state directory cannot be written", "reason", fault.text);
}

static void
on_published(void *context, struct keeper *keeper, bool first, bool changed)
{
    struct program *program = context;
    const struct primary_zone_settings *zone = keeper_zone(keeper);
    struct keeper_status status;
    keeper_status(keeper, &status);
    if (changed) {
        metrics_add(program->metrics, METRIC_ZONE_CHANGES, (double)status.added, zone->domain,
                    "added");
        metrics_add(program->metrics, METRIC_ZONE_CHANGES, (double)status.removed, zone->domain,
                    "removed");
    }
    // Also at a start without a change: the last NOTIFY of the run before may have been lost.
    if (changed || first)
        notifier_tell(program->notifier, program->settings, zone, keeper_version(keeper));
    if (first && program->ready)
        established_try(program);
}

static void
broken_mail(struct program *program, struct keeper *keeper)
{
    struct keeper_status status;
    struct octets_buffer body;
    char subject[ALERTS_SUBJECT_MAX];
    const char *domain = keeper_zone(keeper)->domain;
    keeper_status(keeper, &status);
    octets_buffer_init(&body);
    octets_buffer_printf(&body, "Why      the zone file of %s is broken\n", domain);
    octets_buffer_printf(&body, "Where    %s, tandem-primary, %s\n", program->host,
                         keeper_zone(keeper)->file);
    if (status.has_version)
        octets_buffer_printf(&body, "So       the zone stays as it was, serial %u\n",
                             status.serial);
    else
        octets_buffer_printf(&body, "So       the zone is not served\n");
    for (size_t i = 0; i < status.errors->count && i < ALERT_LINES_MAX; i++)
        octets_buffer_printf(&body, "  %s\n", *(char **)vector_at(status.errors, i));
    octets_buffer_printf(&body, "Then     tandemctl reload\n");
    octets_buffer_add_u8(&body, '\0');
    snprintf(subject, sizeof subject, "%.200s: zone file broken, %s", domain,
             status.has_version ? "the zone stays as it was" : "the zone is not served");
    alerts_tell(program->alerts, ALERT_REFRESH_FAILED, domain, "zone-file", subject,
                (const char *)body.data);
    octets_buffer_close(&body);
}

static void
on_loaded(void *context, struct keeper *keeper, bool good, bool good_before)
{
    struct program *program = context;
    const char *domain = keeper_zone(keeper)->domain;
    char subject[ALERTS_SUBJECT_MAX], body[ALERTS_SUBJECT_MAX + 512];
    if (!good)
        broken_mail(program, keeper);
    if (!good || good_before)
        return;
    snprintf(subject, sizeof subject, "%.200s: zone file is good again", domain);
    snprintf(body, sizeof body,
             "Why      the zone file of %.200s was read without errors\nWhere    %s\n", domain,
             program->host);
    alerts_tell(program->alerts, ALERT_RECOVERED, domain, "zone-file", subject, body);
}

static const struct keeper_events keeper_events = {.published = on_published, .loaded = on_loaded};

static void
on_removed(void *context, struct keeper *keeper)
{
    struct program *program = context;
    notifier_forget(program->notifier, keeper_served(keeper)->apex);
    metrics_forget_zone(program->metrics, keeper_served(keeper)->domain);
    log_info("zone removed", "zone", keeper_served(keeper)->domain);
}

// Addresses of ALIAS owners moved.
static void
on_alias_changed(void *context, const uint8_t *apex, const struct vector *owners)
{
    struct program *program = context;
    struct keeper *keeper = zones_find(program->zones, apex);
    if (keeper)
        keeper_alias_changed(keeper, owners);
}

// Reloads.

static void
reload_free(struct reload *reload)
{
    primary_settings_free(&reload->settings);
    config_errors_close(&reload->errors);
    zones_changes_close(&reload->changes);
    source_texts_clear(&reload->errors_text);
    source_texts_clear(&reload->warnings_text);
    vector_close(&reload->errors_text);
    vector_close(&reload->warnings_text);
    vector_close(&reload->restart_keys);
    free(reload->file);
    free(reload);
}

static void
text_copy(struct vector *texts, const char *text)
{
    char *copy = memory_text(text);
    vector_add(texts, &copy);
}

static void reload_begin(struct program *program);

static void
reload_tell(const struct program *program, const struct program_reloaded *reloaded)
{
    const char *sentence = !program->ready            ? "zones loaded"
                           : reloaded->settings_taken ? "reloaded"
                                                      : "reload refused: the old settings stay";
    char status[SERVICE_STATUS_MAX];
    log_at(reloaded->zones_good ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, sentence, "zones",
           LOG_NUMBER(zones_count(program->zones)), "errors", LOG_NUMBER(reloaded->errors->count));
    snprintf(status, sizeof status, "%s, %zu zones, %zu errors", sentence,
             zones_count(program->zones), reloaded->errors->count);
    service_ready(status);
}

static void
reload_end(struct reload *reload, bool settings_taken)
{
    struct program *program = reload->program;
    struct program_reloaded reloaded = {.settings_taken = settings_taken,
                                        .zones_good = reload->errors_text.count == 0,
                                        .errors = &reload->errors_text,
                                        .warnings = &reload->warnings_text,
                                        .restart_keys = &reload->restart_keys,
                                        .changes = &reload->changes};
    struct vector waiters = program->reload_waiters;
    program->reload = NULL;
    program->reload_waiters = program->reload_waiters_next;
    vector_init(&program->reload_waiters_next, sizeof(struct reload_waiter));
    reload_tell(program, &reloaded);
    for (size_t i = 0; i < waiters.count; i++) {
        struct reload_waiter *waiter = vector_at(&waiters, i);
        if (waiter->call)
            waiter->call(waiter->context, &reloaded);
    }
    vector_close(&waiters);
    reload_free(reload);
    if (program->reload_waiters.count > 0 && !program->stopping)
        reload_begin(program);
}

static void
zone_errors_collect(struct reload *reload)
{
    struct zones *zones = reload->program->zones;
    for (size_t i = 0; i < zones_count(zones); i++) {
        struct keeper_status status;
        keeper_status(zones_at(zones, i), &status);
        for (size_t k = 0; k < status.errors->count; k++)
            text_copy(&reload->errors_text, *(char **)vector_at(status.errors, k));
        for (size_t k = 0; k < status.warnings->count; k++)
            text_copy(&reload->warnings_text, *(char **)vector_at(status.warnings, k));
    }
}

static void
on_zone_idle(void *context)
{
    struct reload *reload = context;
    if (--reload->pending > 0)
        return;
    if (reload->program->stopping) {
        reload->program->reload = NULL;
        reload_free(reload);
        return;
    }
    zone_errors_collect(reload);
    established_try(reload->program);
    reload_end(reload, true);
}

static void
settings_swap(struct reload *reload)
{
    struct program *program = reload->program;
    struct settings_hold *fresh = settings_hold_new(&reload->settings);
    settings_drop(&program->settings);
    program->settings = fresh;
    program->configured_at = clock_unix_seconds();
    config_restart_changes(program->at_start->settings->config, fresh->settings->config,
                           &reload->restart_keys);
    log_open("primary", program->verbose ? LOG_LEVEL_DEBUG : fresh->settings->log.level,
             fresh->settings->log.format);
    for (size_t i = 0; i < reload->restart_keys.count; i++)
        log_warning("a setting has changed that is in force after a restart only", "key",
                    *(const char **)vector_at(&reload->restart_keys, i));
    serve_change(program->serve, fresh);
    struct fault fault;
    if (!aliases_change(program->aliases, fresh->settings, &fault)) {
        log_error(fault.text);
        text_copy(&reload->errors_text, fault.text);
    }
    alerts_change(program->alerts, &fresh->settings->alert);
    zones_apply(program->zones, fresh, on_removed, &reload->changes);
}

// Every zone reads its file again; the reload ends with the last of them. One more is pending than
// there are zones, so that it cannot end while they are being told.
static void
zones_reload(struct reload *reload)
{
    struct zones *zones = reload->program->zones;
    reload->pending = zones_count(zones) + 1;
    for (size_t i = 0; i < zones_count(zones); i++) {
        keeper_load(zones_at(zones, i), "file");
        if (!keeper_when_idle(zones_at(zones, i), on_zone_idle, reload))
            reload->pending--;
    }
    on_zone_idle(reload);
}

// When a worker has ended: the program may have, too.
static bool
reload_is_over(struct reload *reload, bool cancelled)
{
    struct program *program = reload->program;
    if (program && !cancelled && !program->stopping)
        return false;
    if (program)
        program->reload = NULL;
    reload_free(reload);
    return true;
}

static void
settings_work(void *context)
{
    struct reload *reload = context;
    primary_settings_load(reload->file, &reload->settings, &reload->errors);
}

static void
settings_done(void *context, bool cancelled)
{
    struct reload *reload = context;
    if (reload_is_over(reload, cancelled))
        return;
    for (size_t i = 0; i < reload->errors.entries.count; i++) {
        const struct config_error *error = vector_at(&reload->errors.entries, i);
        log_at(error->warning ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, error->text);
        text_copy(error->warning ? &reload->warnings_text : &reload->errors_text, error->text);
    }
    if (!reload->settings) {
        reload_end(reload, false);
        return;
    }
    settings_swap(reload);
    zones_reload(reload);
}

static void
reload_begin(struct program *program)
{
    struct reload *reload = memory_zalloc(sizeof *reload);
    reload->program = program;
    reload->file = memory_text(program->file);
    config_errors_init(&reload->errors);
    zones_changes_init(&reload->changes);
    vector_init(&reload->restart_keys, sizeof(const char *));
    vector_init(&reload->errors_text, sizeof(char *));
    vector_init(&reload->warnings_text, sizeof(char *));
    program->reload = reload;
    service_reloading(clock_monotonic_ms() * 1000);
    log_info("reloading", "file", program->file);
    loop_work(program->loop, settings_work, settings_done, reload);
}

bool
program_reload(struct program *program, program_reload_call *call, void *context)
{
    struct reload_waiter waiter = {.call = call, .context = context};
    struct vector *waiters =
        program->reload ? &program->reload_waiters_next : &program->reload_waiters;
    if (waiters->count >= PROGRAM_RELOAD_WAITERS_MAX)
        return false;
    vector_add(waiters, &waiter);
    if (!program->reload)
        reload_begin(program);
    return true;
}

// The whole.

bool
program_new(const struct program_options *options, struct program **ret_program,
            struct fault *fault)
{
    struct program *program = memory_zalloc(sizeof *program);
    program->loop = options->loop;
    program->verbose = options->verbose;
    program->file = memory_text(options->file);
    program->settings = settings_hold_new(options->settings);
    program->at_start = settings_hold(program->settings);
    program->state_directory = memory_text(program->settings->settings->state_directory);
    program->zones_directory = memory_text_join(program->state_directory, "/zones");
    if (gethostname(program->host, sizeof program->host - 1) != 0)
        snprintf(program->host, sizeof program->host, "localhost");
    vector_init(&program->reload_waiters, sizeof(struct reload_waiter));
    vector_init(&program->reload_waiters_next, sizeof(struct reload_waiter));
    program->metrics = metrics_new();
    program->notifier = notifier_new(program->loop);
    program->established = established_read(program->state_directory);
    struct zones_options zones = {.loop = program->loop,
                                  .directory = program->zones_directory,
                                  .state_lost = !program->established,
                                  .alias = &program->alias,
                                  .events = &keeper_events,
                                  .context = program};
    program->zones = zones_new(&zones);
    struct serve_options serve = {.loop = program->loop,
                                  .settings = program->settings,
                                  .zones = zones_served(program->zones),
                                  .metrics = program->metrics};
    if (!serve_new(&serve, &program->serve, fault)) {
        program_free(&program);
        return false;
    }
    *ret_program = program;
    return true;
}

static bool
aliases_begin(struct program *program, struct fault *fault)
{
    struct aliases_options options = {.loop = program->loop,
                                      .settings = program->settings->settings,
                                      .state_directory = program->state_directory,
                                      .host = program->host,
                                      .metrics = program->metrics,
                                      .changed = on_alias_changed,
                                      .context = program};
    if (!aliases_new(&options, &program->aliases, fault))
        return false;
    program->alias = aliases_link(program->aliases);
    aliases_set_alerts(program->aliases, program->alerts);
    return true;
}

static bool
directory_make(const char *path, struct fault *fault)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return true;
    return fault_set_errno(fault, errno, "server.state-directory: cannot make %s", path);
}

static void
on_first_load(void *context, const struct program_reloaded *reloaded)
{
    struct program *program = context;
    (void)reloaded;
    program->ready = true;
}

// What the last run wrote must be on the disk before anybody is told of it. A sync of each zone's
// folder flushes the disk each time; for many zones together one sync of all is faster by far.

static void
sync_work(void *context)
{
    struct reload *reload = context;
    int directory = open(reload->file, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    reload->synced = directory >= 0 && syncfs(directory) == 0;
    if (directory >= 0)
        close(directory);
}

static void
sync_done(void *context, bool cancelled)
{
    struct reload *reload = context;
    if (reload_is_over(reload, cancelled))
        return;
    if (reload->synced)
        zones_synced(reload->program->zones);
    zones_reload(reload);
}

// The first load is a reload whose settings are there already.
static void
first_load(struct program *program)
{
    struct reload_waiter waiter = {.call = on_first_load, .context = program};
    struct reload *reload = memory_zalloc(sizeof *reload);
    reload->program = program;
    config_errors_init(&reload->errors);
    zones_changes_init(&reload->changes);
    vector_init(&reload->restart_keys, sizeof(const char *));
    vector_init(&reload->errors_text, sizeof(char *));
    vector_init(&reload->warnings_text, sizeof(char *));
    program->reload = reload;
    vector_add(&program->reload_waiters, &waiter);
    zones_apply(program->zones, program->settings, on_removed, &reload->changes);
    if (zones_count(program->zones) < PROGRAM_SYNC_TOGETHER) {
        zones_reload(reload);
        return;
    }
    reload->file = memory_text(program->zones_directory);
    loop_work(program->loop, sync_work, sync_done, reload);
}

bool
program_start(struct program *program, struct fault *fault)
{
    struct alerts_options alerts = {.loop = program->loop,
                                    .settings = &program->settings->settings->alert,
                                    .state_directory = program->state_directory,
                                    .host = program->host,
                                    .metrics = program->metrics};
    if (!directory_make(program->state_directory, fault) ||
        !directory_make(program->zones_directory, fault) ||
        !alerts_open(&alerts, &program->alerts, fault) || !aliases_begin(program, fault))
        return false;
    program->started_at = program->configured_at = clock_unix_seconds();
    metrics_set(program->metrics, METRIC_BUILD_INFO, 1, TANDEM_VERSION);
    if (!program->established)
        log_info("a new state directory, or one that was lost: serials of zones without a saved "
                 "version begin at max(serial of the file + 1, time)",
                 "directory", program->state_directory);
    serve_start(program->serve);
    first_load(program);
    return true;
}

void
program_stop(struct program *program)
{
    program->stopping = true;
    service_stopping("stopping");
    loop_stop(program->loop);
}

static void
on_stop_timer(void *context)
{
    program_stop(context);
}

void
program_stop_soon(struct program *program)
{
    if (!program->stop_timer)
        program->stop_timer = loop_timer_new(program->loop, on_stop_timer, program);
    loop_timer_start(program->stop_timer, PROGRAM_STOP_DELAY_MS, 0);
}

void
program_free(struct program **program)
{
    struct program *old = *program;
    *program = NULL;
    if (!old)
        return;
    old->stopping = true;
    loop_timer_free(&old->stop_timer);
    serve_free(&old->serve);
    zones_free(&old->zones);
    // Work in a thread that is under way ends after the program.
    if (old->reload)
        old->reload->program = NULL;
    aliases_free(&old->aliases);
    notifier_free(&old->notifier);
    alerts_close(&old->alerts);
    metrics_free(&old->metrics);
    settings_drop(&old->settings);
    settings_drop(&old->at_start);
    vector_close(&old->reload_waiters);
    vector_close(&old->reload_waiters_next);
    free(old->file);
    free(old->state_directory);
    free(old->zones_directory);
    free(old);
}
