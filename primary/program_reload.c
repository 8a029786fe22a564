// A reload has three parts. The settings are read aside, in a worker; with any error in them
// nothing changes. Then they are swapped: zones come, go or get other settings, and all of them are
// told to read their files. When the last one has come to rest, who asked is told how it went,
// broken zone files included: those zones stay as they were. A reload that is asked for meanwhile
// is done after this one, once for all who asked.
#include "primary/program_inside.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/daemon/clock.h"
#include "common/daemon/config_table.h"
#include "common/daemon/log.h"
#include "common/daemon/service.h"

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

static struct reload *
reload_new(struct program *program)
{
    struct reload *reload = memory_zalloc(sizeof *reload);
    reload->program = program;
    config_errors_init(&reload->errors);
    zones_changes_init(&reload->changes);
    vector_init(&reload->restart_keys, sizeof(const char *));
    vector_init(&reload->errors_text, sizeof(char *));
    vector_init(&reload->warnings_text, sizeof(char *));
    program->reload = reload;
    return reload;
}

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
    program_establish(reload->program);
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
    zones_apply(program->zones, fresh, program_zone_removed, &reload->changes);
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
    struct reload *reload = reload_new(program);
    reload->file = memory_text(program->file);
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

void
program_first_load(struct program *program)
{
    struct reload_waiter waiter = {.call = on_first_load, .context = program};
    struct reload *reload = reload_new(program);
    vector_add(&program->reload_waiters, &waiter);
    zones_apply(program->zones, program->settings, program_zone_removed, &reload->changes);
    if (zones_count(program->zones) < PROGRAM_SYNC_TOGETHER) {
        zones_reload(reload);
        return;
    }
    reload->file = memory_text(program->zones_directory);
    loop_work(program->loop, sync_work, sync_done, reload);
}

void
program_reload_init(struct program *program)
{
    vector_init(&program->reload_waiters, sizeof(struct reload_waiter));
    vector_init(&program->reload_waiters_next, sizeof(struct reload_waiter));
}

void
program_reload_leave(struct program *program)
{
    if (program->reload)
        program->reload->program = NULL;
}

void
program_reload_close(struct program *program)
{
    vector_close(&program->reload_waiters);
    vector_close(&program->reload_waiters_next);
}
