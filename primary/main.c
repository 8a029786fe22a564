// tandem-primary: reads its settings, opens its sockets, gives up its privileges, and lets the
// program run.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "common/daemon/log.h"
#include "common/daemon/privileges.h"
#include "common/daemon/service.h"
#include "common/daemon/signals.h"
#include "common/daemon/start.h"
#include "common/net/listen.h"
#include "primary/check.h"
#include "primary/pages.h"
#include "primary/program.h"
#include "primary/verbs.h"

static const struct start_program this_program = {
    .name = "tandem-primary",
    .file = "/etc/tandem/primary.yaml",
    .check_help = "the settings and all zone files",
};

// The doors to operators.
struct doors {
    int control_fd, http_fd;
    struct control *control;
    struct http *http;
};

static bool
doors_listen(const struct primary_settings *settings, struct doors *doors, struct fault *fault)
{
    struct listen_options options = {0};
    *doors = (struct doors){.control_fd = -1, .http_fd = -1};
    doors->control_fd = control_listen(settings->control_socket, NULL, fault);
    if (doors->control_fd < 0)
        return false;
    return !address_is_set(&settings->http.listen) ||
           listen_tcp(&settings->http.listen, &options, &doors->http_fd, fault) ||
           fault_wrap(fault, "http.listen");
}

static bool
doors_open(struct loop *loop, struct program *program, const char *socket, struct doors *doors,
           struct fault *fault)
{
    size_t route_count;
    const struct http_route *routes = pages_table(&route_count);
    struct control_options options = {.path = socket, .context = program, .daemon_uid = getuid()};
    options.verbs = verbs_table(&options.verb_count);
    int fd = doors->control_fd;
    doors->control_fd = -1;
    if (!control_open_socket(&doors->control, loop, fd, &options, fault))
        return false;
    fd = doors->http_fd;
    doors->http_fd = -1;
    return fd < 0 || http_open_socket(&doors->http, loop, fd, routes, route_count, program, fault);
}

static void
doors_close(struct doors *doors, const char *socket)
{
    if (doors->control || doors->control_fd >= 0)
        unlink(socket);
    control_close(&doors->control);
    http_close(&doors->http);
    if (doors->control_fd >= 0)
        close(doors->control_fd);
    if (doors->http_fd >= 0)
        close(doors->http_fd);
}

static void
on_stop(void *context)
{
    log_info("stopping");
    program_stop(context);
}

static void
on_reload(void *context)
{
    if (!program_reload(context, NULL, NULL))
        log_warning("reload asked for too often: one is under way");
}

static void
run_loop(struct loop *loop, struct program *program)
{
    struct signals_events events = {.stop = on_stop, .reload = on_reload};
    struct signals *signals = signals_new(loop, &events, program);
    struct loop_timer *watchdog = start_watchdog(loop);
    loop_run(loop);
    loop_timer_free(&watchdog);
    signals_free(&signals);
}

static int
run(struct primary_settings **settings, const struct start_arguments *arguments)
{
    struct fault fault = {0};
    struct doors doors = {.control_fd = -1, .http_fd = -1};
    struct loop *loop = loop_new();
    struct program *program = NULL;
    struct program_options options = {
        .loop = loop, .file = arguments->file, .settings = settings, .verbose = arguments->verbose};
    char *user = strdup((*settings)->user), *socket = strdup((*settings)->control_socket);
    struct privileges_options drop = {.user = user};
    // The directory of each zone's store is a descriptor, which keeps other processes out of it.
    // Nothing of ours walks over all descriptors.
    start_descriptor_limit_raise();
    bool good =
        service_open(&fault) && start_state_directory((*settings)->state_directory, user, &fault) &&
        doors_listen(*settings, &doors, &fault) && program_new(&options, &program, &fault) &&
        privileges_drop(&drop, &fault) && program_start(program, &fault) &&
        doors_open(loop, program, socket, &doors, &fault) &&
        privileges_seccomp(PRIVILEGES_PRIMARY, &fault);
    if (good)
        run_loop(loop, program);
    else
        log_error(fault.text);
    doors_close(&doors, socket);
    program_free(&program);
    loop_free(&loop);
    service_close();
    free(user);
    free(socket);
    if (!good && fault.kind == FAULT_CONFIG)
        return START_EXIT_CONFIG;
    return good ? 0 : START_EXIT_RUNTIME;
}

static int
show(const struct primary_settings *settings, const struct start_arguments *arguments)
{
    if (arguments->print_config) {
        start_config_print(settings->config);
        return 0;
    }
    size_t broken = check_zones(settings, stderr);
    if (broken > 0)
        printf("%s: valid, but %zu of %zu zones are broken\n", arguments->file, broken,
               settings->zone_count);
    else
        printf("%s: valid, %zu zone%s\n", arguments->file, settings->zone_count,
               settings->zone_count == 1 ? "" : "s");
    return broken > 0 ? START_EXIT_CONFIG : 0;
}

int
main(int count, char **values)
{
    struct start_arguments arguments;
    struct primary_settings *settings = NULL;
    struct config_errors errors;
    int code = start_arguments_read(&this_program, count, values, &arguments);
    if (code >= 0)
        return code;
    log_open("primary", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    signal(SIGXFSZ, SIG_IGN); // a limit of file sizes is a failed write like any other, not our end
    if (sodium_init() < 0) {
        log_error("the cryptographic library cannot start: no source of randomness");
        return START_EXIT_RUNTIME;
    }
    config_errors_init(&errors);
    bool valid = primary_settings_load(arguments.file, &settings, &errors);
    config_errors_print(&errors, stderr);
    config_errors_close(&errors);
    if (!valid)
        return START_EXIT_CONFIG;
    if (arguments.print_config || arguments.check) {
        code = show(settings, &arguments);
    } else {
        log_open("primary", arguments.verbose > 0 ? LOG_LEVEL_DEBUG : settings->log.level,
                 settings->log.format);
        code = run(&settings, &arguments);
    }
    primary_settings_free(&settings);
    return code;
}
