#include "primary/program_inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/daemon/clock.h"
#include "common/daemon/log.h"
#include "common/daemon/service.h"
#include "primary/established.h"

// Addresses of ALIAS owners moved.
static void
on_alias_changed(void *context, const uint8_t *apex, const struct vector *owners)
{
    struct program *program = context;
    struct keeper *keeper = zones_find(program->zones, apex);
    if (keeper)
        keeper_alias_changed(keeper, owners);
}

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
    program_reload_init(program);
    program->metrics = metrics_new();
    program->notifier = notifier_new(program->loop);
    program->established = established_read(program->state_directory);
    struct zones_options zones = {.loop = program->loop,
                                  .directory = program->zones_directory,
                                  .state_lost = !program->established,
                                  .alias = &program->alias,
                                  .events = &program_zone_events,
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

bool
program_start(struct program *program, struct fault *fault)
{
    struct alerts_options alerts = {.loop = program->loop,
                                    .settings = &program->settings->settings->alert,
                                    .state_directory = program->state_directory,
                                    .host = program->host,
                                    .socket = program->settings->settings->control_socket,
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
    program_first_load(program);
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
    program_reload_leave(old);
    aliases_free(&old->aliases);
    notifier_free(&old->notifier);
    alerts_close(&old->alerts);
    metrics_free(&old->metrics);
    settings_drop(&old->settings);
    settings_drop(&old->at_start);
    program_reload_close(old);
    free(old->file);
    free(old->state_directory);
    free(old->zones_directory);
    free(old);
}
