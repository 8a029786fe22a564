// tandem-secondary: reads its settings, opens its sockets, starts the roles and watches over them.
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "common/daemon/log.h"
#include "common/daemon/privileges.h"
#include "common/daemon/service.h"
#include "common/daemon/settings_secondary.h"
#include "common/daemon/signals.h"
#include "common/daemon/start.h"
#include "common/net/loop.h"
#include "secondary/supervisor.h"

// What the supervisor may still do as root: become other users in its children (who drop
// everything), end them, make an empty root for the servers, and hand the state directory to the
// user.
#include <linux/capability.h>
#define CAP(name) (1ULL << (name))
#define SUPERVISOR_CAPABILITIES                                                                    \
    (CAP(CAP_SETUID) | CAP(CAP_SETGID) | CAP(CAP_SETPCAP) | CAP(CAP_KILL) | CAP(CAP_SYS_CHROOT) |  \
     CAP(CAP_CHOWN) | CAP(CAP_DAC_OVERRIDE) | CAP(CAP_FOWNER))

static const struct start_program this_program = {
    .name = "tandem-secondary",
    .file = "/etc/tandem/secondary.yaml",
    .check_help = "and check everything",
};

// Beside our own executable when it was started from a build tree, else where it was installed.
static const char *
roles_directory(char path[static PATH_MAX])
{
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 32);
    if (length > 0) {
        path[length] = '\0';
        char *slash = strrchr(path, '/');
        memcpy(slash + 1, "tandem-signer", sizeof "tandem-signer");
        if (access(path, X_OK) == 0) {
            *slash = '\0';
            return path;
        }
    }
    return TANDEM_LIBEXEC;
}

static void
on_stop(void *context)
{
    supervisor_stop(context);
}

static void
on_reload(void *context)
{
    supervisor_reload(context);
}

static void
on_child(void *context)
{
    supervisor_children_died(context);
}

static int
run(struct secondary_settings **settings, const struct start_arguments *arguments)
{
    struct fault fault = {0};
    char path[PATH_MAX];
    // Versions of thousands of zones are descriptors here and in the servers, and twice as many
    // while a server that was restarted reads them. Nothing of ours walks over all descriptors.
    start_descriptor_limit_raise();
    struct supervisor_options options = {.file = arguments->file,
                                         .directory = roles_directory(path),
                                         .verbose = arguments->verbose > 0};
    struct loop *loop = loop_new();
    struct supervisor *supervisor = NULL;
    struct privileges_options drop = {.keep_capabilities = SUPERVISOR_CAPABILITIES};
    int code = START_EXIT_RUNTIME;
    bool good = service_open(&fault) &&
                start_state_directory((*settings)->state_directory, (*settings)->user, &fault) &&
                supervisor_new(loop, settings, &options, &supervisor, &fault) &&
                privileges_drop(&drop, &fault);
    if (good) {
        struct signals_events events = {.stop = on_stop, .reload = on_reload, .child = on_child};
        struct signals *signals = signals_new(loop, &events, supervisor);
        struct loop_timer *watchdog = start_watchdog(loop);
        good = supervisor_start(supervisor, &fault);
        if (good) {
            loop_run(loop);
            code = supervisor_exit_code(supervisor);
        }
        loop_timer_free(&watchdog);
        signals_free(&signals);
    }
    if (!good) {
        log_error(fault.text);
    }
    supervisor_free(&supervisor);
    loop_free(&loop);
    service_close();
    return code;
}

int
main(int count, char **values)
{
    struct start_arguments arguments;
    int code = start_arguments_read(&this_program, count, values, &arguments);
    if (code >= 0) {
        return code;
    }
    log_open("supervisor", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    if (sodium_init() < 0) {
        log_error("the cryptographic library cannot start: no source of randomness");
        return START_EXIT_RUNTIME;
    }
    struct secondary_settings *settings = NULL;
    struct config_errors errors;
    config_errors_init(&errors);
    bool valid = secondary_settings_load(arguments.file, &settings, &errors);
    config_errors_print(&errors, stderr);
    config_errors_close(&errors);
    if (!valid) {
        return START_EXIT_CONFIG;
    }
    if (arguments.print_config) {
        start_config_print(settings->config);
    } else if (arguments.check) {
        printf("%s: valid, %zu zone%s\n", arguments.file, settings->zone_count,
               settings->zone_count == 1 ? "" : "s");
    } else {
        if (arguments.verbose > 0) {
            settings->log.level = LOG_LEVEL_DEBUG;
        }
        log_open("supervisor", settings->log.level, settings->log.format);
        code = run(&settings, &arguments);
        secondary_settings_free(&settings);
        return code;
    }
    secondary_settings_free(&settings);
    return 0;
}
